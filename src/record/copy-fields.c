/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/field.h"

static void
copy_object(const VmsShape *shape, gconstpointer from, gpointer *to)
{
    if (!from)
        return;
    if (!*to)
        *to = shape->make();
    vms_fields_copy(shape, from, *to);
}

static void
copy_array(const VmsField *field, const GPtrArray *from, GPtrArray *to)
{
    for (guint i = 0; i < from->len; i++) {
        gpointer item = NULL;

        if (field->kind == VMS_FIELD_TEXTS)
            item = g_strdup(from->pdata[i]);
        else
            copy_object(field->shape, from->pdata[i], &item);
        g_ptr_array_add(to, item);
    }
}

static void
copy_text(char *const *from, char **to)
{
    g_free(*to);
    *to = g_strdup(*from);
}

static void
copy_member(const VmsField *field, gconstpointer from, gpointer to)
{
    switch (field->kind) {
    case VMS_FIELD_TEXT:
        copy_text(from, to);
        break;
    case VMS_FIELD_BOOL:
        *(gboolean *)to = *(const gboolean *)from;
        break;
    case VMS_FIELD_INT32:
    case VMS_FIELD_ENUM:
        *(int *)to = *(const int *)from;
        break;
    case VMS_FIELD_UINT32:
        *(guint32 *)to = *(const guint32 *)from;
        break;
    case VMS_FIELD_INT:
        *(gint64 *)to = *(const gint64 *)from;
        break;
    case VMS_FIELD_UINT:
        *(guint64 *)to = *(const guint64 *)from;
        break;
    case VMS_FIELD_STRUCT:
        vms_fields_copy(field->shape, from, to);
        break;
    case VMS_FIELD_OBJECT:
        copy_object(field->shape, *(gconstpointer const *)from, to);
        break;
    case VMS_FIELD_TEXTS:
    case VMS_FIELD_OBJECTS:
        copy_array(field, *(GPtrArray *const *)from, *(GPtrArray **)to);
        break;
    }
}

void
vms_fields_copy(const VmsShape *shape, gconstpointer from, gpointer to)
{
    for (const VmsField *field = shape->fields; field->key; field++)
        copy_member(field, vms_field_at(from, field), vms_field_at(to, field));
}
