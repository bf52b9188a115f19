/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/inventory.h"

#include <glib.h>

/* What the embedder knows from elsewhere: who holds an identity that no connection shows. One list
 * per context; any thread. */

typedef struct {
    VmsIdentity kind;
    const char *value;
    const char *holder;  /* as conflicts name it */
    const char *vm_uuid; /* the VM that holds it; NULL: none */
    const char *network; /* of an address; NULL: not known */
} VmsFact;

VmsFacts *vms_facts_new(void);
void vms_facts_free(VmsFacts *facts);
void vms_facts_add(VmsFacts *facts, const VmsFact *fact);
/* Forget what @holder holds; NULL: all. How many there were. */
guint vms_facts_remove(VmsFacts *facts, const char *holder);
/* Those of the engine, if it has any. */
void vms_facts_add_to(VmsEngine *engine, VmsInventory *inventory);
