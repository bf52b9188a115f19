/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/plan.h"

#include "api/context.h"
#include "api/fail.h"
#include "base/error.h"
#include "record/record.h"
#include "record/view.h"

#include <vmsnap/plan.h>

vmsnap_plan *
vms_plan_handle_new(vmsnap_context *context, VmsPlan *plan)
{
    vmsnap_plan *made = g_new0(vmsnap_plan, 1);

    vms_handle_init(&made->handle, VMS_MAGIC_PLAN, context);
    made->plan = plan;
    made->json = vms_view_plan(plan);
    return made;
}

gboolean
vms_plan_check_start(const VmsPlan *plan, const char *type, uint32_t mode, GError **error)
{
    if (mode != VMSNAP_MODE_STRICT && mode != VMSNAP_MODE_BEST_EFFORT)
        return vms_fail(error, VMSNAP_E_INVALID, "a plan is started strict or best-effort, not %u",
                        mode);
    return g_strcmp0(plan->type, type) == 0 ||
           vms_refuse(error, VMSNAP_E_INVALID, "WrongKind", "the plan is of a %s, not of a %s",
                      plan->type, type);
}

int
vmsnap_plan_from_json(vmsnap_context *context, const char *json, vmsnap_plan **ret_plan,
                      vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    VmsPlan *plan = NULL;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_need(json != NULL, "json", &error) || !vms_need(ret_plan != NULL, "ret_plan", &error))
        return vms_api_fail(ret_error, error);
    plan = vms_record_read_plan(json, &error);
    if (!plan)
        return vms_api_fail(ret_error, error);
    *ret_plan = vms_plan_handle_new(call.context, plan);
    return VMSNAP_OK;
}

/* NULL beyond the end. */
static const VmsFinding *
finding_at(const vmsnap_plan *plan, size_t index)
{
    if (index >= vmsnap_plan_get_finding_count(plan))
        return NULL;
    return g_ptr_array_index(plan->plan->findings, index);
}

const char *
vmsnap_plan_get_hash(const vmsnap_plan *plan)
{
    return vms_handle_is(plan, VMS_MAGIC_PLAN) ? plan->plan->hash : NULL;
}

size_t
vmsnap_plan_get_finding_count(const vmsnap_plan *plan)
{
    return vms_handle_is(plan, VMS_MAGIC_PLAN) ? plan->plan->findings->len : 0;
}

size_t
vmsnap_plan_get_conflict_count(const vmsnap_plan *plan, uint32_t mode)
{
    if (!vms_handle_is(plan, VMS_MAGIC_PLAN) || mode < VMSNAP_MODE_DRY_RUN ||
        mode > VMSNAP_MODE_BEST_EFFORT)
        return 0;
    return vms_plan_count_conflicts(plan->plan, (vmsnap_mode)mode);
}

const char *
vmsnap_plan_get_finding_reason(const vmsnap_plan *plan, size_t index)
{
    const VmsFinding *finding = finding_at(plan, index);

    if (!finding)
        return NULL;
    return finding->reason ? finding->reason : "";
}

vmsnap_severity
vmsnap_plan_get_finding_severity(const vmsnap_plan *plan, size_t index)
{
    const VmsFinding *finding = finding_at(plan, index);

    return finding ? finding->severity : VMSNAP_SEVERITY_INFO;
}

const char *
vmsnap_plan_get_finding_message(const vmsnap_plan *plan, size_t index)
{
    const VmsFinding *finding = finding_at(plan, index);

    if (!finding)
        return NULL;
    return finding->message ? finding->message : "";
}

const char *
vmsnap_plan_get_json(const vmsnap_plan *plan)
{
    return vms_handle_is(plan, VMS_MAGIC_PLAN) ? plan->json : NULL;
}

vmsnap_plan *
vmsnap_plan_ref(vmsnap_plan *plan)
{
    return vms_handle_ref(plan, VMS_MAGIC_PLAN);
}

void
vmsnap_plan_unref(vmsnap_plan *plan)
{
    if (!vms_handle_drop(plan, VMS_MAGIC_PLAN))
        return;
    vms_plan_unref(plan->plan);
    g_free(plan->json);
    vms_handle_free(&plan->handle);
}
