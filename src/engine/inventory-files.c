/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/inventory-files.h"

#include "engine/inventory.h"

/* Layers of one image that are followed; QEMU itself gives up not much later. */
#define CHAIN_LIMIT 32

/* What one VM refers to is being added. */
typedef struct {
    const VmsInventoryFiles *files;
    guint32 holder;
} Adding;

/* ---- storage of several hosts ---- */

static gboolean
is_global_device(const char *path)
{
    static const char *const names[] = {
        "/dev/disk/by-id/wwn-",           "/dev/disk/by-id/scsi-3", "/dev/disk/by-id/nvme-eui.",
        "/dev/disk/by-id/dm-uuid-mpath-", "/dev/disk/by-path/ip-",  "/dev/rbd/"
    };

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_str_has_prefix(path, names[i]))
            return TRUE;
    return FALSE;
}

static gboolean
ask_folder(VmsEngine *engine, const char *folder)
{
    g_auto(VmsPlaceInfo) place = { 0 };

    return vms_volume_read_place(engine->drivers->volume, NULL, folder, &place, NULL) &&
           vms_place_is_shared(&place);
}

/* Each folder is asked once. */
static gboolean
is_shared(const VmsInventoryFiles *self, const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    gpointer known = NULL;
    gboolean shared;

    if (g_str_has_prefix(path, "/dev/"))
        return is_global_device(path);
    if (g_hash_table_lookup_extended(self->folders, folder, NULL, &known))
        return GPOINTER_TO_INT(known);
    shared = ask_folder(self->engine, folder);
    g_hash_table_insert(self->folders, g_steal_pointer(&folder), GINT_TO_POINTER(shared));
    return shared;
}

/* A path that means a file of this host. */
static gboolean
is_ours(const VmsInventoryFiles *self, const char *path)
{
    return path && *path == '/' && (!self->folders || is_shared(self, path));
}

/* ---- files ---- */

static void
add_path(const Adding *self, const char *path, VmsFileRole role)
{
    const VmsInventoryFiles *files = self->files;
    g_autofree char *settled = NULL;
    VmsFileId file = { 0 };

    if (!is_ours(files, path))
        return;
    settled = vms_inventory_settle(path);
    vms_volume_identify(files->engine->drivers->volume, settled, &file, NULL);
    vms_inventory_add_file(files->inventory, self->holder, settled, &file, role);
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

    if (disk->backing->len > 0 || !is_ours(self->files, path))
        return;
    for (guint depth = 0; depth < CHAIN_LIMIT; depth++) {
        if (!path || g_strcmp0(format, "qcow2") != 0 ||
            !step_down(self->files->engine, &path, &format))
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

void
vms_inventory_add_files(const VmsInventoryFiles *self, const VmsVm *vm, guint32 holder)
{
    const Adding adding = { self, holder };

    add_disks(&adding, vm->disks);
    add_disks(&adding, vm->live_disks);
    add_path(&adding, vm->nvram, VMS_FILE_NVRAM);
    add_path(&adding, vm->tpm_state, VMS_FILE_TPM);
    add_path(&adding, vm->loader, VMS_FILE_BOOT);
    add_path(&adding, vm->kernel, VMS_FILE_BOOT);
    add_path(&adding, vm->initrd, VMS_FILE_BOOT);
}
