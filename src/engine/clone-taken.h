/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/identity.h"
#include "model/inventory.h"

#include <glib.h>

/* What the acting hypervisor's VMs hold that the inventory does not index: ports, sockets, logs,
 * generation ids. For VmsIdentityWish.taken. Owned by the caller. */
GHashTable *vms_clone_taken(VmsEngine *engine, const VmsInventory *inventory);
