/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/network-xml.h"

#include "adapter/libvirt/xml-write.h"
#include "adapter/libvirt/xml.h"
#include "base/error.h"
#include "base/ip.h"

/* Enough for a /16 full of host entries. */
#define SIZE_LIMIT (16 * (gsize)1024 * 1024)
#define SUBNET_LIMIT 1024
#define HOST_LIMIT 70000

static char *
read_ip(const xmlNode *node, const char *name)
{
    g_autofree char *text = vms_xml_attribute(node, name);

    return vms_ip_canonical(text);
}

static char *
read_mac(const xmlNode *node)
{
    g_autofree char *text = vms_xml_attribute(node, "mac");

    return vms_mac_canonical(text);
}

/* libvirt wants either a prefix or, for IPv4, a netmask; without both it goes by the old classes,
 * which nobody means: then only the address itself is in the subnet. */
static guint
read_prefix(const xmlNode *node, const char *address)
{
    g_autofree char *prefix = vms_xml_attribute(node, "prefix");
    g_autofree char *mask = vms_xml_attribute(node, "netmask");
    guint most = vms_ip_is_v6(address) ? 128 : 32;
    guint64 bits = most;
    int counted = mask ? vms_ip_prefix_of_mask(mask) : -1;

    if (prefix)
        g_ascii_string_to_unsigned(prefix, 10, 0, most, &bits, NULL);
    else if (counted >= 0)
        bits = (guint64)counted;
    return (guint)bits;
}

static VmsHostEntry *
read_host(const xmlNode *node)
{
    VmsHostEntry *entry = vms_host_entry_new(NULL, NULL);

    entry->mac = read_mac(node);
    entry->address = read_ip(node, "ip");
    entry->client_id = vms_xml_attribute(node, "id");
    entry->name = vms_xml_attribute(node, "name");
    return entry;
}

static gboolean
read_hosts(const xmlNode *dhcp, VmsNetwork *network, GError **error)
{
    for (const xmlNode *node = vms_xml_child(dhcp, "host"); node;
         node = vms_xml_next(node, "host")) {
        if (network->hosts->len == HOST_LIMIT)
            return vms_fail(error, VMSNAP_E_INVALID, "the network has too many host entries");
        g_ptr_array_add(network->hosts, read_host(node));
    }
    return TRUE;
}

/* Every <ip> takes its place in the list: its index is how libvirt is told which one is meant. */
static gboolean
read_subnets(const xmlNode *top, VmsNetwork *network, GError **error)
{
    for (const xmlNode *node = vms_xml_child(top, "ip"); node; node = vms_xml_next(node, "ip")) {
        g_autofree char *address = read_ip(node, "address");
        const xmlNode *dhcp = vms_xml_child(node, "dhcp");

        if (network->subnets->len == SUBNET_LIMIT)
            return vms_fail(error, VMSNAP_E_INVALID, "the network has too many addresses");
        g_ptr_array_add(network->subnets,
                        vms_subnet_new(address, read_prefix(node, address), dhcp != NULL));
        if (dhcp && !read_hosts(dhcp, network, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
vms_network_xml_parse(const char *xml, VmsNetwork **ret_network, GError **error)
{
    g_autoptr(xmlDoc) document = NULL;
    g_autoptr(VmsNetwork) network = NULL;
    const xmlNode *top;

    if (!vms_xml_read(xml, SIZE_LIMIT, "network", &document, error))
        return FALSE;
    top = xmlDocGetRootElement(document);
    network = vms_network_new(NULL);
    network->name = vms_xml_text(vms_xml_child(top, "name"));
    network->uuid = vms_xml_text(vms_xml_child(top, "uuid"));
    if (!network->name)
        return vms_fail(error, VMSNAP_E_INVALID, "the network has no name");
    if (!read_subnets(top, network, error))
        return FALSE;
    *ret_network = g_steal_pointer(&network);
    return TRUE;
}

gboolean
vms_network_xml_write_host(const VmsHostEntry *entry, char **ret_xml, GError **error)
{
    const struct {
        const char *name;
        const char *value;
    } parts[] = { { "id", entry->client_id },
                  { "mac", entry->client_id ? NULL : entry->mac },
                  { "name", entry->name },
                  { "ip", entry->address } };
    g_autoptr(xmlDoc) document = vms_xml_new("host");

    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (!parts[i].value)
            continue;
        if (!vms_xml_check_text(parts[i].value, error))
            return FALSE;
        vms_xml_set(xmlDocGetRootElement(document), parts[i].name, parts[i].value);
    }
    return vms_xml_to_text(document, ret_xml, error);
}
