/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/address.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/agent-socket.h"
#include "engine/lease.h"
#include "plan/address-choice.h"

/* A hint is not worth more. */
#define ASK_LIMIT_MS 2000

/* While a guest stands still its agent has the thaw to wait for, and nothing else. */
static gboolean
is_in_window(const VmsEngine *engine, const char *vm_uuid)
{
    g_autoptr(VmsLease) lease = NULL;
    g_autoptr(GError) missing = NULL;

    return vms_lease_read(engine->state_dir, vm_uuid, &lease, &missing) ||
           vms_error_get_code(missing) != VMSNAP_E_NOT_FOUND;
}

GPtrArray *
vms_addresses_ask(VmsEngine *engine, const VmsVm *vm)
{
    const VmsDrivers *drivers = engine->drivers;
    g_autoptr(VmsAgent) agent = NULL;
    g_autoptr(GError) failed = NULL;
    GPtrArray *told = NULL;

    if (vm->state != VMSNAP_VM_RUNNING || !(vm->agent_connected || vm->agent_socket) ||
        is_in_window(engine, vm->uuid))
        return NULL;
    agent = drivers->open_agent(drivers->hypervisor, vm->uuid, vm->agent_socket);
    if (!vms_agent_list_addresses(agent, ASK_LIMIT_MS, &told, &failed))
        vms_log(engine->log, VMSNAP_LOG_INFO, "the agent of VM %s told no addresses: %s", vm->name,
                failed->message);
    return told;
}

static gboolean
add_networks(VmsEngine *engine, const GPtrArray *nics, GPtrArray *networks, GError **error)
{
    for (guint i = 0; nics && i < nics->len; i++) {
        const VmsNic *nic = nics->pdata[i];
        g_autoptr(GError) failed = NULL;
        VmsNetwork *network = NULL;

        if (!nic->network || vms_network_find(networks, nic->network))
            continue;
        if (vms_networks_find(engine->drivers->networks, nic->network, &network, &failed)) {
            g_ptr_array_add(networks, network);
        } else if (vms_error_get_code(failed) != VMSNAP_E_NOT_FOUND) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
    }
    return TRUE;
}

static void
warn(VmsSnapshot *snapshot, const VmsVm *vm, const GError *why)
{
    g_ptr_array_add(snapshot->resources,
                    vms_finding_new_reason("IPAddress", vm->name, VMSNAP_SEVERITY_WARNING,
                                           "AddressUnknown",
                                           "the addresses of VM %s are not kept: "
                                           "%s",
                                           vm->name, why->message));
}

static void
add_resources(VmsSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->addresses->len; i++) {
        const VmsAddress *address = snapshot->addresses->pdata[i];

        g_ptr_array_add(snapshot->resources,
                        vms_finding_new("IPAddress", address->address, VMS_RESOURCE_READY));
    }
}

void
vms_addresses_note(VmsEngine *engine, const VmsVm *vm, VmsSnapshot *snapshot)
{
    g_autoptr(GPtrArray) networks =
        g_ptr_array_new_with_free_func((GDestroyNotify)vms_network_free);
    g_autoptr(GPtrArray) told = NULL;
    g_autoptr(GError) failed = NULL;
    VmsAddressInput input = { .vm = vm,
                              .networks = networks,
                              .keep_ip = snapshot->keep_ip,
                              .now_us = vms_clock_realtime_us() };

    if (!engine->drivers->networks)
        return;
    if (!add_networks(engine, vm->nics, networks, &failed) ||
        !add_networks(engine, vm->live_nics, networks, &failed))
        warn(snapshot, vm, failed);
    if (vms_address_asks_agent(&input))
        told = vms_addresses_ask(engine, vm);
    input.told = told;
    g_ptr_array_unref(snapshot->addresses);
    snapshot->addresses = vms_address_choose(&input);
    add_resources(snapshot);
}
