/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/message.h"
#include "adapter/qga/reply.h"
#include "base/ip.h"

/* Far above any guest. Nothing depends on what is left out: these are facts for people, and hints
 * at who has an address. */
#define MAX_ADDRESSES 1024

static void
add_addresses(JsonObject *interface, const char *mac, GPtrArray *list)
{
    JsonArray *array = vms_qga_get_array(interface, "ip-addresses");
    guint count = array ? json_array_get_length(array) : 0;

    for (guint i = 0; i < count && list->len < MAX_ADDRESSES; i++) {
        JsonObject *item = vms_qga_get_item(array, i);
        g_autofree char *address =
            item ? vms_ip_canonical(vms_qga_get_string(item, "ip-address")) : NULL;

        if (address && !vms_ip_is_local(address))
            g_ptr_array_add(list, vms_address_new(mac, address, VMS_ADDRESS_AGENT));
    }
}

gboolean
vms_qga_parse_addresses(const char *reply, GPtrArray **ret_addresses, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)vms_address_free);
    g_autoptr(JsonNode) root = NULL;
    JsonNode *value;
    JsonArray *array;

    if (!vms_qga_reply_open(reply, &root, &value, error))
        return FALSE;
    if (!JSON_NODE_HOLDS_ARRAY(value))
        return vms_qga_bad_reply(error, "has no list of interfaces");
    array = json_node_get_array(value);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonObject *interface = vms_qga_get_item(array, i);
        g_autofree char *mac =
            interface ? vms_mac_canonical(vms_qga_get_string(interface, "hardware-address")) : NULL;

        if (mac)
            add_addresses(interface, mac, list);
    }
    *ret_addresses = g_steal_pointer(&list);
    return TRUE;
}
