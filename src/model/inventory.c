/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/inventory.h"

static void
file_user_free(VmsFileUser *user)
{
    g_free(user->path);
    g_free(user);
}

VmsInventory *
vms_inventory_new(GPtrArray *vms)
{
    VmsInventory *inventory = g_new0(VmsInventory, 1);

    inventory->vms = vms;
    inventory->users = g_ptr_array_new_with_free_func((GDestroyNotify)file_user_free);
    return inventory;
}

void
vms_inventory_free(VmsInventory *inventory)
{
    if (!inventory)
        return;
    g_ptr_array_unref(inventory->users);
    g_ptr_array_unref(inventory->vms);
    g_free(inventory);
}

void
vms_inventory_add_user(VmsInventory *inventory, const VmsVm *vm, const char *path,
                       const VmsFileId *file, gboolean backing)
{
    VmsFileUser *user = g_new0(VmsFileUser, 1);

    user->vm = vm;
    user->path = g_strdup(path);
    user->file = *file;
    user->backing = backing;
    g_ptr_array_add(inventory->users, user);
}

const VmsFileUser *
vms_inventory_find_user(const VmsInventory *inventory, const char *vm_uuid, const char *path,
                        const VmsFileId *file)
{
    for (guint i = 0; i < inventory->users->len; i++) {
        const VmsFileUser *user = inventory->users->pdata[i];

        if (g_strcmp0(user->vm->uuid, vm_uuid) == 0)
            continue;
        if (g_strcmp0(user->path, path) == 0 || vms_file_id_same(&user->file, file))
            return user;
    }
    return NULL;
}

static gboolean
has_mac(const GPtrArray *nics, const char *mac)
{
    for (guint i = 0; nics && i < nics->len; i++) {
        const VmsNic *nic = nics->pdata[i];

        if (nic->mac && g_ascii_strcasecmp(nic->mac, mac) == 0)
            return TRUE;
    }
    return FALSE;
}

const VmsVm *
vms_inventory_find_mac(const VmsInventory *inventory, const char *vm_uuid, const char *mac)
{
    for (guint i = 0; i < inventory->vms->len; i++) {
        const VmsVm *vm = inventory->vms->pdata[i];

        if (g_strcmp0(vm->uuid, vm_uuid) != 0 &&
            (has_mac(vm->nics, mac) || has_mac(vm->live_nics, mac)))
            return vm;
    }
    return NULL;
}

const VmsVm *
vms_inventory_find_vm(const VmsInventory *inventory, const char *name_or_uuid)
{
    const VmsVm *by_uuid = NULL;

    for (guint i = 0; i < inventory->vms->len; i++) {
        const VmsVm *vm = inventory->vms->pdata[i];

        if (g_strcmp0(vm->name, name_or_uuid) == 0)
            return vm;
        if (g_ascii_strcasecmp(vm->uuid, name_or_uuid) == 0)
            by_uuid = vm;
    }
    return by_uuid;
}
