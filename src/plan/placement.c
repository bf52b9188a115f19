/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/placement.h"

#include "base/error.h"

#include <string.h>

#define MIB (1024 * 1024)

static gboolean
cannot(const VmsDisk *disk, const char *why, GError **error)
{
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "BlockDevicesNotReady",
                      "disk %s cannot be cut: %s", disk->target, why);
}

guint64
vms_placement_scratch(guint64 allocated, guint64 virtual_size)
{
    guint64 wanted = allocated + allocated / 20 + virtual_size / 2048 + 64 * (guint64)MIB;
    guint64 most = virtual_size + virtual_size / 20 + MIB;

    return MIN(wanted, most);
}

guint64
vms_placement_overlay(guint64 virtual_size)
{
    guint64 most = virtual_size + virtual_size / 50 + MIB;

    return MIN(most, MAX((guint64)1024 * MIB, virtual_size / 10));
}

/* What no method of ours handles, whatever the VM does. */
static gboolean
check_source(const VmsDisk *disk, GError **error)
{
    if (disk->source != VMS_SOURCE_FILE && disk->source != VMS_SOURCE_BLOCK)
        return cannot(disk, "its source is neither an image file nor a block device", error);
    if (disk->device == VMS_DEVICE_LUN)
        return cannot(disk, "it passes SCSI commands through", error);
    if (disk->transient)
        return cannot(disk, "it is transient", error);
    if (disk->has_data_file)
        return cannot(disk, "it has an external data file, encryption or slices", error);
    if (disk->busy)
        return cannot(disk, "a block job runs on it", error);
    if (!disk->format)
        return cannot(disk, "its XML does not say its format", error);
    if (strcmp(disk->format, "raw") != 0 && strcmp(disk->format, "qcow2") != 0)
        return cannot(disk, "only raw and qcow2 are supported", error);
    return TRUE;
}

static gboolean
can_reflink(const VmsPlacementInput *input)
{
    return input->place->reflink == VMS_REFLINK_YES && !input->image->backing;
}

static void
place_reflink(VmsPlacement *placement, const VmsPlacementInput *input)
{
    *placement = (VmsPlacement){ .method = VMSNAP_METHOD_REFLINK };
    placement->format = input->image->format[0] == 'q' ? "qcow2" : "raw";
    placement->space_needed = 16 * (guint64)MIB;
    placement->why = "its file system shares blocks";
}

static void
place_copy(VmsPlacement *placement, const VmsPlacementInput *input)
{
    placement->method = VMSNAP_METHOD_COPY;
    placement->format = input->image->format[0] == 'q' ? "qcow2" : "raw";
    placement->flatten = input->image->backing != NULL;
    placement->space_needed = input->allocated + input->allocated / 50 + 4 * (guint64)MIB;
    if (placement->flatten)
        placement->why = "its chain is copied into one file";
    else if (input->image->block_device)
        placement->why = "a block device is copied into a file";
    else
        placement->why = "its file system cannot share blocks";
}

static void
place_backup(VmsPlacement *placement, const VmsPlacementInput *input)
{
    *placement = (VmsPlacement){ .method = VMSNAP_METHOD_BACKUP };
    placement->format = "raw";
    placement->scratch_bytes = vms_placement_scratch(input->allocated, input->image->virtual_size);
    placement->space_needed = placement->scratch_bytes + input->allocated + 4 * (guint64)MIB;
    placement->why = "a backup job reads it while the guest runs on";
}

static gboolean
choose_running(const VmsPlacementInput *input, VmsPlacement *placement, GError **error)
{
    gboolean reflink = can_reflink(input);

    if (input->wanted == VMSNAP_METHOD_COPY)
        return cannot(input->disk, "a plain copy needs the VM off", error);
    if (input->wanted == VMSNAP_METHOD_REFLINK && !reflink)
        return cannot(input->disk, "its file system cannot share blocks, or it has a chain", error);
    if (input->wanted != VMSNAP_METHOD_BACKUP && reflink)
        place_reflink(placement, input);
    else if (input->shared) /* QEMU refuses the job, and the refusal is known to kill libvirtd */
        return cannot(input->disk, "another running VM has it open, a backup job needs it alone",
                      error);
    else
        place_backup(placement, input);
    return TRUE;
}

static gboolean
choose_off(const VmsPlacementInput *input, VmsPlacement *placement, GError **error)
{
    gboolean reflink = can_reflink(input);

    if (input->wanted == VMSNAP_METHOD_BACKUP)
        return cannot(input->disk, "a backup job needs the VM running", error);
    if (input->wanted == VMSNAP_METHOD_REFLINK && !reflink)
        return cannot(input->disk, "its file system cannot share blocks, or it has a chain", error);
    if (input->wanted != VMSNAP_METHOD_COPY && reflink)
        place_reflink(placement, input);
    else
        place_copy(placement, input);
    return TRUE;
}

