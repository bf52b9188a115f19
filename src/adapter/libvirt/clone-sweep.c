/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/clone-sweep.h"

#include "adapter/libvirt/xml-write.h"

#include <string.h>

/* How much of a text a value has to be. */
typedef enum {
    SPAN_WORD = 0, /* between other characters than letters and digits; case does not count */
    SPAN_PATH,     /* ... than may be in a path */
    SPAN_WHOLE     /* all of it */
} Span;

typedef struct {
    const char *old;
    const char *value;
    Span span;
    gboolean free_only; /* where words are free */
} Swap;

typedef struct {
    GArray *swaps; /* Swap */
    const char *name;
    const char *source;
    gboolean free; /* we are where words are free */
} Sweep;

static gboolean
span_of(VmsTraitKind kind, Span *ret_span, gboolean *ret_free_only)
{
    *ret_free_only = FALSE;
    switch (kind) {
    case VMS_TRAIT_UUID:
    case VMS_TRAIT_GENID:
    case VMS_TRAIT_SMBIOS_UUID:
    case VMS_TRAIT_INTERFACE_ID:
    case VMS_TRAIT_INSTANCE_ID:
    case VMS_TRAIT_MAC:
        *ret_span = SPAN_WORD;
        return TRUE;
    case VMS_TRAIT_DISK:
    case VMS_TRAIT_NVRAM:
    case VMS_TRAIT_TPM:
    case VMS_TRAIT_SECRET:
    case VMS_TRAIT_SOCKET:
    case VMS_TRAIT_FILE:
        *ret_span = SPAN_PATH;
        return TRUE;
    case VMS_TRAIT_NAME:
    case VMS_TRAIT_SERIAL:
    case VMS_TRAIT_WWN:
    case VMS_TRAIT_SMBIOS_SERIAL:
    case VMS_TRAIT_CLOUD_ID:
    case VMS_TRAIT_CLOUD_HOSTNAME:
        *ret_span = SPAN_WHOLE;
        *ret_free_only = TRUE;
        return TRUE;
    case VMS_TRAIT_STORE:
    case VMS_TRAIT_PORT_ID:
    case VMS_TRAIT_LINK:
    case VMS_TRAIT_ADDRESS:
    case VMS_TRAIT_CID:
    case VMS_TRAIT_CHANNEL:
    case VMS_TRAIT_PORT:
    case VMS_TRAIT_GRAPHICS:
        break;
    }
    return FALSE;
}

/* Of a path only a whole one: "disk" is one, too, for a disk of that name in a pool. */
static gboolean
is_worth(const VmsTrait *row, Span span)
{
    return row->old && row->value && *row->old && strcmp(row->old, row->value) != 0 &&
           (span != SPAN_PATH || row->old[0] == '/');
}

static GArray *
list_swaps(const VmsIdentityTable *table)
{
    GArray *swaps = g_array_new(FALSE, FALSE, sizeof(Swap));

    for (guint i = 0; i < table->rows->len; i++) {
        const VmsTrait *row = table->rows->pdata[i];
        Swap swap = { .old = row->old, .value = row->value };

        if (span_of(row->kind, &swap.span, &swap.free_only) && is_worth(row, swap.span))
            g_array_append_val(swaps, swap);
    }
    return swaps;
}

/* ---- text ---- */

static gboolean
belongs(Span span, char byte)
{
    return g_ascii_isalnum(byte) || (guchar)byte >= 0x80 ||
           (span == SPAN_PATH && byte && strchr("/._-", byte));
}

static gboolean
stands_at(const Swap *swap, const char *text, const char *at)
{
    gsize length = strlen(swap->old);
    int differs = swap->span == SPAN_WORD ? g_ascii_strncasecmp(at, swap->old, length)
                                          : strncmp(at, swap->old, length);

    if (differs != 0)
        return FALSE;
    if (swap->span == SPAN_WHOLE)
        return at == text && !at[length];
    return (at == text || !belongs(swap->span, at[-1])) && !belongs(swap->span, at[length]);
}

