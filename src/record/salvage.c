/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/salvage.h"

#include "record/text-check.h"

#include <string.h>

#define MOST_PATHS 256

/* The next text in quotes from *@at on, owned, and @at behind it; "" for one with escapes. NULL:
 * there is no whole one any more. */
static char *
next_quoted(const char **at)
{
    const char *begin = strchr(*at, '"');
    const char *end;
    gboolean plain = TRUE;

    if (!begin)
        return NULL;
    for (end = begin + 1; *end && *end != '"'; end++) {
        if (*end == '\\' && end[1]) {
            plain = FALSE;
            end++;
        }
    }
    if (!*end)
        return NULL;
    *at = end + 1;
    return plain ? g_strndup(begin + 1, (gsize)(end - begin - 1)) : g_strdup("");
}

static const char *
skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

char *
vms_salvage_text(const char *text, const char *key)
{
    const char *at = text;

    for (;;) {
        g_autofree char *word = next_quoted(&at);
        g_autofree char *value = NULL;
        const char *then;

        if (!word)
            return NULL;
        then = skip_blanks(at);
        if (strcmp(word, key) != 0 || *then != ':')
            continue;
        then = skip_blanks(then + 1);
        if (*then != '"')
            continue;
        value = next_quoted(&then);
        return value && g_utf8_validate(value, -1, NULL) && vms_text_check(VMS_CHECK_LINE, value)
                   ? g_steal_pointer(&value)
                   : NULL;
    }
}

static gboolean
is_place(const char *text)
{
    return *text == '/' && strstr(text, "/.vmsnap") && vms_text_check(VMS_CHECK_PATH, text);
}

GPtrArray *
vms_salvage_paths(const char *text)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    const char *at = text;

    while (paths->len < MOST_PATHS) {
        g_autofree char *word = next_quoted(&at);

        if (!word)
            break;
        if (!is_place(word) || !g_hash_table_add(seen, word))
            continue;
        g_ptr_array_add(paths, g_steal_pointer(&word));
    }
    return paths;
}