gboolean
vms_placement_choose(const VmsPlacementInput *input, VmsPlacement *ret_placement, GError **error)
{
    VmsPlacement placement = { 0 };
    gboolean chosen;

    if (!check_source(input->disk, error))
        return FALSE;
    chosen = input->running ? choose_running(input, &placement, error)
                            : choose_off(input, &placement, error);
    if (!chosen)
        return FALSE;
    *ret_placement = placement;
    return TRUE;
}

/* ---- the disks of one VM together ---- */

static void
place_overlay(VmsPlacement *placement, const VmsPlacementInput *input)
{
    placement->by_overlay = TRUE;
    placement->overlay_bytes = vms_placement_overlay(input->image->virtual_size);
    placement->space_needed += placement->overlay_bytes;
    placement->why = "its file system shares blocks, and it is in many pieces: the guest goes on "
                     "in an overlay while it is cloned";
}

/* A clone that the caller left to us and that is made while the VM runs. */
static gboolean
may_change(const VmsPlacementDisk *disk)
{
    return disk->placement->method == VMSNAP_METHOD_REFLINK && !disk->placement->by_overlay &&
           disk->input.wanted == VMSNAP_METHOD_AUTO;
}

static guint64
count_pieces(const VmsPlacementDisk *disks, guint count)
{
    guint64 pieces = 0;

    for (guint i = 0; i < count; i++) {
        const VmsPlacement *placement = disks[i].placement;

        if (placement->method == VMSNAP_METHOD_REFLINK && !placement->by_overlay)
            pieces += disks[i].input.place->extents;
    }
    return pieces;
}

/* The one in most pieces; NULL when none is left to choose for. */
static const VmsPlacementDisk *
find_worst(const VmsPlacementDisk *disks, guint count)
{
    const VmsPlacementDisk *worst = NULL;

    for (guint i = 0; i < count; i++) {
        if (may_change(&disks[i]) && disks[i].input.place->extents > 0 &&
            (!worst || disks[i].input.place->extents > worst->input.place->extents))
            worst = &disks[i];
    }
    return worst;
}

/* An overlay changes the configuration for a while, so nobody else may have a stake in it; and a
 * backup job would keep it from being written back. */
static gboolean
allows_overlays(const VmsVm *vm, const VmsPlacementDisk *disks, guint count)
{
    if (!vm->persistent || vm->checkpoints > 0 || vm->snapshots > 0 || vm->job)
        return FALSE;
    for (guint i = 0; i < count; i++) {
        if (disks[i].placement->method == VMSNAP_METHOD_BACKUP)
            return FALSE;
    }
    return TRUE;
}

static gboolean
has_room(const VmsPlacementDisk *disk, const VmsPlacementDisk *disks, guint count)
{
    guint64 needed =
        disk->placement->space_needed + vms_placement_overlay(disk->input.image->virtual_size);

    for (guint i = 0; i < count; i++) {
        if (disks[i].placement->by_overlay)
            needed += disks[i].placement->space_needed;
    }
    return needed <= disk->input.place->free_bytes;
}

/* FALSE when some overlay cannot be: then all that were chosen are taken back. */
static gboolean
spread_overlays(const VmsPlacementDisk *disks, guint count)
{
    while (count_pieces(disks, count) > VMS_PLACEMENT_EXTENT_LIMIT) {
        const VmsPlacementDisk *worst = find_worst(disks, count);

        if (!worst)
            return TRUE; /* the caller wants it so */
        if (worst->input.shared || worst->input.disk->shareable || !has_room(worst, disks, count))
            return FALSE;
        place_overlay(worst->placement, &worst->input);
    }
    return TRUE;
}

/* A disk that others have open cannot be read by a job: it stays a clone, however long it takes. */
static void
spread_backups(const VmsPlacementDisk *disks, guint count)
{
    for (guint i = 0; i < count; i++) {
        if (disks[i].placement->by_overlay)
            place_reflink(disks[i].placement, &disks[i].input);
    }
    while (count_pieces(disks, count) > VMS_PLACEMENT_EXTENT_LIMIT) {
        const VmsPlacementDisk *worst = find_worst(disks, count);

        if (!worst || worst->input.shared)
            return;
        place_backup(worst->placement, &worst->input);
    }
}

void
vms_placement_combine(const VmsVm *vm, const VmsPlacementDisk *disks, guint count)
{
    if (vm->state != VMSNAP_VM_RUNNING) /* nobody waits for a clone */
        return;
    if (!allows_overlays(vm, disks, count) || !spread_overlays(disks, count))
        spread_backups(disks, count);
}
