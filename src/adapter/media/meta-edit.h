/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Top-level keys of a YAML or JSON text given other values, and nothing else of it changed: not a
 * comment, not a space. Pure; any bytes are fine. */

typedef struct {
    const char *key;
    const char *value;
    gboolean add;         /* also where the key is not there */
    gboolean keep_domain; /* from the first dot on, of the value that stands there */
} VmsMetaValue;

/* UNSUPPORTED/"MediaNotUnderstood" for what cannot be changed so; that nothing else means anything
 * else afterwards is checked by reading both. @ret_text has @ret_size bytes and a NUL. */
gboolean vms_meta_edit(const char *text, gsize size, const VmsMetaValue *values, gsize count,
                       char **ret_text, gsize *ret_size, GError **error);
