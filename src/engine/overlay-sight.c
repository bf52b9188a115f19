/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/overlay.h"

#include <string.h>

static gboolean
lies_below(const VmsDisk *disk, const char *path)
{
    for (guint i = 0; i < disk->backing->len; i++) {
        const VmsBacking *layer = disk->backing->pdata[i];

        if (g_strcmp0(layer->path, path) == 0)
            return TRUE;
    }
    return FALSE;
}

/* Under whatever target: what counts is whether somebody will open the file. */
static VmsNamed
find_name(const GPtrArray *disks, const VmsOverlay *overlay)
{
    VmsNamed named = VMS_NAMED_NEITHER;

    for (guint i = 0; disks && i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        if (lies_below(disk, overlay->path))
            return VMS_NAMED_BELOW;
        if (g_strcmp0(disk->path, overlay->path) == 0)
            return strcmp(disk->target, overlay->target) == 0 ? VMS_NAMED_OVERLAY : VMS_NAMED_BELOW;
        if (g_strcmp0(disk->path, overlay->base) == 0)
            named = VMS_NAMED_BASE;
    }
    return named;
}

static gboolean
look_at_vm(VmsEngine *engine, const char *vm_uuid, const VmsOverlay *overlay,
           VmsOverlaySight *sight, GError **error)
{
    g_autoptr(VmsVm) vm = NULL;
    g_autoptr(GError) failed = NULL;

    if (!vms_hypervisor_find_vm(engine->drivers->hypervisor, vm_uuid, FALSE, &vm, &failed)) {
        if (vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND)
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    sight->running = vms_vm_is_active(vm);
    sight->live = sight->running ? find_name(vm->live_disks, overlay) : VMS_NAMED_NEITHER;
    sight->configured = find_name(vm->disks, overlay);
    return TRUE;
}

/* TRUE with there unset when it is missing. */
static gboolean
look_at_file(VmsEngine *engine, const VmsOverlay *overlay, VmsOverlaySight *sight, GError **error)
{
    VmsVolume *volume = engine->drivers->volume;
    g_autoptr(VmsImage) image = NULL;
    g_autoptr(GError) failed = NULL;
    g_auto(VmsImageUse) use = { 0 };
    VmsFileId base = { 0 };

    if (!vms_volume_inspect(volume, overlay->path, "qcow2", &image, &failed)) {
        if (vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND)
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    if (!vms_volume_read_use(volume, overlay->path, &use, error) ||
        !vms_volume_identify(volume, overlay->base, &base, error))
        return FALSE;
    sight->there = TRUE;
    sight->file = image->file;
    sight->blank = image->blank;
    sight->open = use.writer || use.reader;
    sight->newer = image->file.mtime_us > base.mtime_us;
    return TRUE;
}

gboolean
vms_overlay_look(VmsEngine *engine, const char *vm_uuid, const VmsOverlay *overlay,
                 VmsOverlaySight *ret_sight, GError **error)
{
    VmsOverlaySight sight = { .landed = overlay->landed };

    if (!look_at_file(engine, overlay, &sight, error) ||
        !look_at_vm(engine, vm_uuid, overlay, &sight, error))
        return FALSE;
    *ret_sight = sight;
    return TRUE;
}

gboolean
vms_overlay_compare_contents(VmsEngine *engine, const VmsOverlay *overlay,
                             VmsContents *ret_contents, GError **error)
{
    VmsVolume *volume = engine->drivers->volume;
    g_autoptr(VmsImage) above = NULL;
    g_autoptr(VmsImage) below = NULL;
    gboolean same = FALSE;

    if (!vms_volume_inspect(volume, overlay->path, "qcow2", &above, error) ||
        !vms_volume_inspect(volume, overlay->base, overlay->format, &below, error) ||
        !vms_volume_compare(volume, above, below, &same, error))
        return FALSE;
    *ret_contents = same ? VMS_CONTENTS_SAME : VMS_CONTENTS_DIFFER;
    return TRUE;
}
