/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json-scan.h"

#include "base/error.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Longest number looked at; no 64-bit integer or double needs as many. */
#define MAX_NUMBER 64

typedef struct {
    const char *at;
    const char *end;
    const VmsJsonLimits *limits;
    const char *wrong;             /* what is wrong at @at; NULL: nothing */
    guint depth;                   /* open objects and arrays */
    guint64 objects;               /* bit d: level d is an object */
    guint ids[VMS_JSON_MAX_DEPTH]; /* which object or array is open at a level */
    guint next_id;
    gsize values;
    GHashTable *names; /* "object id:name" of every member seen */
} Scan;

static gboolean
bad(Scan *scan, const char *wrong)
{
    if (!scan->wrong)
        scan->wrong = wrong;
    return FALSE;
}

static void
skip_space(Scan *scan)
{
    while (scan->at < scan->end && strchr(" \t\r\n", *scan->at))
        scan->at++;
}

static gboolean
take_char(Scan *scan, char wanted)
{
    if (scan->at == scan->end || *scan->at != wanted)
        return FALSE;
    scan->at++;
    return TRUE;
}

static gboolean
in_object(const Scan *scan)
{
    return ((scan->objects >> (scan->depth - 1)) & 1) != 0;
}

/* Four hexadecimal digits. */
static gboolean
take_hex(Scan *scan, guint *ret_unit)
{
    guint unit = 0;

    for (int i = 0; i < 4; i++) {
        int digit = scan->at < scan->end ? g_ascii_xdigit_value(*scan->at) : -1;
        if (digit < 0)
            return bad(scan, "a bad \\u escape");
        unit = unit * 16 + (guint)digit;
        scan->at++;
    }
    *ret_unit = unit;
    return TRUE;
}

/* After "\u". */
static gboolean
take_unicode(Scan *scan)
{
    guint unit = 0;
    guint low = 0;

    if (!take_hex(scan, &unit))
        return FALSE;
    if (unit == 0)
        return bad(scan, "a NUL character");
    if (unit < 0xd800 || unit > 0xdfff)
        return TRUE;
    if (unit > 0xdbff || !take_char(scan, '\\') || !take_char(scan, 'u') || !take_hex(scan, &low) ||
        low < 0xdc00 || low > 0xdfff)
        return bad(scan, "an unpaired surrogate");
    return TRUE;
}

/* A string; @ret_plain: it has no escapes. The UTF-8 of the whole text is checked beforehand. */
static gboolean
take_string(Scan *scan, gboolean *ret_plain)
{
    *ret_plain = TRUE;
    if (!take_char(scan, '"'))
        return bad(scan, "a string was expected");
    while (scan->at < scan->end) {
        char c = *scan->at++;
        if (c == '"')
            return TRUE;
        if ((guchar)c < 0x20)
            return bad(scan, "a control character in a string");
        if (c != '\\')
            continue;
        *ret_plain = FALSE;
        if (scan->at == scan->end || !strchr("\"\\/bfnrtu", *scan->at))
            return bad(scan, "a bad escape");
        if (*scan->at++ == 'u' && !take_unicode(scan))
            return FALSE;
    }
    return bad(scan, "a string without end");
}

static gsize
take_digits(Scan *scan)
{
    const char *from = scan->at;

    while (scan->at < scan->end && g_ascii_isdigit(*scan->at))
        scan->at++;
    return (gsize)(scan->at - from);
}

/* The value of the number in [@from, scan->at) fits. */
static gboolean
check_number(Scan *scan, const char *from, gboolean integer)
{
    char text[MAX_NUMBER + 1] = { 0 };
    gsize size = (gsize)(scan->at - from);

    if (size > MAX_NUMBER)
        return bad(scan, "a number that is too long");
    memcpy(text, from, size);
    errno = 0;
    if (integer) {
        g_ascii_strtoll(text, NULL, 10);
        return errno == 0 ? TRUE : bad(scan, "an integer beyond 64 bits");
    }
    return isfinite(g_ascii_strtod(text, NULL)) ? TRUE : bad(scan, "a number out of range");
}

static gboolean
take_number(Scan *scan)
{
    const char *from = scan->at;
    const char *digits = NULL;
    gboolean integer = TRUE;

    take_char(scan, '-');
    digits = scan->at;
    if (take_digits(scan) == 0)
        return bad(scan, "a value was expected");
    if (*digits == '0' && scan->at - digits > 1)
        return bad(scan, "a number with a leading zero");
    if (take_char(scan, '.')) {
        integer = FALSE;
        if (take_digits(scan) == 0)
            return bad(scan, "a number without fraction digits");
    }
    if (take_char(scan, 'e') || take_char(scan, 'E')) {
        integer = FALSE;
        if (!take_char(scan, '-'))
            take_char(scan, '+');
        if (take_digits(scan) == 0)
            return bad(scan, "a number without exponent digits");
    }
    return check_number(scan, from, integer);
}

