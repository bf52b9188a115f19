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

/* What no method of ours handles, whatever the VM does. */
static gboolean
check_source(const VmsDisk *disk, GError **error)
{
    if (disk->source != VMS_SOURCE_FILE)
        return cannot(disk, "its source is not an image file", error);
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
    placement->method = VMSNAP_METHOD_REFLINK;
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
    placement->why = placement->flatten ? "its chain is copied into one file"
                                        : "its file system cannot share blocks";
}

static void
place_backup(VmsPlacement *placement, const VmsPlacementInput *input)
{
    placement->method = VMSNAP_METHOD_BACKUP;
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
    if (input->wanted == VMSNAP_METHOD_REFLINK ||
        (input->wanted == VMSNAP_METHOD_AUTO && reflink &&
         input->place->extents <= VMS_PLACEMENT_EXTENT_LIMIT))
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
