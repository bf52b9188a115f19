/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/generation.h"

#include <string.h>

#define OPEN "<genid>"
#define CLOSE "</genid>"

/* Right behind the UUID is where it stands; elsewhere, as in metadata, it is somebody else's. */
static const char *
find_value(const char *xml)
{
    const char *at = strstr(xml, "</uuid>");

    if (!at)
        return NULL;
    at += strlen("</uuid>");
    at += strspn(at, " \t\r\n");
    return g_str_has_prefix(at, OPEN) ? at + strlen(OPEN) : NULL;
}

char *
vms_generation_renew(const char *xml, const char *uuid)
{
    const char *value = xml ? find_value(xml) : NULL;
    const char *end = value ? strstr(value, CLOSE) : NULL;

    if (!end)
        return g_strdup(xml);
    return g_strdup_printf("%.*s%s%s", (int)(value - xml), xml, uuid, end);
}
