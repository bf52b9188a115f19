/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/reference.h"

#include "base/error.h"

#include <string.h>

enum { DEPTH_SECTION = 2, DEPTH_DEVICE = 3, DEPTH_PART = 4 };

/* One document on its way through. */
typedef struct {
    const GPtrArray *lacks;
    GString *out;
    GHashTable *counts; /* name of a device element to how many there were */
    guint depth;
    guint skipped; /* elements open inside of what is left out, itself included */
    gboolean devices;
    gboolean open; /* the last start tag waits for '>' or '/>' */
    const VmsLack *ejected;
} Removing;

static void
finish_tag(Removing *self)
{
    if (self->open)
        g_string_append_c(self->out, '>');
    self->open = FALSE;
}

/* As libvirt writes it: parsers make spaces of what is not escaped. */
static void
add_escaped(GString *out, const char *text, gssize size, gboolean attribute)
{
    g_autofree char *escaped = g_markup_escape_text(text, size);

    for (const char *at = escaped; *at; at++) {
        if (*at == '\r' || (attribute && (*at == '\n' || *at == '\t')))
            g_string_append_printf(out, "&#%d;", *at);
        else
            g_string_append_c(out, *at);
    }
}

static const VmsLack *
find_lack(Removing *self, const char *element)
{
    guint index = GPOINTER_TO_UINT(g_hash_table_lookup(self->counts, element));

    g_hash_table_insert(self->counts, g_strdup(element), GUINT_TO_POINTER(index + 1));
    for (guint i = 0; i < self->lacks->len; i++) {
        const VmsLack *lack = self->lacks->pdata[i];

        if (lack->index == index && g_strcmp0(lack->element, element) == 0)
            return lack;
    }
    return NULL;
}

/* What an empty drive has no more. */
static gboolean
is_medium(const char *element)
{
    return strcmp(element, "source") == 0 || strcmp(element, "backingStore") == 0;
}

static gboolean
leaves_out(Removing *self, const char *element)
{
    if (self->depth == DEPTH_SECTION)
        self->devices = strcmp(element, "devices") == 0;
    if (!self->devices)
        return FALSE;
    if (self->depth == DEPTH_DEVICE) {
        const VmsLack *lack = find_lack(self, element);

        self->ejected = lack && lack->eject ? lack : NULL;
        return lack && !lack->eject;
    }
    return self->depth == DEPTH_PART && self->ejected && is_medium(element);
}

static void
add_attributes(const Removing *self, const char **names, const char **values)
{
    gboolean drive = self->ejected && self->depth == DEPTH_DEVICE;

    for (gsize i = 0; names[i]; i++) {
        /* An empty drive is of files: no other kind can be without a source. */
        gboolean kind = drive && strcmp(names[i], "type") == 0;

        g_string_append_printf(self->out, " %s='", names[i]);
        add_escaped(self->out, kind ? "file" : values[i], -1, TRUE);
        g_string_append_c(self->out, '\'');
    }
}

static void
start(GMarkupParseContext *context, const char *element, const char **names, const char **values,
      gpointer data, GError **error)
{
    Removing *self = data;

    (void)context;
    (void)error;
    self->depth++;
    if (self->skipped > 0 || leaves_out(self, element)) {
        self->skipped++;
        return;
    }
    finish_tag(self);
    g_string_append_printf(self->out, "<%s", element);
    add_attributes(self, names, values);
    self->open = TRUE;
}

static void
end(GMarkupParseContext *context, const char *element, gpointer data, GError **error)
{
    Removing *self = data;

    (void)context;
    (void)error;
    self->depth--;
    if (self->skipped > 0) {
        self->skipped--;
        return;
    }
    if (self->open)
        g_string_append(self->out, "/>");
    else
        g_string_append_printf(self->out, "</%s>", element);
    self->open = FALSE;
}

static void
text(GMarkupParseContext *context, const char *content, gsize size, gpointer data, GError **error)
{
    Removing *self = data;

    (void)context;
    (void)error;
    if (self->skipped > 0 || size == 0)
        return;
    finish_tag(self);
    add_escaped(self->out, content, (gssize)size, FALSE);
}

/* Comments and the like. */
static void
other(GMarkupParseContext *context, const char *content, gsize size, gpointer data, GError **error)
{
    Removing *self = data;

    (void)context;
    (void)error;
    if (self->skipped > 0)
        return;
    finish_tag(self);
    g_string_append_len(self->out, content, (gssize)size);
}

static const GMarkupParser parser = {
    .start_element = start,
    .end_element = end,
    .text = text,
    .passthrough = other,
};

gboolean
vms_reference_remove(const char *xml, const GPtrArray *lacks, char **ret_xml, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Removing removing = { .lacks = lacks, .out = out, .counts = counts };
    g_autoptr(GMarkupParseContext) context =
        g_markup_parse_context_new(&parser, 0, &removing, NULL);
    g_autoptr(GError) failed = NULL;

    if (!g_markup_parse_context_parse(context, xml, -1, &failed) ||
        !g_markup_parse_context_end_parse(context, &failed))
        return vms_fail(error, VMSNAP_E_INVALID, "the configuration is not well-formed: %s",
                        failed->message);
    *ret_xml = g_string_free(g_steal_pointer(&out), FALSE);
    return TRUE;
}
