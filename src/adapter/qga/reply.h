/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/* Reading json-glib trees of a guest without trusting a type. Pure. */

/* The value of "return"; it lives as long as @ret_root. */
gboolean vms_qga_reply_open(const char *reply, JsonNode **ret_root, JsonNode **ret_value,
                            GError **error);
gboolean vms_qga_bad_reply(GError **error, const char *what);

/* Members; NULL, @fallback or FALSE when missing or of another type. Borrowed. */
const char *vms_qga_get_string(JsonObject *object, const char *name);
gint64 vms_qga_get_int(JsonObject *object, const char *name, gint64 fallback);
gboolean vms_qga_get_true(JsonObject *object, const char *name);
JsonObject *vms_qga_get_object(JsonObject *object, const char *name);
JsonArray *vms_qga_get_array(JsonObject *object, const char *name);
/* NULL when the element is no object. */
JsonObject *vms_qga_get_item(JsonArray *array, guint index);
