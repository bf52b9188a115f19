/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/disk-survey.h"
#include "engine/inventory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Only what a name says, never what a guest may have written. */
static const char *
format_of_name(const char *path)
{
    return g_str_has_suffix(path, ".qcow2") || g_str_has_suffix(path, ".qcow") ? "qcow2" : "raw";
}

/* Sizes are an extra: what cannot be read here is left open. */
static void
read_sizes(VmsEngine *engine, VmsDiskInfo *info)
{
    const VmsHypervisor *hv = engine->drivers->hypervisor;
    g_autoptr(VmsImage) image = NULL;

    if (!info->path || !info->format || (hv && hv->remote) ||
        !vms_volume_inspect(engine->drivers->volume, info->path, info->format, &image, NULL))
        return;
    info->virtual_size = image->virtual_size;
    info->allocated = image->file.allocated;
}

static VmsDiskInfo *
info_of_vm(VmsEngine *engine, const VmsVm *vm, const VmsDisk *disk)
{
    VmsDiskInfo *info = vms_disk_info_new_of_vm(vm, disk);

    read_sizes(engine, info);
    return info;
}

static gboolean
check_format(const VmsDiskInfo *info, const char *format, GError **error)
{
    return !format || g_strcmp0(format, info->format) == 0 ||
           vms_fail(error, VMSNAP_E_INVALID, "disk %s has format %s, not %s", info->name,
                    info->format ? info->format : "(none)", format);
}

/* ---- VM/TARGET ---- */

static gboolean
find_of_vm(VmsEngine *engine, const char *vm_name, const char *target, VmsDiskInfo **ret_disk,
           GError **error)
{
    g_autoptr(VmsVm) vm = NULL;
    const GPtrArray *disks;

    if (!engine->drivers->hypervisor)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NoHypervisor",
                          "the context has no hypervisor (URI \"none\"): name a disk by its path");
    if (!vms_hypervisor_find_vm(engine->drivers->hypervisor, vm_name, FALSE, &vm, error))
        return FALSE;
    disks = vms_vm_current_disks(vm);
    for (guint i = 0; i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        if (strcmp(disk->target, target) != 0)
            continue;
        *ret_disk = info_of_vm(engine, vm, disk);
        return TRUE;
    }
    if (vms_vm_find_disk(vm, target))
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "BlockDevicesNotReady",
                          "VM %s gets disk %s at its next start only", vm->name, target);
    return vms_fail(error, VMSNAP_E_NOT_FOUND, "VM %s has no disk %s", vm->name, target);
}

static gboolean
find_by_target(VmsEngine *engine, const char *name, VmsDiskInfo **ret_disk, GError **error)
{
    const char *slash = strchr(name, '/');
    g_autofree char *vm = NULL;

    if (!slash || slash == name || !slash[1] || strchr(slash + 1, '/'))
        return vms_fail(error, VMSNAP_E_INVALID,
                        "'%s' is neither VM/TARGET nor a path that starts with / or ./", name);
    vm = g_strndup(name, (gsize)(slash - name));
    return find_of_vm(engine, vm, slash + 1, ret_disk, error);
}

/* ---- paths ---- */

static gboolean
find_in_vms(VmsEngine *engine, const char *path, VmsDiskInfo **ret_disk, GError **error)
{
    g_autoptr(VmsInventory) inventory = NULL;
    g_autofree char *settled = vms_inventory_settle(path);
    VmsFileId file = { 0 };
    const VmsVm *vm = NULL;
    const VmsDisk *disk = NULL;

    if (!engine->drivers->hypervisor)
        return TRUE;
    if (!vms_volume_identify(engine->drivers->volume, path, &file, error) ||
        !vms_inventory_collect(engine, &inventory, error) ||
        !vms_disk_find_owner(engine, inventory, settled, &file, &vm, &disk, error))
        return FALSE;
    if (vm)
        *ret_disk = info_of_vm(engine, vm, disk);
    return TRUE;
}

static gboolean
find_by_path(VmsEngine *engine, const char *path, const char *format, VmsDiskInfo **ret_disk,
             GError **error)
{
    g_autoptr(VmsDiskInfo) info = NULL;
    g_autoptr(VmsImage) image = NULL;

    if (!vms_disk_check_acting(engine, FALSE, error) || !find_in_vms(engine, path, &info, error))
        return FALSE;
    if (!info) {
        if (!vms_volume_inspect(engine->drivers->volume, path,
                                format ? format : format_of_name(path), &image, error))
            return FALSE;
        info = vms_disk_info_new(image->path, image->format);
        info->source_type = g_strdup(image->block_device ? "block" : "file");
        info->virtual_size = image->virtual_size;
        info->allocated = image->file.allocated;
    }
    *ret_disk = g_steal_pointer(&info);
    return TRUE;
}

char *
vms_disk_absolute(const char *path, GError **error)
{
    char *folder;
    char *full;

    if (path[0] == '/')
        return g_strdup(path);
    folder = getcwd(NULL, 0);
    if (!folder) {
        vms_fail(error, VMSNAP_E_INVALID, "the working folder has no path");
        return NULL;
    }
    full = g_build_filename(folder, path + 2, NULL);
    free(folder);
    return full;
}

gboolean
vms_engine_find_disk(VmsEngine *engine, const char *name, const char *format,
                     VmsDiskInfo **ret_disk, GError **error)
{
    gboolean is_path = name[0] == '/' || g_str_has_prefix(name, "./");
    g_autofree char *path = is_path ? vms_disk_absolute(name, error) : NULL;
    g_autoptr(VmsDiskInfo) info = NULL;

    if (is_path && !path)
        return FALSE;
    if (is_path ? !find_by_path(engine, path, format, &info, error)
                : !find_by_target(engine, name, &info, error))
        return FALSE;
    if (!check_format(info, format, error))
        return FALSE;
    *ret_disk = g_steal_pointer(&info);
    return TRUE;
}

static void
add_disks(VmsEngine *engine, const VmsVm *vm, GPtrArray *list)
{
    const GPtrArray *disks = vms_vm_current_disks(vm);

    for (guint i = 0; i < disks->len; i++)
        g_ptr_array_add(list, info_of_vm(engine, vm, disks->pdata[i]));
}

gboolean
vms_engine_list_disks(VmsEngine *engine, const char *vm, GPtrArray **ret_disks, GError **error)
{
    VmsHypervisor *hv = engine->drivers->hypervisor;
    g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_disk_info_free);
    g_autoptr(GPtrArray) vms = NULL;
    g_autoptr(VmsVm) one = NULL;

    if (vm) {
        if (!vms_hypervisor_find_vm(hv, vm, FALSE, &one, error))
            return FALSE;
        add_disks(engine, one, disks);
    } else if (!vms_hypervisor_list_vms(hv, FALSE, &vms, error)) {
        return FALSE;
    }
    for (guint i = 0; vms && i < vms->len; i++)
        add_disks(engine, vms->pdata[i], disks);
    *ret_disks = g_steal_pointer(&disks);
    return TRUE;
}
