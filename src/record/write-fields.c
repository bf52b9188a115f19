/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/field.h"
#include "record/json-writer.h"
#include "record/record.h"

#include <string.h>

static void write_members(VmsJson *json, const VmsShape *shape, gconstpointer object);

/* What is no UTF-8 (a path may be any bytes) must survive all the same. */
static void
write_text(VmsJson *json, const char *key, const char *text)
{
    g_autofree char *encoded = NULL;

    if (g_utf8_validate(text, -1, NULL)) {
        vms_json_add_text(json, key, text);
        return;
    }
    encoded = g_base64_encode((const guchar *)text, strlen(text));
    vms_json_open_object(json, key);
    vms_json_add_text(json, "base64", encoded);
    vms_json_close_object(json);
}

/* Readers have signed 64 bits: what is beyond becomes a text. */
static void
write_uint(VmsJson *json, const char *key, guint64 value)
{
    g_autofree char *text = NULL;

    if (value <= G_MAXINT64) {
        vms_json_add_uint(json, key, value);
        return;
    }
    text = g_strdup_printf("%" G_GUINT64_FORMAT, value);
    vms_json_add_text(json, key, text);
}

static void
write_object(VmsJson *json, const char *key, const VmsShape *shape, gconstpointer object)
{
    vms_json_open_object(json, key);
    write_members(json, shape, object);
    vms_json_close_object(json);
}

static void
write_array(VmsJson *json, const VmsField *field, const GPtrArray *items)
{
    vms_json_open_array(json, field->key);
    for (guint i = 0; i < items->len; i++) {
        if (field->kind == VMS_FIELD_TEXTS)
            write_text(json, NULL, items->pdata[i]);
        else
            write_object(json, NULL, field->shape, items->pdata[i]);
    }
    vms_json_close_array(json);
}

static void
write_pointed(VmsJson *json, const VmsField *field, gconstpointer target)
{
    if (!target)
        return;
    if (field->kind == VMS_FIELD_TEXT)
        write_text(json, field->key, target);
    else if (field->kind == VMS_FIELD_OBJECT)
        write_object(json, field->key, field->shape, target);
    else
        write_array(json, field, target);
}

static void
write_member(VmsJson *json, const VmsField *field, gconstpointer object)
{
    const void *at = vms_field_at(object, field);

    switch (field->kind) {
    case VMS_FIELD_BOOL:
        vms_json_add_bool(json, field->key, *(const gboolean *)at);
        return;
    case VMS_FIELD_INT:
        vms_json_add_int(json, field->key, *(const gint64 *)at);
        return;
    case VMS_FIELD_INT32:
        vms_json_add_int(json, field->key, *(const int *)at);
        return;
    case VMS_FIELD_UINT:
        write_uint(json, field->key, *(const guint64 *)at);
        return;
    case VMS_FIELD_UINT32:
        vms_json_add_uint(json, field->key, *(const guint32 *)at);
        return;
    case VMS_FIELD_ENUM:
        vms_json_add_text(json, field->key, vms_words_find(field->words, *(const int *)at));
        return;
    case VMS_FIELD_STRUCT:
        write_object(json, field->key, field->shape, at);
        return;
    case VMS_FIELD_TEXT:
    case VMS_FIELD_OBJECT:
    case VMS_FIELD_TEXTS:
    case VMS_FIELD_OBJECTS:
        write_pointed(json, field, *(const gconstpointer *)at);
        return;
    }
}

static void
write_members(VmsJson *json, const VmsShape *shape, gconstpointer object)
{
    for (const VmsField *field = shape->fields; field->key; field++)
        write_member(json, field, object);
}

char *
vms_fields_write(const VmsShape *shape, const char *kind, gconstpointer object)
{
    VmsJson json = vms_json_start();

    vms_json_open_object(&json, NULL);
    vms_json_add_int(&json, "schema", VMS_RECORD_SCHEMA);
    vms_json_add_text(&json, "kind", kind);
    write_members(&json, shape, object);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}
