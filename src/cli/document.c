/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/document.h"

JsonNode *
cli_document_parse(const char *json)
{
    g_autoptr(JsonNode) node = json ? json_from_string(json, NULL) : NULL;

    return node && JSON_NODE_HOLDS_OBJECT(node) ? g_steal_pointer(&node) : NULL;
}

JsonObject *
cli_document_root(JsonNode *document)
{
    return document ? json_node_get_object(document) : NULL;
}

static JsonNode *
member_of(JsonObject *object, const char *member)
{
    return object ? json_object_get_member(object, member) : NULL;
}

/* Guests and configurations name things: none of them may steer a terminal. */
static char *
printable(const char *text)
{
    GString *made = g_string_new(NULL);

    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        gunichar letter = g_utf8_get_char(at);

        if (g_unichar_isprint(letter))
            g_string_append_unichar(made, letter);
        else
            g_string_append_printf(made, "\\u%04x", letter);
    }
    return g_string_free(made, FALSE);
}

char *
cli_text(JsonObject *object, const char *member)
{
    JsonNode *node = member_of(object, member);

    if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return NULL;
    return printable(json_node_get_string(node));
}

JsonObject *
cli_object(JsonObject *object, const char *member)
{
    JsonNode *node = member_of(object, member);

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *
array_of(JsonObject *object, const char *member)
{
    JsonNode *node = member_of(object, member);

    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

guint
cli_count(JsonObject *object, const char *member)
{
    JsonArray *array = array_of(object, member);

    return array ? json_array_get_length(array) : 0;
}

JsonObject *
cli_item(JsonObject *object, const char *member, guint index)
{
    JsonArray *array = array_of(object, member);
    JsonNode *node;

    if (!array || index >= json_array_get_length(array))
        return NULL;
    node = json_array_get_element(array, index);
    return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

gint64
cli_number(JsonObject *object, const char *member, gint64 fallback)
{
    JsonNode *node = member_of(object, member);

    if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) == G_TYPE_STRING)
        return fallback;
    return json_node_get_value_type(node) == G_TYPE_DOUBLE ? (gint64)json_node_get_double(node)
                                                           : json_node_get_int(node);
}

gboolean
cli_truth(JsonObject *object, const char *member)
{
    JsonNode *node = member_of(object, member);

    return node && JSON_NODE_HOLDS_VALUE(node) &&
           json_node_get_value_type(node) == G_TYPE_BOOLEAN && json_node_get_boolean(node);
}

char *
cli_joined(JsonObject *object, const char *member, const char *separator)
{
    JsonArray *array = array_of(object, member);
    GString *made = g_string_new(NULL);

    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        JsonNode *node = json_array_get_element(array, i);
        g_autofree char *text = NULL;

        if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
            continue;
        text = printable(json_node_get_string(node));
        g_string_append_printf(made, "%s%s", made->len ? separator : "", text);
    }
    return g_string_free(made, FALSE);
}
