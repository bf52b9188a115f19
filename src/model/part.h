/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/image.h"

#include <glib.h>

/* A part of a VM that is no disk and belongs to it all the same: a small file whose content a
 * snapshot keeps. */

/* No part is larger than this, but NVRAM, which is as large as its firmware wants it. */
#define VMS_PART_LIMIT (64 * (guint64)1024 * 1024)

typedef enum {
    VMS_PART_NVRAM = 0, /* variables of the firmware; QEMU writes them in place */
    VMS_PART_TPM,       /* state of an emulated TPM; its emulator replaces the file by rename */
    VMS_PART_SECRET     /* media a guest is configured from: nobody writes them */
} VmsPartKind;

typedef struct {
    VmsPartKind kind;
    char *source;     /* where it stands in its VM, before and after */
    char *stored;     /* the copy; NULL: of a survey */
    VmsFileId origin; /* of source when it was copied: owner and mode for one that is made anew */
    VmsFileId file;   /* of the copy */
    char *sha256;     /* of its content; NULL: not made yet */
} VmsPart;

VmsPart *vms_part_new(VmsPartKind kind, const char *source);
void vms_part_free(VmsPart *part);
/* The kind of resource it is: "NVRAM", "TPM", "Secret". */
const char *vms_part_kind_name(VmsPartKind kind);
/* What a file of it is called beside disks, and in steps: "nvram", "tpm", "secret". */
const char *vms_part_kind_word(VmsPartKind kind);
/* TRUE where whoever uses it puts another file in its place each time it changes. */
gboolean vms_part_is_renewed(VmsPartKind kind);
/* Of an array of VmsPart; NULL: none has that source. */
const VmsPart *vms_parts_find(const GPtrArray *parts, const char *source);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsPart, vms_part_free)
