/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/bundle.h"
#include "engine/cut.h"
#include "engine/engine.h"
#include "engine/journal.h"
#include "engine/layout.h"
#include "engine/lock.h"
#include "engine/survey.h"
#include "engine/window.h"
#include "model/name.h"
#include "plan/consistency.h"

#include <string.h>

#include <vmsnap/job.h>

/* How long a libvirt that is restarted may be away when a job is to be ended: the copy is whole. */
#define AWAY_US (10 * G_USEC_PER_SEC)
#define AWAY_PAUSE_US G_USEC_PER_SEC

/* How often a scratch reservation that was outgrown is made anew. */
#define RESERVATION_TRIES 3

#define AGENT_PING_MS 1000
#define READY_POLL_US (200 * 1000)

/* One snapshot being taken. */
typedef struct {
    VmsEngine *engine;
    const VmsSnapshotRequest *request;
    VmsProgress *progress;
    VmsWork work;
    VmsSurvey *survey;
    VmsCutSet *cuts;
    VmsWatch *watch; /* guard of a backup job that still runs */
    gboolean open;   /* off VM: somebody else had an image open */
} Taking;

static void
taking_clear(Taking *self)
{
    vms_cut_free(self->cuts);
    vms_watch_abandon(self->watch);
    vms_survey_free(self->survey);
    vms_work_clear(&self->work);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Taking, taking_clear)

static gboolean
survey(Taking *self, const char *vm, GError **error)
{
    const VmsSurveyRequest request = {
        .vm = vm,
        .disks = (const char *const *)self->request->disks,
        .store = self->request->store,
        .method = self->request->method,
    };
    VmsFreezeWish wish = VMS_FREEZE_NOT;

    vms_progress_enter(self->progress, VMSNAP_STAGE_SURVEYING);
    g_clear_pointer(&self->survey, vms_survey_free);
    return vms_survey_vm(self->engine, &request, &self->survey, error) &&
           vms_consistency_before(self->survey->vm, self->request->policy, &wish, NULL, error) &&
           vms_survey_check_disks(self->survey, error) &&
           (self->request->policy != VMSNAP_CONSISTENCY_REQUIRE ||
            vms_survey_check_sharers(self->survey, error)) &&
           vms_survey_check_space(self->survey, error);
}

/* An agent that is connected may still be starting: only an answer counts. */
static gboolean
agent_answers(const Taking *self)
{
    VmsHypervisor *hv = self->engine->drivers->hypervisor;
    const VmsVm *vm = self->survey->vm;
    g_autoptr(VmsAgent) agent = NULL;

    if (self->request->policy == VMSNAP_CONSISTENCY_SKIP || !vm->has_agent_channel ||
        vm->state != VMSNAP_VM_RUNNING)
        return TRUE;
    agent = self->engine->drivers->open_agent(hv, vm->uuid);
    return vms_agent_ping(agent, AGENT_PING_MS, NULL);
}

/* What passes by itself: a job that ends, an agent that comes up. */
static gboolean
is_passing(const GError *error)
{
    return vms_error_get_code(error) == VMSNAP_E_BUSY ||
           g_strcmp0(vms_error_get_reason(error), "AgentNotReady") == 0;
}

/* Survey until the VM is ready or the caller's patience ends; nothing is frozen or made. Then the
 * last reason stands, and prefer goes on without a freeze. */
static gboolean
survey_when_ready(Taking *self, const char *vm, GError **error)
{
    gint64 until = vms_clock_monotonic_us() + (gint64)self->request->wait_ready_ms * 1000;

    for (;;) {
        g_autoptr(GError) failed = NULL;
        gboolean last = vms_clock_monotonic_us() >= until;
        gboolean surveyed = survey(self, vm, &failed);

        if (surveyed && (last || agent_answers(self)))
            return TRUE;
        if (!surveyed && (last || !is_passing(failed))) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        vms_progress_enter(self->progress, VMSNAP_STAGE_WAITING);
        if (!vms_progress_check(self->progress, error))
            return FALSE;
        vms_clock_sleep_us(READY_POLL_US);
    }
}

static void
copy_request(VmsSnapshot *snapshot, const VmsSnapshotRequest *request)
{
    snapshot->description = g_strdup(request->description);
    snapshot->policy = request->policy;
    for (char **label = request->labels; label && *label; label++)
        g_ptr_array_add(snapshot->labels, g_strdup(*label));
}

