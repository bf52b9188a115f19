/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/context.h"
#include "api/fail.h"
#include "api/reading.h"
#include "record/view.h"

#include <vmsnap/check.h>

vmsnap_check *
vms_check_handle_new(vmsnap_context *context, VmsCheckResult *check)
{
    vmsnap_check *made = g_new0(vmsnap_check, 1);

    vms_handle_init(&made->handle, VMS_MAGIC_CHECK, context);
    made->check = check;
    made->json = vms_view_check(check);
    return made;
}

int
vmsnap_vm_check(vmsnap_vm *vm, vmsnap_check **ret_check, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    VmsCheckResult *check = NULL;

    if (!vms_call_enter(&call, vm, VMS_MAGIC_VM, &error) ||
        !vms_need(ret_check != NULL, "ret_check", &error) || !vms_call_need_local(&call, &error) ||
        !vms_engine_check(&call.context->engine, vm->vm->uuid, &check, &error))
        return vms_api_fail(ret_error, error);
    *ret_check = vms_check_handle_new(call.context, check);
    return VMSNAP_OK;
}

vmsnap_verdict
vmsnap_check_get_verdict(const vmsnap_check *check)
{
    return vms_handle_is(check, VMS_MAGIC_CHECK) ? check->check->verdict : VMSNAP_VERDICT_BLOCKED;
}

static const char *
first_reason(const GPtrArray *findings, vmsnap_severity severity)
{
    for (guint i = 0; i < findings->len; i++) {
        const VmsFinding *finding = g_ptr_array_index(findings, i);

        if (finding->reason && finding->severity == severity)
            return finding->reason;
    }
    return NULL;
}

const char *
vmsnap_check_get_reason(const vmsnap_check *check)
{
    vmsnap_verdict verdict = vmsnap_check_get_verdict(check);
    const char *reason;

    if (!vms_handle_is(check, VMS_MAGIC_CHECK) || verdict == VMSNAP_VERDICT_OFFLINE ||
        verdict == VMSNAP_VERDICT_FROZEN)
        return NULL;
    reason = first_reason(check->check->findings, VMSNAP_SEVERITY_CONFLICT);
    return reason ? reason : first_reason(check->check->findings, VMSNAP_SEVERITY_WARNING);
}

const char *
vmsnap_check_get_json(const vmsnap_check *check)
{
    return vms_handle_is(check, VMS_MAGIC_CHECK) ? check->json : NULL;
}

vmsnap_check *
vmsnap_check_ref(vmsnap_check *check)
{
    return vms_handle_ref(check, VMS_MAGIC_CHECK);
}

void
vmsnap_check_unref(vmsnap_check *check)
{
    if (!vms_handle_drop(check, VMS_MAGIC_CHECK))
        return;
    vms_check_result_free(check->check);
    g_free(check->json);
    vms_handle_free(&check->handle);
}
