/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/cut-set.h"

void
vms_cut_disk_free(VmsCutDisk *self)
{
    vms_transfer_free(self->transfer);
    vms_hold_free(self->hold);
    g_free(self->scratch);
    g_free(self);
}

void
vms_cut_free(VmsCutSet *set)
{
    if (!set)
        return;
    g_ptr_array_unref(set->disks);
    g_ptr_array_unref(set->parts);
    g_free(set->socket);
    g_free(set->backup);
    g_free(set->overlays);
    g_free(set);
}

gboolean
vms_cut_is_clone(const VmsCutDisk *self)
{
    return self->disk->method == VMSNAP_METHOD_REFLINK && !self->overlay;
}

/* Between two clones, which cannot be interrupted, a cancelled operation ends. */
gboolean
vms_cut_clone_bases(VmsCutSet *set, VmsProgress *progress, GError **error)
{
    for (guint i = 0; i < set->disks->len; i++) {
        const VmsCutDisk *disk = set->disks->pdata[i];

        if (!disk->overlay)
            continue;
        if (!vms_progress_check(progress, error) || !vms_transfer_clone(disk->transfer, error)) {
            if (error)
                vms_error_set_object(*error, disk->disk->name);
            return FALSE;
        }
        vms_crash_point("cut-base-cloned");
    }
    return TRUE;
}

gboolean
vms_cut_has_overlays(const VmsCutSet *set)
{
    return set->overlays != NULL;
}

static guint64
bytes_exported(const VmsCutSet *set)
{
    guint64 bytes = 0;

    for (guint i = 0; i < set->disks->len; i++) {
        const VmsCutDisk *disk = set->disks->pdata[i];

        if (disk->disk->method == VMSNAP_METHOD_BACKUP)
            bytes += disk->disk->origin->virtual_size;
    }
    return bytes;
}

gboolean
vms_cut_copy(VmsCutSet *set, const char *socket, VmsProgress *progress, GError **error)
{
    vms_progress_set_total(progress, bytes_exported(set));
    for (guint i = 0; i < set->disks->len; i++) {
        const VmsCutDisk *disk = set->disks->pdata[i];

        if (disk->disk->method == VMSNAP_METHOD_BACKUP &&
            !vms_copier_copy(set->engine->drivers->copier, socket, disk->disk->target,
                             vms_transfer_get_fd(disk->transfer), progress, error)) {
            if (error)
                vms_error_set_object(*error, disk->disk->name);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
finish_disk(const VmsCutSet *set, VmsCutDisk *disk, GError **error)
{
    VmsFileId id = { 0 };
    VmsImage *image = NULL;

    if (disk->transfer && !vms_transfer_finish(disk->transfer, 0400, &id, error))
        return FALSE;
    if (!vms_volume_inspect(set->engine->drivers->volume, disk->disk->image->path,
                            disk->disk->image->format, &image, error))
        return FALSE;
    vms_image_free(disk->disk->image);
    disk->disk->image = image;
    if (image->virtual_size != disk->disk->origin->virtual_size)
        return vms_refuse(error, VMSNAP_E_BUSY, "Resizing",
                          "disk %s was resized while its snapshot was taken", disk->disk->name);
    g_clear_pointer(&disk->hold, vms_hold_free);
    return TRUE;
}

gboolean
vms_cut_finish(VmsCutSet *set, GError **error)
{
    for (guint i = 0; i < set->disks->len; i++) {
        if (!finish_disk(set, set->disks->pdata[i], error))
            return FALSE;
    }
    return vms_cut_finish_parts(set, error);
}

gboolean
vms_cut_drop_scratch(VmsCutSet *set, GError **error)
{
    for (guint i = 0; i < set->disks->len; i++) {
        const VmsCutDisk *disk = set->disks->pdata[i];

        if (disk->scratch && !vms_volume_remove(set->engine->drivers->volume, disk->scratch, error))
            return FALSE;
    }
    return TRUE;
}
