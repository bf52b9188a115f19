/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/layout.h"
#include "engine/overlay.h"
#include "engine/taking.h"

#include <string.h>

#include <vmsnap/job.h>

/* How long a libvirt that is restarted may be away when a job is to be ended: the copy is whole. */
#define AWAY_US (10 * G_USEC_PER_SEC)
#define AWAY_PAUSE_US G_USEC_PER_SEC

/* How long a VM that is off waits for the freezes of its group. */
#define GROUP_PATIENCE_US (20 * G_USEC_PER_SEC)

/* How often a scratch reservation that was outgrown is made anew. */
#define RESERVATION_TRIES 3

/* The disks that are cut, if others are left out; NULL: all. Borrows the strings. */
static const char **
targets_of(const VmsSurvey *survey)
{
    const char **targets;

    if (survey->left_out->len == 0)
        return NULL;
    targets = g_new0(const char *, survey->disks->len + 1);
    for (guint i = 0; i < survey->disks->len; i++)
        targets[i] = ((const VmsSurveyDisk *)survey->disks->pdata[i])->disk->target;
    return targets;
}

static guint
patience_left(const VmsTaking *self)
{
    gint64 left_us = self->patience_us - vms_clock_monotonic_us();

    return left_us > 0 ? (guint)(left_us / 1000) : 0;
}

/* A disk that members share is cut for each of them while all are frozen. */
static void
link_group(const VmsTaking *self)
{
    for (guint i = 0; i < self->survey->disks->len; i++) {
        if (((const VmsSurveyDisk *)self->survey->disks->pdata[i])->companions->len > 0)
            vms_group_link(self->group);
    }
}

static gboolean
cut_running(VmsTaking *self, GError **error)
{
    g_autofree const char **targets = targets_of(self->survey);
    const VmsWindow window = {
        .vm = self->survey->vm,
        .targets = targets,
        .operation_uuid = self->work.operation->uuid,
        .policy = self->request->policy,
        .freeze_call_ms = self->request->freeze_call_ms,
        .freeze_budget_ms = self->request->freeze_budget_ms,
        .suspend = vms_cut_needs_suspend(self->cuts),
        .backup_socket = vms_cut_get_socket(self->cuts),
        .backup = vms_cut_get_backup(self->cuts),
        .overlays = vms_cut_has_overlays(self->cuts),
        .wait_ms = patience_left(self),
        .group = self->group,
        .number = self->number,
        .progress = self->progress,
        .cut = vms_cut_fire,
        .data = self->cuts,
    };

    if (self->group)
        link_group(self);
    if (self->group && !vms_group_take_turn(self->group, self->number, self->progress, error))
        return FALSE;
    if (!vms_window_join(self->engine, &window, self->work.snapshot->evidence, &self->watch, error))
        return FALSE;
    self->watched = vms_cut_get_socket(self->cuts) != NULL;
    return TRUE;
}

/* Nothing is frozen: it can wait for those that are. */
static gboolean
wait_in_group(VmsTaking *self, GError **error)
{
    link_group(self);
    return vms_group_wait_ready(self->group, self->number, self->progress, error) &&
           vms_group_wait_frozen(self->group, self->number,
                                 vms_clock_monotonic_us() + GROUP_PATIENCE_US, self->progress,
                                 error);
}

/* The VM must be off before and after: the image locks keep QEMU away between. */
static gboolean
cut_off(VmsTaking *self, GError **error)
{
    VmsEvidence *evidence = self->work.snapshot->evidence;
    const VmsVm *vm = self->survey->vm;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;

    evidence->state_before = vm->state;
    evidence->state_reason = g_strdup(vm->state_reason);
    evidence->managed_save = vm->managed_save;
    if (self->group && !wait_in_group(self, error))
        return FALSE;
    vms_progress_enter(self->progress, VMSNAP_STAGE_CAPTURING);
    evidence->times.cut_start = vms_clock_monotonic_us();
    if (!vms_cut_offline(self->cuts, self->request->policy != VMSNAP_CONSISTENCY_REQUIRE,
                         self->progress, error))
        return FALSE;
    evidence->times.cut_end = vms_clock_monotonic_us();
    if (self->group) /* no one waits for the thaw of a VM that is off */
        vms_group_wait_taken(self->group, self->number, 0, self->progress);
    if (!vms_hypervisor_read_state(self->engine->drivers->hypervisor, vm->uuid, &state,
                                   &evidence->after, error))
        return FALSE;
    if (evidence->after.domain_id >= 0)
        return vms_fail(error, VMSNAP_E_BUSY, "VM %s was started while its disks were read",
                        vm->name);
    return TRUE;
}

