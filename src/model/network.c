/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/network.h"

#include "base/ip.h"

VmsNetwork *
vms_network_new(const char *name)
{
    VmsNetwork *network = g_new0(VmsNetwork, 1);

    network->name = g_strdup(name);
    network->subnets = g_ptr_array_new_with_free_func((GDestroyNotify)vms_subnet_free);
    network->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)vms_host_entry_free);
    network->leases = g_ptr_array_new_with_free_func((GDestroyNotify)vms_dhcp_lease_free);
    return network;
}

void
vms_network_free(VmsNetwork *network)
{
    if (!network)
        return;
    g_free(network->name);
    g_free(network->uuid);
    g_ptr_array_unref(network->subnets);
    g_ptr_array_unref(network->hosts);
    g_ptr_array_unref(network->leases);
    g_free(network);
}

VmsSubnet *
vms_subnet_new(const char *address, guint prefix, gboolean dhcp)
{
    VmsSubnet *subnet = g_new0(VmsSubnet, 1);

    subnet->address = g_strdup(address);
    subnet->prefix = prefix;
    subnet->dhcp = dhcp;
    return subnet;
}

void
vms_subnet_free(VmsSubnet *subnet)
{
    if (!subnet)
        return;
    g_free(subnet->address);
    g_free(subnet);
}

VmsHostEntry *
vms_host_entry_new(const char *mac, const char *address)
{
    VmsHostEntry *entry = g_new0(VmsHostEntry, 1);

    entry->mac = g_strdup(mac);
    entry->address = g_strdup(address);
    return entry;
}

VmsHostEntry *
vms_host_entry_copy(const VmsHostEntry *entry)
{
    VmsHostEntry *copy = vms_host_entry_new(entry->mac, entry->address);

    copy->client_id = g_strdup(entry->client_id);
    copy->name = g_strdup(entry->name);
    return copy;
}

void
vms_host_entry_free(VmsHostEntry *entry)
{
    if (!entry)
        return;
    g_free(entry->mac);
    g_free(entry->client_id);
    g_free(entry->name);
    g_free(entry->address);
    g_free(entry);
}

VmsDhcpLease *
vms_dhcp_lease_new(const char *mac, const char *address, gint64 expires_us)
{
    VmsDhcpLease *lease = g_new0(VmsDhcpLease, 1);

    lease->mac = g_strdup(mac);
    lease->address = g_strdup(address);
    lease->expires_us = expires_us;
    return lease;
}

void
vms_dhcp_lease_free(VmsDhcpLease *lease)
{
    if (!lease)
        return;
    g_free(lease->mac);
    g_free(lease->client_id);
    g_free(lease->name);
    g_free(lease->address);
    g_free(lease);
}

VmsAddress *
vms_address_new(const char *mac, const char *address, VmsAddressKind kind)
{
    VmsAddress *self = g_new0(VmsAddress, 1);

    self->mac = g_strdup(mac);
    self->address = g_strdup(address);
    self->kind = kind;
    return self;
}

void
vms_address_free(VmsAddress *address)
{
    if (!address)
        return;
    g_free(address->mac);
    g_free(address->network);
    g_free(address->address);
    g_free(address->client_id);
    g_free(address->name);
    g_free(address);
}

const VmsNetwork *
vms_network_find(const GPtrArray *networks, const char *name)
{
    for (guint i = 0; networks && i < networks->len; i++) {
        const VmsNetwork *network = networks->pdata[i];

        if (g_strcmp0(network->name, name) == 0)
            return network;
    }
    return NULL;
}

gboolean
vms_host_entry_same_client(const VmsHostEntry *a, const VmsHostEntry *b)
{
    if (a->client_id || b->client_id)
        return g_strcmp0(a->client_id, b->client_id) == 0;
    return a->mac && g_strcmp0(a->mac, b->mac) == 0;
}

gboolean
vms_host_entry_equal(const VmsHostEntry *a, const VmsHostEntry *b)
{
    return vms_host_entry_same_client(a, b) && g_strcmp0(a->address, b->address) == 0;
}

const VmsHostEntry *
vms_host_entry_find(const GPtrArray *hosts, const VmsHostEntry *entry)
{
    for (guint i = 0; i < hosts->len; i++) {
        if (vms_host_entry_equal(hosts->pdata[i], entry))
            return hosts->pdata[i];
    }
    return NULL;
}

/* A network knows each client, each address and each name only once. */
static gboolean
is_rival(const VmsHostEntry *host, const VmsHostEntry *entry)
{
    gboolean same_address = host->address && g_strcmp0(host->address, entry->address) == 0;
    gboolean same_name = host->name && g_strcmp0(host->name, entry->name) == 0;

    return vms_host_entry_same_client(host, entry) ? !same_address : same_address || same_name;
}

const VmsHostEntry *
vms_host_entry_find_rival(const GPtrArray *hosts, const VmsHostEntry *entry)
{
    for (guint i = 0; i < hosts->len; i++) {
        if (is_rival(hosts->pdata[i], entry))
            return hosts->pdata[i];
    }
    return NULL;
}

int
vms_subnet_find(const GPtrArray *subnets, const char *address)
{
    for (guint i = 0; i < subnets->len; i++) {
        const VmsSubnet *subnet = subnets->pdata[i];

        if (subnet->dhcp && vms_ip_in_subnet(address, subnet->address, subnet->prefix) &&
            g_strcmp0(address, subnet->address) != 0)
            return (int)i;
    }
    return -1;
}
