/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/network-xml.h"
#include "adapter/qga/message.h"
#include "base/error.h"
#include "base/ip.h"

#include <criterion/criterion.h>
#include <string.h>

/* Addresses: their spelling, networks as libvirt describes them, and what a guest says it has. */

#define MAC "52:54:00:00:00:01"

Test(ip, has_one_spelling)
{
    g_autofree char *v6 = vms_ip_canonical("2001:DB8:0:0::0001");
    g_autofree char *v4 = vms_ip_canonical("192.168.1.10");
    g_autofree char *mac = vms_mac_canonical("52:54:00:AB:cd:EF");

    cr_assert_str_eq(v6, "2001:db8::1");
    cr_assert_str_eq(v4, "192.168.1.10");
    cr_assert_str_eq(mac, "52:54:00:ab:cd:ef");
}

Test(ip, that_is_none_has_no_spelling)
{
    static const char *const texts[] = { "",           "1.2.3",       "1.2.3.4/24", "1.2.3.4 ",
                                         "01.2.3.004", "fe80::1%br0", "host",       "1.2.3.4\n" };
    static const char *const macs[] = { "", "52:54:00:00:00", "52-54-00-00-00-01",
                                        "52:54:00:00:00:01:02", "52:54:00:00:00:0g" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        cr_assert_null(vms_ip_canonical(texts[i]), "%s", texts[i]);
    for (gsize i = 0; i < G_N_ELEMENTS(macs); i++)
        cr_assert_null(vms_mac_canonical(macs[i]), "%s", macs[i]);
    cr_assert_null(vms_ip_canonical(NULL));
    cr_assert_null(vms_mac_canonical(NULL));
}

Test(ip, lies_in_a_subnet_of_its_family)
{
    cr_assert(vms_ip_in_subnet("10.1.2.3", "10.1.0.1", 16));
    cr_assert(vms_ip_in_subnet("10.1.2.3", "10.1.3.1", 23));
    cr_assert_not(vms_ip_in_subnet("10.1.2.3", "10.1.3.1", 24));
    cr_assert(vms_ip_in_subnet("10.1.2.3", "192.168.0.1", 0));
    cr_assert_not(vms_ip_in_subnet("10.1.2.3", "10.1.2.3", 33));
    cr_assert_not(vms_ip_in_subnet("::1", "10.1.2.3", 0));
    cr_assert(vms_ip_in_subnet("2001:db8::5", "2001:db8::1", 64));
    cr_assert_not(vms_ip_in_subnet("2001:db8:0:1::5", "2001:db8::1", 64));
    cr_assert_not(vms_ip_in_subnet(NULL, "10.1.2.3", 0));
}

Test(ip, of_nobody_in_particular)
{
    cr_assert(vms_ip_is_local("127.0.0.1"));
    cr_assert(vms_ip_is_local("::1"));
    cr_assert(vms_ip_is_local("fe80::5054:ff:fe00:1"));
    cr_assert(vms_ip_is_local("169.254.3.4"));
    cr_assert_not(vms_ip_is_local("192.168.122.5"));
    cr_assert_not(vms_ip_is_local("fd00::5"));
    cr_assert_not(vms_ip_is_local("10.0.2.15"));
}

Test(ip, masks_have_no_holes)
{
    cr_assert_eq(vms_ip_prefix_of_mask("255.255.255.0"), 24);
    cr_assert_eq(vms_ip_prefix_of_mask("255.255.252.0"), 22);
    cr_assert_eq(vms_ip_prefix_of_mask("0.0.0.0"), 0);
    cr_assert_eq(vms_ip_prefix_of_mask("255.255.255.255"), 32);
    cr_assert_eq(vms_ip_prefix_of_mask("255.0.255.0"), -1);
    cr_assert_eq(vms_ip_prefix_of_mask("24"), -1);
}

/* ---- network-xml ---- */

#define NETWORK(text) "<network><name>lan</name><uuid>u</uuid>" text "</network>"

static VmsNetwork *
parsed(const char *xml)
{
    VmsNetwork *network = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert(vms_network_xml_parse(xml, &network, &error), "%s", error ? error->message : "");
    return network;
}

Test(network_xml, tells_subnets_and_host_entries)
{
    g_autoptr(VmsNetwork) network =
        parsed(NETWORK("<ip address='10.5.0.1' netmask='255.255.255.0'/>"
                       "<ip address='192.168.7.1' prefix='24'><dhcp><range start='192.168.7.2' "
                       "end='192.168.7.9'/><host mac='52:54:00:00:00:0A' ip='192.168.7.5' "
                       "name='web'/></dhcp></ip>"
                       "<ip family='ipv6' address='2001:DB8::1' prefix='64'><dhcp>"
                       "<host id='0:1:2' ip='2001:db8::0005'/></dhcp></ip>"));
    const VmsHostEntry *first;
    const VmsHostEntry *second;

    cr_assert_str_eq(network->name, "lan");
    cr_assert_eq(network->subnets->len, 3);
    cr_assert_eq(network->hosts->len, 2);
    first = network->hosts->pdata[0];
    second = network->hosts->pdata[1];
    cr_assert_str_eq(first->mac, "52:54:00:00:00:0a");
    cr_assert_str_eq(first->name, "web");
    cr_assert_str_eq(second->client_id, "0:1:2");
    cr_assert_str_eq(second->address, "2001:db8::5");
    cr_assert_eq(vms_subnet_find(network->subnets, "10.5.0.7"), -1, "it gives out none");
    cr_assert_eq(vms_subnet_find(network->subnets, "192.168.7.8"), 1);
    cr_assert_eq(vms_subnet_find(network->subnets, "192.168.7.1"), -1, "the host's own");
    cr_assert_eq(vms_subnet_find(network->subnets, "2001:db8::77"), 2);
}

Test(network_xml, passes_by_what_is_no_address)
{
    g_autoptr(VmsNetwork) network =
        parsed(NETWORK("<ip address='no' netmask='255.0.255.0'><dhcp><host mac='zz' ip='-1'/>"
                       "<host/></dhcp></ip><ip address='10.0.0.1' prefix='99'><dhcp/></ip><ip/>"));

    cr_assert_eq(network->subnets->len, 3);
    cr_assert_eq(network->hosts->len, 2);
    cr_assert_eq(vms_subnet_find(network->subnets, "10.0.0.2"), -1);
    cr_assert_eq(vms_subnet_find(network->subnets, "no"), -1);
}

Test(network_xml, that_is_none_is_refused)
{
    static const char *const texts[] = {
        "",
        "<network/>",
        "<domain><name>lan</name></domain>",
        "<network><name>lan</name>",
        "<!DOCTYPE network [<!ENTITY a 'b'>]><network><name>&a;</name></network>",
        "<x:network xmlns:x='y'><name>lan</name></x:network>",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        VmsNetwork *network = NULL;

        cr_assert_not(vms_network_xml_parse(texts[i], &network, &error), "%s", texts[i]);
        cr_assert_eq(vms_error_get_code(error), VMSNAP_E_INVALID);
        cr_assert_null(network);
    }
}

Test(network_xml, has_a_limit)
{
    g_autoptr(GString) text = g_string_new("<network><name>lan</name>");
    g_autoptr(GError) error = NULL;
    VmsNetwork *network = NULL;

    for (guint i = 0; i < 2000; i++)
        g_string_append(text, "<ip address='10.0.0.1'/>");
    g_string_append(text, "</network>");
    cr_assert_not(vms_network_xml_parse(text->str, &network, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_INVALID);
}

Test(network_xml, writes_what_libvirt_reads)
{
    g_autoptr(VmsHostEntry) entry = vms_host_entry_new(MAC, "10.0.0.5");
    g_autofree char *plain = NULL;
    g_autofree char *named = NULL;
    g_autofree char *sixth = NULL;
    char *bad = NULL;

    cr_assert(vms_network_xml_write_host(entry, &plain, NULL));
    cr_assert(strstr(plain, "<host mac=\"" MAC "\" ip=\"10.0.0.5\"/>"), "%s", plain);
    entry->name = g_strdup("a<b>&'\"");
    cr_assert(vms_network_xml_write_host(entry, &named, NULL));
    cr_assert(strstr(named, "name=\"a&lt;b&gt;&amp;'&quot;\""), "%s", named);
    entry->client_id = g_strdup("0:1");
    cr_assert(vms_network_xml_write_host(entry, &sixth, NULL));
    cr_assert(strstr(sixth, "<host id=\"0:1\" name"), "%s", sixth);
    g_free(entry->name);
    entry->name = g_strdup("a\nb");
    cr_assert_not(vms_network_xml_write_host(entry, &bad, NULL));
    cr_assert_null(bad);
}

/* ---- host entries ---- */

Test(host_entry, stands_in_the_way_of_another)
{
    g_autoptr(GPtrArray) hosts =
        g_ptr_array_new_with_free_func((GDestroyNotify)vms_host_entry_free);
    g_autoptr(VmsHostEntry) same = vms_host_entry_new(MAC, "10.0.0.5");
    g_autoptr(VmsHostEntry) moved = vms_host_entry_new(MAC, "10.0.0.6");
    g_autoptr(VmsHostEntry) other = vms_host_entry_new("52:54:00:00:00:02", "10.0.0.5");
    g_autoptr(VmsHostEntry) apart = vms_host_entry_new("52:54:00:00:00:02", "10.0.0.7");

    g_ptr_array_add(hosts, vms_host_entry_copy(same));
    cr_assert_not_null(vms_host_entry_find(hosts, same));
    cr_assert_null(vms_host_entry_find_rival(hosts, same));
    cr_assert_null(vms_host_entry_find(hosts, moved));
    cr_assert_not_null(vms_host_entry_find_rival(hosts, moved));
    cr_assert_not_null(vms_host_entry_find_rival(hosts, other));
    cr_assert_null(vms_host_entry_find_rival(hosts, apart));
}

Test(host_entry, without_a_client_is_nobodys)
{
    g_autoptr(VmsHostEntry) one = vms_host_entry_new(NULL, "10.0.0.5");
    g_autoptr(VmsHostEntry) two = vms_host_entry_new(NULL, "10.0.0.5");

    cr_assert_not(vms_host_entry_same_client(one, two));
    cr_assert_not(vms_host_entry_equal(one, two));
}

/* ---- what a guest says ---- */

static GPtrArray *
told(const char *reply)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *list = NULL;

    cr_assert(vms_qga_parse_addresses(reply, &list, &error), "%s", error ? error->message : "");
    return list;
}

Test(guest_addresses, are_those_that_others_reach)
{
    g_autoptr(GPtrArray) list =
        told("{\"return\":[{\"name\":\"lo\",\"ip-addresses\":[{\"ip-address\":\"127.0.0.1\"}]},"
             "{\"name\":\"eth0\",\"hardware-address\":\"52:54:00:00:00:0A\",\"ip-addresses\":["
             "{\"ip-address\":\"10.0.0.5\",\"ip-address-type\":\"ipv4\",\"prefix\":24},"
             "{\"ip-address\":\"fe80::1\"},{\"ip-address\":\"2001:DB8::5\"}]},"
             "{\"name\":\"eth1\",\"hardware-address\":\"00:00\",\"ip-addresses\":[{\"ip-address\":"
             "\"10.0.0.9\"}]}]}");
    const VmsAddress *first = list->pdata[0];
    const VmsAddress *second = list->pdata[1];

    cr_assert_eq(list->len, 2);
    cr_assert_str_eq(first->mac, "52:54:00:00:00:0a");
    cr_assert_str_eq(first->address, "10.0.0.5");
    cr_assert_eq(first->kind, VMS_ADDRESS_AGENT);
    cr_assert_str_eq(second->address, "2001:db8::5");
}

Test(guest_addresses, of_a_liar_are_none)
{
    static const char *const texts[] = {
        "{\"return\":[]}",
        "{\"return\":[1,null,\"x\",[]]}",
        "{\"return\":[{\"hardware-address\":7,\"ip-addresses\":{}}]}",
        "{\"return\":[{\"hardware-address\":\"" MAC "\",\"ip-addresses\":[1,{\"ip-address\":5},"
        "{\"ip-address\":\"1.2.3.4<x>\"}]}]}",
    };
    GPtrArray *none = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GPtrArray) list = told(texts[i]);

        cr_assert_eq(list->len, 0, "%s", texts[i]);
    }
    cr_assert_not(vms_qga_parse_addresses("{\"return\":{}}", &none, NULL));
    cr_assert_not(vms_qga_parse_addresses("{\"error\":{\"desc\":\"no\"}}", &none, NULL));
    cr_assert_null(none);
}
