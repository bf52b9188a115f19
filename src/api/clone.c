/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/fail.h"
#include "api/launch.h"
#include "api/plan.h"
#include "api/reading.h"
#include "api/sized.h"
#include "base/error.h"
#include "model/name.h"

#include <string.h>

#include <vmsnap/clone.h>

#define MOST_NAME 255
#define MOST_RULE 8192
#define MOST_RULES 1024
#define KNOWN_FLAGS (VMSNAP_CLONE_KEEP_SERIAL | VMSNAP_CLONE_START | VMSNAP_CLONE_ALLOW_PARTIAL)

/* ---- what was asked ---- */

static gboolean
check_text(const char *text, gsize least, gsize most, const char *what, GError **error)
{
    gsize size = text ? strnlen(text, most + 1) : least;

    if (!text || (size >= least && size <= most && g_utf8_validate(text, -1, NULL)))
        return TRUE;
    return vms_fail(error, VMSNAP_E_INVALID, "%s is empty, not UTF-8 or longer than %zu bytes",
                    what, most);
}

static gboolean
check_rules(const char *const *rules, GError **error)
{
    for (guint i = 0; rules && rules[i]; i++) {
        if (i >= MOST_RULES)
            return vms_fail(error, VMSNAP_E_INVALID, "more than %d rules", MOST_RULES);
        if (!check_text(rules[i], 1, MOST_RULE, "a rule", error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_texts(const vmsnap_clone_options *options, GError **error)
{
    return check_text(options->name, 1, MOST_NAME, "the clone's name", error) &&
           check_text(options->prefix, 1, MOST_NAME, "the prefix", error) &&
           check_text(options->suffix, 1, MOST_NAME, "the suffix", error) &&
           check_text(options->seed, 0, MOST_RULE, "the seed", error) &&
           check_rules(options->rules, error);
}

static gboolean
check_options(const vmsnap_clone_options *options, GError **error)
{
    if (!check_texts(options, error))
        return FALSE;
    if (options->method > VMSNAP_CLONE_LINKED)
        return vms_fail(error, VMSNAP_E_INVALID, "method %u is not known", options->method);
    if (options->run_policy > VMSNAP_RUN_POLICY_INHERIT)
        return vms_fail(error, VMSNAP_E_INVALID, "run policy %u is not known", options->run_policy);
    if ((options->flags & ~(guint)KNOWN_FLAGS) != 0)
        return vms_refuse(error, VMSNAP_E_INVALID, "UnknownFlag", "flags has unknown bits: 0x%x",
                          options->flags);
    return TRUE;
}

static gboolean
copy_options(const vmsnap_clone_options *theirs, VmsCloneRequest **ret_request, GError **error)
{
    vmsnap_clone_options ours;
    VmsCloneRequest asked = { 0 };

    if (!vms_sized_copy(&ours, sizeof ours, theirs, error) || !check_options(&ours, error))
        return FALSE;
    asked.name = (char *)ours.name;
    asked.rules = (char **)ours.rules;
    asked.prefix = (char *)ours.prefix;
    asked.suffix = (char *)ours.suffix;
    asked.seed = (char *)ours.seed;
    asked.method = ours.method;
    asked.run_policy = ours.run_policy;
    asked.flags = ours.flags;
    asked.wait_ready_ms = ours.wait_ready_ms;
    *ret_request = vms_clone_request_copy(&asked);
    return TRUE;
}

/* ---- planning ---- */

static gboolean
make_plan(VmsCall *call, const VmsCloneSource *source, const vmsnap_clone_options *options,
          vmsnap_plan **ret_plan, GError **error)
{
    g_autoptr(VmsCloneRequest) request = NULL;
    VmsPlan *plan = NULL;

    if (!vms_need(ret_plan != NULL, "ret_plan", error) || !copy_options(options, &request, error) ||
        !vms_call_need_local(call, error) || !vms_call_need_hypervisor(call, error) ||
        !vms_engine_plan_clone(&call->context->engine, source, request, &plan, error))
        return FALSE;
    *ret_plan = vms_plan_handle_new(call->context, plan);
    return TRUE;
}

int
vmsnap_clone_plan(vmsnap_vm *vm, const vmsnap_clone_options *options, vmsnap_plan **ret_plan,
                  vmsnap_error **ret_error)
{
    VmsCloneSource source = { 0 };
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;

    if (!vms_call_enter(&call, vm, VMS_MAGIC_VM, &error))
        return vms_api_fail(ret_error, error);
    source.vm_uuid = vm->vm->uuid;
    if (!make_plan(&call, &source, options, ret_plan, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

int
vmsnap_clone_plan_from_snapshot(vmsnap_snapshot *snapshot, const vmsnap_clone_options *options,
                                vmsnap_plan **ret_plan, vmsnap_error **ret_error)
{
    VmsCloneSource source = { 0 };
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;

    if (!vms_call_enter(&call, snapshot, VMS_MAGIC_SNAPSHOT, &error))
        return vms_api_fail(ret_error, error);
    source.snapshot_uuid = snapshot->snapshot->uuid;
    if (!make_plan(&call, &source, options, ret_plan, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

/* ---- running ---- */

static gboolean
run_clone(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_clone(engine, task->operation, task->plan, task->mode, progress, error);
}

int
vmsnap_clone_start(vmsnap_plan *plan, uint32_t mode, vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-clone", run_clone);

    if (!vms_call_enter(&call, plan, VMS_MAGIC_PLAN, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !vms_plan_check_start(plan->plan, "clone", mode, &error) ||
        !vms_call_need_hypervisor(&call, &error) || !vms_call_need_write(&call, &error))
        return vms_api_fail(ret_error, error);
    task->operation = vms_name_new_uuid();
    task->vm = g_strdup(plan->plan->source_uuid);
    task->snapshot = g_strdup(plan->plan->snapshot_uuid);
    task->mode = (vmsnap_mode)mode;
    task->plan = vms_plan_ref(plan->plan);
    if (!vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

/* ---- flattening ---- */

static gboolean
run_flatten(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_flatten(engine, task->operation, task->vm, progress, error);
}

int
vmsnap_vm_flatten(vmsnap_vm *vm, vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-flatten", run_flatten);

    if (!vms_call_enter(&call, vm, VMS_MAGIC_VM, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) || !vms_call_need_local(&call, &error) ||
        !vms_call_need_hypervisor(&call, &error) || !vms_call_need_write(&call, &error))
        return vms_api_fail(ret_error, error);
    task->operation = vms_name_new_uuid();
    task->vm = g_strdup(vm->vm->uuid);
    if (!vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

/* ---- what was made ---- */

/* FALSE before it is there. */
static gboolean
has_made(const vmsnap_operation *operation)
{
    return vms_handle_is(operation, VMS_MAGIC_OPERATION) && operation->operation->clone &&
           operation->operation->phase == VMSNAP_OPERATION_COMPLETED;
}

const char *
vmsnap_operation_get_new_vm_name(const vmsnap_operation *operation)
{
    return has_made(operation) ? operation->operation->vm_name : NULL;
}

const char *
vmsnap_operation_get_new_vm_uuid(const vmsnap_operation *operation)
{
    return has_made(operation) ? operation->operation->vm_uuid : NULL;
}
