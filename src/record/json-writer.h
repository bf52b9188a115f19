/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Writes one JSON text, piece by piece. The text is compact, its members stand in the order they
 * were added, and 64-bit numbers and milliseconds are exact. In every function @key is NULL inside
 * an array and at the top. */
typedef struct {
    GString *text;
    gboolean comma; /* something stands before at this level */
} VmsJson;

VmsJson vms_json_start(void);
/* The text; the writer is empty then. */
char *vms_json_finish(VmsJson *json);

void vms_json_open_object(VmsJson *json, const char *key);
void vms_json_close_object(VmsJson *json);
void vms_json_open_array(VmsJson *json, const char *key);
void vms_json_close_array(VmsJson *json);

/* NULL becomes null. What is not UTF-8 is written with \xNN for each byte that is not. */
void vms_json_add_text(VmsJson *json, const char *key, const char *text);
/* The same, but NULL adds nothing. */
void vms_json_add_text_if(VmsJson *json, const char *key, const char *text);
/* Array of char*. */
void vms_json_add_texts(VmsJson *json, const char *key, const GPtrArray *texts);
void vms_json_add_bool(VmsJson *json, const char *key, gboolean value);
void vms_json_add_null(VmsJson *json, const char *key);
void vms_json_add_int(VmsJson *json, const char *key, gint64 value);
/* Capped at what a reader with signed 64 bits takes. */
void vms_json_add_uint(VmsJson *json, const char *key, guint64 value);
/* Microseconds as a number of milliseconds, at most three decimals. */
void vms_json_add_ms(VmsJson *json, const char *key, gint64 us);
/* Microseconds since the epoch as RFC 3339 in UTC; 0 becomes null. */
void vms_json_add_time(VmsJson *json, const char *key, gint64 us);
