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

gboolean
vms_clone_find_stores(VmsEngine *engine, const char *xml, GPtrArray *findings, GError **error)
{
    g_autoptr(GPtrArray) traits = NULL;

    if (!vms_hypervisor_read_traits(engine->drivers->hypervisor, xml, &traits, error))
        return FALSE;
    for (guint i = 0; i < traits->len; i++) {
        const VmsTrait *trait = traits->pdata[i];

        if (trait->kind == VMS_TRAIT_STORE && trait->old)
            g_ptr_array_add(findings,
                            vms_finding_new_reason("VirtualImage", trait->old,
                                                   VMSNAP_SEVERITY_CONFLICT, "TargetUnsupported",
                                                   "the VM keeps data in '%s', which is not copied",
                                                   trait->old));
    }
    return TRUE;
}
