/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/random-object.h"

#include <string.h>

static const char *const odd_texts[] = {
    "",
    "plain",
    "quote\" back\\slash",
    "line\nbreak\ttab\r",
    "\x01\x1f\x7f control",
    "umlaut \xc3\xa9 and emoji \xf0\x9f\x98\x80",
    "not utf-8 \xff\xfe",
    "<domain type='kvm'>&amp;</domain>",
    "{\"json\":[1]}",
};

static const char *
pick(GRand *rand, const char *const *texts, gsize count)
{
    return texts[g_rand_int_range(rand, 0, (gint32)count)];
}

static char *
random_text(GRand *rand, VmsCheck check)
{
    static const char *const paths[] = { "/", "/srv/images/web.qcow2", "/a b/\"c\"",
                                         "/bytes/\xff\xfe" };
    static const char *const names[] = { "nightly", "a", "before-2.0" };
    static const char *const labels[] = { "k=", "app.kubernetes.io/name=web", "x=\xc3\xa9 \"y\"" };
    static const char *const words[] = { "vda", "sdaa", "cdrom", "1.1" };
    static const char *const formats[] = { "raw", "qcow2" };
    static const char *const lines[] = { "web", "52:54:00:12:34:56", "a line with \xc3\xa9" };
    static const char *const addresses[] = { "10.0.0.5", "2001:db8::5" };

    switch (check) {
    case VMS_CHECK_NONE:
        return g_strdup(pick(rand, odd_texts, G_N_ELEMENTS(odd_texts)));
    case VMS_CHECK_LINE:
        return g_strdup(pick(rand, lines, G_N_ELEMENTS(lines)));
    case VMS_CHECK_UUID:
        return g_uuid_string_random();
    case VMS_CHECK_PATH:
        return g_strdup(pick(rand, paths, G_N_ELEMENTS(paths)));
    case VMS_CHECK_SNAPSHOT_NAME:
        return g_strdup(pick(rand, names, G_N_ELEMENTS(names)));
    case VMS_CHECK_LABEL:
        return g_strdup(pick(rand, labels, G_N_ELEMENTS(labels)));
    case VMS_CHECK_WORD:
        return g_strdup(pick(rand, words, G_N_ELEMENTS(words)));
    case VMS_CHECK_FORMAT:
        return g_strdup(pick(rand, formats, G_N_ELEMENTS(formats)));
    case VMS_CHECK_SHA256:
        return g_compute_checksum_for_string(G_CHECKSUM_SHA256, "x", -1);
    case VMS_CHECK_MAC:
        return g_strdup("52:54:00:12:34:56");
    case VMS_CHECK_ADDRESS:
        return g_strdup(pick(rand, addresses, G_N_ELEMENTS(addresses)));
    }
    return NULL;
}

/* Edges more often than not. */
static guint64
random_bits(GRand *rand)
{
    static const guint64 edges[] = { 0,           1,          G_MAXINT64, (guint64)G_MAXINT64 + 1,
                                     G_MAXUINT64, G_MAXUINT32 };
    guint64 bits = ((guint64)g_rand_int(rand) << 32) | g_rand_int(rand);

    if (g_rand_boolean(rand))
        return edges[g_rand_int_range(rand, 0, G_N_ELEMENTS(edges))];
    return bits >> g_rand_int_range(rand, 0, 64);
}

static int
random_value(GRand *rand, const VmsWord *words)
{
    gint32 count = 0;

    while (words[count].word)
        count++;
    return words[g_rand_int_range(rand, 0, count)].value;
}

static void fill(GRand *rand, const VmsShape *shape, gpointer object);

static void
fill_array(GRand *rand, const VmsField *field, GPtrArray *items)
{
    for (int n = g_rand_int_range(rand, 0, 4); n > 0; n--)
        g_ptr_array_add(items, field->kind == VMS_FIELD_TEXTS ? random_text(rand, field->check)
                                                              : random_object(rand, field->shape));
}

