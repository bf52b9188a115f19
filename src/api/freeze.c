/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/fail.h"
#include "api/launch.h"
#include "api/reading.h"
#include "api/sized.h"
#include "base/error.h"
#include "model/name.h"

#include <string.h>

#include <vmsnap/freeze.h>

#define MOST_HOLD_MS (10 * 60 * 1000)
#define MOST_NAMES 1024
#define MOST_NAME 4096

struct vmsnap_freeze {
    VmsHandle handle;
    VmsFrozenVm *frozen; /* held for its caller as long as one of these is there */
    char *uuid;
};

/* ---- begin ---- */

static gboolean
check_names(const char *const *names, const char *what, GError **error)
{
    for (guint i = 0; names && names[i]; i++)
        if (i >= MOST_NAMES || !*names[i] || strnlen(names[i], MOST_NAME + 1) > MOST_NAME ||
            !g_utf8_validate(names[i], -1, NULL))
            return vms_fail(error, VMSNAP_E_INVALID, "%s is not usable", what);
    return TRUE;
}

static gboolean
check_options(const vmsnap_freeze_options *options, GError **error)
{
    if (options->hold_ms > MOST_HOLD_MS)
        return vms_fail(error, VMSNAP_E_INVALID, "hold_ms %u is more than %d", options->hold_ms,
                        MOST_HOLD_MS);
    if ((options->flags & ~(guint)VMSNAP_FREEZE_DETACHED) != 0)
        return vms_refuse(error, VMSNAP_E_INVALID, "UnknownFlag", "flags has unknown bits: 0x%x",
                          options->flags);
    if (options->disks && !options->disks[0])
        return vms_fail(error, VMSNAP_E_INVALID, "the list of disks is empty");
    return check_names(options->disks, "the list of disks", error) &&
           check_names(options->accept_unfrozen, "accept_unfrozen", error);
}

static gboolean
run_freeze(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_freeze(engine, task->operation, task->vm, task->freezing, progress,
                             &task->frozen, error);
}

static VmsFreezeRequest *
request_of(const vmsnap_freeze_options *options)
{
    VmsFreezeRequest *request = g_new0(VmsFreezeRequest, 1);

    request->disks = g_strdupv((char **)options->disks);
    request->accept_unfrozen = g_strdupv((char **)options->accept_unfrozen);
    request->hold_ms = options->hold_ms;
    request->freeze_call_ms = options->freeze_call_ms;
    request->wait_ready_ms = options->wait_ready_ms;
    request->detached = (options->flags & VMSNAP_FREEZE_DETACHED) != 0;
    return request;
}

static gboolean
start_freeze(const VmsCall *call, const vmsnap_vm *vm, const vmsnap_freeze_options *options,
             vmsnap_job **ret_job, GError **error)
{
    VmsTask *task;

    if (!vms_call_need_write(call, error) || !vms_call_need_hypervisor(call, error))
        return FALSE;
    task = vms_task_new("vmsnap-freeze", run_freeze);
    task->operation = vms_name_new_uuid();
    task->vm = g_strdup(vm->vm->uuid);
    task->freezing = request_of(options);
    task->holds = 1;
    return vms_launch(call, task, ret_job, error);
}

