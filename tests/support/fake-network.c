/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "support/fake-world.h"

#include <string.h>

/* One network with one lease, the machine's, and room for one host entry. */

#define NAME "lan"

typedef struct {
    VmsNetworks networks;
    FakeWorld *world;
} FakeNetworks;

static FakeWorld *
world_of(VmsNetworks *networks)
{
    return ((FakeNetworks *)networks)->world;
}

static VmsNetwork *
new_network(const FakeWorld *world)
{
    VmsNetwork *network = vms_network_new(NAME);

    network->active = TRUE;
    network->persistent = TRUE;
    g_ptr_array_add(network->subnets, vms_subnet_new("10.0.0.1", 24, TRUE));
    g_ptr_array_add(network->leases, vms_dhcp_lease_new(FAKE_MAC, FAKE_ADDRESS, 0));
    if (world->entry)
        g_ptr_array_add(network->hosts, vms_host_entry_new(FAKE_MAC, FAKE_ADDRESS));
    return network;
}

static gboolean
list(VmsNetworks *networks, GPtrArray **ret_list, GError **error)
{
    FakeWorld *world = world_of(networks);

    if (fake_world_call(world, "list-networks", error) != FAKE_OK)
        return FALSE;
    *ret_list = g_ptr_array_new_with_free_func((GDestroyNotify)vms_network_free);
    g_ptr_array_add(*ret_list, new_network(world));
    return TRUE;
}

static gboolean
find(VmsNetworks *networks, const char *name, VmsNetwork **ret_network, GError **error)
{
    FakeWorld *world = world_of(networks);

    if (fake_world_call(world, "find-network", error) != FAKE_OK)
        return FALSE;
    if (strcmp(name, NAME) != 0)
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "there is no network %s", name);
    *ret_network = new_network(world);
    return TRUE;
}

static gboolean
change(VmsNetworks *networks, const char *call, int entry, GError **error)
{
    FakeWorld *world = world_of(networks);
    FakeFate fate = fake_world_call(world, call, error);

    if (fate == FAKE_REFUSED)
        return FALSE;
    world->entry = entry;
    return fate == FAKE_OK;
}

static gboolean
add_host(VmsNetworks *networks, const char *network, const VmsHostEntry *entry, GError **error)
{
    (void)network;
    if (g_strcmp0(entry->mac, FAKE_MAC) != 0 || g_strcmp0(entry->address, FAKE_ADDRESS) != 0)
        return vms_fail(error, VMSNAP_E_INTERNAL, "not the machine's address");
    return change(networks, "add-host", 1, error);
}

static gboolean
remove_host(VmsNetworks *networks, const char *network, const VmsHostEntry *entry, GError **error)
{
    (void)network;
    (void)entry;
    return change(networks, "remove-host", 0, error);
}

static void
release(VmsNetworks *networks)
{
    g_free(networks);
}

VmsNetworks *
fake_networks_new(FakeWorld *world)
{
    static const VmsNetworksOps ops = { .list = list,
                                        .find = find,
                                        .add_host = add_host,
                                        .remove_host = remove_host,
                                        .free = release };
    FakeNetworks *self = g_new0(FakeNetworks, 1);

    self->networks.ops = &ops;
    self->world = world;
    return &self->networks;
}