/* Write down what will be made, before any of it is. */
static gboolean
record_intent(Taking *self, const char *operation_uuid, GError **error)
{
    g_autofree char *uuid = vms_name_new_uuid();
    VmsSnapshot *snapshot = vms_snapshot_new(uuid, self->request->name);
    VmsOperation *operation = vms_journal_new(self->engine, operation_uuid, "snapshot");

    self->work = (VmsWork){ .snapshot = snapshot, .operation = operation };
    copy_request(snapshot, self->request);
    snapshot->created_us = operation->created_us;
    snapshot->operation = g_strdup(operation_uuid);
    snapshot->phase = VMSNAP_SNAPSHOT_IN_PROGRESS;
    operation->vm_uuid = g_strdup(self->survey->vm->uuid);
    operation->vm_name = g_strdup(self->survey->vm->name);
    operation->snapshot = g_strdup(uuid);
    operation->snapshot_name = g_strdup(self->request->name);
    if (!vms_bundle_fill(self->engine, self->survey, snapshot, error))
        return FALSE;
    vms_cut_plan(self->engine, self->survey, snapshot, operation);
    if (snapshot->disks->len == 0)
        return vms_fail(error, VMSNAP_E_UNSUPPORTED, "VM %s has no disk to take",
                        self->survey->vm->name);
    return vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARING, error);
}

static gboolean
cut_running(Taking *self, GError **error)
{
    const VmsWindow window = {
        .vm = self->survey->vm,
        .operation_uuid = self->work.operation->uuid,
        .policy = self->request->policy,
        .freeze_call_ms = self->request->freeze_call_ms,
        .freeze_budget_ms = self->request->freeze_budget_ms,
        .suspend = vms_cut_needs_suspend(self->cuts),
        .backup_socket = vms_cut_get_socket(self->cuts),
        .progress = self->progress,
        .cut = vms_cut_fire,
        .data = self->cuts,
    };

    return vms_window_run(self->engine, &window, self->work.snapshot->evidence, &self->watch,
                          error);
}

/* The VM must be off before and after: the image locks keep QEMU away between. */
static gboolean
cut_off(Taking *self, GError **error)
{
    VmsEvidence *evidence = self->work.snapshot->evidence;
    const VmsVm *vm = self->survey->vm;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;

    evidence->state_before = vm->state;
    evidence->state_reason = g_strdup(vm->state_reason);
    evidence->managed_save = vm->managed_save;
    vms_progress_enter(self->progress, VMSNAP_STAGE_CAPTURING);
    evidence->times.cut_start = vms_clock_monotonic_us();
    if (!vms_cut_offline(self->cuts, self->request->policy != VMSNAP_CONSISTENCY_REQUIRE,
                         self->progress, &self->open, error))
        return FALSE;
    evidence->times.cut_end = vms_clock_monotonic_us();
    if (!vms_hypervisor_read_state(self->engine->drivers->hypervisor, vm->uuid, &state,
                                   &evidence->after, error))
        return FALSE;
    if (evidence->after.domain_id >= 0)
        return vms_fail(error, VMSNAP_E_BUSY, "VM %s was started while its disks were read",
                        vm->name);
    return TRUE;
}

static gboolean
prepare_and_cut(Taking *self, GError **error)
{
    vms_progress_enter(self->progress, VMSNAP_STAGE_PREPARING);
    if (!vms_cut_prepare(self->engine, self->survey, self->work.snapshot, self->work.operation,
                         &self->cuts, error) ||
        !vms_progress_check(self->progress, error))
        return FALSE;
    vms_evidence_free(self->work.snapshot->evidence);
    self->work.snapshot->evidence = vms_evidence_new();
    return vms_vm_is_active(self->survey->vm) ? cut_running(self, error) : cut_off(self, error);
}

/* What was made for a try that did not come to a cut. */
static gboolean
clear_try(Taking *self, GError **error)
{
    const VmsOperation *operation = self->work.operation;

    g_clear_pointer(&self->cuts, vms_cut_free);
    return vms_layout_remove(self->engine, operation->files, operation->folders, error) &&
           (!operation->socket ||
            vms_volume_remove(self->engine->drivers->volume, operation->socket, error));
}

/* Whether a disk of another survey is still the one that was written down. */
static gboolean
fits(const VmsSnapshotDisk *disk, const VmsSurveyDisk *source)
{
    return strcmp(disk->target, source->disk->target) == 0 &&
           g_strcmp0(disk->source, source->path) == 0 && disk->method == source->placement.method &&
           strcmp(disk->image->format, source->placement.format) == 0;
}

