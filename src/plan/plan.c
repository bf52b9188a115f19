/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/plan.h"

VmsPlan *
vms_plan_new(const char *type)
{
    VmsPlan *plan = g_atomic_rc_box_new0(VmsPlan);

    plan->type = g_strdup(type);
    plan->findings = g_ptr_array_new_with_free_func((GDestroyNotify)vms_finding_free);
    plan->steps = g_ptr_array_new_with_free_func((GDestroyNotify)vms_step_free);
    plan->expected_downtime_us = -1;
    return plan;
}

static void
clear(gpointer data)
{
    VmsPlan *plan = data;

    g_free(plan->type);
    g_free(plan->hash);
    g_free(plan->identity);
    g_free(plan->asked);
    vms_clone_request_free(plan->cloning);
    g_free(plan->source_uuid);
    g_free(plan->source_name);
    g_free(plan->vm_uuid);
    g_free(plan->vm_name);
    g_free(plan->snapshot_uuid);
    g_free(plan->snapshot_name);
    g_ptr_array_unref(plan->findings);
    g_ptr_array_unref(plan->steps);
}

VmsPlan *
vms_plan_ref(VmsPlan *plan)
{
    return g_atomic_rc_box_acquire(plan);
}

void
vms_plan_unref(VmsPlan *plan)
{
    if (plan)
        g_atomic_rc_box_release_full(plan, clear);
}

gboolean
vms_plan_still_holds(const char *hash, const char *identity, const VmsPlan *now)
{
    gboolean moving = g_strcmp0(hash, identity) == 0 || g_strcmp0(now->hash, now->identity) == 0;

    return g_strcmp0(identity, now->identity) == 0 && (moving || g_strcmp0(hash, now->hash) == 0);
}

gsize
vms_plan_count_conflicts(const VmsPlan *plan, vmsnap_mode mode)
{
    gsize count = 0;

    for (guint i = 0; i < plan->findings->len; i++)
        count += vms_finding_act(plan->findings->pdata[i], mode) == VMS_ACT_REFUSE ? 1 : 0;
    return count;
}
