/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/reply.h"

#include "adapter/qga/message.h"
#include "base/error.h"
#include "base/json-scan.h"

#include <string.h>

/* A guest with thousands of mounts stays far below; more is no guest we believe. */
static const VmsJsonLimits limits = { .size = 1024 * 1024, .depth = 32, .values = 50000 };

gboolean
vms_qga_bad_reply(GError **error, const char *what)
{
    return vms_refuse(error, VMSNAP_E_AGENT, "BadReply", "the guest agent's reply %s", what);
}

static gboolean
is_object(JsonNode *node)
{
    return node && JSON_NODE_HOLDS_OBJECT(node);
}

static gboolean
is_value(JsonNode *node, GType type)
{
    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

const char *
vms_qga_get_string(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return is_value(node, G_TYPE_STRING) ? json_node_get_string(node) : NULL;
}

gint64
vms_qga_get_int(JsonObject *object, const char *name, gint64 fallback)
{
    JsonNode *node = json_object_get_member(object, name);

    return is_value(node, G_TYPE_INT64) ? json_node_get_int(node) : fallback;
}

gboolean
vms_qga_get_true(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return is_value(node, G_TYPE_BOOLEAN) && json_node_get_boolean(node);
}

JsonObject *
vms_qga_get_object(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return is_object(node) ? json_node_get_object(node) : NULL;
}

JsonArray *
vms_qga_get_array(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

JsonObject *
vms_qga_get_item(JsonArray *array, guint index)
{
    JsonNode *node = json_array_get_element(array, index);

    return is_object(node) ? json_node_get_object(node) : NULL;
}

/* The agent said no: its own words are what the user needs. */
static gboolean
fail_agent(GError **error, JsonObject *said)
{
    const char *class = vms_qga_get_string(said, "class");
    const char *desc = vms_qga_get_string(said, "desc");
    g_autofree char *text = vms_escape_text(desc ? desc : class ? class : "no reason given");
    gboolean unknown = g_strcmp0(class, "CommandNotFound") == 0;

    vms_refuse(error, VMSNAP_E_AGENT, unknown ? "FreezeUnsupported" : vms_qga_reason_of(text),
               "the guest agent refused: %s", text);
    if (error)
        vms_error_set_origin(*error, "qga", 0);
    return FALSE;
}

gboolean
vms_qga_reply_open(const char *reply, JsonNode **ret_root, JsonNode **ret_value, GError **error)
{
    g_autoptr(GError) bad = NULL;
    g_autoptr(JsonNode) root = NULL;
    JsonObject *object;
    JsonObject *said;
    JsonNode *value;

    if (!vms_json_scan(reply, strlen(reply), &limits, &bad) ||
        !(root = json_from_string(reply, &bad)))
        return vms_qga_bad_reply(error, bad ? bad->message : "is empty");
    if (!is_object(root))
        return vms_qga_bad_reply(error, "is no object");
    object = json_node_get_object(root);
    value = json_object_get_member(object, "return");
    if (!value == !json_object_has_member(object, "error"))
        return vms_qga_bad_reply(error, "has not either a return or an error");
    said = vms_qga_get_object(object, "error");
    if (said)
        return fail_agent(error, said);
    if (!value)
        return vms_qga_bad_reply(error, "has an error that is no object");
    *ret_root = g_steal_pointer(&root);
    *ret_value = value;
    return TRUE;
}
