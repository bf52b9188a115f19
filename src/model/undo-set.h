/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/metadata.h"

#include <glib.h>

#include <vmsnap/undo.h>

/* What a restore took out of place and keeps, so that it can be undone: a reading made from the
 * restore's record and the files that are there. */

/* One file of it. */
typedef struct {
    char *target;      /* of the disk; "nvram" */
    char *path;        /* where the old file is kept */
    char *place;       /* where it belongs */
    guint64 allocated; /* bytes on disk; 0 when it is missing */
    char *fault;       /* why it cannot be brought back; NULL: it can */
} VmsUndoFile;

typedef struct {
    char *operation; /* UUID of the restore: names the set as well */
    char *vm_uuid;
    char *vm_name;
    char *snapshot; /* what the VM was restored to */
    char *snapshot_name;
    gint64 created_us; /* when the restore ended */
    gint64 until_us;
    gboolean expired;
    gboolean lost;       /* a file has a fault */
    guint64 allocated;   /* of all files */
    GPtrArray *files;    /* VmsUndoFile* */
    GPtrArray *metadata; /* VmsMetadata*: what libvirt notes of these disks */
} VmsUndoSet;

VmsUndoFile *vms_undo_file_new(const char *target, const char *path, const char *place);
void vms_undo_file_free(VmsUndoFile *file);
VmsUndoSet *vms_undo_set_new(const char *operation);
void vms_undo_set_free(VmsUndoSet *set);
/* Lost counts before expired. */
vmsnap_undo_state vms_undo_set_state(const VmsUndoSet *set);
const char *vms_undo_state_name(vmsnap_undo_state state); /* "kept", "expired", "lost" */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsUndoFile, vms_undo_file_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsUndoSet, vms_undo_set_free)
