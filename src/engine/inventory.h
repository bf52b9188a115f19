/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/inventory.h"

#include <glib.h>

/* The path as inventories have it: links followed, where it is there. */
char *vms_inventory_settle(const char *path);
/* Collect every VM of the connection and the identity of every file it refers to. Looks only. */
gboolean vms_inventory_collect(VmsEngine *engine, VmsInventory **ret_inventory, GError **error);
