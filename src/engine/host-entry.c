/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/host-entry.h"

#include "base/error.h"
#include "engine/store.h"

/* ---- what an operation changes ---- */

void
vms_host_entries_plan_restore(const VmsRestoreInput *input, VmsOperation *operation)
{
    const GPtrArray *addresses = input->snapshot->addresses;

    for (guint i = 0; i < addresses->len; i++) {
        const VmsAddress *address = addresses->pdata[i];
        const VmsHostEntry entry = { .mac = address->mac,
                                     .client_id = address->client_id,
                                     .name = address->name,
                                     .address = address->address };

        if (vms_restore_puts_address(input, address))
            g_ptr_array_add(operation->hosts, vms_host_change_new(address->network, &entry));
    }
}

void
vms_host_entries_plan_undo(const VmsOperation *restore, VmsOperation *undo)
{
    for (guint i = 0; i < restore->hosts->len; i++) {
        const VmsHostChange *made = restore->hosts->pdata[i];
        VmsHostChange *change;

        if (made->existed || made->vanish)
            continue;
        change = vms_host_change_copy(made);
        change->vanish = TRUE;
        g_ptr_array_add(undo->hosts, change);
    }
}

/* Nothing to do for one that stands and shall stand, or the other way round. */
static gboolean
is_changed(const VmsHostChange *change)
{
    return change->vanish == change->existed;
}

static const VmsHostChange *
find_change(const VmsOperation *operation, const VmsHostChange *wanted)
{
    for (guint i = 0; i < operation->hosts->len; i++) {
        if (vms_host_change_equal(operation->hosts->pdata[i], wanted))
            return operation->hosts->pdata[i];
    }
    return NULL;
}

/* Whoever changed it last added it: then it is one of ours, as far as we can know. */
static gboolean
is_ours(const GPtrArray *operations, const VmsHostChange *wanted)
{
    gint64 last_us = 0;
    gboolean ours = FALSE;

    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *operation = operations->pdata[i];
        const VmsHostChange *change = find_change(operation, wanted);

        if (!change || !is_changed(change) || operation->phase != VMSNAP_OPERATION_COMPLETED ||
            operation->finished_us < last_us)
            continue;
        last_us = operation->finished_us;
        ours = !change->vanish;
    }
    return ours;
}

static gboolean
was_undone(const GPtrArray *operations, const VmsOperation *restore)
{
    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *operation = operations->pdata[i];

        if (g_strcmp0(operation->undo_of, restore->uuid) == 0 &&
            operation->phase == VMSNAP_OPERATION_COMPLETED)
            return TRUE;
    }
    return FALSE;
}

static gboolean
stands(const GPtrArray *operations, const VmsOperation *operation)
{
    return g_strcmp0(operation->type, "restore") == 0 &&
           operation->phase == VMSNAP_OPERATION_COMPLETED && !was_undone(operations, operation);
}

/* Another snapshot that was restored gave the VM the same address, and still is there. */
static gboolean
is_needed(VmsEngine *engine, const GPtrArray *operations, const char *snapshot_uuid,
          const VmsHostChange *change)
{
    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *operation = operations->pdata[i];
        g_autoptr(VmsSnapshot) other = NULL;

        if (!find_change(operation, change) || !stands(operations, operation) ||
            g_strcmp0(operation->snapshot, snapshot_uuid) == 0)
            continue;
        if (vms_store_load_snapshot(engine->drivers->catalog, operation->snapshot, &other, NULL,
                                    NULL))
            return TRUE;
    }
    return FALSE;
}

static void
plan_removal(VmsOperation *operation, const VmsHostChange *made)
{
    VmsHostChange *change;

    if (find_change(operation, made))
        return;
    change = vms_host_change_copy(made);
    change->existed = TRUE;
    change->vanish = TRUE;
    g_ptr_array_add(operation->hosts, change);
}

gboolean
vms_host_entries_plan_delete(VmsEngine *engine, const VmsSnapshot *snapshot,
                             VmsOperation *operation, GError **error)
{
    g_autoptr(GPtrArray) operations = NULL;

    if (!vms_store_list_operations(engine->drivers->catalog, &operations, error))
        return FALSE;
    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *restore = operations->pdata[i];

        if (g_strcmp0(restore->snapshot, snapshot->uuid) != 0 || !stands(operations, restore))
            continue;
        for (guint j = 0; j < restore->hosts->len; j++) {
            const VmsHostChange *made = restore->hosts->pdata[j];

            if (is_ours(operations, made) && !is_needed(engine, operations, snapshot->uuid, made))
                plan_removal(operation, made);
        }
    }
    return TRUE;
}

/* ---- doing it ---- */

static gboolean
note_one(VmsEngine *engine, VmsHostChange *change, GError **error)
{
    const VmsHostEntry entry = vms_host_change_entry(change);
    g_autoptr(VmsNetwork) network = NULL;
    g_autoptr(GError) missing = NULL;
    const VmsHostEntry *rival;

    if (!vms_networks_find(engine->drivers->networks, change->network, &network, &missing)) {
        if (change->vanish && vms_error_get_code(missing) == VMSNAP_E_NOT_FOUND) {
            change->existed = FALSE;
            return TRUE;
        }
        g_propagate_error(error, g_steal_pointer(&missing));
        return FALSE;
    }
    rival = change->vanish ? NULL : vms_host_entry_find_rival(network->hosts, &entry);
    if (rival)
        return vms_refuse(error, VMSNAP_E_CONFLICT, "AddressInUse",
                          "network %s got a host entry for %s meanwhile", change->network,
                          rival->mac ? rival->mac : change->address);
    change->existed = vms_host_entry_find(network->hosts, &entry) != NULL;
    return TRUE;
}

gboolean
vms_host_entries_note(VmsEngine *engine, const VmsOperation *operation, GError **error)
{
    for (guint i = 0; i < operation->hosts->len; i++) {
        if (!note_one(engine, operation->hosts->pdata[i], error))
            return FALSE;
    }
    return TRUE;
}

/* @stand: what is wanted of the entry. */
static gboolean
change_one(VmsEngine *engine, const VmsHostChange *change, gboolean stand, GError **error)
{
    VmsNetworks *networks = engine->drivers->networks;
    const VmsHostEntry entry = vms_host_change_entry(change);
    gboolean done;

    if (!networks) {
        vms_log(engine->log, VMSNAP_LOG_WARNING,
                "the host entry of %s in network %s is left as it is: there is no hypervisor",
                change->address, change->network);
        return TRUE;
    }
    done = stand ? vms_networks_add_host(networks, change->network, &entry, error)
                 : vms_networks_remove_host(networks, change->network, &entry, error);
    if (!done && error)
        vms_error_set_step(*error, stand ? "add-host-entry" : "remove-host-entry");
    return done;
}

gboolean
vms_host_entries_put(VmsEngine *engine, const VmsOperation *operation, GError **error)
{
    for (guint i = 0; i < operation->hosts->len; i++) {
        const VmsHostChange *change = operation->hosts->pdata[i];

        if (is_changed(change) && !change_one(engine, change, !change->vanish, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
vms_host_entries_put_back(VmsEngine *engine, const VmsOperation *operation, GError **error)
{
    for (guint i = operation->hosts->len; i > 0; i--) {
        const VmsHostChange *change = operation->hosts->pdata[i - 1];

        if (is_changed(change) && !change_one(engine, change, change->vanish, error))
            return FALSE;
    }
    return TRUE;
}
