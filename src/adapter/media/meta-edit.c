/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/media/meta-edit.h"

#include "base/error.h"

#include <string.h>
#include <yaml.h>

enum {
    TEXT_MAX = 256 * 1024,
    EVENTS_MAX = 20000,
    FIRST_LEVEL = 1 /* inside the mapping that is the whole document */
};

/* One piece of the text that is replaced. */
typedef struct {
    gsize from;
    gsize to;
    char *with;
} Splice;

/* The reading of one text. */
typedef struct {
    const char *text;
    const VmsMetaValue *values;
    gsize count;
    guint depth;              /* mappings and sequences we are in */
    guint documents;          /* seen */
    const VmsMetaValue *next; /* the value that comes belongs to this one; NULL: to none of ours */
    gboolean is_value;        /* on the first level: a value comes, not a key */
    gboolean mapping;         /* there is a mapping at the top */
    gboolean flow;            /* it is written with braces */
    gboolean empty;           /* and has nothing in it yet */
    gsize start;              /* where it begins, in characters */
    gsize column;
    guint64 found;    /* bit i: values[i] stands there */
    gboolean stale;   /* with another value than it should have */
    GArray *splices;  /* Splice, in characters */
    GString *meaning; /* all but what belongs to our keys */
} Reading;

static void
splice_clear(Splice *splice)
{
    g_clear_pointer(&splice->with, g_free);
}

static void
reading_clear(Reading *reading)
{
    g_clear_pointer(&reading->splices, g_array_unref);
    if (reading->meaning)
        g_string_free(reading->meaning, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reading, reading_clear)

static gboolean
not_understood(GError **error, const char *why)
{
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "MediaNotUnderstood", "%s", why);
}

/* In double quotes: the same in YAML and JSON. */
static char *
quote(const char *value)
{
    GString *text = g_string_new("\"");

    for (const char *at = value; *at; at++) {
        guchar c = (guchar)*at;

        if (c == '"' || c == '\\')
            g_string_append_printf(text, "\\%c", c);
        else if (c < 0x20)
            g_string_append_printf(text, "\\u%04x", c);
        else
            g_string_append_c(text, *at);
    }
    return g_string_free(g_string_append_c(text, '"'), FALSE);
}

static void
add_splice(Reading *reading, gsize from, gsize to, char *with)
{
    Splice splice = { from, to, with };

    g_array_append_val(reading->splices, splice);
}

static const VmsMetaValue *
find_value(Reading *reading, const yaml_event_t *event)
{
    for (gsize i = 0; i < reading->count; i++) {
        if (strcmp(reading->values[i].key, (const char *)event->data.scalar.value) != 0)
            continue;
        reading->found |= G_GUINT64_CONSTANT(1) << i;
        return &reading->values[i];
    }
    return NULL;
}

/* From the first dot on, if what follows looks like a domain; NULL: none. */
static const char *
find_domain(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    const char *dot = strchr(name, '.');

    return dot && dot[strspn(dot, letters)] == '\0' ? dot : NULL;
}

static gboolean
replace_value(Reading *reading, const yaml_event_t *event, GError **error)
{
    const VmsMetaValue *value = reading->next;
    const char *old = (const char *)event->data.scalar.value;
    const char *domain = value->keep_domain ? find_domain(old) : NULL;
    yaml_scalar_style_t style = event->data.scalar.style;
    g_autofree char *full = g_strconcat(value->value, domain ? domain : "", NULL);
    g_autofree char *quoted = quote(full);
    gboolean block = style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE;
    gsize from = event->start_mark.index;
    gsize to = event->end_mark.index;

    if (event->data.scalar.anchor)
        return not_understood(error, "a value is referred to from elsewhere");
    reading->stale = reading->stale || strcmp(old, full) != 0;
    add_splice(reading, from, to,
               g_strconcat(from == to ? " " : "", quoted, block ? "\n" : "", NULL));
    return TRUE;
}

static void
append_word(GString *meaning, const yaml_char_t *word)
{
    g_string_append_printf(meaning, " %zu:%s", word ? strlen((const char *)word) : 0,
                           word ? (const char *)word : "-");
}

