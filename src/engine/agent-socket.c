/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/agent-socket.h"

#include "base/error.h"
#include "model/name.h"

#include <string.h>
#include <sys/un.h>

/* A VM's name has no slash and a path begins with one: names with "=" are no riddle. NULL if there
 * is none. */
static const char *
path_of(const char *entry)
{
    const char *slash = strchr(entry, '/');

    return slash && slash > entry + 1 && slash[-1] == '=' ? slash : NULL;
}

static gboolean
is_of(const char *entry, const char *vm)
{
    gsize length = (gsize)(path_of(entry) - 1 - entry);

    return strlen(vm) == length && strncmp(entry, vm, length) == 0;
}

static gboolean
check_one(const char *entry, GError **error)
{
    const char *path = path_of(entry);

    if (!path)
        return vms_fail(error, VMSNAP_E_INVALID, "agent socket '%s' is not VM=/PATH", entry);
    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return vms_fail(error, VMSNAP_E_INVALID, "the path of agent socket '%s' is too long",
                        entry);
    return vms_name_check_path(path, error);
}

static gboolean
is_named_before(const char *const *sockets, gsize at)
{
    g_autofree char *vm = g_strndup(sockets[at], (gsize)(path_of(sockets[at]) - 1 - sockets[at]));

    for (gsize i = 0; i < at; i++)
        if (is_of(sockets[i], vm))
            return TRUE;
    return FALSE;
}

gboolean
vms_agent_socket_check(const char *const *sockets, GError **error)
{
    for (gsize i = 0; sockets && sockets[i]; i++) {
        if (!check_one(sockets[i], error))
            return FALSE;
        if (is_named_before(sockets, i))
            return vms_fail(error, VMSNAP_E_INVALID, "agent socket '%s' is of a VM named before",
                            sockets[i]);
    }
    return TRUE;
}

static const char *
find(char *const *sockets, const char *vm)
{
    for (; *sockets; sockets++)
        if (is_of(*sockets, vm))
            return path_of(*sockets);
    return NULL;
}

void
vms_agent_socket_note(const VmsEngine *engine, VmsVm *vm)
{
    const char *path = engine->agent_sockets ? find(engine->agent_sockets, vm->uuid) : NULL;

    if (!path && engine->agent_sockets)
        path = find(engine->agent_sockets, vm->name);
    g_free(vm->agent_socket);
    vm->agent_socket = g_strdup(path);
}
