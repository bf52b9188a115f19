/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/network.h"

#include <glib.h>

/* Port: what the engine needs from whatever gives virtual machines their addresses.
 *
 * Adapters: adapter/libvirt, tests/support/fake-network.c. An adapter embeds VmsNetworks as its
 * first member. All calls may come from any thread and block. */

typedef struct VmsNetworks VmsNetworks;

typedef struct {
    /* Every network (VmsNetwork*) with its host entries and leases, sorted by name. Empty where
     * the hypervisor has no networks at all; one that cannot be read has only its name. */
    gboolean (*list)(VmsNetworks *networks, GPtrArray **ret_list, GError **error);
    /* One of them; NOT_FOUND. */
    gboolean (*find)(VmsNetworks *networks, const char *name, VmsNetwork **ret_network,
                     GError **error);
    /* Give an address to one client only, in force at once and after a restart. Success when it
     * is so already. CONFLICT with reason AddressInUse when another entry stands in the way,
     * UNSUPPORTED with reason AddressNotManaged when the network does not give out the address. */
    gboolean (*add_host)(VmsNetworks *networks, const char *network, const VmsHostEntry *entry,
                         GError **error);
    /* Take that back. Success when there is no such entry or no such network. */
    gboolean (*remove_host)(VmsNetworks *networks, const char *network, const VmsHostEntry *entry,
                            GError **error);
    void (*free)(VmsNetworks *networks);
} VmsNetworksOps;

struct VmsNetworks {
    const VmsNetworksOps *ops;
};

gboolean vms_networks_list(VmsNetworks *networks, GPtrArray **ret_list, GError **error);
gboolean vms_networks_find(VmsNetworks *networks, const char *name, VmsNetwork **ret_network,
                           GError **error);
gboolean vms_networks_add_host(VmsNetworks *networks, const char *network,
                               const VmsHostEntry *entry, GError **error);
gboolean vms_networks_remove_host(VmsNetworks *networks, const char *network,
                                  const VmsHostEntry *entry, GError **error);
void vms_networks_free(VmsNetworks *networks);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsNetworks, vms_networks_free)