/* What an event means, wherever it stands. */
static void
note_meaning(Reading *reading, const yaml_event_t *event)
{
    GString *meaning = reading->meaning;

    g_string_append_printf(meaning, "\n%u %d", reading->depth, (int)event->type);
    if (event->type == YAML_SCALAR_EVENT) {
        g_string_append_printf(meaning, " %d%d %zu", event->data.scalar.plain_implicit,
                               event->data.scalar.quoted_implicit, event->data.scalar.length);
        append_word(meaning, event->data.scalar.anchor);
        append_word(meaning, event->data.scalar.tag);
        g_string_append_c(meaning, ' ');
        g_string_append_len(meaning, (const char *)event->data.scalar.value,
                            (gssize)event->data.scalar.length);
    } else if (event->type == YAML_ALIAS_EVENT) {
        append_word(meaning, event->data.alias.anchor);
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        append_word(meaning, event->data.mapping_start.anchor);
        append_word(meaning, event->data.mapping_start.tag);
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        append_word(meaning, event->data.sequence_start.anchor);
        append_word(meaning, event->data.sequence_start.tag);
    }
}

/* What stands at the top of the document. */
static gboolean
take_top(Reading *reading, const yaml_event_t *event, GError **error)
{
    gboolean nothing = event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
                       event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

    if (nothing)
        return TRUE;
    if (event->type != YAML_MAPPING_START_EVENT || event->data.mapping_start.anchor)
        return not_understood(error, "it is no mapping");
    reading->mapping = TRUE;
    reading->empty = TRUE;
    reading->flow = event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    reading->start = reading->flow ? event->end_mark.index : event->start_mark.index;
    reading->column = event->start_mark.column;
    return TRUE;
}

/* A key or a value of the first level, as far as it begins here. */
static gboolean
take_first_level(Reading *reading, const yaml_event_t *event, GError **error)
{
    gboolean scalar = event->type == YAML_SCALAR_EVENT;

    if (!reading->is_value) {
        if (!scalar)
            return not_understood(error, "a key is no plain word");
        if (reading->empty && !reading->flow)
            reading->start = event->start_mark.index;
        reading->empty = FALSE;
        reading->is_value = TRUE;
        reading->next = find_value(reading, event);
        if (reading->next && event->data.scalar.anchor)
            return not_understood(error, "a key is referred to from elsewhere");
        return TRUE;
    }
    reading->is_value = FALSE;
    if (!reading->next)
        return TRUE;
    return scalar ? replace_value(reading, event, error)
                  : not_understood(error, "a value that is to be replaced is no plain word");
}

static gboolean
begins_something(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT || event->type == YAML_ALIAS_EVENT ||
           event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
}

/* Something begins: in the depth that it is in. */
static gboolean
take_beginning(Reading *reading, const yaml_event_t *event, GError **error)
{
    if (reading->depth == 0 && !take_top(reading, event, error))
        return FALSE;
    if (reading->depth == FIRST_LEVEL && !take_first_level(reading, event, error))
        return FALSE;
    if (!reading->next && reading->depth > 0)
        note_meaning(reading, event);
    return TRUE;
}

static gboolean
opens(const yaml_event_t *event)
{
    return event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
}

static gboolean
closes(const yaml_event_t *event)
{
    return event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT;
}

static gboolean
take_event(Reading *reading, const yaml_event_t *event, GError **error)
{
    gboolean first = reading->depth == FIRST_LEVEL;

    if (event->type == YAML_DOCUMENT_START_EVENT && ++reading->documents > 1)
        return not_understood(error, "it is more than one document");
    if (begins_something(event) && !take_beginning(reading, event, error))
        return FALSE;
    reading->depth -= closes(event) ? 1 : 0;
    if (closes(event) && reading->depth > 0)
        note_meaning(reading, event);
    /* The value of a key of ours is over with the event that begins it: it is a word. */
    if (first && !reading->is_value)
        reading->next = NULL;
    reading->depth += opens(event) ? 1 : 0;
    return TRUE;
}

typedef yaml_parser_t Parser;

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Parser, yaml_parser_delete)

/* TRUE with @ret_end at the end of the text. */
static gboolean
step(Parser *parser, Reading *reading, gboolean *ret_end, GError **error)
{
    yaml_event_t event;
    gboolean good;

    if (!yaml_parser_parse(parser, &event))
        return vms_refuse(
            error, VMSNAP_E_UNSUPPORTED, "MediaNotUnderstood", "it is no YAML: %s in line %zu",
            parser->problem ? parser->problem : "fault", parser->problem_mark.line + 1);
    *ret_end = event.type == YAML_STREAM_END_EVENT;
    good = take_event(reading, &event, error);
    yaml_event_delete(&event);
    return good;
}

