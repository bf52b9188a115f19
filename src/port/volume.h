/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"
#include "model/image.h"
#include "model/place.h"

#include <glib.h>

/* Port: image files: what they are, who uses them, and making new ones from them.
 *
 * Adapters: adapter/file (with adapter/qcow2's inspector handed in by wire), tests' fault layer.
 * Formats are always given, never probed. Everything that makes or changes a file goes through
 * base/sys. Any thread, several at a time. */

typedef struct VmsVolume VmsVolume;

/* One file made from another. Made by open_transfer(), it has an open source and a new, empty,
 * 0600 target; free() of an unfinished one removes the target. */
typedef struct VmsTransfer VmsTransfer;

/* Image locks that keep QEMU from opening a file, freed with the descriptor. */
typedef struct VmsHold VmsHold;

typedef enum {
    VMS_HOLD_READ,   /* nobody may write: bytes 201 and 203 of QEMU's protocol, read lease tried */
    VMS_HOLD_REPLACE /* nobody may open it at all */
} VmsHoldKind;

typedef struct {
    /* Header and file. NOT_FOUND/"ImageMissing" if it is not there, UNSUPPORTED for what we refuse
     * (data file, unknown features, json: backing, not a regular file or block device, symlink in
     * the last component). */
    gboolean (*inspect)(VmsVolume *volume, const char *path, const char *format,
                        VmsImage **ret_image, GError **error);
    /* Only stat; FALSE with NOT_FOUND if it is missing. */
    gboolean (*identify)(VmsVolume *volume, const char *path, VmsFileId *ret_id, GError **error);
    /* Without side effect; @folder need not exist yet (its nearest existing parent counts). */
    gboolean (*read_place)(VmsVolume *volume, const char *source, const char *folder,
                           VmsPlaceInfo *ret_info, GError **error);
    /* Without side effect. */
    gboolean (*read_use)(VmsVolume *volume, const char *path, VmsImageUse *ret_use, GError **error);
    /* BUSY with reason "OpenElsewhere" when somebody has it open; held until vms_hold_free(). */
    gboolean (*hold)(VmsVolume *volume, const char *path, VmsHoldKind kind, VmsHold **ret_hold,
                     GError **error);
    /* The target must not exist; its folder must. @source NULL: an empty target of our own. */
    gboolean (*open_transfer)(VmsVolume *volume, const char *source, const char *target,
                              VmsTransfer **ret_transfer, GError **error);
    /* New image in @format at @target (must not exist) with the source's contents, through
     * qemu-img with explicit formats under limits. For qcow2: @like gives cluster size and compat
     * level (NULL: defaults). Synced, 0600. @progress grows by the virtual size in all. */
    gboolean (*convert)(VmsVolume *volume, const VmsImage *source, const char *target,
                        const VmsImage *like, const char *format, VmsProgress *progress,
                        GError **error);
    /* An empty qcow2 of @virtual_size for a pull job's scratch, 0600, owned by @uid:@gid, with
     * @reserve bytes reserved on disk (NO_SPACE when that fails; the file is removed). */
    gboolean (*make_scratch)(VmsVolume *volume, const char *path, guint64 virtual_size,
                             guint64 reserve, guint32 uid, guint32 gid, GError **error);
    /* An empty qcow2 over @base, of its virtual size, 0600, owned by @uid:@gid, with @reserve bytes
     * reserved on disk. The base is not opened: a VM may be writing to it. */
    gboolean (*make_overlay)(VmsVolume *volume, const char *path, const VmsImage *base,
                             guint64 reserve, guint32 uid, guint32 gid, GError **error);
    /* Make an image that nobody has open larger, to @virtual_size; synced. */
    gboolean (*grow)(VmsVolume *volume, const char *path, const char *format, guint64 virtual_size,
                     GError **error);
    /* Write what an overlay holds into its base, synced; the overlay is left as it is. Both under
     * QEMU's own locks: BUSY when somebody has one of them open. May be repeated. */
    gboolean (*fold_overlay)(VmsVolume *volume, const char *path, const char *base,
                             VmsProgress *progress, GError **error);
    /* Whether a guest would see the same in both. */
    gboolean (*compare)(VmsVolume *volume, const VmsImage *a, const VmsImage *b, gboolean *ret_same,
                        GError **error);
    /* Owner and group that libvirt remembers of a file a VM uses; else those it has. */
    gboolean (*read_owner)(VmsVolume *volume, const char *path, VmsFileId *ret_id, GError **error);
    /* Give @path owner, group, mode of @like and drop stale trusted.libvirt.security.* labels. */
    gboolean (*adopt)(VmsVolume *volume, const char *path, const VmsFileId *like, GError **error);
    /* Make block device @path hold what the file @source does, and zeros behind that; synced. What
     * is so already is not written. With @other (NULL: without), each sector must be as in @source
     * or as in the file @other before: else UNCERTAIN, and nothing is written. */
    gboolean (*rewrite)(VmsVolume *volume, const char *path, const char *source, const char *other,
                        VmsProgress *progress, GError **error);
    /* RENAME_EXCHANGE of two files of one file system, directories synced. */
    gboolean (*exchange)(VmsVolume *volume, const char *a, const char *b, GError **error);
    /* Rename to a name that must not exist; directories synced. */
    gboolean (*rename)(VmsVolume *volume, const char *from, const char *to, GError **error);
    gboolean (*remove)(VmsVolume *volume, const char *path, GError **error); /* missing: success */
    /* All missing parents with @mode; NULL-safe remove of an empty one. */
    gboolean (*make_folder)(VmsVolume *volume, const char *path, guint32 mode, GError **error);
    gboolean (*remove_folder)(VmsVolume *volume, const char *path, GError **error);
    /* Names in a folder (char*), sorted; NOT_FOUND if it is not there. No component of @path may be
     * a symbolic link below the folder's parent. */
    gboolean (*list_folder)(VmsVolume *volume, const char *path, GPtrArray **ret_names,
                            GError **error);
    /* sha256 of the file, lower-case hex. */
    gboolean (*digest)(VmsVolume *volume, const char *path, VmsProgress *progress,
                       char **ret_sha256, GError **error);
    /* The whole of a small file that its owner may replace by rename at any time: what it was at
     * one instant. UNSUPPORTED above @limit, BUSY/"StateChanged" when it was written to meanwhile.
     */
    gboolean (*read_whole)(VmsVolume *volume, const char *path, guint64 limit, GBytes **ret_bytes,
                           VmsFileId *ret_id, GError **error);
    void (*free)(VmsVolume *volume);
} VmsVolumeOps;