/* What the record says will be made must be what is made. */
static gboolean
refresh_plan(Taking *self, GError **error)
{
    VmsSnapshot *snapshot = self->work.snapshot;

    for (guint i = 0; i < snapshot->disks->len; i++) {
        VmsSnapshotDisk *disk = snapshot->disks->pdata[i];
        const VmsSurveyDisk *source =
            snapshot->disks->len == self->survey->disks->len ? self->survey->disks->pdata[i] : NULL;

        if (!source || !fits(disk, source))
            return vms_refuse(error, VMSNAP_E_BUSY, "StateChanged",
                              "the disks of VM %s changed while its snapshot was prepared",
                              self->survey->vm->name);
        vms_image_free(disk->origin);
        disk->origin = vms_image_copy(source->image);
    }
    return TRUE;
}

static gboolean
cut(Taking *self, GError **error)
{
    for (guint attempt = 1;; attempt++) {
        g_autoptr(GError) failed = NULL;

        if (prepare_and_cut(self, &failed))
            return TRUE;
        if (attempt == RESERVATION_TRIES ||
            g_strcmp0(vms_error_get_reason(failed), VMS_CUT_OUTGROWN) != 0) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        if (!clear_try(self, error) || !survey(self, self->work.snapshot->vm_uuid, error) ||
            !refresh_plan(self, error))
            return FALSE;
    }
}

/* A copy that failed because the VM is gone says so: what the dead QEMU's export answered helps
 * nobody. */
static gboolean
copy(Taking *self, GError **error)
{
    const VmsVm *vm = self->survey->vm;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    VmsInstance now = { .domain_id = -1 };
    g_autoptr(GError) failed = NULL;

    if (vms_cut_copy(self->cuts, self->progress, &failed))
        return TRUE;
    if (vms_error_get_code(failed) == VMSNAP_E_IO &&
        vms_hypervisor_read_state(self->engine->drivers->urgent, vm->uuid, &state, &now, NULL) &&
        now.domain_id != vm->domain_id) {
        vms_refuse(error, VMSNAP_E_HYPERVISOR, "StateChanged",
                   "VM %s ended while its disks were copied", vm->name);
        if (error)
            vms_error_take_cause(*error, g_steal_pointer(&failed));
        return FALSE;
    }
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
end_job(Taking *self, GError **error)
{
    const gint64 until = vms_clock_monotonic_us() + AWAY_US;

    for (;;) {
        g_autoptr(GError) failed = NULL;

        if (vms_watch_end_job(self->watch, &failed))
            return TRUE;
        if (vms_error_get_code(failed) != VMSNAP_E_HYPERVISOR || vms_clock_monotonic_us() > until ||
            vms_progress_is_cancelled(self->progress)) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        vms_clock_sleep_us(AWAY_PAUSE_US);
    }
}

/* After the cut: read what the job exports, end it, and only then let the guard go. */
static gboolean
copy_and_release(Taking *self, GError **error)
{
    if (vms_cut_get_socket(self->cuts)) {
        vms_progress_enter(self->progress, VMSNAP_STAGE_COPYING);
        if (!copy(self, error) || !end_job(self, error))
            return FALSE;
    }
    return vms_watch_release(g_steal_pointer(&self->watch), error) &&
           vms_cut_drop_scratch(self->cuts, error);
}

static void
probe_images(Taking *self)
{
    VmsSnapshot *snapshot = self->work.snapshot;

    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];
        g_autoptr(GPtrArray) states = NULL;
        g_autoptr(GError) error = NULL;

        if (!vms_media_probe(self->engine->drivers->media, disk->image, disk->target, &states,
                             &error)) {
            vms_evidence_warn(snapshot->evidence, "%s could not be looked into: %s", disk->name,
                              error->message);
            continue;
        }
        g_ptr_array_extend_and_steal(snapshot->evidence->fs_states, g_steal_pointer(&states));
    }
}

static gint64
read_writes(const Taking *self, const char *target)
{
    gint64 writes = -1;

    if (vms_vm_is_active(self->survey->vm))
        vms_hypervisor_read_writes(self->engine->drivers->hypervisor, self->survey->vm->uuid,
                                   target, &writes, NULL);
    return writes;
}

