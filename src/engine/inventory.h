/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/inventory.h"

#include <glib.h>

/* All of these look only. A connection that cannot be read fails them: what was not looked at must
 * not pass for free of conflicts. */

/* The path as inventories have it: links followed, where it is there. */
char *vms_inventory_settle(const char *path);
/* Every VM of every connection with what it holds, the identity of every file it refers to, and
 * the embedder's facts. */
gboolean vms_inventory_collect(VmsEngine *engine, VmsInventory **ret_inventory, GError **error);
/* Of the acting connection only: for files that nobody else can have yet. */
gboolean vms_inventory_collect_own(VmsEngine *engine, VmsInventory **ret_inventory, GError **error);
/* engine/inventory-address.c: add the addresses that the connections' networks give out: static
 * entries and leases that have not expired. */
gboolean vms_inventory_add_networks(VmsEngine *engine, VmsInventory *inventory, GError **error);
/* Of all connections but the acting one. */
gboolean vms_inventory_add_further_networks(VmsEngine *engine, VmsInventory *inventory,
                                            GError **error);
