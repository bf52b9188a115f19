/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/identity.h"
#include "model/inventory.h"

#include <glib.h>

/* What the acting hypervisor's VMs hold that the inventory does not index: ports, sockets, logs,
 * generation ids. For VmsIdentityWish.taken. Owned by the caller. */
GHashTable *vms_clone_taken(VmsEngine *engine, const VmsInventory *inventory);
/* What of the configuration @xml holds data that a clone would share with its source: memory that
 * outlives the power, firmware that writes to itself. Added to @findings (VmsFinding*). */
gboolean vms_clone_find_stores(VmsEngine *engine, const char *xml, GPtrArray *findings,
                               GError **error);
