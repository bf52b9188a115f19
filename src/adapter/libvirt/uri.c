/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/uri.h"

#include <string.h>

/* "ssh" of "qemu+ssh://host/system"; NULL if there is none. */
static char *
transport_of(GUri *parsed)
{
    const char *plus = strchr(g_uri_get_scheme(parsed), '+');

    return plus ? g_strdup(plus + 1) : NULL;
}

static GUri *
parse(const char *uri)
{
    return g_uri_parse(uri, G_URI_FLAGS_PARSE_RELAXED | G_URI_FLAGS_ENCODED, NULL);
}

static gboolean
is_this_host(const char *host)
{
    static const char *const names[] = { "", "localhost", "localhost.localdomain", "127.0.0.1",
                                         "::1" };

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_ascii_strcasecmp(host, names[i]) == 0)
            return TRUE;
    return g_ascii_strcasecmp(host, g_get_host_name()) == 0;
}

/* Only a UNIX socket cannot leave the host. A tunnel may end anywhere, so a network transport to
 * "localhost" counts as remote. */
gboolean
vms_uri_is_remote(const char *uri)
{
    g_autoptr(GUri) parsed = uri ? parse(uri) : NULL;
    g_autofree char *transport = NULL;
    const char *host;

    if (!parsed)
        return TRUE;
    transport = transport_of(parsed);
    if (transport && strcmp(transport, "unix") != 0)
        return TRUE;
    host = g_uri_get_host(parsed);
    return host && !is_this_host(host);
}

gboolean
vms_uri_is_session(const char *uri)
{
    g_autoptr(GUri) parsed = uri ? parse(uri) : NULL;

    return parsed && strcmp(g_uri_get_path(parsed), "/session") == 0;
}

/* ssh would ask on the terminal: on that of a process that merely links this library. */
char *
vms_uri_without_prompt(const char *uri)
{
    g_autoptr(GUri) parsed = uri ? parse(uri) : NULL;
    g_autofree char *transport = parsed ? transport_of(parsed) : NULL;

    if (!parsed || g_strcmp0(transport, "ssh") != 0 || strstr(uri, "no_tty="))
        return g_strdup(uri);
    return g_strconcat(uri, g_uri_get_query(parsed) ? "&" : "?", "no_tty=1", NULL);
}
