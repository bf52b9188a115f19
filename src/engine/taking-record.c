/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/bundle.h"
#include "engine/journal.h"
#include "engine/layout.h"
#include "engine/manifest.h"
#include "engine/overlay.h"
#include "engine/taking.h"
#include "model/name.h"

#include <vmsnap/job.h>

void
vms_taking_clear(VmsTaking *self)
{
    vms_cut_free(self->cuts);
    vms_watch_abandon(self->watch);
    vms_survey_free(self->survey);
    vms_work_clear(&self->work);
    g_free(self->flaw);
    g_free(self->flaw_text);
    vms_lock_free(self->lock);
}

static void
copy_request(VmsSnapshot *snapshot, const VmsSnapshotRequest *request)
{
    snapshot->subject = request->subject;
    snapshot->description = g_strdup(request->description);
    snapshot->policy = request->policy;
    snapshot->keep_ip = request->keep_ip;
    for (char **label = request->labels; label && *label; label++)
        g_ptr_array_add(snapshot->labels, g_strdup(*label));
}

/* The VM's names, which a record that was made early does not have. */
static void
name_vm(VmsTaking *self)
{
    const VmsVm *vm = self->survey->vm;
    VmsOperation *operation = self->work.operation;

    if (!vm || operation->vm_uuid)
        return;
    operation->vm_uuid = g_strdup(vm->uuid);
    operation->vm_name = g_strdup(vm->name);
}

void
vms_taking_name_disk(VmsTaking *self)
{
    const VmsSnapshotRequest *request = self->request;
    VmsOperation *operation = self->work.operation;
    VmsSnapshot *snapshot = self->work.snapshot;

    if (request->subject != VMSNAP_SNAPSHOT_KIND_DISK || snapshot->disk)
        return;
    snapshot->disk = request->path
                         ? g_strdup(request->path)
                         : g_strdup_printf("%s/%s", operation->vm_name, request->disks[0]);
    operation->disk = g_strdup(snapshot->disk);
}

void
vms_taking_make_records(VmsTaking *self)
{
    gboolean disk = self->request->subject == VMSNAP_SNAPSHOT_KIND_DISK;
    g_autofree char *uuid = vms_name_new_uuid();
    VmsSnapshot *snapshot = vms_snapshot_new(uuid, self->request->name);
    VmsOperation *operation =
        vms_journal_new(self->engine, self->operation_uuid, disk ? "disk-snapshot" : "snapshot");

    self->work = (VmsWork){ .snapshot = snapshot, .operation = operation };
    copy_request(snapshot, self->request);
    snapshot->created_us = operation->created_us;
    snapshot->operation = g_strdup(self->operation_uuid);
    operation->snapshot = g_strdup(uuid);
    operation->snapshot_name = g_strdup(self->request->name);
}

char *
vms_taking_dup_uuid(const VmsTaking *self)
{
    return self->work.snapshot_version > 0 ? g_strdup(self->work.snapshot->uuid) : NULL;
}

static gboolean
fill(VmsTaking *self, GError **error)
{
    VmsSnapshot *snapshot = self->work.snapshot;

    if (snapshot->subject == VMSNAP_SNAPSHOT_KIND_DISK)
        vms_bundle_fill_disk(self->survey, snapshot);
    else if (!vms_bundle_fill(self->engine, self->survey, snapshot, error))
        return FALSE;
    vms_cut_plan(self->engine, self->survey, snapshot, self->work.operation);
    if (snapshot->disks->len == 0)
        return vms_fail(error, VMSNAP_E_UNSUPPORTED, "VM %s has no disk to take",
                        self->survey->vm->name);
    return TRUE;
}

/* Write down what will be made, before any of it is. */
static gboolean
record_intent(VmsTaking *self, GError **error)
{
    if (!self->work.snapshot)
        vms_taking_make_records(self);
    name_vm(self);
    vms_taking_name_disk(self);
    self->work.snapshot->phase = VMSNAP_SNAPSHOT_IN_PROGRESS;
    self->work.operation->phase = VMSNAP_OPERATION_IN_PROGRESS;
    g_ptr_array_set_size(self->work.snapshot->conditions, 0);
    g_ptr_array_set_size(self->work.operation->conditions, 0);
    return fill(self, error) && vms_layout_check(self->work.snapshot->folders, error) &&
           vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARING, error);
}