int
vmsnap_freeze_start(vmsnap_vm *vm, const vmsnap_freeze_options *options, vmsnap_job **ret_job,
                    vmsnap_error **ret_error)
{
    vmsnap_freeze_options ours;
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;

    if (!vms_call_enter(&call, vm, VMS_MAGIC_VM, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !vms_sized_copy(&ours, sizeof ours, options, &error) || !check_options(&ours, &error) ||
        !start_freeze(&call, vm, &ours, ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

/* The first handle takes over what the job holds. */
vmsnap_freeze *
vms_freeze_handle_new(vmsnap_context *context, VmsTask *task)
{
    vmsnap_freeze *made = g_new0(vmsnap_freeze, 1);

    vms_handle_init(&made->handle, VMS_MAGIC_FREEZE, context);
    made->frozen = vms_frozen_vm_ref(task->frozen);
    made->uuid = g_strdup(vms_frozen_vm_get_uuid(task->frozen));
    if (!atomic_exchange(&task->holds, 0))
        vms_frozen_vm_hold(made->frozen);
    return made;
}

/* ---- end ---- */

static gboolean
run_end(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    (void)engine;
    return vms_frozen_vm_end(task->frozen, progress, error);
}

int
vmsnap_freeze_end(vmsnap_freeze *freeze, vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-thaw", run_end);

    if (!vms_call_enter(&call, freeze, VMS_MAGIC_FREEZE, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error))
        return vms_api_fail(ret_error, error);
    task->frozen = vms_frozen_vm_ref(freeze->frozen);
    if (!vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

static gboolean
run_thaw(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_thaw(engine, task->vm, progress, &task->frozen, error);
}

static gboolean
run_force(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    task->acts = g_ptr_array_new_with_free_func((GDestroyNotify)vms_recovery_act_free);
    return vms_engine_force_thaw(engine, task->vm, progress, task->acts, error);
}

static gboolean
check_thaw_options(const vmsnap_thaw_options *options, GError **error)
{
    if ((options->flags & ~(guint)VMSNAP_THAW_FORCE) != 0)
        return vms_refuse(error, VMSNAP_E_INVALID, "UnknownFlag", "flags has unknown bits: 0x%x",
                          options->flags);
    if (options->reserved0 != 0)
        return vms_fail(error, VMSNAP_E_INVALID, "reserved0 must be 0");
    return TRUE;
}

static gboolean
start_thaw(const VmsCall *call, const vmsnap_vm *vm, const vmsnap_thaw_options *options,
           vmsnap_job **ret_job, GError **error)
{
    VmsTask *task;

    if (!vms_call_need_write(call, error) || !vms_call_need_hypervisor(call, error))
        return FALSE;
    task = vms_task_new("vmsnap-thaw", options->flags & VMSNAP_THAW_FORCE ? run_force : run_thaw);
    task->vm = g_strdup(vm->vm->uuid);
    return vms_launch(call, task, ret_job, error);
}

int
vmsnap_vm_thaw(vmsnap_vm *vm, const vmsnap_thaw_options *options, vmsnap_job **ret_job,
               vmsnap_error **ret_error)
{
    vmsnap_thaw_options ours;
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;

    if (!vms_call_enter(&call, vm, VMS_MAGIC_VM, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !vms_sized_copy(&ours, sizeof ours, options, &error) ||
        !check_thaw_options(&ours, &error) || !start_thaw(&call, vm, &ours, ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

/* ---- reading ---- */

const char *
vmsnap_freeze_get_uuid(const vmsnap_freeze *freeze)
{
    return vms_handle_is(freeze, VMS_MAGIC_FREEZE) ? freeze->uuid : NULL;
}

int
vmsnap_freeze_get_ended(const vmsnap_freeze *freeze)
{
    return vms_handle_is(freeze, VMS_MAGIC_FREEZE) && vms_frozen_vm_is_ended(freeze->frozen);
}

int
vmsnap_freeze_get_proven(const vmsnap_freeze *freeze)
{
    return vms_handle_is(freeze, VMS_MAGIC_FREEZE) && vms_frozen_vm_is_proven(freeze->frozen);
}

const char *
vmsnap_freeze_get_json(const vmsnap_freeze *freeze)
{
    return vms_handle_is(freeze, VMS_MAGIC_FREEZE) ? vms_frozen_vm_get_json(freeze->frozen) : NULL;
}

vmsnap_freeze *
vmsnap_freeze_ref(vmsnap_freeze *freeze)
{
    return vms_handle_ref(freeze, VMS_MAGIC_FREEZE);
}

void
vmsnap_freeze_unref(vmsnap_freeze *freeze)
{
    g_auto(VmsCall) call = { 0 };

    if (!vms_handle_drop(freeze, VMS_MAGIC_FREEZE))
        return;
    /* Keeps the connection from being closed under a thaw; a context that was closed has ended
     * the freeze itself. */
    (void)vms_call_enter(&call, freeze, VMS_MAGIC_FREEZE, NULL);
    vms_frozen_vm_drop(freeze->frozen);
    vms_call_leave(&call);
    vms_frozen_vm_unref(freeze->frozen);
    g_free(freeze->uuid);
    vms_handle_free(&freeze->handle);
}
