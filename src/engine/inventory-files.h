/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/inventory.h"

#include <glib.h>

/* The files that VMs refer to, down to the last layer. Those of a VM on another host are files of
 * this host as well where both see the same storage: on network and cluster file systems, which are
 * taken to be mounted at the same place, as migration wants it too, and on devices whose names are
 * the same everywhere. Its other paths mean nothing here. */

typedef struct {
    VmsEngine *engine;
    VmsInventory *inventory;
    GHashTable *folders; /* of a VM on another host: char* to whether it is shared; else NULL */
} VmsInventoryFiles;

void vms_inventory_add_files(const VmsInventoryFiles *self, const VmsVm *vm, guint32 holder);
