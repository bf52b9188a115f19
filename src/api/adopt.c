/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/fail.h"
#include "api/launch.h"
#include "api/sized.h"
#include "base/error.h"
#include "model/name.h"

#include <vmsnap/adopt.h>

#define MOST_PATHS 1000
#define KNOWN_FLAGS (VMSNAP_ADOPT_DRY_RUN | VMSNAP_ADOPT_ACCEPT_TIMES)

static gboolean
check_paths(const char *const *paths, GError **error)
{
    gsize count = 0;

    if (!vms_need(paths && *paths, "a path", error))
        return FALSE;
    for (; paths[count]; count++) {
        if (count >= MOST_PATHS)
            return vms_fail(error, VMSNAP_E_INVALID, "there are more than %d paths", MOST_PATHS);
        if (!vms_name_check_path(paths[count], error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_options(const vmsnap_adopt_options *options, GError **error)
{
    if ((options->flags & ~(guint)KNOWN_FLAGS) != 0)
        return vms_refuse(error, VMSNAP_E_INVALID, "UnknownFlag", "flags has unknown bits: 0x%x",
                          options->flags);
    if (options->reserved0 != 0)
        return vms_fail(error, VMSNAP_E_INVALID, "reserved0 must be 0");
    return !options->name || vms_name_check_snapshot(options->name, error);
}

static gboolean
copy_request(const char *const *paths, const vmsnap_adopt_options *theirs,
             VmsAdoptRequest **ret_request, GError **error)
{
    vmsnap_adopt_options ours;
    VmsAdoptRequest *request;

    if (!check_paths(paths, error) || !vms_sized_copy(&ours, sizeof ours, theirs, error) ||
        !check_options(&ours, error))
        return FALSE;
    request = g_new0(VmsAdoptRequest, 1);
    request->paths = g_strdupv((char **)paths);
    request->name = g_strdup(ours.name);
    request->dry = (ours.flags & VMSNAP_ADOPT_DRY_RUN) != 0;
    request->accept_times = (ours.flags & VMSNAP_ADOPT_ACCEPT_TIMES) != 0;
    *ret_request = request;
    return TRUE;
}

/* What was adopted is told as the snapshots of a group are. */
static gboolean
run_adopt(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    g_autoptr(GPtrArray) adopted = g_ptr_array_new_with_free_func(g_free);
    gboolean done = vms_engine_adopt(engine, task->adopting, progress, adopted, &task->acts, error);

    task->members = g_ptr_array_new_with_free_func((GDestroyNotify)vms_group_member_free);
    for (guint i = 0; i < adopted->len; i++) {
        VmsGroupMember *member = g_new0(VmsGroupMember, 1);

        member->snapshot = g_strdup(adopted->pdata[i]);
        g_ptr_array_add(task->members, member);
    }
    return done;
}

int
vmsnap_context_adopt(vmsnap_context *context, const char *const *paths,
                     const vmsnap_adopt_options *options, vmsnap_job **ret_job,
                     vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-adopt", run_adopt);

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !copy_request(paths, options, &task->adopting, &error) ||
        !vms_call_need_records(&call, &error) || !vms_call_need_local(&call, &error) ||
        (!task->adopting->dry && !vms_call_need_write(&call, &error)) ||
        !vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}
