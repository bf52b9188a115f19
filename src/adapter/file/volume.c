/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/volume.h"

#include "adapter/file/digest.h"
#include "adapter/file/exchange.h"
#include "adapter/file/locks.h"
#include "adapter/file/overlay.h"
#include "adapter/file/path.h"
#include "adapter/file/place.h"
#include "adapter/file/qemu-img.h"
#include "adapter/file/rewrite.h"
#include "adapter/file/sparse.h"
#include "adapter/file/transfer.h"
#include "adapter/file/whole.h"
#include "base/error.h"
#include "base/sys.h"

typedef struct {
    VmsVolume base;
    VmsHeaderReader qcow2;
} FileVolume;

static gboolean
volume_inspect(VmsVolume *volume, const char *path, const char *format, VmsImage **ret_image,
               GError **error)
{
    const FileVolume *self = (const FileVolume *)volume;
    g_autoptr(VmsImage) image = NULL;
    g_autofree char *canonical = NULL;
    struct stat st;
    g_auto(VmsFd) fd = vms_path_open_image(path, &canonical, &st, error);
    gboolean qcow2 = !g_strcmp0(format, "qcow2");

    if (fd < 0)
        return FALSE;
    if (!qcow2 && g_strcmp0(format, "raw"))
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ImageUnsupported",
                          "image %s has format %s, which is not supported", path,
                          format ? format : "(none)");
    image = vms_image_new(canonical, format);
    image->block_device = S_ISBLK(st.st_mode);
    image->file = vms_path_file_id(&st);
    if (!vms_sparse_size(fd, &image->file.size, error) ||
        (qcow2 && !self->qcow2(fd, image, error))) {
        g_prefix_error(error, "image %s: ", path);
        return FALSE;
    }
    if (image->block_device)
        image->file.allocated = image->file.size;
    if (!qcow2)
        image->virtual_size = image->file.size;
    *ret_image = g_steal_pointer(&image);
    return TRUE;
}

static gboolean
read_device_size(const char *path, guint64 *ret_size, GError **error)
{
    struct stat st;
    g_auto(VmsFd) fd = vms_path_open_image(path, NULL, &st, error);

    return fd >= 0 && vms_sparse_size(fd, ret_size, error);
}

static gboolean
volume_identify(VmsVolume *volume, const char *path, VmsFileId *ret_id, GError **error)
{
    struct stat st;
    VmsFileId id;

    (void)volume;
    if (!vms_path_stat(path, &st, error))
        return FALSE;
    id = vms_path_file_id(&st);
    if (S_ISBLK(st.st_mode) && !read_device_size(path, &id.size, error))
        return FALSE;
    if (S_ISBLK(st.st_mode))
        id.allocated = id.size;
    *ret_id = id;
    return TRUE;
}

static gboolean
volume_read_place(VmsVolume *volume, const char *source, const char *folder, VmsPlaceInfo *ret_info,
                  GError **error)
{
    (void)volume;
    return vms_place_read(source, folder, ret_info, error);
}

static gboolean
volume_read_use(VmsVolume *volume, const char *path, VmsImageUse *ret_use, GError **error)
{
    (void)volume;
    return vms_locks_read_use(path, ret_use, error);
}

static gboolean
volume_hold(VmsVolume *volume, const char *path, VmsHoldKind kind, VmsHold **ret_hold,
            GError **error)
{
    (void)volume;
    return vms_locks_hold(path, kind, ret_hold, error);
}

static gboolean
volume_open_transfer(VmsVolume *volume, const char *source, const char *target,
                     VmsTransfer **ret_transfer, GError **error)
{
    (void)volume;
    return vms_transfer_open(source, target, ret_transfer, error);
}

static gboolean
volume_convert(VmsVolume *volume, const VmsImage *source, const char *target, const VmsImage *like,
               const char *format, VmsProgress *progress, GError **error)
{
    (void)volume;
    return vms_qemu_img_convert(source, target, like, format, progress, error);
}

static gboolean
volume_make_scratch(VmsVolume *volume, const char *path, guint64 virtual_size, guint64 reserve,
                    guint32 uid, guint32 gid, GError **error)
{
    (void)volume;
    return vms_qemu_img_make_scratch(path, virtual_size, reserve, uid, gid, error);
}

