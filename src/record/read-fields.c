/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/json-scan.h"
#include "record/field.h"
#include "record/record.h"
#include "record/text-check.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Two domain XML texts are the bulk of a record. */
static const VmsJsonLimits limits = { .size = 24 * 1024 * 1024, .depth = 12, .values = 200000 };

static gboolean read_members(JsonObject *from, const VmsShape *shape, gpointer object,
                             GError **error);

static gboolean
damaged(const char *where, const char *key, const char *wrong, GError **error)
{
    return vms_refuse(error, VMSNAP_E_IO, "DamagedRecord", "stored %s: '%s' %s", where, key, wrong);
}

static gboolean
is_int(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64;
}

/* Owned; NULL if @node is no text. */
static char *
text_of(JsonNode *node)
{
    g_autofree guchar *bytes = NULL;
    const char *encoded = NULL;
    JsonNode *inner = NULL;
    gsize size = 0;

    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
        return g_strdup(json_node_get_string(node));
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return NULL;
    inner = json_object_get_member(json_node_get_object(node), "base64");
    if (!inner || !JSON_NODE_HOLDS_VALUE(inner) || json_node_get_value_type(inner) != G_TYPE_STRING)
        return NULL;
    encoded = json_node_get_string(inner);
    bytes = g_base64_decode(encoded, &size);
    return bytes && !memchr(bytes, 0, size) ? g_strndup((const char *)bytes, size) : NULL;
}

static gboolean
read_text(JsonNode *node, const VmsField *field, char **at, const char *where, GError **error)
{
    g_autofree char *text = text_of(node);

    if (!text || !vms_text_check(field->check, text))
        return damaged(where, field->key, "is not what it must be", error);
    g_free(*at);
    *at = g_steal_pointer(&text);
    return TRUE;
}

/* A number, or a decimal text where it is beyond signed 64 bits. */
static gboolean
uint_of(JsonNode *node, guint64 *ret_value)
{
    if (is_int(node)) {
        gint64 value = json_node_get_int(node);
        *ret_value = (guint64)value;
        return value >= 0;
    }
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return FALSE;
    return g_ascii_string_to_unsigned(json_node_get_string(node), 10, 0, G_MAXUINT64, ret_value,
                                      NULL);
}

static gboolean
read_uint(JsonNode *node, const VmsField *field, void *at, const char *where, GError **error)
{
    guint64 value = 0;

    if (!uint_of(node, &value) || (field->kind == VMS_FIELD_UINT32 && value > G_MAXUINT32))
        return damaged(where, field->key, "is no number in range", error);
    if (field->kind == VMS_FIELD_UINT)
        *(guint64 *)at = value;
    else
        *(guint32 *)at = (guint32)value;
    return TRUE;
}

static gboolean
read_int(JsonNode *node, const VmsField *field, void *at, const char *where, GError **error)
{
    gint64 value = is_int(node) ? json_node_get_int(node) : 0;

    if (!is_int(node) ||
        (field->kind == VMS_FIELD_INT32 && (value < G_MININT32 || value > G_MAXINT32)))
        return damaged(where, field->key, "is no number in range", error);
    if (field->kind == VMS_FIELD_INT)
        *(gint64 *)at = value;
    else
        *(int *)at = (int)value;
    return TRUE;
}

static gboolean
read_bool(JsonNode *node, const VmsField *field, gboolean *at, const char *where, GError **error)
{
    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_BOOLEAN)
        return damaged(where, field->key, "is neither true nor false", error);
    *at = json_node_get_boolean(node) ? TRUE : FALSE;
    return TRUE;
}

static gboolean
read_enum(JsonNode *node, const VmsField *field, int *at, const char *where, GError **error)
{
    g_autofree char *word = text_of(node);

    if (!word || !vms_words_parse(field->words, word, at))
        return damaged(where, field->key, "is an unknown word", error);
    return TRUE;
}

static gboolean
read_struct(JsonNode *node, const VmsField *field, gpointer at, const char *where, GError **error)
{
    if (!JSON_NODE_HOLDS_OBJECT(node))
        return damaged(where, field->key, "is no object", error);
    return read_members(json_node_get_object(node), field->shape, at, error);
}

/* A new one; NULL on failure. */
static gpointer
object_of(JsonNode *node, const VmsField *field, const char *where, GError **error)
{
    gpointer object = field->shape->make();

    if (read_struct(node, field, object, where, error))
        return object;
    field->shape->free(object);
    return NULL;
}