static void
fill_pointed(GRand *rand, const VmsField *field, gpointer *at)
{
    gboolean wanted = field->needed || g_rand_boolean(rand);

    /* What its maker put there. */
    if (*at && field->kind == VMS_FIELD_TEXT)
        g_free(*at);
    else if (*at)
        field->shape->free(*at);
    if (field->kind == VMS_FIELD_TEXT)
        *at = wanted ? random_text(rand, field->check) : NULL;
    else
        *at = wanted ? random_object(rand, field->shape) : NULL;
}

static void
fill_member(GRand *rand, const VmsField *field, void *at)
{
    switch (field->kind) {
    case VMS_FIELD_BOOL:
        *(gboolean *)at = g_rand_boolean(rand);
        return;
    case VMS_FIELD_INT:
    case VMS_FIELD_UINT:
        *(guint64 *)at = random_bits(rand);
        return;
    case VMS_FIELD_INT32:
    case VMS_FIELD_UINT32:
        *(guint32 *)at = (guint32)random_bits(rand);
        return;
    case VMS_FIELD_ENUM:
        *(int *)at = random_value(rand, field->words);
        return;
    case VMS_FIELD_STRUCT:
        fill(rand, field->shape, at);
        return;
    case VMS_FIELD_TEXT:
    case VMS_FIELD_OBJECT:
        fill_pointed(rand, field, at);
        return;
    case VMS_FIELD_TEXTS:
    case VMS_FIELD_OBJECTS:
        fill_array(rand, field, *(GPtrArray **)at);
        return;
    }
}

static void
fill(GRand *rand, const VmsShape *shape, gpointer object)
{
    for (const VmsField *field = shape->fields; field->key; field++)
        fill_member(rand, field, vms_field_at(object, field));
}

gpointer
random_object(GRand *rand, const VmsShape *shape)
{
    gpointer object = shape->make();

    fill(rand, shape, object);
    return object;
}

static gboolean
same_arrays(const VmsField *field, const GPtrArray *a, const GPtrArray *b)
{
    if (a->len != b->len)
        return FALSE;
    for (guint i = 0; i < a->len; i++) {
        if (field->kind == VMS_FIELD_TEXTS
                ? strcmp(a->pdata[i], b->pdata[i]) != 0
                : first_difference(field->shape, a->pdata[i], b->pdata[i]) != NULL)
            return FALSE;
    }
    return TRUE;
}

static gboolean
same_pointed(const VmsField *field, gconstpointer a, gconstpointer b)
{
    if (!a || !b)
        return a == b;
    if (field->kind == VMS_FIELD_TEXT)
        return strcmp(a, b) == 0;
    return first_difference(field->shape, a, b) == NULL;
}

static gboolean
same_member(const VmsField *field, const void *a, const void *b)
{
    switch (field->kind) {
    case VMS_FIELD_BOOL:
    case VMS_FIELD_INT32:
    case VMS_FIELD_UINT32:
    case VMS_FIELD_ENUM:
        return memcmp(a, b, 4) == 0;
    case VMS_FIELD_INT:
    case VMS_FIELD_UINT:
        return memcmp(a, b, 8) == 0;
    case VMS_FIELD_STRUCT:
        return first_difference(field->shape, a, b) == NULL;
    case VMS_FIELD_TEXT:
    case VMS_FIELD_OBJECT:
        return same_pointed(field, *(const gconstpointer *)a, *(const gconstpointer *)b);
    case VMS_FIELD_TEXTS:
    case VMS_FIELD_OBJECTS:
        return same_arrays(field, *(GPtrArray *const *)a, *(GPtrArray *const *)b);
    }
    return FALSE;
}

const char *
first_difference(const VmsShape *shape, gconstpointer a, gconstpointer b)
{
    for (const VmsField *field = shape->fields; field->key; field++) {
        if (!same_member(field, vms_field_at(a, field), vms_field_at(b, field)))
            return field->key;
    }
    return NULL;
}
