/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/fail.h"
#include "api/launch.h"
#include "api/reading.h"
#include "api/sized.h"
#include "base/error.h"
#include "record/view.h"

#include <vmsnap/freeze.h>
#include <vmsnap/job.h>

struct vmsnap_job {
    VmsHandle handle;
    VmsJob *job;
    VmsTask *task; /* its thread's while it runs, then only read */
    char *json;    /* likewise */
};

VmsTask *
vms_task_new(const char *name, gboolean (*run)(VmsEngine *, VmsTask *, VmsProgress *, GError **))
{
    VmsTask *task = g_new0(VmsTask, 1);

    task->name = name;
    task->run = run;
    return task;
}

void
vms_task_free(VmsTask *task)
{
    if (!task)
        return;
    g_free(task->operation);
    g_free(task->vm);
    g_free(task->snapshot);
    g_free(task->restore);
    g_free(task->hash);
    g_free(task->identity);
    g_clear_pointer(&task->wanted, vms_snapshot_request_free);
    g_clear_pointer(&task->members, g_ptr_array_unref);
    g_clear_pointer(&task->acts, g_ptr_array_unref);
    g_clear_pointer(&task->freezing, vms_freeze_request_free);
    g_clear_pointer(&task->making, vms_new_disk_request_free);
    g_clear_pointer(&task->adopting, vms_adopt_request_free);
    g_clear_pointer(&task->plan, vms_plan_unref);
    if (task->frozen && atomic_exchange(&task->holds, 0))
        vms_frozen_vm_drop(task->frozen);
    vms_frozen_vm_unref(task->frozen);
    g_free(task);
}

/* Those that have a record. */
static GPtrArray *
load_members(VmsEngine *engine, const VmsTask *task)
{
    GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)vms_snapshot_free);

    for (guint i = 0; task->members && i < task->members->len; i++) {
        const VmsGroupMember *member = task->members->pdata[i];
        VmsSnapshot *snapshot = NULL;

        if (member->snapshot && vms_engine_load_snapshot(engine, member->snapshot, &snapshot, NULL))
            g_ptr_array_add(found, snapshot);
    }
    return found;
}

