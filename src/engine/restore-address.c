/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "engine/address.h"
#include "engine/inventory.h"
#include "engine/restore-survey.h"

/* The snapshot has an address on this network. */
static gboolean
is_wanted(const VmsSnapshot *snapshot, const char *network)
{
    for (guint i = 0; network && i < snapshot->addresses->len; i++) {
        const VmsAddress *address = snapshot->addresses->pdata[i];

        if (g_strcmp0(address->network, network) == 0)
            return TRUE;
    }
    return FALSE;
}

/* Networks tell of all that they give out; the guest alone of what it took. */
static void
add_told(VmsEngine *engine, VmsRestoreSurvey *survey, const VmsVm *vm, const VmsNic *nic)
{
    g_autoptr(GPtrArray) told = vms_addresses_ask(engine, vm);
    guint32 holder = vms_inventory_holder_of(survey->inventory, vm->uuid);

    for (guint i = 0; told && i < told->len; i++) {
        const VmsAddress *address = told->pdata[i];
        const VmsAddressClaim claim = { .ip = address->address,
                                        .network = nic->network,
                                        .mac = address->mac,
                                        .kind = VMS_ADDRESS_AGENT };

        if (g_strcmp0(address->mac, nic->mac) == 0)
            vms_inventory_add_address(survey->inventory, holder, &claim);
    }
}

/* A VM whose address the network has given out is known without its agent. */
static gboolean
is_known(const GPtrArray *networks, const VmsNic *nic)
{
    const VmsNetwork *network = vms_network_find(networks, nic->network);

    for (guint i = 0; network && i < network->leases->len; i++) {
        const VmsDhcpLease *lease = network->leases->pdata[i];

        if (g_strcmp0(lease->mac, nic->mac) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
ask_others(VmsEngine *engine, VmsRestoreSurvey *survey)
{
    const GPtrArray *vms = survey->inventory->vms;

    for (guint i = 0; i < vms->len; i++) {
        const VmsVm *vm = vms->pdata[i];

        if (g_strcmp0(vm->uuid, survey->snapshot->vm_uuid) == 0)
            continue;
        for (guint j = 0; vm->live_nics && j < vm->live_nics->len; j++) {
            const VmsNic *nic = vm->live_nics->pdata[j];

            if (is_wanted(survey->snapshot, nic->network) && !is_known(survey->input.networks, nic))
                add_told(engine, survey, vm, nic);
        }
    }
}

gboolean
vms_restore_read_addresses(VmsEngine *engine, VmsRestoreSurvey *survey, GError **error)
{
    survey->input.now_us = vms_clock_realtime_us();
    if (!engine->drivers->networks || survey->snapshot->addresses->len == 0)
        return TRUE;
    if (!vms_networks_list(engine->drivers->networks, &survey->input.networks, error) ||
        !vms_inventory_add_further_networks(engine, survey->inventory, error))
        return FALSE;
    ask_others(engine, survey);
    return TRUE;
}
