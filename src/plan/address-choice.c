/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/address-choice.h"

#include "base/ip.h"

/* One NIC. */
typedef struct {
    const VmsAddressInput *input;
    const char *mac;
    const VmsNetwork *network; /* NULL: on none of the hypervisor's, or it is not there */
    const char *network_name;
} Nic;

static gboolean
is_current(const VmsDhcpLease *lease, gint64 now_us)
{
    return lease->expires_us == 0 || lease->expires_us > now_us;
}

/* What the NIC holds of one family: of several leases (a guest that gave another client id) that
 * which ends last. */
static const VmsDhcpLease *
find_lease(const Nic *nic, gboolean v6)
{
    const VmsDhcpLease *best = NULL;

    for (guint i = 0; nic->network && i < nic->network->leases->len; i++) {
        const VmsDhcpLease *lease = nic->network->leases->pdata[i];

        if (g_strcmp0(lease->mac, nic->mac) != 0 || vms_ip_is_v6(lease->address) != v6 ||
            !is_current(lease, nic->input->now_us))
            continue;
        if (!best || lease->expires_us == 0 ||
            (best->expires_us != 0 && lease->expires_us > best->expires_us))
            best = lease;
    }
    return best;
}

static gboolean
is_entry_of(const VmsHostEntry *entry, const Nic *nic, const VmsDhcpLease *lease, gboolean v6)
{
    if (!entry->address || vms_ip_is_v6(entry->address) != v6)
        return FALSE;
    if (entry->client_id)
        return lease && g_strcmp0(entry->client_id, lease->client_id) == 0;
    return g_strcmp0(entry->mac, nic->mac) == 0;
}

static const VmsHostEntry *
find_entry(const Nic *nic, const VmsDhcpLease *lease, gboolean v6)
{
    for (guint i = 0; nic->network && i < nic->network->hosts->len; i++) {
        if (is_entry_of(nic->network->hosts->pdata[i], nic, lease, v6))
            return nic->network->hosts->pdata[i];
    }
    return NULL;
}

static gboolean
is_noted(const GPtrArray *list, const Nic *nic, const char *address)
{
    for (guint i = 0; i < list->len; i++) {
        const VmsAddress *noted = list->pdata[i];

        if (g_strcmp0(noted->mac, nic->mac) == 0 &&
            g_strcmp0(noted->network, nic->network_name) == 0 &&
            g_strcmp0(noted->address, address) == 0)
            return TRUE;
    }
    return FALSE;
}

static VmsAddress *
note(GPtrArray *list, const Nic *nic, const char *address, VmsAddressKind kind)
{
    VmsAddress *self = vms_address_new(nic->mac, address, kind);

    self->network = g_strdup(nic->network_name);
    g_ptr_array_add(list, self);
    return self;
}

/* A DHCPv6 client is known by its id only. */
static gboolean
can_keep(const Nic *nic, const VmsDhcpLease *lease, gboolean v6)
{
    return (!v6 || lease->client_id) && vms_subnet_find(nic->network->subnets, lease->address) >= 0;
}

static void
note_family(GPtrArray *list, const Nic *nic, gboolean v6)
{
    const VmsDhcpLease *lease = find_lease(nic, v6);
    const VmsHostEntry *entry = find_entry(nic, lease, v6);
    VmsAddress *address;

    if (entry && !is_noted(list, nic, entry->address)) {
        address = note(list, nic, entry->address, VMS_ADDRESS_HOST_ENTRY);
        address->keep = TRUE;
        address->client_id = g_strdup(entry->client_id);
        address->name = g_strdup(entry->name);
    } else if (!entry && lease && nic->input->keep_ip == VMSNAP_KEEP_IP_ALWAYS &&
               !is_noted(list, nic, lease->address)) {
        address = note(list, nic, lease->address, VMS_ADDRESS_LEASE);
        address->keep = can_keep(nic, lease, v6);
        address->client_id = v6 ? g_strdup(lease->client_id) : NULL;
    }
}

/* An address that the network gave out for a while, and that is not to be kept. */
static gboolean
is_dynamic(const Nic *nic, const char *address)
{
    const VmsDhcpLease *lease = find_lease(nic, vms_ip_is_v6(address));

    return lease && g_strcmp0(lease->address, address) == 0;
}

static void
note_told(GPtrArray *list, const Nic *nic)
{
    const GPtrArray *told = nic->input->told;

    for (guint i = 0; told && i < told->len; i++) {
        const VmsAddress *address = told->pdata[i];

        if (g_strcmp0(address->mac, nic->mac) == 0 && !is_noted(list, nic, address->address) &&
            !is_dynamic(nic, address->address))
            note(list, nic, address->address, VMS_ADDRESS_AGENT);
    }
}

static gboolean
open_nic(const VmsAddressInput *input, const VmsNic *from, Nic *nic)
{
    *nic = (Nic){ .input = input, .mac = from->mac, .network_name = from->network };
    if (from->network)
        nic->network = vms_network_find(input->networks, from->network);
    return vms_mac_is_canonical(from->mac);
}

static void
note_nics(GPtrArray *list, const VmsAddressInput *input, const GPtrArray *nics)
{
    Nic nic;

    for (guint i = 0; nics && i < nics->len; i++) {
        if (!open_nic(input, nics->pdata[i], &nic))
            continue;
        note_family(list, &nic, FALSE);
        note_family(list, &nic, TRUE);
        note_told(list, &nic);
    }
}

GPtrArray *
vms_address_choose(const VmsAddressInput *input)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)vms_address_free);

    note_nics(list, input, input->vm->nics);
    note_nics(list, input, input->vm->live_nics);
    return list;
}

gboolean
vms_address_asks_agent(const VmsAddressInput *input)
{
    const GPtrArray *nics = input->vm->live_nics;
    Nic nic;

    for (guint i = 0; nics && i < nics->len; i++) {
        if (open_nic(input, nics->pdata[i], &nic) && !find_lease(&nic, FALSE) &&
            !find_entry(&nic, NULL, FALSE))
            return TRUE;
    }
    return FALSE;
}
