/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/fail.h"
#include "api/launch.h"
#include "api/plan.h"
#include "api/reading.h"
#include "api/sized.h"
#include "base/error.h"
#include "model/name.h"

#include <limits.h>
#include <string.h>

#include <vmsnap/new-disk.h>

#define MOST_WORD 64
#define KNOWN_FLAGS (VMSNAP_NEW_DISK_IMAGE | VMSNAP_NEW_DISK_KEEP_OWNER)

static gboolean
check_text(const char *text, gsize most, const char *what, GError **error)
{
    gsize size = text ? strnlen(text, most + 1) : 0;

    if (!text || (size > 0 && size <= most))
        return TRUE;
    return vms_fail(error, VMSNAP_E_INVALID, "%s is empty or longer than %zu bytes", what, most);
}

static gboolean
check_options(const vmsnap_new_disk_options *options, GError **error)
{
    if (!vms_need(options->to != NULL, "where to", error) ||
        !check_text(options->to, PATH_MAX - 1, "to", error) ||
        !check_text(options->target, MOST_WORD, "target", error) ||
        !check_text(options->format, MOST_WORD, "format", error))
        return FALSE;
    if (options->method > VMSNAP_NEW_DISK_LINKED)
        return vms_fail(error, VMSNAP_E_INVALID, "method %u is not known", options->method);
    if ((options->flags & ~(guint)KNOWN_FLAGS) != 0)
        return vms_refuse(error, VMSNAP_E_INVALID, "UnknownFlag", "flags has unknown bits: 0x%x",
                          options->flags);
    return options->reserved0 == 0 || vms_fail(error, VMSNAP_E_INVALID, "reserved0 must be 0");
}

static gboolean
copy_options(const vmsnap_new_disk_options *theirs, VmsNewDiskRequest **ret_request, GError **error)
{
    vmsnap_new_disk_options ours;
    VmsNewDiskRequest *request;

    if (!vms_sized_copy(&ours, sizeof ours, theirs, error) || !check_options(&ours, error))
        return FALSE;
    request = g_new0(VmsNewDiskRequest, 1);
    request->to = g_strdup(ours.to);
    request->target = g_strdup(ours.target);
    request->format = g_strdup(ours.format);
    request->size = ours.size;
    request->method = (vmsnap_new_disk_method)ours.method;
    request->flags = ours.flags;
    request->wait_ready_ms = ours.wait_ready_ms;
    *ret_request = request;
    return TRUE;
}

int
vmsnap_new_disk_plan(vmsnap_snapshot *snapshot, const vmsnap_new_disk_options *options,
                     vmsnap_plan **ret_plan, vmsnap_error **ret_error)
{
    g_autoptr(VmsNewDiskRequest) request = NULL;
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    VmsPlan *plan = NULL;

    if (!vms_call_enter(&call, snapshot, VMS_MAGIC_SNAPSHOT, &error) ||
        !vms_need(ret_plan != NULL, "ret_plan", &error) ||
        !copy_options(options, &request, &error) || !vms_call_need_local(&call, &error) ||
        !vms_engine_plan_new_disk(&call.context->engine, snapshot->snapshot->uuid, request, &plan,
                                  &error))
        return vms_api_fail(ret_error, error);
    *ret_plan = vms_plan_handle_new(call.context, plan);
    return VMSNAP_OK;
}

static gboolean
run_new_disk(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_new_disk(engine, task->operation, task->snapshot, task->making, progress,
                               error);
}

/* At once, by the record as it is now: nobody waits for a snapshot that does not come. */
static gboolean
check_ready(const VmsCall *call, const char *uuid, GError **error)
{
    g_autoptr(VmsSnapshot) now = NULL;

    return vms_engine_load_snapshot(&call->context->engine, uuid, &now, error) &&
           (now->phase == VMSNAP_SNAPSHOT_READY ||
            vms_refuse(error, VMSNAP_E_CONFLICT, "NotReady", "snapshot %s is %s", now->name,
                       vms_snapshot_phase_name(now->phase)));
}

int
vmsnap_new_disk_start(vmsnap_snapshot *snapshot, const vmsnap_new_disk_options *options,
                      vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-new-disk", run_new_disk);

    if (!vms_call_enter(&call, snapshot, VMS_MAGIC_SNAPSHOT, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !copy_options(options, &task->making, &error) || !vms_call_need_write(&call, &error) ||
        !check_ready(&call, snapshot->snapshot->uuid, &error))
        return vms_api_fail(ret_error, error);
    task->operation = vms_name_new_uuid();
    task->snapshot = g_strdup(snapshot->snapshot->uuid);
    if (!vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

/* ---- what was made ---- */

/* NULL before it is there. */
static const VmsNewDisk *
made_by(const vmsnap_operation *operation)
{
    if (!vms_handle_is(operation, VMS_MAGIC_OPERATION) ||
        operation->operation->phase != VMSNAP_OPERATION_COMPLETED)
        return NULL;
    return operation->operation->made;
}

const char *
vmsnap_operation_get_new_path(const vmsnap_operation *operation)
{
    const VmsNewDisk *made = made_by(operation);

    return made ? made->path : NULL;
}

const char *
vmsnap_operation_get_new_format(const vmsnap_operation *operation)
{
    const VmsNewDisk *made = made_by(operation);

    return made ? made->format : NULL;
}

uint64_t
vmsnap_operation_get_new_size(const vmsnap_operation *operation)
{
    const VmsNewDisk *made = made_by(operation);

    return made ? made->virtual_size : 0;
}

const char *
vmsnap_operation_get_new_sha256(const vmsnap_operation *operation)
{
    const VmsNewDisk *made = made_by(operation);

    return made ? made->sha256 : NULL;
}