static gboolean
read_text(const char *text, gsize size, Reading *reading, GError **error)
{
    g_auto(Parser) parser = { 0 };
    gboolean end = FALSE;

    reading->text = text;
    reading->splices = g_array_new(FALSE, FALSE, sizeof(Splice));
    g_array_set_clear_func(reading->splices, (GDestroyNotify)splice_clear);
    reading->meaning = g_string_new(NULL);
    if (size > TEXT_MAX || !g_utf8_validate(text, (gssize)size, NULL) ||
        g_str_has_prefix(text, "\xef\xbb\xbf"))
        return not_understood(error, "it is no UTF-8, or too long");
    if (!yaml_parser_initialize(&parser))
        return vms_fail(error, VMSNAP_E_INTERNAL, "no memory to read meta-data");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const guchar *)text, size);
    for (guint i = 0; !end; i++) {
        if (i >= EVENTS_MAX)
            return not_understood(error, "it is too long");
        if (!step(&parser, reading, &end, error))
            return FALSE;
    }
    return TRUE;
}

static void
add_line(const Reading *reading, const VmsMetaValue *value, GString *lines)
{
    g_autofree char *quoted = quote(value->value);

    if (reading->flow) {
        g_string_append_printf(lines, "%s\"%s\": %s", lines->len ? ", " : "", value->key, quoted);
        return;
    }
    g_string_append_printf(lines, "%s: %s\n", value->key, quoted);
    for (gsize c = 0; reading->mapping && c < reading->column; c++)
        g_string_append_c(lines, ' ');
}

/* What is missing comes first in the mapping; where there is none, at the end. */
static void
add_missing(Reading *reading, gsize end)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    gboolean fresh_line = end == 0 || reading->text[end - 1] == '\n';
    gsize at = reading->start;

    for (gsize i = 0; i < reading->count; i++) {
        gboolean found = (reading->found & G_GUINT64_CONSTANT(1) << i) != 0;

        if (reading->values[i].add && !found)
            add_line(reading, &reading->values[i], lines);
    }
    if (lines->len == 0)
        return;
    if (reading->flow && !reading->empty)
        g_string_append(lines, ", ");
    if (!reading->mapping) {
        at = (gsize)g_utf8_strlen(reading->text, (gssize)end);
        if (!fresh_line)
            g_string_prepend_c(lines, '\n');
    }
    add_splice(reading, at, at, g_strdup(lines->str));
}

static gint
compare_splices(gconstpointer a, gconstpointer b)
{
    const Splice *first = a;
    const Splice *second = b;

    return first->from < second->from ? -1 : first->from > second->from;
}

static char *
apply(Reading *reading, gsize size)
{
    GString *made = g_string_sized_new(size + 256);
    const char *at = reading->text;
    gsize chars = 0;

    g_array_sort(reading->splices, compare_splices);
    for (guint i = 0; i < reading->splices->len; i++) {
        const Splice *splice = &g_array_index(reading->splices, Splice, i);
        const char *from = g_utf8_offset_to_pointer(at, (glong)(splice->from - chars));
        const char *to = g_utf8_offset_to_pointer(from, (glong)(splice->to - splice->from));

        g_string_append_len(made, at, from - at);
        g_string_append(made, splice->with);
        at = to;
        chars = splice->to;
    }
    g_string_append_len(made, at, reading->text + size - at);
    return g_string_free(made, FALSE);
}

/* Each key is there where it should be, and nothing else changed its meaning. */
static gboolean
check(const Reading *before, const char *text, GError **error)
{
    g_auto(Reading) after = { .values = before->values, .count = before->count };

    if (!read_text(text, strlen(text), &after, error))
        return FALSE;
    for (gsize i = 0; i < before->count; i++) {
        guint64 bit = G_GUINT64_CONSTANT(1) << i;

        if ((before->values[i].add || before->found & bit) && !(after.found & bit))
            return not_understood(error, "what was written cannot be read again");
    }
    return (!after.stale && strcmp(before->meaning->str, after.meaning->str) == 0) ||
           not_understood(error, "to change it would change something else");
}

gboolean
vms_meta_edit(const char *text, gsize size, const VmsMetaValue *values, gsize count,
              char **ret_text, gsize *ret_size, GError **error)
{
    g_auto(Reading) reading = { .values = values, .count = count };
    g_autofree char *copy = g_strndup(text, size);
    g_autofree char *made = NULL;

    if (strlen(copy) != size)
        return not_understood(error, "it is no text");
    if (!read_text(copy, size, &reading, error))
        return FALSE;
    add_missing(&reading, size);
    made = apply(&reading, size);
    if (!check(&reading, made, error))
        return FALSE;
    *ret_size = strlen(made);
    *ret_text = g_steal_pointer(&made);
    return TRUE;
}
