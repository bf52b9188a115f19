/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "engine/inventory.h"

/* Addresses of one network are being added. */
typedef struct {
    VmsInventory *inventory;
    const VmsNetwork *network;
    const char *host; /* NULL: the acting one */
    guint32 nobody;   /* the network itself as holder; VMS_CLAIM_NONE: not made yet */
} Adding;

/* Whose card that is there; else the network's own. */
static guint32
holder_of(Adding *self, const char *mac)
{
    const VmsHolder network = {
        .kind = VMS_HOLDER_NETWORK,
        .name = self->network->name,
        .host = self->host,
    };
    guint32 holder =
        mac ? vms_inventory_vm_of_mac(self->inventory, mac, self->host) : VMS_CLAIM_NONE;

    if (holder != VMS_CLAIM_NONE)
        return holder;
    if (self->nobody == VMS_CLAIM_NONE)
        self->nobody = vms_inventory_add_holder(self->inventory, &network);
    return self->nobody;
}

static void
add(Adding *self, const char *address, const char *mac, VmsAddressKind kind)
{
    const VmsAddressClaim claim = {
        .ip = address,
        .network = self->network->name,
        .mac = mac,
        .kind = kind,
    };

    if (address)
        vms_inventory_add_address(self->inventory, holder_of(self, mac), &claim);
}

static void
add_network(Adding *self)
{
    const VmsNetwork *network = self->network;
    gint64 now = vms_clock_realtime_us();

    for (guint i = 0; i < network->hosts->len; i++) {
        const VmsHostEntry *entry = network->hosts->pdata[i];

        add(self, entry->address, entry->mac, VMS_ADDRESS_HOST_ENTRY);
    }
    for (guint i = 0; i < network->leases->len; i++) {
        const VmsDhcpLease *lease = network->leases->pdata[i];

        if (lease->expires_us == 0 || lease->expires_us > now)
            add(self, lease->address, lease->mac, VMS_ADDRESS_LEASE);
    }
}

static gboolean
add_networks(VmsInventory *inventory, VmsNetworks *networks, const char *host, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;

    if (!vms_networks_list(networks, &list, error))
        return FALSE;
    for (guint i = 0; i < list->len; i++) {
        Adding adding = { inventory, list->pdata[i], host, VMS_CLAIM_NONE };

        add_network(&adding);
    }
    return TRUE;
}

gboolean
vms_inventory_add_further_networks(VmsEngine *engine, VmsInventory *inventory, GError **error)
{
    const GPtrArray *list = engine->drivers->further;

    for (guint i = 0; list && i < list->len; i++) {
        const VmsFurther *further = list->pdata[i];
        const char *uri = further->hypervisor->uri;

        if (!add_networks(inventory, further->networks, uri, error)) {
            g_prefix_error(error, "connection %s for conflict analysis: ", uri);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean
vms_inventory_add_networks(VmsEngine *engine, VmsInventory *inventory, GError **error)
{
    VmsNetworks *own = engine->drivers->networks;

    return (!own || add_networks(inventory, own, NULL, error)) &&
           vms_inventory_add_further_networks(engine, inventory, error);
}
