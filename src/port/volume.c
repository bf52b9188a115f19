/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "port/volume.h"

gboolean
vms_volume_inspect(VmsVolume *volume, const char *path, const char *format, VmsImage **ret_image,
                   GError **error)
{
    return volume->ops->inspect(volume, path, format, ret_image, error);
}

gboolean
vms_volume_identify(VmsVolume *volume, const char *path, VmsFileId *ret_id, GError **error)
{
    return volume->ops->identify(volume, path, ret_id, error);
}

gboolean
vms_volume_read_place(VmsVolume *volume, const char *source, const char *folder,
                      VmsPlaceInfo *ret_info, GError **error)
{
    return volume->ops->read_place(volume, source, folder, ret_info, error);
}

gboolean
vms_volume_read_use(VmsVolume *volume, const char *path, VmsImageUse *ret_use, GError **error)
{
    return volume->ops->read_use(volume, path, ret_use, error);
}

gboolean
vms_volume_hold(VmsVolume *volume, const char *path, VmsHoldKind kind, VmsHold **ret_hold,
                GError **error)
{
    return volume->ops->hold(volume, path, kind, ret_hold, error);
}

gboolean
vms_volume_open_transfer(VmsVolume *volume, const char *source, const char *target,
                         VmsTransfer **ret_transfer, GError **error)
{
    return volume->ops->open_transfer(volume, source, target, ret_transfer, error);
}

gboolean
vms_volume_convert(VmsVolume *volume, const VmsImage *source, const char *target,
                   const VmsImage *like, const char *format, VmsProgress *progress, GError **error)
{
    return volume->ops->convert(volume, source, target, like, format, progress, error);
}

gboolean
vms_volume_make_scratch(VmsVolume *volume, const char *path, guint64 virtual_size, guint64 reserve,
                        guint32 uid, guint32 gid, GError **error)
{
    return volume->ops->make_scratch(volume, path, virtual_size, reserve, uid, gid, error);
}

gboolean
vms_volume_make_overlay(VmsVolume *volume, const char *path, const VmsImage *base, guint64 reserve,
                        guint32 uid, guint32 gid, GError **error)
{
    return volume->ops->make_overlay(volume, path, base, reserve, uid, gid, error);
}

gboolean
vms_volume_grow(VmsVolume *volume, const char *path, const char *format, guint64 virtual_size,
                GError **error)
{
    return volume->ops->grow(volume, path, format, virtual_size, error);
}

gboolean
vms_volume_fold_overlay(VmsVolume *volume, const char *path, const char *base,
                        VmsProgress *progress, GError **error)
{
    return volume->ops->fold_overlay(volume, path, base, progress, error);
}

gboolean
vms_volume_compare(VmsVolume *volume, const VmsImage *a, const VmsImage *b, gboolean *ret_same,
                   GError **error)
{
    return volume->ops->compare(volume, a, b, ret_same, error);
}

gboolean
vms_volume_read_owner(VmsVolume *volume, const char *path, VmsFileId *ret_id, GError **error)
{
    return volume->ops->read_owner(volume, path, ret_id, error);
}

gboolean
vms_volume_adopt(VmsVolume *volume, const char *path, const VmsFileId *like, GError **error)
{
    return volume->ops->adopt(volume, path, like, error);
}

gboolean
vms_volume_rewrite(VmsVolume *volume, const char *path, const char *source, const char *other,
                   VmsProgress *progress, GError **error)
{
    return volume->ops->rewrite(volume, path, source, other, progress, error);
}

gboolean
vms_volume_exchange(VmsVolume *volume, const char *a, const char *b, GError **error)
{
    return volume->ops->exchange(volume, a, b, error);
}

gboolean
vms_volume_rename(VmsVolume *volume, const char *from, const char *to, GError **error)
{
    return volume->ops->rename(volume, from, to, error);
}

gboolean
vms_volume_remove(VmsVolume *volume, const char *path, GError **error)
{
    return volume->ops->remove(volume, path, error);
}

gboolean
vms_volume_make_folder(VmsVolume *volume, const char *path, guint32 mode, GError **error)
{
    return volume->ops->make_folder(volume, path, mode, error);
}

gboolean
vms_volume_remove_folder(VmsVolume *volume, const char *path, GError **error)
{
    return volume->ops->remove_folder(volume, path, error);
}

gboolean
vms_volume_list_folder(VmsVolume *volume, const char *path, GPtrArray **ret_names, GError **error)
{
    return volume->ops->list_folder(volume, path, ret_names, error);
}

gboolean
vms_volume_digest(VmsVolume *volume, const char *path, VmsProgress *progress, char **ret_sha256,
                  GError **error)
{
    return volume->ops->digest(volume, path, progress, ret_sha256, error);
}

gboolean
vms_volume_read_whole(VmsVolume *volume, const char *path, guint64 limit, GBytes **ret_bytes,
                      VmsFileId *ret_id, GError **error)
{
    return volume->ops->read_whole(volume, path, limit, ret_bytes, ret_id, error);
}

void
vms_volume_free(VmsVolume *volume)
{
    if (volume)
        volume->ops->free(volume);
}

gboolean
vms_transfer_clone(VmsTransfer *transfer, GError **error)
{
    return transfer->ops->clone(transfer, error);
}

gboolean
vms_transfer_copy(VmsTransfer *transfer, VmsProgress *progress, GError **error)
{
    return transfer->ops->copy(transfer, progress, error);
}

int
vms_transfer_get_fd(VmsTransfer *transfer)
{
    return transfer->ops->get_fd(transfer);
}

gboolean
vms_transfer_finish(VmsTransfer *transfer, guint32 mode, VmsFileId *ret_id, GError **error)
{
    return transfer->ops->finish(transfer, mode, ret_id, error);
}

void
vms_transfer_free(VmsTransfer *transfer)
{
    if (transfer)
        transfer->ops->free(transfer);
}

void
vms_hold_free(VmsHold *hold)
{
    if (hold)
        hold->free(hold);
}