static gboolean
read_object(JsonNode *node, const VmsField *field, gpointer *at, const char *where, GError **error)
{
    gpointer object = object_of(node, field, where, error);

    if (!object)
        return FALSE;
    if (*at)
        field->shape->free(*at);
    *at = object;
    return TRUE;
}

static gboolean
read_item(JsonNode *node, const VmsField *field, GPtrArray *items, const char *where,
          GError **error)
{
    gpointer item = NULL;

    if (field->kind == VMS_FIELD_OBJECTS)
        item = object_of(node, field, where, error);
    else if (!read_text(node, field, (char **)&item, where, error))
        return FALSE;
    if (!item)
        return FALSE;
    g_ptr_array_add(items, item);
    return TRUE;
}

static gboolean
read_array(JsonNode *node, const VmsField *field, GPtrArray *items, const char *where,
           GError **error)
{
    JsonArray *array = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

    if (!array)
        return damaged(where, field->key, "is no array", error);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (!read_item(json_array_get_element(array, i), field, items, where, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_member(JsonNode *node, const VmsField *field, gpointer object, const char *where,
            GError **error)
{
    void *at = vms_field_at(object, field);

    switch (field->kind) {
    case VMS_FIELD_TEXT:
        return read_text(node, field, at, where, error);
    case VMS_FIELD_BOOL:
        return read_bool(node, field, at, where, error);
    case VMS_FIELD_INT:
    case VMS_FIELD_INT32:
        return read_int(node, field, at, where, error);
    case VMS_FIELD_UINT:
    case VMS_FIELD_UINT32:
        return read_uint(node, field, at, where, error);
    case VMS_FIELD_ENUM:
        return read_enum(node, field, at, where, error);
    case VMS_FIELD_STRUCT:
        return read_struct(node, field, at, where, error);
    case VMS_FIELD_OBJECT:
        return read_object(node, field, at, where, error);
    case VMS_FIELD_TEXTS:
    case VMS_FIELD_OBJECTS:
        return read_array(node, field, *(GPtrArray **)at, where, error);
    }
    return FALSE;
}

static gboolean
may_miss(const VmsField *field)
{
    return field->later ||
           ((field->kind == VMS_FIELD_TEXT || field->kind == VMS_FIELD_OBJECT) && !field->needed);
}

/* Members of other names are passed over. */
static gboolean
read_members(JsonObject *from, const VmsShape *shape, gpointer object, GError **error)
{
    for (const VmsField *field = shape->fields; field->key; field++) {
        JsonNode *node = json_object_get_member(from, field->key);

        if (!node && may_miss(field))
            continue;
        if (!node)
            return damaged(shape->name, field->key, "is missing", error);
        if (!read_member(node, field, object, shape->name, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_head(JsonObject *from, const char *kind, GError **error)
{
    JsonNode *schema = json_object_get_member(from, "schema");
    JsonNode *stored = json_object_get_member(from, "kind");
    g_autofree char *word = stored ? text_of(stored) : NULL;

    if (!schema || !is_int(schema) || json_node_get_int(schema) < 1)
        return damaged(kind, "schema", "is missing", error);
    if (json_node_get_int(schema) > VMS_RECORD_SCHEMA)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NewerSchema",
                          "stored %s has schema %" G_GINT64_FORMAT ", this library knows up to %d",
                          kind, json_node_get_int(schema), VMS_RECORD_SCHEMA);
    if (g_strcmp0(word, kind) != 0)
        return damaged(kind, "kind", "is another one", error);
    return TRUE;
}

gpointer
vms_fields_read(const VmsShape *shape, const char *kind, const char *text, GError **error)
{
    g_autoptr(JsonParser) parser = NULL;
    g_autoptr(GError) wrong = NULL;
    gpointer object = NULL;
    JsonNode *root = NULL;

    if (!vms_json_scan(text, strlen(text), &limits, &wrong)) {
        vms_refuse(error, VMSNAP_E_IO, "DamagedRecord", "stored %s: %s", kind, wrong->message);
        return NULL;
    }
    parser = json_parser_new_immutable();
    if (!json_parser_load_from_data(parser, text, -1, &wrong)) {
        vms_refuse(error, VMSNAP_E_IO, "DamagedRecord", "stored %s: %s", kind, wrong->message);
        return NULL;
    }
    root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        vms_refuse(error, VMSNAP_E_IO, "DamagedRecord", "stored %s is no object", kind);
        return NULL;
    }
    if (!check_head(json_node_get_object(root), kind, error))
        return NULL;
    object = shape->make();
    if (read_members(json_node_get_object(root), shape, object, error))
        return object;
    shape->free(object);
    return NULL;
}
