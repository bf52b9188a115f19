/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/json-writer.h"

#include "base/error.h"

VmsJson
vms_json_start(void)
{
    return (VmsJson){ .text = g_string_new(NULL) };
}

char *
vms_json_finish(VmsJson *json)
{
    return g_string_free(g_steal_pointer(&json->text), FALSE);
}

/* @text is UTF-8. */
static void
append_string(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (const char *at = text; *at; at++) {
        if (*at == '"' || *at == '\\')
            g_string_append_printf(out, "\\%c", *at);
        else if (*at == '\n')
            g_string_append(out, "\\n");
        else if ((guchar)*at < 0x20 || *at == 0x7f)
            g_string_append_printf(out, "\\u%04x", (guint)*at);
        else
            g_string_append_c(out, *at);
    }
    g_string_append_c(out, '"');
}

static void
begin(VmsJson *json, const char *key)
{
    if (json->comma)
        g_string_append_c(json->text, ',');
    json->comma = TRUE;
    if (!key)
        return;
    append_string(json->text, key);
    g_string_append_c(json->text, ':');
}

static void
open_level(VmsJson *json, const char *key, char bracket)
{
    begin(json, key);
    g_string_append_c(json->text, bracket);
    json->comma = FALSE;
}

static void
close_level(VmsJson *json, char bracket)
{
    g_string_append_c(json->text, bracket);
    json->comma = TRUE;
}

void
vms_json_open_object(VmsJson *json, const char *key)
{
    open_level(json, key, '{');
}

void
vms_json_close_object(VmsJson *json)
{
    close_level(json, '}');
}

void
vms_json_open_array(VmsJson *json, const char *key)
{
    open_level(json, key, '[');
}

void
vms_json_close_array(VmsJson *json)
{
    close_level(json, ']');
}

void
vms_json_add_text(VmsJson *json, const char *key, const char *text)
{
    if (!text) {
        vms_json_add_null(json, key);
        return;
    }
    begin(json, key);
    if (g_utf8_validate(text, -1, NULL)) {
        append_string(json->text, text);
    } else {
        g_autofree char *escaped = vms_escape_text(text);
        append_string(json->text, escaped);
    }
}

void
vms_json_add_text_if(VmsJson *json, const char *key, const char *text)
{
    if (text)
        vms_json_add_text(json, key, text);
}

void
vms_json_add_texts(VmsJson *json, const char *key, const GPtrArray *texts)
{
    vms_json_open_array(json, key);
    for (guint i = 0; texts && i < texts->len; i++)
        vms_json_add_text(json, NULL, texts->pdata[i]);
    vms_json_close_array(json);
}

void
vms_json_add_bool(VmsJson *json, const char *key, gboolean value)
{
    begin(json, key);
    g_string_append(json->text, value ? "true" : "false");
}

void
vms_json_add_null(VmsJson *json, const char *key)
{
    begin(json, key);
    g_string_append(json->text, "null");
}

void
vms_json_add_int(VmsJson *json, const char *key, gint64 value)
{
    begin(json, key);
    g_string_append_printf(json->text, "%" G_GINT64_FORMAT, value);
}

void
vms_json_add_uint(VmsJson *json, const char *key, guint64 value)
{
    begin(json, key);
    g_string_append_printf(json->text, "%" G_GUINT64_FORMAT, MIN(value, (guint64)G_MAXINT64));
}

void
vms_json_add_ms(VmsJson *json, const char *key, gint64 us)
{
    guint64 amount = us < 0 ? (guint64)0 - (guint64)us : (guint64)us;
    guint rest = (guint)(amount % 1000);

    begin(json, key);
    if (us < 0)
        g_string_append_c(json->text, '-');
    g_string_append_printf(json->text, "%" G_GUINT64_FORMAT, amount / 1000);
    if (rest == 0)
        return;
    g_string_append_printf(json->text, ".%03u", rest);
    while (json->text->str[json->text->len - 1] == '0')
        g_string_truncate(json->text, json->text->len - 1);
}

void
vms_json_add_time(VmsJson *json, const char *key, gint64 us)
{
    g_autoptr(GDateTime) time = us ? g_date_time_new_from_unix_utc(us / G_USEC_PER_SEC) : NULL;
    g_autofree char *seconds = time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%S") : NULL;
    g_autofree char *text = NULL;

    if (seconds)
        text = g_strdup_printf("%s.%06uZ", seconds, us > 0 ? (guint)(us % G_USEC_PER_SEC) : 0);
    vms_json_add_text(json, key, text);
}
