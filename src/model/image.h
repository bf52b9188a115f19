/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* What is known of an image file. */

/* What tells one file from another and whether it changed. Device and inode serve inside one
 * survey and between plan and run only. A block device is told by its number, whatever node leads
 * to it: @dev is the number, @ino is made of it, @size is the device's, @mtime_us counts what was
 * written to it since the host started, and @ctime_us is 0. */
typedef struct {
    guint64 dev;
    guint64 ino;
    guint64 size;
    guint64 allocated; /* st_blocks * 512 */
    gint64 mtime_us;
    gint64 ctime_us;
    guint32 uid;
    guint32 gid;
    guint32 mode;
    guint32 links;
} VmsFileId;

/* Header and file of one image; made by a header inspector that never probes the format. */
typedef struct {
    char *path;   /* canonical */
    char *format; /* "raw" or "qcow2" */
    VmsFileId file;
    guint64 virtual_size;
    guint64 cluster_size;     /* qcow2; 0 for raw */
    char *compat;             /* qcow2: "0.10" or "1.1"; NULL for raw */
    char *backing;            /* qcow2: backing file as written in the header; NULL: none */
    char *backing_format;     /* as written; NULL if not */
    guint internal_snapshots; /* qcow2: how many */
    gboolean block_device;
    gboolean blank; /* a layer that holds nothing: all of it is its backing file's */
} VmsImage;

VmsImage *vms_image_new(const char *path, const char *format);
VmsImage *vms_image_copy(const VmsImage *image);
void vms_image_free(VmsImage *image);

/* Same file (device and inode). */
gboolean vms_file_id_same(const VmsFileId *a, const VmsFileId *b);
/* Same file, unchanged since: inode, size and mtime. */
gboolean vms_file_id_unchanged(const VmsFileId *a, const VmsFileId *b);

/* State of one file system found on an image. */
typedef enum { VMS_FS_UNKNOWN = 0, VMS_FS_CLEAN, VMS_FS_NEEDS_REPLAY } VmsFsClean;

typedef struct {
    char *disk;     /* target */
    guint64 offset; /* of the partition, bytes; 0: whole disk */
    char *type;     /* "ext4", "btrfs", "xfs", …; "opaque:crypto_LUKS" for what hides another */
    VmsFsClean clean;
    guint partition; /* its number in the partition table; 0: the whole disk */
    gboolean efi;    /* the table calls it an EFI system partition */
} VmsFsState;

VmsFsState *vms_fs_state_new(const char *disk, guint64 offset, const char *type, VmsFsClean clean);
void vms_fs_state_free(VmsFsState *state);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsImage, vms_image_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsFsState, vms_fs_state_free)
