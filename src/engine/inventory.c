/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/inventory.h"

#include "base/error.h"
#include "engine/facts.h"
#include "engine/inventory-files.h"

#include <limits.h>
#include <stdlib.h>

/* VMs of one further connection are being added. */
typedef struct {
    VmsInventoryFiles files;
    const VmsFurther *further;
} Adding;

/* A file that other VMs know by a symbolic link is the same file. */
char *
vms_inventory_settle(const char *path)
{
    char settled[PATH_MAX];

    return g_strdup(realpath(path, settled) ? settled : path);
}

static gboolean
check_full(const VmsInventory *inventory, GError **error)
{
    return !vms_claims_is_full(inventory->claims) ||
           vms_fail(error, VMSNAP_E_UNSUPPORTED, "there are too many VMs to compare");
}

gboolean
vms_inventory_collect_own(VmsEngine *engine, VmsInventory **ret_inventory, GError **error)
{
    VmsHypervisor *hv = engine->drivers->hypervisor;
    GPtrArray *vms = NULL;
    g_autoptr(VmsInventory) inventory = NULL;
    VmsInventoryFiles files = { .engine = engine };

    if (!vms_hypervisor_list_vms(hv, !hv->read_only && !engine->read_only, &vms, error))
        return FALSE;
    inventory = vms_inventory_new(vms);
    files.inventory = inventory;
    for (guint i = 0; i < vms->len; i++)
        vms_inventory_add_files(&files, vms->pdata[i], i);
    if (!check_full(inventory, error))
        return FALSE;
    *ret_inventory = g_steal_pointer(&inventory);
    return TRUE;
}

/* Over two connections to one daemon every VM is seen twice. */
static void
add_vm(const VmsVm *vm, gpointer data)
{
    const Adding *self = data;
    VmsInventory *inventory = self->files.inventory;
    guint32 holder;

    if (self->further->same_host && vms_inventory_holder_of(inventory, vm->uuid) != VMS_CLAIM_NONE)
        return;
    holder = vms_inventory_add_vm(inventory, vm, self->further->hypervisor->uri);
    vms_inventory_add_files(&self->files, vm, holder);
}

static gboolean
add_further(VmsEngine *engine, VmsInventory *inventory, const VmsFurther *further, GError **error)
{
    g_autoptr(GHashTable) folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Adding adding = {
        .files = { engine, inventory, further->same_host ? NULL : folders },
        .further = further,
    };

    if (vms_hypervisor_each_vm(further->hypervisor, add_vm, &adding, error))
        return TRUE;
    g_prefix_error(error, "connection %s for conflict analysis: ", further->hypervisor->uri);
    return FALSE;
}

gboolean
vms_inventory_collect(VmsEngine *engine, VmsInventory **ret_inventory, GError **error)
{
    const GPtrArray *further = engine->drivers->further;
    g_autoptr(VmsInventory) inventory = NULL;

    if (!vms_inventory_collect_own(engine, &inventory, error))
        return FALSE;
    for (guint i = 0; further && i < further->len; i++)
        if (!add_further(engine, inventory, further->pdata[i], error))
            return FALSE;
    vms_facts_add_to(engine, inventory);
    if (!check_full(inventory, error))
        return FALSE;
    *ret_inventory = g_steal_pointer(&inventory);
    return TRUE;
}