static gboolean
take_word(Scan *scan)
{
    static const char *const words[] = { "true", "false", "null" };

    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        gsize size = strlen(words[i]);
        if ((gsize)(scan->end - scan->at) >= size && memcmp(scan->at, words[i], size) == 0) {
            scan->at += size;
            return TRUE;
        }
    }
    return bad(scan, "a value was expected");
}

/* A member's name and the colon. */
static gboolean
take_name(Scan *scan)
{
    const char *from = scan->at;
    g_autofree char *name = NULL;
    gboolean plain = FALSE;

    if (!take_string(scan, &plain))
        return FALSE;
    if (!plain)
        return bad(scan, "an escape in a member's name");
    name = g_strdup_printf("%u:%.*s", scan->ids[scan->depth - 1], (int)(scan->at - from), from);
    if (!g_hash_table_add(scan->names, g_steal_pointer(&name)))
        return bad(scan, "a second member of the same name");
    skip_space(scan);
    if (!take_char(scan, ':'))
        return bad(scan, "a colon was expected");
    skip_space(scan);
    return TRUE;
}

static gboolean
open_level(Scan *scan, gboolean object)
{
    if (scan->depth >= MIN(scan->limits->depth, VMS_JSON_MAX_DEPTH))
        return bad(scan, "too many levels");
    scan->at++;
    scan->ids[scan->depth] = scan->next_id++;
    scan->objects &= ~(G_GUINT64_CONSTANT(1) << scan->depth);
    scan->objects |= (guint64)(object ? 1 : 0) << scan->depth;
    scan->depth++;
    return TRUE;
}

/* One value that has no others in it, or the opening of one that may have. */
static gboolean
take_value(Scan *scan)
{
    gboolean plain = FALSE;

    if (scan->at == scan->end)
        return bad(scan, "the text ends early");
    if (++scan->values > scan->limits->values)
        return bad(scan, "too many values");
    switch (*scan->at) {
    case '{':
        return open_level(scan, TRUE);
    case '[':
        return open_level(scan, FALSE);
    case '"':
        return take_string(scan, &plain);
    case 't':
    case 'f':
    case 'n':
        return take_word(scan);
    default:
        return take_number(scan);
    }
}

/* Close levels and pass commas until a value must follow or nothing is open any more. @opened: a
 * level was just opened, so it may end at once. */
static gboolean
go_on(Scan *scan, gboolean opened)
{
    while (scan->depth > 0) {
        skip_space(scan);
        if (take_char(scan, in_object(scan) ? '}' : ']')) {
            scan->depth--;
            opened = FALSE;
            continue;
        }
        if (!opened && !take_char(scan, ','))
            return bad(scan, "a comma or an end was expected");
        skip_space(scan);
        return !in_object(scan) || take_name(scan);
    }
    return TRUE;
}

static gboolean
scan_text(Scan *scan)
{
    skip_space(scan);
    do {
        guint depth = scan->depth;
        if (!take_value(scan) || !go_on(scan, scan->depth > depth))
            return FALSE;
    } while (scan->depth > 0);
    skip_space(scan);
    return scan->at == scan->end ? TRUE : bad(scan, "something after the value");
}

gboolean
vms_json_scan(const char *text, gsize size, const VmsJsonLimits *limits, GError **error)
{
    g_autoptr(GHashTable) names = NULL;
    Scan scan = { .at = text, .end = text + size, .limits = limits };

    if (size > limits->size)
        return vms_refuse(error, VMSNAP_E_INVALID, "BadJson",
                          "JSON text of %" G_GSIZE_FORMAT " bytes, %" G_GSIZE_FORMAT " are allowed",
                          size, limits->size);
    /* With a length given, a NUL counts as invalid too. */
    if (!g_utf8_validate_len(text, size, &scan.at))
        return vms_refuse(error, VMSNAP_E_INVALID, "BadJson",
                          "JSON text is not UTF-8 at byte %" G_GSIZE_FORMAT,
                          (gsize)(scan.at - text));
    scan.at = text;
    names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    scan.names = names;
    if (!scan_text(&scan))
        return vms_refuse(error, VMSNAP_E_INVALID, "BadJson",
                          "JSON text has %s at byte %" G_GSIZE_FORMAT, scan.wrong,
                          (gsize)(scan.at - text));
    return TRUE;
}
