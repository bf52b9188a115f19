/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/identity-oracle.h"

#include <string.h>

/* One value of a document: of an attribute, or a text. */
typedef struct {
    char *path; /* "/domain/devices/disk/source@file" */
    char *value;
} Value;

typedef struct {
    GString *path;
    GPtrArray *values; /* Value* */
    GPtrArray *lines;  /* char*: one an element, as far as it is not masked */
} Reading;

static void
free_value(gpointer data)
{
    Value *value = data;

    g_free(value->path);
    g_free(value->value);
    g_free(value);
}

static void
add_value(Reading *self, const char *attribute, const char *text, gsize size)
{
    Value *value = g_new0(Value, 1);

    value->path = g_strconcat(self->path->str, attribute ? "@" : "", attribute, NULL);
    value->value = g_strstrip(g_strndup(text, size));
    if (!*value->value && !attribute)
        free_value(value);
    else
        g_ptr_array_add(self->values, value);
}

/* ---- what may differ ---- */

/* Subtrees that say nothing of devices, or list what a new disk does not have. */
static const char *const masked_trees[] = {
    "/domain/metadata",       "/domain/title", "/domain/description",
    "/domain/sysinfo",        "/domain/name",  "/domain/uuid",
    "/domain/genid",          "/backingStore", "/domain/qemu:commandline",
    "/interface/portForward",
};

static const char *const masked_values[] = {
    "/domain@id",
    "/mac@address",
    "/source@file",
    "/source@dev",
    "/source@path",
    "/source@portid",
    "/source@service",
    "/source@socket",
    "/source@pool",
    "/source@volume",
    "/disk@type",
    "/interface/target@dev",
    "/interface/target@managed",
    "/parameters@interfaceid",
    "/parameters@instanceid",
    "/cid@address",
    "/graphics@port",
    "/graphics@tlsPort",
    "/graphics@autoport",
    "/graphics@websocket",
    "/graphics@socket",
    "/listen@socket",
    "/log@file",
    "/audio@path",
    "/backend@logFile",
};

