/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/vm.h"

#include <glib.h>

/* Sockets on which the caller says that agents are reached: "VM=PATH", VM a name or UUID. */

/* INVALID unless each of @sockets (ended by NULL; NULL: none) is one, and none names a VM twice. */
gboolean vms_agent_socket_check(const char *const *sockets, GError **error);
/* Note in @vm the socket of its agent, if the engine knows one; a UUID goes before a name. */
void vms_agent_socket_note(const VmsEngine *engine, VmsVm *vm);
