/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/inventory.h"

static void
add_path(VmsEngine *engine, VmsInventory *inventory, const VmsVm *vm, const char *path,
         gboolean backing)
{
    VmsFileId file = { 0 };

    if (!path)
        return;
    vms_volume_identify(engine->drivers->volume, path, &file, NULL);
    vms_inventory_add_user(inventory, vm, path, &file, backing);
}

/* The header tells the layer below where the XML of a VM that is off does not. */
static void
add_header_backing(VmsEngine *engine, VmsInventory *inventory, const VmsVm *vm, const VmsDisk *disk)
{
    g_autoptr(VmsImage) image = NULL;
    g_autofree char *folder = NULL;
    g_autofree char *path = NULL;

    if (!disk->path || g_strcmp0(disk->format, "qcow2") != 0 || disk->backing->len > 0)
        return;
    if (!vms_volume_inspect(engine->drivers->volume, disk->path, disk->format, &image, NULL) ||
        !image->backing)
        return;
    folder = g_path_get_dirname(disk->path);
    path = g_path_is_absolute(image->backing) ? g_strdup(image->backing)
                                              : g_build_filename(folder, image->backing, NULL);
    add_path(engine, inventory, vm, path, TRUE);
}

static void
add_disks(VmsEngine *engine, VmsInventory *inventory, const VmsVm *vm, const GPtrArray *disks)
{
    for (guint i = 0; disks && i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        add_path(engine, inventory, vm, disk->path, FALSE);
        for (guint j = 0; j < disk->backing->len; j++) {
            const VmsBacking *backing = disk->backing->pdata[j];

            add_path(engine, inventory, vm, backing->path, TRUE);
        }
        add_header_backing(engine, inventory, vm, disk);
    }
}

gboolean
vms_inventory_collect(VmsEngine *engine, VmsInventory **ret_inventory, GError **error)
{
    const VmsHypervisor *hv = engine->drivers->hypervisor;
    GPtrArray *vms = NULL;
    VmsInventory *inventory;

    if (!vms_hypervisor_list_vms(engine->drivers->hypervisor, !hv->read_only && !engine->read_only,
                                 &vms, error))
        return FALSE;
    inventory = vms_inventory_new(vms);
    for (guint i = 0; i < vms->len; i++) {
        const VmsVm *vm = vms->pdata[i];

        add_disks(engine, inventory, vm, vm->disks);
        add_disks(engine, inventory, vm, vm->live_disks);
    }
    *ret_inventory = inventory;
    return TRUE;
}
