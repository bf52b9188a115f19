/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What a folder can hold, and who uses an image: facts a plan decides from. */

typedef enum { VMS_REFLINK_NO = 0, VMS_REFLINK_YES, VMS_REFLINK_MAYBE } VmsReflink;

/* What a folder offers to a source file. */
typedef struct {
    VmsReflink reflink; /* can @folder hold a clone of the source */
    guint64 extents;    /* of the source; 0 where it cannot be told */
    guint64 free_bytes; /* in @folder's file system, for us */
    guint64 total_bytes;
    char *fs_type; /* "xfs", "ext4", "btrfs", or a hexadecimal magic */
} VmsPlaceInfo;

/* Who has an image open, as far as it can be seen. */
typedef struct {
    gboolean writer;    /* QEMU's lock byte 101, or a write lease conflict */
    gboolean reader;    /* some QEMU lock or other process */
    gboolean unknown;   /* could not be told */
    GPtrArray *holders; /* char*: "process 4711 (qemu-system-x86)" */
} VmsImageUse;

/* Other hosts may have the same files under the same paths: a network or cluster file system. */
gboolean vms_place_is_shared(const VmsPlaceInfo *info);
void vms_place_info_clear(VmsPlaceInfo *info);
void vms_image_use_clear(VmsImageUse *use);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsPlaceInfo, vms_place_info_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsImageUse, vms_image_use_clear)
