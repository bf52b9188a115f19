/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/image.h"
#include "model/vm.h"

#include <glib.h>

/* Every virtual machine of the connections and every file they refer to: what conflicts are
 * looked up in. Collected once, then only read. */

/* One file that a VM refers to. */
typedef struct {
    const VmsVm *vm; /* borrowed from the inventory */
    char *path;
    VmsFileId file;   /* ino 0: it is not there */
    gboolean backing; /* a layer below the active one */
} VmsFileUser;

typedef struct {
    GPtrArray *vms;   /* VmsVm* */
    GPtrArray *users; /* VmsFileUser* */
} VmsInventory;

VmsInventory *vms_inventory_new(GPtrArray *vms); /* takes */
void vms_inventory_free(VmsInventory *inventory);
/* Takes nothing; @file is copied. */
void vms_inventory_add_user(VmsInventory *inventory, const VmsVm *vm, const char *path,
                            const VmsFileId *file, gboolean backing);

/* A VM other than @vm_uuid that refers to @path or to the same file; NULL: none. */
const VmsFileUser *vms_inventory_find_user(const VmsInventory *inventory, const char *vm_uuid,
                                           const char *path, const VmsFileId *file);
/* A VM other than @vm_uuid with that MAC address, live or configured; NULL: none. */
const VmsVm *vms_inventory_find_mac(const VmsInventory *inventory, const char *vm_uuid,
                                    const char *mac);
const VmsVm *vms_inventory_find_vm(const VmsInventory *inventory, const char *name_or_uuid);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsInventory, vms_inventory_free)