/* The grade, from what was seen immediately before and after the cut and in its images. */
static gboolean
judge(Taking *self, GError **error)
{
    VmsSnapshot *snapshot = self->work.snapshot;
    g_autofree VmsJudgedDisk *disks = g_new0(VmsJudgedDisk, snapshot->disks->len);
    g_autoptr(VmsVerdict) verdict = NULL;

    probe_images(self);
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];
        const VmsSurveyDisk *source = self->survey->disks->pdata[i];

        disks[i].target = disk->target;
        disks[i].writes = read_writes(self, disk->target);
        disks[i].open = self->open || source->sharer;
    }
    verdict = vms_consistency_judge(snapshot->evidence, disks, snapshot->disks->len);
    snapshot->grade = verdict->grade;
    for (guint i = 0; i < snapshot->disks->len; i++) {
        VmsSnapshotDisk *disk = snapshot->disks->pdata[i];

        disk->grade = disks[i].grade;
    }
    if (!vms_verdict_check(verdict, self->request->policy, error))
        return FALSE;
    vms_verdict_store(verdict, snapshot->evidence);
    return TRUE;
}

static gboolean
commit(Taking *self, GError **error)
{
    VmsSnapshot *snapshot = self->work.snapshot;
    gint64 now = vms_clock_realtime_us();

    vms_progress_enter(self->progress, VMSNAP_STAGE_FINISHING);
    snapshot->phase = VMSNAP_SNAPSHOT_READY;
    vms_conditions_set(snapshot->conditions,
                       vms_condition_new("VirtualMachineSnapshotReady", VMS_CONDITION_TRUE,
                                         "OperationCompleted", vms_grade_name(snapshot->grade),
                                         now));
    if (!vms_progress_check(self->progress, error) || !vms_bundle_write_manifest(snapshot, error))
        return FALSE;
    vms_journal_complete(self->work.operation, "the snapshot is complete and synced");
    vms_crash_point("snapshot-commit");
    return vms_journal_commit(self->engine, &self->work, error);
}

static gboolean
take(Taking *self, GError **error)
{
    return cut(self, error) && copy_and_release(self, error) && vms_cut_finish(self->cuts, error) &&
           judge(self, error) && commit(self, error);
}

/* End the job first: only then are scratch and socket ours to remove. Takes @why; always FALSE. */
static gboolean
roll_back(Taking *self, GError *why, GError **error)
{
    VmsSnapshot *snapshot = self->work.snapshot;
    GError *worse = NULL;

    vms_progress_enter(self->progress, VMSNAP_STAGE_ROLLING_BACK);
    if (self->watch && vms_watch_end_job(self->watch, &worse))
        vms_watch_release(g_steal_pointer(&self->watch), &worse);
    g_clear_pointer(&self->watch, vms_watch_abandon);
    snapshot->phase = VMSNAP_SNAPSHOT_FAILED;
    vms_conditions_set(snapshot->conditions,
                       vms_condition_new("VirtualMachineSnapshotReady", VMS_CONDITION_FALSE,
                                         vms_error_get_reason(why), why->message,
                                         vms_clock_realtime_us()));
    vms_journal_fail(self->work.operation, why);
    if (worse || !clear_try(self, &worse) ||
        !vms_journal_commit(self->engine, &self->work, &worse)) {
        vms_log(self->engine->log, VMSNAP_LOG_ERROR, "snapshot %s was not rolled back whole: %s",
                snapshot->name, worse->message);
        return vms_journal_stay(why, worse, error);
    }
    g_propagate_error(error, why);
    return FALSE;
}

gboolean
vms_engine_snapshot(VmsEngine *engine, const char *operation_uuid, const char *vm_uuid,
                    const VmsSnapshotRequest *request, VmsProgress *progress,
                    char **ret_snapshot_uuid, GError **error)
{
    g_auto(Taking) self = { .engine = engine, .request = request, .progress = progress };
    g_autofree char *lock_name = vms_lock_name_vm(vm_uuid);
    g_autoptr(VmsLock) lock = NULL;
    GError *failed = NULL;

    vms_progress_enter(progress, VMSNAP_STAGE_WAITING);
    if (!vms_engine_check_acting(engine, TRUE, error) ||
        !vms_lock_take(engine->runtime_dir, lock_name, operation_uuid, request->wait_ready_ms,
                       progress, &lock, error) ||
        !vms_journal_check_settled(engine, vm_uuid, error) ||
        !survey_when_ready(&self, vm_uuid, error) || !record_intent(&self, operation_uuid, error))
        return FALSE;
    *ret_snapshot_uuid = g_strdup(self.work.snapshot->uuid);
    if (take(&self, &failed))
        return TRUE;
    if (vms_error_get_code(failed) != VMSNAP_E_UNCERTAIN)
        return roll_back(&self, failed, error);
    g_propagate_error(error, failed);
    return FALSE;
}
