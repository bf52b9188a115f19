/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/cut-set.h"

static gboolean
hold_disk(const VmsCutSet *set, VmsCutDisk *disk, gboolean force, GError **error)
{
    g_autoptr(GError) refused = NULL;

    if (vms_volume_hold(set->engine->drivers->volume, disk->source->path, VMS_HOLD_READ,
                        &disk->hold, &refused))
        return TRUE;
    force = force || disk->source->companions->len > 0; /* frozen where they are on */
    if (vms_error_get_code(refused) == VMSNAP_E_BUSY && force &&
        disk->disk->method == VMSNAP_METHOD_REFLINK) {
        disk->was_open = TRUE;
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&refused));
    return FALSE;
}

static gboolean
take_offline(const VmsCutSet *set, const VmsCutDisk *disk, VmsProgress *progress, GError **error)
{
    if (disk->source->placement.flatten)
        return vms_volume_convert(set->engine->drivers->volume, disk->source->image,
                                  disk->disk->image->path, disk->source->image,
                                  disk->disk->image->format, progress, error);
    if (disk->disk->method == VMSNAP_METHOD_REFLINK)
        return vms_transfer_clone(disk->transfer, error);
    return vms_transfer_copy(disk->transfer, progress, error);
}

/* What vms_cut_offline() reads; shared blocks are not read. */
static guint64
bytes_offline(const VmsCutSet *set)
{
    guint64 bytes = 0;

    for (guint i = 0; i < set->disks->len; i++) {
        const VmsCutDisk *disk = set->disks->pdata[i];

        if (disk->source->placement.flatten)
            bytes += disk->source->image->virtual_size;
        else if (disk->disk->method != VMSNAP_METHOD_REFLINK)
            bytes += disk->source->image->file.size;
    }
    return bytes;
}

gboolean
vms_cut_was_open(const VmsCutSet *set, guint index)
{
    const VmsCutDisk *disk = set->disks->pdata[index];

    return disk->was_open;
}

gboolean
vms_cut_offline(VmsCutSet *set, gboolean force, VmsProgress *progress, GError **error)
{
    for (guint i = 0; i < set->disks->len; i++) {
        if (!hold_disk(set, set->disks->pdata[i], force, error))
            return FALSE;
    }
    vms_progress_set_total(progress, bytes_offline(set));
    for (guint i = 0; i < set->disks->len; i++) {
        if (!vms_progress_check(progress, error) ||
            !take_offline(set, set->disks->pdata[i], progress, error))
            return FALSE;
    }
    return vms_cut_take_parts(set, error);
}