static gboolean
cut(VmsTaking *self, GError **error)
{
    vms_evidence_free(self->work.snapshot->evidence);
    self->work.snapshot->evidence = vms_evidence_new();
    if (!(vms_vm_is_active(self->survey->vm) ? cut_running(self, error) : cut_off(self, error)))
        return FALSE;
    vms_taking_note_disks(self);
    return TRUE;
}

static gboolean
prepare_and_cut(VmsTaking *self, GError **error)
{
    vms_progress_enter(self->progress, VMSNAP_STAGE_PREPARING);
    if (!vms_cut_prepare(self->engine, self->survey, self->work.snapshot, self->work.operation,
                         &self->cuts, error) ||
        !vms_progress_check(self->progress, error))
        return FALSE;
    return cut(self, error);
}

/* What was made for a try that did not come to a cut. */
gboolean
vms_taking_clear_try(VmsTaking *self, GError **error)
{
    const VmsOperation *operation = self->work.operation;

    g_clear_pointer(&self->cuts, vms_cut_free);
    return vms_layout_remove(self->engine, operation->files, operation->folders, error) &&
           (!operation->socket || self->watched ||
            vms_volume_remove(self->engine->drivers->volume, operation->socket, error));
}

/* Whether a disk of another survey is still the one that was written down. */
static gboolean
fits(const VmsSnapshotDisk *disk, const VmsSurveyDisk *source)
{
    return strcmp(disk->target, source->disk->target) == 0 &&
           g_strcmp0(disk->source, source->path) == 0 && disk->method == source->placement.method &&
           disk->by_overlay == source->placement.by_overlay &&
           strcmp(disk->image->format, source->placement.format) == 0;
}

/* What the record says will be made must be what is made. */
static gboolean
refresh_plan(VmsTaking *self, GError **error)
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
        disk->origin = vms_cut_copy_origin(self->engine, source);
    }
    return TRUE;
}

static void
note_in_group(VmsTaking *self)
{
    const VmsTimes *times = &self->work.snapshot->evidence->times;
    const VmsGroupCut cut = { .start_us = times->cut_start,
                              .end_us = times->cut_end,
                              .frozen_us = times->freeze_acked,
                              .thawed_us = times->thaw_sent };

    vms_group_note_cut(self->group, self->number, &cut);
}

gboolean
vms_taking_cut(VmsTaking *self, GError **error)
{
    for (guint attempt = 1;; attempt++) {
        g_autoptr(GError) failed = NULL;

        if (prepare_and_cut(self, &failed)) {
            if (self->group)
                note_in_group(self);
            return TRUE;
        }
        if (attempt == RESERVATION_TRIES ||
            g_strcmp0(vms_error_get_reason(failed), VMS_CUT_OUTGROWN) != 0) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        if (!vms_taking_clear_try(self, error) ||
            !vms_taking_survey(self, self->work.snapshot->vm_uuid, error) ||
            !refresh_plan(self, error))
            return FALSE;
    }
}

/* A copy that failed because the VM is gone says so: what the dead QEMU's export answered helps
 * nobody. */
static gboolean
copy(VmsTaking *self, GError **error)
{
    const VmsVm *vm = self->survey->vm;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    VmsInstance now = { .domain_id = -1 };
    g_autoptr(GError) failed = NULL;

    if (vms_cut_copy(self->cuts, vms_watch_get_socket(self->watch), self->progress, &failed))
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
end_job(VmsTaking *self, GError **error)
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
gboolean
vms_taking_copy(VmsTaking *self, GError **error)
{
    if (vms_cut_has_overlays(self->cuts)) {
        vms_progress_enter(self->progress, VMSNAP_STAGE_COPYING);
        if (!vms_cut_clone_bases(self->cuts, self->progress, error) ||
            !vms_overlays_settle(self->engine, &self->work, self->progress, error))
            return FALSE;
    }
    if (vms_cut_get_socket(self->cuts)) {
        vms_progress_enter(self->progress, VMSNAP_STAGE_COPYING);
        if (!copy(self, error) || !end_job(self, error))
            return FALSE;
    }
    return vms_watch_release(g_steal_pointer(&self->watch), error) &&
           vms_cut_drop_scratch(self->cuts, error);
}
