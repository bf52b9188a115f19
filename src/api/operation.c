/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/fail.h"
#include "api/launch.h"
#include "api/reading.h"
#include "base/error.h"
#include "record/view.h"

#include <string.h>

#include <vmsnap/operation.h>

#define MOST_ID 255

vmsnap_operation *
vms_operation_handle_new(vmsnap_context *context, VmsOperation *operation)
{
    vmsnap_operation *made = g_new0(vmsnap_operation, 1);

    vms_handle_init(&made->handle, VMS_MAGIC_OPERATION, context);
    made->operation = operation;
    made->json = vms_view_operation(operation);
    return made;
}

const char *
vmsnap_operation_get_uuid(const vmsnap_operation *operation)
{
    return vms_handle_is(operation, VMS_MAGIC_OPERATION) ? operation->operation->uuid : NULL;
}

const char *
vmsnap_operation_get_type(const vmsnap_operation *operation)
{
    return vms_handle_is(operation, VMS_MAGIC_OPERATION) ? operation->operation->type : NULL;
}

vmsnap_operation_phase
vmsnap_operation_get_phase(const vmsnap_operation *operation)
{
    return vms_handle_is(operation, VMS_MAGIC_OPERATION) ? operation->operation->phase
                                                         : VMSNAP_OPERATION_FAILED;
}

const char *
vmsnap_operation_get_json(const vmsnap_operation *operation)
{
    return vms_handle_is(operation, VMS_MAGIC_OPERATION) ? operation->json : NULL;
}

vmsnap_operation *
vmsnap_operation_ref(vmsnap_operation *operation)
{
    return vms_handle_ref(operation, VMS_MAGIC_OPERATION);
}

void
vmsnap_operation_unref(vmsnap_operation *operation)
{
    if (!vms_handle_drop(operation, VMS_MAGIC_OPERATION))
        return;
    vms_operation_free(operation->operation);
    g_free(operation->json);
    vms_handle_free(&operation->handle);
}

static gboolean
run_drop(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_drop_record(engine, task->restore, task->newer, progress, &task->acts, error);
}

static gboolean
check_drop(const char *uuid, uint32_t flags, GError **error)
{
    if (!vms_need(uuid && *uuid, "the operation", error))
        return FALSE;
    if (strnlen(uuid, MOST_ID + 1) > MOST_ID || !g_utf8_validate(uuid, -1, NULL))
        return vms_fail(error, VMSNAP_E_INVALID, "the operation's id is too long, or not UTF-8");
    return (flags & ~(guint)VMSNAP_DROP_NEWER) == 0 ||
           vms_refuse(error, VMSNAP_E_INVALID, "UnknownFlag", "flags has unknown bits: 0x%x",
                      flags);
}

int
vmsnap_context_drop_operation(vmsnap_context *context, const char *uuid, uint32_t flags,
                              vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-forget", run_drop);

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) || !check_drop(uuid, flags, &error) ||
        !vms_call_need_records(&call, &error) || !vms_call_need_write(&call, &error))
        return vms_api_fail(ret_error, error);
    task->restore = g_strdup(uuid);
    task->newer = (flags & VMSNAP_DROP_NEWER) != 0;
    if (!vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

size_t
vmsnap_operation_list_get_count(const vmsnap_operation_list *list)
{
    return vms_handle_list_count(list, VMS_MAGIC_OPERATION_LIST);
}

vmsnap_operation *
vmsnap_operation_list_get_item(const vmsnap_operation_list *list, size_t index)
{
    return vms_handle_list_item(list, VMS_MAGIC_OPERATION_LIST, index);
}

vmsnap_operation_list *
vmsnap_operation_list_ref(vmsnap_operation_list *list)
{
    return vms_handle_ref(list, VMS_MAGIC_OPERATION_LIST);
}

void
vmsnap_operation_list_unref(vmsnap_operation_list *list)
{
    vms_handle_list_unref(list, VMS_MAGIC_OPERATION_LIST);
}
