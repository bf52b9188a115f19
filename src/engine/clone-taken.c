/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/clone-taken.h"

/* What cannot be read is defined all the same, and holds what it holds: then starting it tells. */
static void
take(VmsEngine *engine, const char *xml, GHashTable *taken)
{
    g_autoptr(GPtrArray) traits = NULL;

    if (xml && vms_hypervisor_read_traits(engine->drivers->hypervisor, xml, &traits, NULL))
        vms_identity_take(taken, traits);
}

GHashTable *
vms_clone_taken(VmsEngine *engine, const VmsInventory *inventory)
{
    GHashTable *taken = vms_identity_taken_new();

    for (guint i = 0; i < inventory->vms->len; i++) {
        const VmsVm *vm = inventory->vms->pdata[i];

        take(engine, vm->inactive_xml, taken);
        take(engine, vm->live_xml, taken);
    }
    return taken;
}
