/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What libvirt notes of a VM beside its configuration: its own snapshots and checkpoints. They
 * speak of the disks the VM has, and mean nothing on others. */

typedef enum { VMS_METADATA_SNAPSHOT = 0, VMS_METADATA_CHECKPOINT } VmsMetadataKind;

typedef struct {
    VmsMetadataKind kind;
    char *name; /* unique within the VM and kind */
    char *xml;  /* as it takes to make it again */
    gboolean current;
} VmsMetadata;

VmsMetadata *vms_metadata_new(VmsMetadataKind kind, const char *name, const char *xml);
VmsMetadata *vms_metadata_copy(const VmsMetadata *metadata);
void vms_metadata_free(VmsMetadata *metadata);
/* The one of that kind and name in @list (VmsMetadata*); NULL: none. */
const VmsMetadata *vms_metadata_find(const GPtrArray *list, const VmsMetadata *wanted);
const char *vms_metadata_kind_name(VmsMetadataKind kind); /* "snapshot", "checkpoint" */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsMetadata, vms_metadata_free)
