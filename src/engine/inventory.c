/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/inventory.h"

#include "base/error.h"

#include <limits.h>
#include <stdlib.h>

/* Layers of one image that are followed; QEMU itself gives up not much later. */
#define CHAIN_LIMIT 32

/* A file that other VMs know by a symbolic link is the same file. */
char *
vms_inventory_settle(const char *path)
{
    char settled[PATH_MAX];

    return g_strdup(realpath(path, settled) ? settled : path);
}

/* What one VM refers to is being added. */
typedef struct {
    VmsEngine *engine;
    VmsInventory *inventory;
    guint32 holder;
} Adding;

static void
add_path(const Adding *self, const char *path, VmsFileRole role)
{
    g_autofree char *settled = NULL;
    VmsFileId file = { 0 };

    if (!path || *path != '/') /* what is no file of this host has no path */
        return;
    settled = vms_inventory_settle(path);
    vms_volume_identify(self->engine->drivers->volume, settled, &file, NULL);
    vms_inventory_add_file(self->inventory, self->holder, settled, &file, role);
}

/* Path and format of the layer below, as the header has them; FALSE when there is none. */
static gboolean
step_down(VmsEngine *engine, char **path, char **format)
{
    g_autofree char *settled = vms_inventory_settle(*path);
    g_autofree char *folder = g_path_get_dirname(*path);
    g_autoptr(VmsImage) image = NULL;
    char *below;

    if (!vms_volume_inspect(engine->drivers->volume, settled, *format, &image, NULL) ||
        !image->backing)
        return FALSE;
    below = g_path_is_absolute(image->backing) ? g_strdup(image->backing)
                                               : g_build_filename(folder, image->backing, NULL);
    g_free(*path);
    *path = below;
    g_free(*format);
    *format = g_strdup(image->backing_format);
    return TRUE;
}

/* The headers tell the layers below where the XML of a VM that is off does not. */
static void
add_header_backing(const Adding *self, const VmsDisk *disk)
{
    g_autofree char *path = g_strdup(disk->path);
    g_autofree char *format = g_strdup(disk->format);

    if (disk->backing->len > 0)
        return;
    for (guint depth = 0; depth < CHAIN_LIMIT; depth++) {
        if (!path || g_strcmp0(format, "qcow2") != 0 || !step_down(self->engine, &path, &format))
            return;
        add_path(self, path, VMS_FILE_BACKING);
    }
}

static void
add_disks(const Adding *self, const GPtrArray *disks)
{
    for (guint i = 0; disks && i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        add_path(self, disk->path, vms_disk_is_owned(disk) ? VMS_FILE_DISK : VMS_FILE_MEDIA);
        for (guint j = 0; j < disk->backing->len; j++) {
            const VmsBacking *backing = disk->backing->pdata[j];

            add_path(self, backing->path, VMS_FILE_BACKING);
        }
        add_header_backing(self, disk);
    }
}

static void
add_files(const Adding *self, const VmsVm *vm)
{
    add_disks(self, vm->disks);
    add_disks(self, vm->live_disks);
    add_path(self, vm->nvram, VMS_FILE_NVRAM);
    add_path(self, vm->loader, VMS_FILE_BOOT);
    add_path(self, vm->kernel, VMS_FILE_BOOT);
    add_path(self, vm->initrd, VMS_FILE_BOOT);
}

gboolean
vms_inventory_collect(VmsEngine *engine, VmsInventory **ret_inventory, GError **error)
{
    const VmsHypervisor *hv = engine->drivers->hypervisor;
    GPtrArray *vms = NULL;
    g_autoptr(VmsInventory) inventory = NULL;

    if (!vms_hypervisor_list_vms(engine->drivers->hypervisor, !hv->read_only && !engine->read_only,
                                 &vms, error))
        return FALSE;
    inventory = vms_inventory_new(vms);
    for (guint i = 0; i < vms->len; i++) {
        const Adding adding = { engine, inventory, i };

        add_files(&adding, vms->pdata[i]);
    }
    if (vms_claims_is_full(inventory->claims))
        return vms_fail(error, VMSNAP_E_UNSUPPORTED, "there are too many VMs to compare");
    *ret_inventory = g_steal_pointer(&inventory);
    return TRUE;
}
