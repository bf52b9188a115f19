/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* Addresses of virtual machines: what their networks and their agents know. Looks only. */

/* Note in @snapshot, by its keep_ip, which addresses @vm has. What cannot be told costs no
 * snapshot: it is a warning among the resources. Never asks the agent of a guest in a window. */
void vms_addresses_note(VmsEngine *engine, const VmsVm *vm, VmsSnapshot *snapshot);
/* What the agent of a running VM says; NULL where it cannot or may not be asked now. */
GPtrArray *vms_addresses_ask(VmsEngine *engine, const VmsVm *vm);
