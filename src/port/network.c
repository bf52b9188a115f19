/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "port/network.h"

#include "base/sys.h"

gboolean
vms_networks_list(VmsNetworks *networks, GPtrArray **ret_list, GError **error)
{
    return networks->ops->list(networks, ret_list, error);
}

gboolean
vms_networks_find(VmsNetworks *networks, const char *name, VmsNetwork **ret_network, GError **error)
{
    return networks->ops->find(networks, name, ret_network, error);
}

gboolean
vms_networks_add_host(VmsNetworks *networks, const char *network, const VmsHostEntry *entry,
                      GError **error)
{
    gboolean done;

    vms_crash_point("host-entry-add");
    done = networks->ops->add_host(networks, network, entry, error);
    vms_crash_point("host-entry-added");
    return done;
}

gboolean
vms_networks_remove_host(VmsNetworks *networks, const char *network, const VmsHostEntry *entry,
                         GError **error)
{
    gboolean done;

    vms_crash_point("host-entry-remove");
    done = networks->ops->remove_host(networks, network, entry, error);
    vms_crash_point("host-entry-removed");
    return done;
}

void
vms_networks_free(VmsNetworks *networks)
{
    if (networks)
        networks->ops->free(networks);
}