struct VmsVolume {
    const VmsVolumeOps *ops;
};

gboolean vms_volume_inspect(VmsVolume *volume, const char *path, const char *format,
                            VmsImage **ret_image, GError **error);
gboolean vms_volume_identify(VmsVolume *volume, const char *path, VmsFileId *ret_id,
                             GError **error);
gboolean vms_volume_read_place(VmsVolume *volume, const char *source, const char *folder,
                               VmsPlaceInfo *ret_info, GError **error);
gboolean vms_volume_read_use(VmsVolume *volume, const char *path, VmsImageUse *ret_use,
                             GError **error);
gboolean vms_volume_hold(VmsVolume *volume, const char *path, VmsHoldKind kind, VmsHold **ret_hold,
                         GError **error);
gboolean vms_volume_open_transfer(VmsVolume *volume, const char *source, const char *target,
                                  VmsTransfer **ret_transfer, GError **error);
gboolean vms_volume_convert(VmsVolume *volume, const VmsImage *source, const char *target,
                            const VmsImage *like, const char *format, VmsProgress *progress,
                            GError **error);
gboolean vms_volume_make_scratch(VmsVolume *volume, const char *path, guint64 virtual_size,
                                 guint64 reserve, guint32 uid, guint32 gid, GError **error);
gboolean vms_volume_make_overlay(VmsVolume *volume, const char *path, const VmsImage *base,
                                 guint64 reserve, guint32 uid, guint32 gid, GError **error);
gboolean vms_volume_grow(VmsVolume *volume, const char *path, const char *format,
                         guint64 virtual_size, GError **error);
gboolean vms_volume_fold_overlay(VmsVolume *volume, const char *path, const char *base,
                                 VmsProgress *progress, GError **error);
gboolean vms_volume_compare(VmsVolume *volume, const VmsImage *a, const VmsImage *b,
                            gboolean *ret_same, GError **error);
gboolean vms_volume_read_owner(VmsVolume *volume, const char *path, VmsFileId *ret_id,
                               GError **error);
gboolean vms_volume_adopt(VmsVolume *volume, const char *path, const VmsFileId *like,
                          GError **error);
gboolean vms_volume_rewrite(VmsVolume *volume, const char *path, const char *source,
                            const char *other, VmsProgress *progress, GError **error);
gboolean vms_volume_exchange(VmsVolume *volume, const char *a, const char *b, GError **error);
gboolean vms_volume_rename(VmsVolume *volume, const char *from, const char *to, GError **error);
gboolean vms_volume_remove(VmsVolume *volume, const char *path, GError **error);
gboolean vms_volume_make_folder(VmsVolume *volume, const char *path, guint32 mode, GError **error);
gboolean vms_volume_remove_folder(VmsVolume *volume, const char *path, GError **error);
gboolean vms_volume_list_folder(VmsVolume *volume, const char *path, GPtrArray **ret_names,
                                GError **error);
gboolean vms_volume_digest(VmsVolume *volume, const char *path, VmsProgress *progress,
                           char **ret_sha256, GError **error);
gboolean vms_volume_read_whole(VmsVolume *volume, const char *path, guint64 limit,
                               GBytes **ret_bytes, VmsFileId *ret_id, GError **error);
void vms_volume_free(VmsVolume *volume);

/* A transfer's own vtable, so that an adapter may bring its own kind. */
typedef struct {
    /* One FICLONE: nothing else happens, this runs while a guest stands still. */
    gboolean (*clone)(VmsTransfer *transfer, GError **error);
    /* Sparse copy: holes stay holes. @progress grows by the source's size in all. */
    gboolean (*copy)(VmsTransfer *transfer, VmsProgress *progress, GError **error);
    /* Descriptor of the target, for whoever fills it in another way; borrowed. */
    int (*get_fd)(VmsTransfer *transfer);
    /* Sync file and folder, set @mode; from now on free() leaves the file. */
    gboolean (*finish)(VmsTransfer *transfer, guint32 mode, VmsFileId *ret_id, GError **error);
    void (*free)(VmsTransfer *transfer);
} VmsTransferOps;

struct VmsTransfer {
    const VmsTransferOps *ops;
};

gboolean vms_transfer_clone(VmsTransfer *transfer, GError **error);
gboolean vms_transfer_copy(VmsTransfer *transfer, VmsProgress *progress, GError **error);
int vms_transfer_get_fd(VmsTransfer *transfer);
gboolean vms_transfer_finish(VmsTransfer *transfer, guint32 mode, VmsFileId *ret_id,
                             GError **error);
void vms_transfer_free(VmsTransfer *transfer);

struct VmsHold {
    void (*free)(VmsHold *hold);
};
void vms_hold_free(VmsHold *hold);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsVolume, vms_volume_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsTransfer, vms_transfer_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsHold, vms_hold_free)