/* It is there; what it is not is told with it. */
static VmsCondition *
ready_condition(const VmsTaking *self)
{
    const VmsSnapshot *snapshot = self->work.snapshot;
    g_autofree char *message = g_strconcat(vms_grade_name(snapshot->grade),
                                           self->flaw_text ? ": " : NULL, self->flaw_text, NULL);

    return vms_condition_new(vms_snapshot_ready_type(snapshot), VMS_CONDITION_TRUE,
                             self->flaw ? self->flaw : "OperationCompleted", message,
                             vms_clock_realtime_us());
}

static gboolean
commit(VmsTaking *self, GError **error)
{
    VmsSnapshot *snapshot = self->work.snapshot;

    vms_progress_enter(self->progress, VMSNAP_STAGE_FINISHING);
    snapshot->phase = VMSNAP_SNAPSHOT_READY;
    vms_conditions_set(snapshot->conditions, ready_condition(self));
    if (!vms_progress_check(self->progress, error) || !vms_manifest_write(snapshot, error))
        return FALSE;
    vms_journal_complete(self->work.operation, "the snapshot is complete and synced");
    vms_crash_point("snapshot-commit");
    return vms_journal_commit(self->engine, &self->work, error);
}

/* End the job first: only then are scratch and socket ours to remove. The clones go before the
 * overlays: they hold blocks that a base may need to take its overlay back. */
static gboolean
let_go(VmsTaking *self, GError **error)
{
    gboolean ended = !self->watch || vms_watch_end_job(self->watch, error);

    g_clear_pointer(&self->cuts, vms_cut_free);
    if (ended && vms_overlays_settle(self->engine, &self->work, self->progress, error))
        return vms_watch_release(g_steal_pointer(&self->watch), error);
    g_clear_pointer(&self->watch, vms_watch_abandon);
    return FALSE;
}

static void
mark_failed(VmsTaking *self, const GError *why)
{
    VmsSnapshot *snapshot = self->work.snapshot;

    snapshot->phase = VMSNAP_SNAPSHOT_FAILED;
    vms_conditions_set(snapshot->conditions,
                       vms_condition_new(vms_snapshot_ready_type(snapshot), VMS_CONDITION_FALSE,
                                         vms_error_get_reason(why), why->message,
                                         vms_clock_realtime_us()));
    vms_journal_fail(self->work.operation, why);
}

/* The record is closed only when nothing is left to recover. Takes @why; always FALSE. */
static gboolean
roll_back(VmsTaking *self, GError *why, GError **error)
{
    GError *worse = NULL;
    gboolean back;

    vms_progress_enter(self->progress, VMSNAP_STAGE_ROLLING_BACK);
    back = let_go(self, &worse) && vms_taking_clear_try(self, &worse);
    if (back) {
        mark_failed(self, why);
        back = vms_journal_commit(self->engine, &self->work, &worse);
    }
    if (!back) {
        vms_log(self->engine->log, VMSNAP_LOG_ERROR, "snapshot %s was not rolled back whole: %s",
                self->work.snapshot->name, worse->message);
        return vms_journal_stay(why, worse, error);
    }
    g_propagate_error(error, why);
    return FALSE;
}

gboolean
vms_taking_fail(VmsTaking *self, GError *why, GError **error)
{
    if (self->work.snapshot_version > 0 && vms_error_get_code(why) != VMSNAP_E_UNCERTAIN)
        return roll_back(self, why, error);
    g_propagate_error(error, why);
    return FALSE;
}

gboolean
vms_taking_run(VmsTaking *self, VmsTake take, GError **error)
{
    GError *failed = NULL;

    return (record_intent(self, &failed) && take(self, &failed) && commit(self, &failed)) ||
           vms_taking_fail(self, failed, error);
}