static gboolean
is_masked_tree(const char *path)
{
    for (gsize i = 0; i < G_N_ELEMENTS(masked_trees); i++) {
        const char *at = strstr(path, masked_trees[i]);
        char after = at ? at[strlen(masked_trees[i])] : '\0';

        if (at && (after == '\0' || after == '/'))
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_masked_value(const char *path, const char *attribute)
{
    g_autofree char *whole = g_strconcat(path, "@", attribute, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(masked_values); i++) {
        if (g_str_has_suffix(whole, masked_values[i]))
            return TRUE;
    }
    return FALSE;
}

static gboolean
has(const char **names, const char **values, const char *name, const char *value)
{
    for (gsize i = 0; names[i]; i++) {
        if (strcmp(names[i], name) == 0 && strcmp(values[i], value) == 0)
            return TRUE;
    }
    return FALSE;
}

/* An element that is dropped or added as a whole. */
static gboolean
may_be_missing(const char *path, const char **names, const char **values)
{
    if (g_str_has_suffix(path, "/filterref/parameter"))
        return has(names, values, "name", "IP") || has(names, values, "name", "IPV6");
    if (g_str_has_suffix(path, "/graphics/listen"))
        return has(names, values, "type", "socket");
    return g_str_has_suffix(path, "/interface/target") && !names[0];
}

static void
add_line(Reading *self, const char **names, const char **values)
{
    GString *line;
    gsize kept = 0;

    if (is_masked_tree(self->path->str) || may_be_missing(self->path->str, names, values))
        return;
    line = g_string_new(self->path->str);
    for (gsize i = 0; names[i]; i++) {
        if (is_masked_value(self->path->str, names[i]))
            continue;
        g_string_append_printf(line, " %s='%s'", names[i], values[i]);
        kept++;
    }
    if (kept == 0 && g_str_has_suffix(self->path->str, "/interface/target"))
        g_string_free(line, TRUE);
    else
        g_ptr_array_add(self->lines, g_string_free(line, FALSE));
}

/* ---- reading ---- */

static void
start(GMarkupParseContext *context, const char *element, const char **names, const char **values,
      gpointer data, GError **error)
{
    Reading *self = data;

    (void)context;
    (void)error;
    g_string_append_printf(self->path, "/%s", element);
    for (gsize i = 0; names[i]; i++)
        add_value(self, names[i], values[i], strlen(values[i]));
    add_line(self, names, values);
}

static void
end(GMarkupParseContext *context, const char *element, gpointer data, GError **error)
{
    Reading *self = data;

    (void)context;
    (void)error;
    g_string_truncate(self->path, self->path->len - strlen(element) - 1);
}

static void
text(GMarkupParseContext *context, const char *content, gsize size, gpointer data, GError **error)
{
    (void)context;
    (void)error;
    add_value(data, NULL, content, size);
}

static const GMarkupParser parser = { .start_element = start, .end_element = end, .text = text };

static void
reading_clear(Reading *self)
{
    g_string_free(self->path, TRUE);
    g_ptr_array_unref(self->values);
    g_ptr_array_unref(self->lines);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reading, reading_clear)

static gboolean
read_xml(const char *xml, Reading *self)
{
    g_autoptr(GMarkupParseContext) context = g_markup_parse_context_new(&parser, 0, self, NULL);

    self->path = g_string_new(NULL);
    self->values = g_ptr_array_new_with_free_func(free_value);
    self->lines = g_ptr_array_new_with_free_func(g_free);
    return g_markup_parse_context_parse(context, xml, -1, NULL) &&
           g_markup_parse_context_end_parse(context, NULL);
}

/* ---- what a source is known by ---- */

/* Between other characters than @more and letters or digits. */
static gboolean
stands_in(const char *text, const char *word, const char *more)
{
    gsize length = strlen(word);
    g_autofree char *low = g_ascii_strdown(text, -1);
    g_autofree char *low_word = g_ascii_strdown(word, -1);

    for (const char *at = strstr(low, low_word); length > 0 && at; at = strstr(at + 1, low_word)) {
        char before = at == low ? ' ' : at[-1];
        char after = at[length];

        if (!g_ascii_isalnum(before) && !(before && strchr(more, before)) &&
            !g_ascii_isalnum(after) && !(after && strchr(more, after)))
            return TRUE;
    }
    return FALSE;
}

typedef struct {
    GPtrArray *anywhere; /* char*: UUIDs and MAC addresses, no matter where they are */
    GPtrArray *values;   /* char*: serials, as a whole value */
    GPtrArray *words;    /* char*: serials that can be told from any other text */
    GPtrArray *cids;     /* char* */
    char *name;
} Known;

static void
known_clear(Known *known)
{
    g_ptr_array_unref(known->anywhere);
    g_ptr_array_unref(known->values);
    g_ptr_array_unref(known->cids);
    g_ptr_array_unref(known->words);
    g_free(known->name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Known, known_clear)

/* Keys to data, devices of the host, and what others note: what a VM refers to, and is not. */
static gboolean
is_reference(const char *path)
{
    return strstr(path, "/secret@") || strstr(path, "/encryption@secret") ||
           strstr(path, "/hostdev/");
}

static void
find_words(const char *text, const GRegex *word, GPtrArray *found)
{
    g_autoptr(GMatchInfo) match = NULL;

    for (g_regex_match(word, text, 0, &match); g_match_info_matches(match);
         g_match_info_next(match, NULL))
        g_ptr_array_add(found, g_match_info_fetch(match, 0));
}

static gboolean
is_serial(const char *path)
{
    return g_str_has_suffix(path, "/disk/serial") || g_str_has_suffix(path, "/disk/wwn");
}

static void
know_argument(const char *text, const IdentityPair *pair, Known *known)
{
    g_auto(GStrv) pairs = g_strsplit(text, ",", -1);

    for (gsize i = 0; pairs[i]; i++) {
        if (g_str_has_prefix(pairs[i], "guest-cid="))
            g_ptr_array_add(known->cids, g_strdup(strchr(pairs[i], '=') + 1));
        if (g_str_has_prefix(pairs[i], "serial=") && !pair->keep_serial)
            g_ptr_array_add(known->words, g_strdup(strchr(pairs[i], '=') + 1));
    }
}

static void
know(const Reading *reading, const IdentityPair *pair, Known *known)
{
    static const char words[] = "(?i)(?<![0-9a-f])([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|"
                                "[0-9a-f]{2}(:[0-9a-f]{2}){5})(?![0-9a-f])";
    g_autoptr(GRegex) word = g_regex_new(words, 0, 0, NULL);

    known->anywhere = g_ptr_array_new_with_free_func(g_free);
    known->values = g_ptr_array_new_with_free_func(g_free);
    known->cids = g_ptr_array_new_with_free_func(g_free);
    known->words = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < reading->values->len; i++) {
        const Value *value = reading->values->pdata[i];

        if (!is_reference(value->path) && !g_str_has_prefix(value->path, "/domain/metadata"))
            find_words(value->value, word, known->anywhere);
        if (is_serial(value->path) && !pair->keep_serial)
            g_ptr_array_add(known->values, g_strdup(value->value));
        if (g_str_has_suffix(value->path, "/cid@address"))
            g_ptr_array_add(known->cids, g_strdup(value->value));
        if (g_str_has_suffix(value->path, "/qemu:arg@value"))
            know_argument(value->value, pair, known);
        if (strcmp(value->path, "/domain/name") == 0)
            known->name = g_strdup(value->value);
    }
}

/* ---- what is left ---- */

static gboolean
is_kept(const IdentityPair *pair, const char *path)
{
    for (guint i = 0; pair->kept && i < pair->kept->len; i++) {
        if (g_str_has_prefix(path, pair->kept->pdata[i]))
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_part(const IdentityPair *pair, const char *value, const char *name)
{
    g_auto(GStrv) parts = NULL;

    if (!strchr(value, '/') || is_kept(pair, value))
        return FALSE;
    parts = g_strsplit_set(value, "/,", -1);
    return g_strv_contains((const char *const *)parts, name);
}

static const char *
find_in(const IdentityPair *pair, const Known *known, const Value *value)
{
    for (guint i = 0; i < known->anywhere->len; i++) {
        if (!is_reference(value->path) && stands_in(value->value, known->anywhere->pdata[i], ""))
            return known->anywhere->pdata[i];
    }
    for (guint i = 0; i < known->words->len; i++) {
        if (stands_in(value->value, known->words->pdata[i], ""))
            return known->words->pdata[i];
    }
    for (guint i = 0; pair->owned && i < pair->owned->len; i++) {
        if (stands_in(value->value, pair->owned->pdata[i], "/._-"))
            return pair->owned->pdata[i];
    }
    for (guint i = 0; i < known->values->len; i++) {
        if (g_str_equal(value->value, known->values->pdata[i]))
            return known->values->pdata[i];
    }
    for (guint i = 0; i < known->cids->len; i++) {
        g_autofree char *argument = g_strconcat("guest-cid=", known->cids->pdata[i], NULL);

        if (stands_in(value->value, argument, ""))
            return known->cids->pdata[i];
        if (g_str_has_suffix(value->path, "/cid@address") &&
            g_str_equal(value->value, known->cids->pdata[i]))
            return known->cids->pdata[i];
    }
    if (known->name &&
        (g_str_equal(value->value, known->name) || is_part(pair, value->value, known->name)))
        return known->name;
    return NULL;
}

char *
identity_oracle_left(const IdentityPair *pair)
{
    g_auto(Reading) source = { 0 };
    g_auto(Reading) clone = { 0 };
    g_auto(Known) known = { 0 };
    gboolean read = read_xml(pair->source, &source);

    know(&source, pair, &known);
    if (!read_xml(pair->clone, &clone) || !read)
        return g_strdup("the XML cannot be read");
    for (guint i = 0; i < clone.values->len; i++) {
        const Value *value = clone.values->pdata[i];
        const char *left = find_in(pair, &known, value);

        if (left)
            return g_strdup_printf("'%s' is left in %s: '%s'", left, value->path, value->value);
    }
    return NULL;
}

char *
identity_oracle_changed(const IdentityPair *pair)
{
    g_auto(Reading) source = { 0 };
    g_auto(Reading) clone = { 0 };
    gboolean read = read_xml(pair->source, &source);

    if (!read_xml(pair->clone, &clone) || !read)
        return g_strdup("the XML cannot be read");
    for (guint i = 0; i < source.lines->len || i < clone.lines->len; i++) {
        const char *a = i < source.lines->len ? source.lines->pdata[i] : "nothing";
        const char *b = i < clone.lines->len ? clone.lines->pdata[i] : "nothing";

        if (strcmp(a, b) != 0)
            return g_strdup_printf("%s became %s", a, b);
    }
    return NULL;
}