static gboolean
volume_make_overlay(VmsVolume *volume, const char *path, const VmsImage *base, guint64 reserve,
                    guint32 uid, guint32 gid, GError **error)
{
    (void)volume;
    return vms_overlay_make(path, base, reserve, uid, gid, error);
}

static gboolean
volume_grow(VmsVolume *volume, const char *path, const char *format, guint64 virtual_size,
            GError **error)
{
    (void)volume;
    return vms_qemu_img_grow(path, format, virtual_size, error);
}

static gboolean
volume_fold_overlay(VmsVolume *volume, const char *path, const char *base, VmsProgress *progress,
                    GError **error)
{
    (void)volume;
    return vms_overlay_fold(path, base, progress, error);
}

static gboolean
volume_compare(VmsVolume *volume, const VmsImage *a, const VmsImage *b, gboolean *ret_same,
               GError **error)
{
    (void)volume;
    return vms_overlay_compare(a, b, ret_same, error);
}

static gboolean
volume_read_owner(VmsVolume *volume, const char *path, VmsFileId *ret_id, GError **error)
{
    (void)volume;
    return vms_overlay_read_owner(path, ret_id, error);
}

static gboolean
volume_adopt(VmsVolume *volume, const char *path, const VmsFileId *like, GError **error)
{
    (void)volume;
    return vms_exchange_adopt(path, like, error);
}

static gboolean
volume_rewrite(VmsVolume *volume, const char *path, const char *source, const char *other,
               VmsProgress *progress, GError **error)
{
    (void)volume;
    return vms_rewrite_device(path, source, other, progress, error);
}

static gboolean
volume_exchange(VmsVolume *volume, const char *a, const char *b, GError **error)
{
    (void)volume;
    return vms_exchange_files(a, b, error);
}

static gboolean
volume_rename(VmsVolume *volume, const char *from, const char *to, GError **error)
{
    (void)volume;
    return vms_exchange_rename(from, to, error);
}

static gboolean
volume_remove(VmsVolume *volume, const char *path, GError **error)
{
    (void)volume;
    return vms_exchange_remove(path, error);
}

static gboolean
volume_make_folder(VmsVolume *volume, const char *path, guint32 mode, GError **error)
{
    (void)volume;
    return vms_sys_make_dirs(path, mode, error);
}

static gboolean
volume_remove_folder(VmsVolume *volume, const char *path, GError **error)
{
    (void)volume;
    return vms_exchange_remove_folder(path, error);
}

static gboolean
volume_list_folder(VmsVolume *volume, const char *path, GPtrArray **ret_names, GError **error)
{
    (void)volume;
    return vms_path_list(path, ret_names, error);
}

static gboolean
volume_digest(VmsVolume *volume, const char *path, VmsProgress *progress, char **ret_sha256,
              GError **error)
{
    (void)volume;
    return vms_digest_file(path, progress, ret_sha256, error);
}

static gboolean
volume_read_whole(VmsVolume *volume, const char *path, guint64 limit, GBytes **ret_bytes,
                  VmsFileId *ret_id, GError **error)
{
    (void)volume;
    return vms_whole_read(path, limit, ret_bytes, ret_id, error);
}

static void
volume_free(VmsVolume *volume)
{
    g_free(volume);
}

VmsVolume *
vms_file_volume_new(VmsHeaderReader qcow2)
{
    static const VmsVolumeOps ops = {
        .inspect = volume_inspect,
        .identify = volume_identify,
        .read_place = volume_read_place,
        .read_use = volume_read_use,
        .hold = volume_hold,
        .open_transfer = volume_open_transfer,
        .convert = volume_convert,
        .make_scratch = volume_make_scratch,
        .make_overlay = volume_make_overlay,
        .grow = volume_grow,
        .fold_overlay = volume_fold_overlay,
        .compare = volume_compare,
        .read_owner = volume_read_owner,
        .adopt = volume_adopt,
        .rewrite = volume_rewrite,
        .exchange = volume_exchange,
        .rename = volume_rename,
        .remove = volume_remove,
        .make_folder = volume_make_folder,
        .remove_folder = volume_remove_folder,
        .list_folder = volume_list_folder,
        .digest = volume_digest,
        .read_whole = volume_read_whole,
        .free = volume_free,
    };
    FileVolume *self = g_new0(FileVolume, 1);

    self->base.ops = &ops;
    self->qcow2 = qcow2;
    return &self->base;
}
