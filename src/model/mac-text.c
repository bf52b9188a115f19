/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/mac-text.h"

#include <string.h>

enum {
    MAC_DIGITS = 12,
    MAC_CHARS = 17 /* with what stands between */
};

/* How many characters from @at on name @mac; 0: none. */
static gsize
match(const char *text, gsize size, gsize at, const char *mac)
{
    gboolean bare = size - at < 3 || (text[at + 2] != ':' && text[at + 2] != '-');
    gsize length = bare ? MAC_DIGITS : MAC_CHARS;
    gsize seen = at;

    if (size - at < length || (at > 0 && g_ascii_isxdigit(text[at - 1])) ||
        (size - at > length && g_ascii_isxdigit(text[at + length])))
        return 0;
    for (gsize i = 0; i < MAC_CHARS; i++) {
        gboolean between = i % 3 == 2;

        if (between && bare)
            continue;
        if (between ? text[seen] != text[at + 2] : g_ascii_tolower(text[seen]) != mac[i])
            return 0;
        seen++;
    }
    return length;
}

/* Lower case; NULL for what is no MAC address. */
static char *
fold(const char *mac)
{
    return strlen(mac) == MAC_CHARS ? g_ascii_strdown(mac, -1) : NULL;
}

gboolean
vms_mac_text_find(const char *text, gsize size, gsize from, const char *mac, gsize *ret_at)
{
    g_autofree char *folded = fold(mac);

    for (gsize at = from; folded && at < size; at++) {
        if (match(text, size, at, folded) == 0)
            continue;
        *ret_at = at;
        return TRUE;
    }
    return FALSE;
}

static void
put(char *text, gsize length, const char *mac)
{
    gboolean upper = FALSE;
    gsize from = 0;

    for (gsize i = 0; i < length; i++)
        upper = upper || g_ascii_isupper(text[i]);
    for (gsize i = 0; i < length; i++) {
        if (length == MAC_CHARS && i % 3 == 2) {
            from++;
            continue;
        }
        while (mac[from] == ':')
            from++;
        text[i] = (char)(upper ? g_ascii_toupper(mac[from]) : mac[from]);
        from++;
    }
}

guint
vms_mac_text_swap(char *text, gsize size, const char *const *old, const char *const *fresh)
{
    g_autoptr(GPtrArray) from = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) to = g_ptr_array_new_with_free_func(g_free);
    guint count = 0;

    for (gsize i = 0; old && old[i] && fresh[i]; i++) {
        char *a = fold(old[i]);
        char *b = fold(fresh[i]);

        if (a && b) {
            g_ptr_array_add(from, a);
            g_ptr_array_add(to, b);
            continue;
        }
        g_free(a);
        g_free(b);
    }
    /* In one pass: one's new address may be another's old one. */
    for (gsize at = 0; at < size; at++) {
        gsize length = 0;

        for (guint i = 0; i < from->len && length == 0; i++) {
            length = match(text, size, at, from->pdata[i]);
            if (length > 0)
                put(text + at, length, to->pdata[i]);
        }
        count += length > 0;
        at += length > 0 ? length - 1 : 0;
    }
    return count;
}