static const Swap *
swap_at(const Sweep *sweep, const char *text, const char *at)
{
    for (guint i = 0; i < sweep->swaps->len; i++) {
        const Swap *swap = &g_array_index(sweep->swaps, Swap, i);

        if ((!swap->free_only || sweep->free) && stands_at(swap, text, at))
            return swap;
    }
    return NULL;
}

/* Where the name is a whole part of a path, which begins with a slash. */
static gboolean
is_part(const Sweep *sweep, const char *text, const char *at)
{
    gsize length = strlen(sweep->source);

    return sweep->free && length > 0 && at > text && at[-1] == '/' &&
           strncmp(at, sweep->source, length) == 0 && (!at[length] || at[length] == '/');
}

/* In one go, so that nothing new is taken for something old. NULL: all stays. */
static char *
sweep_text(const Sweep *sweep, const char *text)
{
    GString *made = g_string_new(NULL);
    gboolean changed = FALSE;

    for (const char *at = text; *at;) {
        const Swap *swap = swap_at(sweep, text, at);
        gboolean part = !swap && is_part(sweep, text, at);

        if (swap || part) {
            g_string_append(made, swap ? swap->value : sweep->name);
            at += strlen(swap ? swap->old : sweep->source);
            changed = TRUE;
        } else {
            g_string_append_c(made, *at++);
        }
    }
    return g_string_free(made, !changed);
}

/* ---- the tree ---- */

static void
sweep_attribute(const Sweep *sweep, xmlNode *node, xmlAttr *attribute)
{
    xmlChar *text = xmlNodeListGetString(node->doc, attribute->children, 1);
    g_autofree char *made = text ? sweep_text(sweep, (const char *)text) : NULL;

    if (made && attribute->ns)
        xmlSetNsProp(node, attribute->ns, attribute->name, (const xmlChar *)made);
    else if (made)
        vms_xml_set(node, (const char *)attribute->name, made);
    if (text)
        xmlFree(text);
}

/* Blanks around a word are nothing of it. */
static void
sweep_content(const Sweep *sweep, xmlNode *node)
{
    const char *content = node->content ? (const char *)node->content : "";
    gsize before = strspn(content, " \t\r\n");
    g_autofree char *text = g_strchomp(g_strdup(content + before));
    g_autofree char *made = sweep_text(sweep, text);
    g_autofree char *whole = NULL;

    if (!made)
        return;
    whole =
        g_strdup_printf("%.*s%s%s", (int)before, content, made, content + before + strlen(text));
    xmlNodeSetContent(node, NULL);
    xmlNodeAddContent(node, (const xmlChar *)whole);
}

static gboolean
opens_words(const xmlNode *node)
{
    static const char *const free_words[] = { "title", "description", "metadata", "sysinfo",
                                              "commandline" };

    for (gsize i = 0; i < G_N_ELEMENTS(free_words); i++) {
        if (strcmp((const char *)node->name, free_words[i]) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
sweep_one(const Sweep *sweep, xmlNode *node)
{
    if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE ||
        node->type == XML_COMMENT_NODE) {
        sweep_content(sweep, node);
        return;
    }
    if (node->type != XML_ELEMENT_NODE)
        return;
    for (xmlAttr *attribute = node->properties; attribute; attribute = attribute->next)
        sweep_attribute(sweep, node, attribute);
}

/* Iterative: how deep a document is, is for others to say. */
static void
sweep_below(Sweep *sweep, xmlNode *top)
{
    xmlNode *node = top;

    while (node) {
        sweep_one(sweep, node);
        if (node->type == XML_ELEMENT_NODE && node->children) {
            node = node->children;
            continue;
        }
        while (node != top && !node->next)
            node = node->parent;
        if (node == top)
            return;
        node = node->next;
    }
}

void
vms_clone_sweep(xmlDoc *document, const VmsIdentityTable *table)
{
    g_autoptr(GArray) swaps = list_swaps(table);
    Sweep sweep = { .swaps = swaps, .name = table->name, .source = table->source };
    xmlNode *root = xmlDocGetRootElement(document);

    sweep_one(&sweep, root);
    for (xmlNode *node = root->children; node; node = node->next) {
        sweep.free =
            node->type == XML_COMMENT_NODE || (node->type == XML_ELEMENT_NODE && opens_words(node));
        sweep_below(&sweep, node);
    }
}