static char *
result_of_group(VmsEngine *engine, const VmsTask *task)
{
    g_autoptr(GPtrArray) snapshots = load_members(engine, task);
    g_autoptr(GString) text = g_string_new("{\"items\":[");

    for (guint i = 0; i < snapshots->len; i++) {
        g_autofree char *one = vms_view_snapshot(snapshots->pdata[i]);

        g_string_append_printf(text, "%s%s", i ? "," : "", one);
    }
    g_string_append(text, "]}");
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* What vmsnap_job_get_json() tells. A record that cannot be read is no reason to fail the job. */
static char *
result_of(VmsEngine *engine, const VmsTask *task, const GError *failed)
{
    g_autoptr(VmsOperation) operation = NULL;
    g_autoptr(VmsSnapshot) snapshot = NULL;

    if (task->acts && (task->acts->len > 0 || !failed))
        return vms_view_acts(task->acts);
    if (task->frozen && !failed)
        return g_strdup(vms_frozen_vm_get_json(task->frozen));
    if (task->operation && vms_engine_find_operation(engine, task->operation, &operation, NULL))
        return vms_view_operation(operation);
    if (failed)
        return vms_view_error(failed);
    if (task->members)
        return result_of_group(engine, task);
    if (task->snapshot && vms_engine_load_snapshot(engine, task->snapshot, &snapshot, NULL))
        return vms_view_snapshot(snapshot);
    return g_strdup("{}");
}

static gboolean
run_task(void *data, VmsProgress *progress, GError **error)
{
    vmsnap_job *job = data;
    VmsEngine *engine = &job->handle.context->engine;
    GError *failed = NULL;
    gboolean done = job->task->run(engine, job->task, progress, &failed);

    if (job->task->frozen)
        vms_context_watch(job->handle.context, job->task->frozen);
    job->json = result_of(engine, job->task, failed);
    if (failed)
        g_propagate_error(error, failed);
    return done;
}

static void
release_job(void *data)
{
    vmsnap_job_unref(data);
}

gboolean
vms_launch(const VmsCall *call, VmsTask *task, vmsnap_job **ret_job, GError **error)
{
    const VmsJobWork work = { .name = task->name, .run = run_task, .release = release_job };
    vmsnap_job *job = g_new0(vmsnap_job, 1);

    vms_handle_init(&job->handle, VMS_MAGIC_JOB, call->context);
    job->task = task;
    vmsnap_job_ref(job); /* the thread's */
    if (!vms_job_start(call->context->jobs, &work, job, &job->job, error)) {
        vmsnap_job_unref(job);
        vmsnap_job_unref(job);
        return FALSE;
    }
    *ret_job = job;
    return TRUE;
}

/* Jobs stay readable after their context was closed: no VmsCall here. */
static gboolean
need_job(const vmsnap_job *job, GError **error)
{
    if (!vms_need(vms_handle_is(job, VMS_MAGIC_JOB), "a live job", error))
        return FALSE;
    if (vms_handle_is_forked(&job->handle))
        return vms_fail(error, VMSNAP_E_FORKED, "the job belongs to the parent process");
    return TRUE;
}

static gboolean
is_readable(const vmsnap_job *job)
{
    return vms_handle_is(job, VMS_MAGIC_JOB) && !vms_handle_is_forked(&job->handle);
}

int
vmsnap_job_wait(vmsnap_job *job, int timeout_ms, vmsnap_error **ret_error)
{
    g_autoptr(GError) error = NULL;
    const GError *failed;

    if (!need_job(job, &error))
        return vms_api_fail(ret_error, error);
    if (!vms_job_wait(job->job, timeout_ms))
        return 0;
    failed = vms_job_get_error(job->job);
    return failed ? vms_api_fail(ret_error, failed) : 1;
}

int
vmsnap_job_get_fd(vmsnap_job *job, int *ret_fd, vmsnap_error **ret_error)
{
    g_autoptr(GError) error = NULL;
    int fd = -1;

    if (need_job(job, &error) && vms_need(ret_fd != NULL, "ret_fd", &error))
        fd = vms_job_dup_fd(job->job, &error);
    if (fd < 0)
        return vms_api_fail(ret_error, error);
    *ret_fd = fd;
    return VMSNAP_OK;
}

int
vmsnap_job_read_progress(vmsnap_job *job, vmsnap_progress *progress, vmsnap_error **ret_error)
{
    vmsnap_progress ours = VMSNAP_PROGRESS_INIT;
    g_autoptr(GError) error = NULL;
    VmsProgress *now;

    if (!need_job(job, &error) || !vms_need(progress != NULL, "progress", &error))
        return vms_api_fail(ret_error, error);
    now = vms_job_get_progress(job->job);
    /* Read first: a change after it shows as another number next time. */
    ours.sequence = atomic_load(&now->sequence);
    ours.stage = atomic_load(&now->stage);
    ours.bytes_done = atomic_load(&now->bytes_done);
    ours.bytes_total = atomic_load(&now->bytes_total);
    if (!vms_sized_fill(progress, &ours, sizeof ours, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

void
vmsnap_job_cancel(vmsnap_job *job)
{
    if (is_readable(job))
        vms_progress_cancel(vms_job_get_progress(job->job));
}

const char *
vmsnap_job_get_operation_uuid(const vmsnap_job *job)
{
    return vms_handle_is(job, VMS_MAGIC_JOB) ? job->task->operation : NULL;
}

static gboolean
ref_snapshot(vmsnap_job *job, vmsnap_snapshot **ret_snapshot, GError **error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(VmsSnapshot) snapshot = NULL;

    if (!vms_job_wait(job->job, 0))
        return vms_refuse(error, VMSNAP_E_BUSY, "StillRunning", "the job still runs");
    if (!job->task->snapshot)
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "the job made no snapshot");
    if (!vms_call_enter(&call, job, VMS_MAGIC_JOB, error) ||
        !vms_engine_load_snapshot(&call.context->engine, job->task->snapshot, &snapshot, error))
        return FALSE;
    *ret_snapshot = vms_snapshot_handle_new(call.context, g_steal_pointer(&snapshot));
    return TRUE;
}

int
vmsnap_job_ref_snapshot(vmsnap_job *job, vmsnap_snapshot **ret_snapshot, vmsnap_error **ret_error)
{
    g_autoptr(GError) error = NULL;

    if (!need_job(job, &error) || !vms_need(ret_snapshot != NULL, "ret_snapshot", &error) ||
        !ref_snapshot(job, ret_snapshot, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

static gboolean
ref_freeze(vmsnap_job *job, vmsnap_freeze **ret_freeze, GError **error)
{
    if (!vms_job_wait(job->job, 0))
        return vms_refuse(error, VMSNAP_E_BUSY, "StillRunning", "the job still runs");
    if (!job->task->frozen)
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "the job is of no freeze");
    *ret_freeze = vms_freeze_handle_new(job->handle.context, job->task);
    return TRUE;
}

int
vmsnap_job_ref_freeze(vmsnap_job *job, vmsnap_freeze **ret_freeze, vmsnap_error **ret_error)
{
    g_autoptr(GError) error = NULL;

    if (!need_job(job, &error) || !vms_need(ret_freeze != NULL, "ret_freeze", &error) ||
        !ref_freeze(job, ret_freeze, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

static gboolean
ref_list(vmsnap_job *job, vmsnap_snapshot_list **ret_list, GError **error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GPtrArray) snapshots = NULL;
    VmsSnapshot *one = NULL;

    if (!vms_job_wait(job->job, 0))
        return vms_refuse(error, VMSNAP_E_BUSY, "StillRunning", "the job still runs");
    if (!vms_call_enter(&call, job, VMS_MAGIC_JOB, error))
        return FALSE;
    snapshots = load_members(&call.context->engine, job->task);
    if (job->task->snapshot &&
        vms_engine_load_snapshot(&call.context->engine, job->task->snapshot, &one, NULL))
        g_ptr_array_add(snapshots, one);
    *ret_list = vms_snapshot_list_handle_new(call.context, snapshots);
    return TRUE;
}

int
vmsnap_job_ref_snapshot_list(vmsnap_job *job, vmsnap_snapshot_list **ret_list,
                             vmsnap_error **ret_error)
{
    g_autoptr(GError) error = NULL;

    if (!need_job(job, &error) || !vms_need(ret_list != NULL, "ret_list", &error) ||
        !ref_list(job, ret_list, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

const char *
vmsnap_job_get_json(vmsnap_job *job)
{
    return is_readable(job) && vms_job_wait(job->job, 0) ? job->json : NULL;
}

vmsnap_job *
vmsnap_job_ref(vmsnap_job *job)
{
    return vms_handle_ref(job, VMS_MAGIC_JOB);
}

void
vmsnap_job_unref(vmsnap_job *job)
{
    g_auto(VmsCall) call = { 0 };

    if (!vms_handle_drop(job, VMS_MAGIC_JOB))
        return;
    vms_job_unref(job->job);
    /* A freeze that nobody took goes with it: see vmsnap_freeze_unref(). */
    (void)vms_call_enter(&call, job, VMS_MAGIC_JOB, NULL);
    vms_task_free(job->task);
    vms_call_leave(&call);
    g_free(job->json);
    vms_handle_free(&job->handle);
}
