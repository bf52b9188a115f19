/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/fail.h"
#include "api/launch.h"
#include "api/plan.h"
#include "api/reading.h"
#include "api/sized.h"
#include "base/error.h"
#include "model/name.h"

#include <string.h>

#include <vmsnap/restore.h>

#define MOST_KEY 255
#define KNOWN_FLAGS                                                                                \
    (VMSNAP_RESTORE_FORCE_STOP | VMSNAP_RESTORE_ALLOW_PARTIAL | VMSNAP_RESTORE_DROP_MANAGED_SAVE | \
     VMSNAP_RESTORE_NO_START)

static gboolean
copy_options(const vmsnap_restore_options *theirs, VmsRestoreRequest *ret_request, GError **error)
{
    vmsnap_restore_options ours;

    if (!vms_sized_copy(&ours, sizeof ours, theirs, error))
        return FALSE;
    if ((ours.flags & ~(guint)KNOWN_FLAGS) != 0)
        return vms_refuse(error, VMSNAP_E_INVALID, "UnknownFlag", "flags has unknown bits: 0x%x",
                          ours.flags);
    *ret_request = (VmsRestoreRequest){
        .flags = ours.flags,
        .stop_timeout_ms = ours.stop_timeout_ms,
        .undo_ttl_s = ours.undo_ttl_s,
        .wait_ready_ms = ours.wait_ready_ms,
    };
    return TRUE;
}

static gboolean
check_vm(const char *vm, GError **error)
{
    if (vm && (!*vm || strnlen(vm, MOST_KEY + 1) > MOST_KEY || !g_utf8_validate(vm, -1, NULL)))
        return vms_fail(error, VMSNAP_E_INVALID, "the VM is not a name or UUID");
    return TRUE;
}

int
vmsnap_restore_plan(vmsnap_snapshot *snapshot, const char *vm,
                    const vmsnap_restore_options *options, vmsnap_plan **ret_plan,
                    vmsnap_error **ret_error)
{
    VmsRestoreRequest request;
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    VmsPlan *plan = NULL;

    if (!vms_call_enter(&call, snapshot, VMS_MAGIC_SNAPSHOT, &error) ||
        !vms_need(ret_plan != NULL, "ret_plan", &error) || !check_vm(vm, &error) ||
        !copy_options(options, &request, &error) || !vms_call_need_local(&call, &error) ||
        !vms_call_need_hypervisor(&call, &error) ||
        !vms_engine_plan_restore(&call.context->engine, snapshot->snapshot->uuid, vm, &request,
                                 &plan, &error))
        return vms_api_fail(ret_error, error);

    *ret_plan = vms_plan_handle_new(call.context, plan);
    return VMSNAP_OK;
}

static gboolean
run_restore(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    const VmsRestoreOrder order = {
        .operation_uuid = task->operation,
        .snapshot_uuid = task->snapshot,
        .vm = task->vm,
        .request = &task->restoring,
        .mode = task->mode,
        .hash = task->hash,
        .identity = task->identity,
    };

    return vms_engine_restore(engine, &order, progress, error);
}

int
vmsnap_restore_start(vmsnap_plan *plan, uint32_t mode, vmsnap_job **ret_job,
                     vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-restore", run_restore);

    if (!vms_call_enter(&call, plan, VMS_MAGIC_PLAN, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !vms_plan_check_start(plan->plan, "restore", mode, &error) ||
        !vms_call_need_hypervisor(&call, &error) || !vms_call_need_write(&call, &error))
        return vms_api_fail(ret_error, error);
    task->operation = vms_name_new_uuid();
    task->snapshot = g_strdup(plan->plan->snapshot_uuid);
    task->vm = g_strdup(plan->plan->asked);
    task->hash = g_strdup(plan->plan->hash);
    task->identity = g_strdup(plan->plan->identity);
    task->mode = (vmsnap_mode)mode;
    task->restoring = plan->plan->request;
    if (!vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

static gboolean
run_undo(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_undo(engine, task->operation, task->restore, &task->restoring, progress,
                           error);
}

/* As the reading tells; the engine looks again. */
static gboolean
check_undoable(const VmsOperation *operation, GError **error)
{
    if (g_strcmp0(operation->type, "restore") == 0 && operation->undo_until_us > 0 &&
        !operation->undone)
        return TRUE;
    (void)vms_refuse(error, VMSNAP_E_NOT_FOUND, "NothingToUndo",
                     "operation %s left nothing to bring back", operation->uuid);
    if (error)
        vms_error_set_object(*error, operation->uuid);
    return FALSE;
}

int
vmsnap_operation_undo(vmsnap_operation *operation, const vmsnap_restore_options *options,
                      vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-undo", run_undo);

    if (!vms_call_enter(&call, operation, VMS_MAGIC_OPERATION, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !copy_options(options, &task->restoring, &error) ||
        !check_undoable(operation->operation, &error) || !vms_call_need_write(&call, &error))
        return vms_api_fail(ret_error, error);
    task->operation = vms_name_new_uuid();
    task->restore = g_strdup(operation->operation->uuid);
    if (!vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

static gboolean
run_recover(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_recover(engine, progress, &task->acts, error);
}

int
vmsnap_context_recover(vmsnap_context *context, vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-recover", run_recover);

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) || !vms_call_need_write(&call, &error) ||
        !vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}
