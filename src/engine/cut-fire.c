/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/cut-set.h"

/* A clone shows one instant only if nothing moves; so do what firmware and TPM remember. */
gboolean
vms_cut_needs_suspend(const VmsCutSet *set)
{
    if (vms_cut_has_moving_parts(set))
        return TRUE;
    for (guint i = 0; i < set->disks->len; i++) {
        const VmsCutDisk *disk = set->disks->pdata[i];

        if (vms_cut_is_clone(disk))
            return TRUE;
    }
    return FALSE;
}

const char *
vms_cut_get_socket(const VmsCutSet *set)
{
    return set->socket;
}

const VmsBackupDisk *
vms_cut_get_backup(const VmsCutSet *set)
{
    return set->backup;
}

/* What the guest wrote between survey and freeze may have outgrown the reservation: then a full
 * file system could reach the guest, and the reservation must be made anew. */
static gboolean
check_reservation(const VmsCutSet *set, const VmsCutDisk *disk, GError **error)
{
    VmsFileId now = { 0 };
    guint64 own = disk->source->image->file.allocated;
    guint64 chain = disk->source->allocated > own ? disk->source->allocated - own : 0;

    if (!vms_volume_identify(set->engine->drivers->volume, disk->source->path, &now, error))
        return FALSE;
    if (chain + now.allocated <= disk->source->placement.scratch_bytes ||
        disk->source->placement.scratch_bytes >= disk->source->image->virtual_size)
        return TRUE;
    return vms_refuse(error, VMSNAP_E_BUSY, VMS_CUT_OUTGROWN,
                      "disk %s grew beyond the reserved scratch space before the freeze",
                      disk->disk->target);
}

/* An overlay of another size than its base would change the guest's disk under it. */
static gboolean
check_size(const VmsCutSet *set, const VmsCutDisk *disk, GError **error)
{
    g_autoptr(VmsImage) now = NULL;

    if (!vms_volume_inspect(set->engine->drivers->volume, disk->source->path,
                            disk->source->image->format, &now, error))
        return FALSE;
    return now->virtual_size == disk->source->image->virtual_size ||
           vms_refuse(error, VMSNAP_E_BUSY, "Resizing", "disk %s was resized meanwhile",
                      disk->disk->target);
}

static gboolean
fire_clones(VmsCutSet *set, GError **error)
{
    gint64 start = vms_clock_monotonic_us();

    for (guint i = 0; i < set->disks->len; i++) {
        const VmsCutDisk *disk = set->disks->pdata[i];

        disk->disk->cut_offset_us = vms_clock_monotonic_us() - start;
        if (vms_cut_is_clone(disk) && !vms_transfer_clone(disk->transfer, error))
            return FALSE;
        if (disk->overlay && !check_size(set, disk, error))
            return FALSE;
        if (disk->disk->method == VMSNAP_METHOD_BACKUP && !check_reservation(set, disk, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
vms_cut_fire(void *data, GError **error)
{
    VmsCutSet *set = data;

    if (!fire_clones(set, error) || !vms_cut_take_parts(set, error))
        return FALSE;
    vms_crash_point("cut-fire");
    return !set->overlays || vms_hypervisor_begin_overlays(set->engine->drivers->urgent,
                                                           set->vm->uuid, set->overlays, error);
}
