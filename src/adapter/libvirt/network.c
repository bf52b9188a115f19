/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/network.h"

#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/errors.h"
#include "adapter/libvirt/network-xml.h"
#include "base/error.h"
#include "base/ip.h"

#include <stdlib.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetwork, virNetworkFree)

typedef struct {
    VmsNetworks networks;
    VmsLibvirt *libvirt; /* borrowed */
} Networks;

/* A libvirt call about one network. */
typedef struct {
    VmsCall call;
    virNetworkPtr network;
} NetworkCall;

#define NETWORK_CALL_NONE                                                                          \
    {                                                                                              \
        .network = NULL                                                                            \
    }

static void
network_call_clear(NetworkCall *on)
{
    if (on->network)
        virNetworkFree(g_steal_pointer(&on->network));
    vms_call_clear(&on->call);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(NetworkCall, network_call_clear)

static gboolean
network_call_begin(NetworkCall *on, VmsNetworks *networks, const char *name, GError **error)
{
    if (!vms_call_begin(&on->call, ((Networks *)networks)->libvirt->connection, error))
        return FALSE;
    on->network = virNetworkLookupByName(on->call.conn, name);
    return on->network ? TRUE : vms_libvirt_fail(error, name);
}

/* ---- reading ---- */

static gboolean
read_side(virNetworkPtr network, unsigned int flags, VmsNetwork **ret_side, GError **error)
{
    char *xml = virNetworkGetXMLDesc(network, flags);
    gboolean done;

    if (!xml)
        return vms_libvirt_fail(error, virNetworkGetName(network));
    done = vms_network_xml_parse(xml, ret_side, error);
    free(xml);
    return done;
}

/* Entries that only the next start brings: they are somebody's all the same. */
static void
add_configured(VmsNetwork *network, const VmsNetwork *configured)
{
    for (guint i = 0; i < configured->hosts->len; i++) {
        const VmsHostEntry *entry = configured->hosts->pdata[i];

        if (!vms_host_entry_find(network->hosts, entry))
            g_ptr_array_add(network->hosts, vms_host_entry_copy(entry));
    }
}

static void
add_lease(VmsNetwork *network, const virNetworkDHCPLease *from)
{
    g_autofree char *address = vms_ip_canonical(from->ipaddr);
    g_autofree char *mac = vms_mac_canonical(from->mac);
    VmsDhcpLease *lease;

    if (!address)
        return;
    lease = vms_dhcp_lease_new(mac, address, from->expirytime * G_USEC_PER_SEC);
    lease->client_id = g_strdup(from->clientid);
    lease->name = g_strdup(from->hostname);
    g_ptr_array_add(network->leases, lease);
}

/* A network that gives out no addresses has no leases: libvirt fails or lists none. */
static void
read_leases(virNetworkPtr from, VmsNetwork *network)
{
    virNetworkDHCPLeasePtr *leases = NULL;
    int count = virNetworkGetDHCPLeases(from, NULL, &leases, 0);

    for (int i = 0; i < count; i++) {
        add_lease(network, leases[i]);
        virNetworkDHCPLeaseFree(leases[i]);
    }
    free(leases);
}

static gboolean
read_network(virNetworkPtr from, VmsNetwork **ret_network, GError **error)
{
    g_autoptr(VmsNetwork) network = NULL;
    g_autoptr(VmsNetwork) configured = NULL;
    gboolean active = virNetworkIsActive(from) == 1;
    gboolean persistent = virNetworkIsPersistent(from) == 1;

    if (!read_side(from, 0, &network, error))
        return FALSE;
    network->active = active;
    network->persistent = persistent;
    if (active && persistent && read_side(from, VIR_NETWORK_XML_INACTIVE, &configured, NULL))
        add_configured(network, configured);
    read_leases(from, network);
    *ret_network = g_steal_pointer(&network);
    return TRUE;
}

typedef struct {
    virNetworkPtr *items;
    int count;
} List;

static void
list_clear(List *list)
{
    for (int i = 0; i < list->count; i++)
        virNetworkFree(list->items[i]);
    free(list->items);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(List, list_clear)

static int
compare_names(gconstpointer a, gconstpointer b)
{
    const VmsNetwork *const *first = a;
    const VmsNetwork *const *second = b;

    return strcmp((*first)->name, (*second)->name);
}

/* One that cannot be read must not hide the others; one that went away meanwhile is none. */
static void
add_network(const Networks *self, GPtrArray *list, virNetworkPtr from)
{
    g_autoptr(GError) failure = NULL;
    VmsNetwork *network = NULL;

    if (read_network(from, &network, &failure)) {
        g_ptr_array_add(list, network);
        return;
    }
    if (vms_error_get_code(failure) == VMSNAP_E_NOT_FOUND)
        return;
    vms_log(self->libvirt->log, VMSNAP_LOG_WARNING, "the addresses of network %s are not known: %s",
            virNetworkGetName(from), failure->message);
    g_ptr_array_add(list, vms_network_new(virNetworkGetName(from)));
}

static gboolean
list_networks(VmsNetworks *networks, GPtrArray **ret_list, GError **error)
{
    g_auto(VmsCall) call = VMS_CALL_NONE;
    g_auto(List) found = { NULL, 0 };
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)vms_network_free);
    const Networks *self = (const Networks *)networks;

    if (!vms_call_begin(&call, self->libvirt->connection, error))
        return FALSE;
    found.count = virConnectListAllNetworks(call.conn, &found.items, 0);
    if (found.count < 0 && !vms_libvirt_last_unsupported())
        return vms_libvirt_fail(error, NULL);
    for (int i = 0; i < found.count; i++)
        add_network(self, list, found.items[i]);
    g_ptr_array_sort(list, compare_names);
    *ret_list = g_steal_pointer(&list);
    return TRUE;
}

