/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/fail.h"
#include "api/launch.h"
#include "api/reading.h"
#include "api/sized.h"
#include "base/error.h"
#include "engine/undo-set.h"
#include "model/name.h"
#include "record/view.h"

#include <vmsnap/undo.h>

struct vmsnap_undo_set {
    VmsHandle handle;
    VmsUndoSet *set;
    char *json;
};

static void
release(void *set)
{
    vmsnap_undo_set_unref(set);
}

static vmsnap_undo_set *
handle_new(vmsnap_context *context, VmsUndoSet *set)
{
    vmsnap_undo_set *made = g_new0(vmsnap_undo_set, 1);

    vms_handle_init(&made->handle, VMS_MAGIC_UNDO_SET, context);
    made->set = set;
    made->json = vms_view_undo_set(set);
    return made;
}

int
vmsnap_context_list_undo_sets(vmsnap_context *context, vmsnap_undo_set_list **ret_list,
                              vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) sets = NULL;
    GPtrArray *handles;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_need(ret_list != NULL, "ret_list", &error) || !vms_call_need_records(&call, &error) ||
        !vms_call_need_local(&call, &error) ||
        !vms_engine_list_undo_sets(&context->engine, &sets, &error))
        return vms_api_fail(ret_error, error);
    handles = g_ptr_array_new_with_free_func(release);
    for (guint i = 0; i < sets->len; i++)
        g_ptr_array_add(handles, handle_new(context, sets->pdata[i]));
    g_ptr_array_set_free_func(sets, NULL); /* they moved */
    *ret_list =
        (vmsnap_undo_set_list *)vms_handle_list_new(context, VMS_MAGIC_UNDO_SET_LIST, handles);
    return VMSNAP_OK;
}

/* ---- jobs ---- */

static gboolean
run_drop(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_drop_undo(engine, task->operation, task->restore, progress, error);
}

/* As the reading tells; the engine looks again. */
static gboolean
check_kept(const VmsOperation *operation, GError **error)
{
    if (vms_undo_set_is_kept(operation))
        return TRUE;
    (void)vms_refuse(error, VMSNAP_E_NOT_FOUND, "NothingToUndo", "operation %s keeps no undo set",
                     operation->uuid);
    if (error)
        vms_error_set_object(*error, operation->uuid);
    return FALSE;
}

int
vmsnap_operation_drop_undo(vmsnap_operation *operation, vmsnap_job **ret_job,
                           vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-drop", run_drop);

    if (!vms_call_enter(&call, operation, VMS_MAGIC_OPERATION, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !check_kept(operation->operation, &error) || !vms_call_need_write(&call, &error))
        return vms_api_fail(ret_error, error);
    task->operation = vms_name_new_uuid();
    task->restore = g_strdup(operation->operation->uuid);
    if (!vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

static gboolean
run_collect(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_collect(engine, task->dry, progress, &task->acts, error);
}

static gboolean
check_options(const vmsnap_collect_options *options, GError **error)
{
    if ((options->flags & ~(guint)VMSNAP_COLLECT_DRY_RUN) != 0)
        return vms_refuse(error, VMSNAP_E_INVALID, "UnknownFlag", "flags has unknown bits: 0x%x",
                          options->flags);
    return options->reserved0 == 0 || vms_fail(error, VMSNAP_E_INVALID, "reserved0 must be 0");
}

int
vmsnap_context_collect(vmsnap_context *context, const vmsnap_collect_options *options,
                       vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-collect", run_collect);
    vmsnap_collect_options ours;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !vms_sized_copy(&ours, sizeof ours, options, &error) || !check_options(&ours, &error) ||
        !vms_call_need_records(&call, &error) || !vms_call_need_local(&call, &error))
        return vms_api_fail(ret_error, error);
    task->dry = (ours.flags & VMSNAP_COLLECT_DRY_RUN) != 0;
    if ((!task->dry && !vms_call_need_write(&call, &error)) ||
        !vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

/* ---- readings ---- */

const char *
vmsnap_undo_set_get_operation_uuid(const vmsnap_undo_set *set)
{
    return vms_handle_is(set, VMS_MAGIC_UNDO_SET) ? set->set->operation : NULL;
}

vmsnap_undo_state
vmsnap_undo_set_get_state(const vmsnap_undo_set *set)
{
    return vms_handle_is(set, VMS_MAGIC_UNDO_SET) ? vms_undo_set_state(set->set) : VMSNAP_UNDO_LOST;
}

int64_t
vmsnap_undo_set_get_until(const vmsnap_undo_set *set)
{
    return vms_handle_is(set, VMS_MAGIC_UNDO_SET) ? set->set->until_us : 0;
}

uint64_t
vmsnap_undo_set_get_allocated(const vmsnap_undo_set *set)
{
    return vms_handle_is(set, VMS_MAGIC_UNDO_SET) ? set->set->allocated : 0;
}

const char *
vmsnap_undo_set_get_json(const vmsnap_undo_set *set)
{
    return vms_handle_is(set, VMS_MAGIC_UNDO_SET) ? set->json : NULL;
}

vmsnap_undo_set *
vmsnap_undo_set_ref(vmsnap_undo_set *set)
{
    return vms_handle_ref(set, VMS_MAGIC_UNDO_SET);
}

void
vmsnap_undo_set_unref(vmsnap_undo_set *set)
{
    if (!vms_handle_drop(set, VMS_MAGIC_UNDO_SET))
        return;
    vms_undo_set_free(set->set);
    g_free(set->json);
    vms_handle_free(&set->handle);
}

size_t
vmsnap_undo_set_list_get_count(const vmsnap_undo_set_list *list)
{
    return vms_handle_list_count(list, VMS_MAGIC_UNDO_SET_LIST);
}

vmsnap_undo_set *
vmsnap_undo_set_list_get_item(const vmsnap_undo_set_list *list, size_t index)
{
    return vms_handle_list_item(list, VMS_MAGIC_UNDO_SET_LIST, index);
}

vmsnap_undo_set_list *
vmsnap_undo_set_list_ref(vmsnap_undo_set_list *list)
{
    return vms_handle_ref(list, VMS_MAGIC_UNDO_SET_LIST);
}

void
vmsnap_undo_set_list_unref(vmsnap_undo_set_list *list)
{
    vms_handle_list_unref(list, VMS_MAGIC_UNDO_SET_LIST);
}