static gboolean
find_network(VmsNetworks *networks, const char *name, VmsNetwork **ret_network, GError **error)
{
    g_auto(NetworkCall) on = NETWORK_CALL_NONE;

    return network_call_begin(&on, networks, name, error) &&
           read_network(on.network, ret_network, error);
}

/* ---- host entries ---- */

/* What is in force and what is configured are changed one by one, each by its own XML: somebody may
 * have made them differ, and then one call for both does half and fails. */
typedef struct {
    unsigned int read;
    unsigned int update;
} Side;

static const Side live_side = { 0, VIR_NETWORK_UPDATE_AFFECT_LIVE };
static const Side configured_side = { VIR_NETWORK_XML_INACTIVE, VIR_NETWORK_UPDATE_AFFECT_CONFIG };

static gboolean
update(virNetworkPtr network, const Side *side, unsigned int command, int index,
       const VmsHostEntry *entry, GError **error)
{
    g_autofree char *xml = NULL;

    if (!vms_network_xml_write_host(entry, &xml, error))
        return FALSE;
    if (virNetworkUpdate(network, command, VIR_NETWORK_SECTION_IP_DHCP_HOST, index, xml,
                         side->update) < 0)
        return vms_libvirt_fail(error, entry->address);
    return TRUE;
}

static gboolean
add_side(virNetworkPtr network, const Side *side, const VmsHostEntry *entry, GError **error)
{
    g_autoptr(VmsNetwork) now = NULL;
    const VmsHostEntry *rival;
    int index;

    if (!read_side(network, side->read, &now, error))
        return FALSE;
    if (vms_host_entry_find(now->hosts, entry))
        return TRUE;
    rival = vms_host_entry_find_rival(now->hosts, entry);
    if (rival)
        return vms_refuse(error, VMSNAP_E_CONFLICT, "AddressInUse",
                          "network %s gives %s to %s already", now->name,
                          rival->address ? rival->address : "an address",
                          rival->mac ? rival->mac : "another client");
    index = vms_subnet_find(now->subnets, entry->address);
    if (index < 0)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "AddressNotManaged",
                          "network %s does not give out %s", now->name, entry->address);
    return update(network, side, VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, index, entry, error);
}

static gboolean
remove_side(virNetworkPtr network, const Side *side, const VmsHostEntry *entry, GError **error)
{
    g_autoptr(VmsNetwork) now = NULL;
    int index;

    if (!read_side(network, side->read, &now, error))
        return FALSE;
    if (!vms_host_entry_find(now->hosts, entry))
        return TRUE;
    index = vms_subnet_find(now->subnets, entry->address);
    return update(network, side, VIR_NETWORK_UPDATE_COMMAND_DELETE, index, entry, error);
}

typedef gboolean (*Change)(virNetworkPtr network, const Side *side, const VmsHostEntry *entry,
                           GError **error);

static gboolean
change_both(virNetworkPtr network, Change change, const VmsHostEntry *entry, GError **error)
{
    gboolean active = virNetworkIsActive(network) == 1;
    gboolean persistent = virNetworkIsPersistent(network) == 1;

    return (!active || change(network, &live_side, entry, error)) &&
           (!persistent || change(network, &configured_side, entry, error));
}

static gboolean
add_host(VmsNetworks *networks, const char *network, const VmsHostEntry *entry, GError **error)
{
    g_auto(NetworkCall) on = NETWORK_CALL_NONE;

    return network_call_begin(&on, networks, network, error) &&
           change_both(on.network, add_side, entry, error);
}

static gboolean
remove_host(VmsNetworks *networks, const char *network, const VmsHostEntry *entry, GError **error)
{
    g_auto(NetworkCall) on = NETWORK_CALL_NONE;
    g_autoptr(GError) failed = NULL;

    if (network_call_begin(&on, networks, network, &failed))
        return change_both(on.network, remove_side, entry, error);
    if (vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static void
release(VmsNetworks *networks)
{
    g_free(networks);
}

VmsNetworks *
vms_libvirt_networks_new(VmsHypervisor *hv)
{
    static const VmsNetworksOps ops = {
        .list = list_networks,
        .find = find_network,
        .add_host = add_host,
        .remove_host = remove_host,
        .free = release,
    };
    Networks *self = g_new0(Networks, 1);

    self->networks.ops = &ops;
    self->libvirt = (VmsLibvirt *)hv;
    return &self->networks;
}
