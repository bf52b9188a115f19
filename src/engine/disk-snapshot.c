/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/disk-survey.h"
#include "engine/lock.h"
#include "engine/taking.h"

#include <vmsnap/job.h>

/* Nothing but a clone shows one instant of a file that somebody writes to. */
static gboolean
check_open(const VmsTaking *self, gboolean open, GError **error)
{
    const VmsSurveyDisk *disk = self->survey->disks->pdata[0];
    gboolean clone = disk->placement.method == VMSNAP_METHOD_REFLINK;
    g_autoptr(VmsHold) hold = NULL;

    if (!open || (clone && self->request->policy != VMSNAP_CONSISTENCY_REQUIRE))
        return TRUE;
    return vms_volume_hold(self->engine->drivers->volume, disk->path, VMS_HOLD_READ, &hold, error);
}

static gboolean
look(VmsTaking *self, const char *vm, GError **error)
{
    gboolean open = FALSE;

    (void)vm;
    vms_progress_enter(self->progress, VMSNAP_STAGE_SURVEYING);
    g_clear_pointer(&self->survey, vms_survey_free);
    return vms_disk_survey(self->engine, self->request, &self->survey, &open, error) &&
           check_open(self, open, error);
}

static VmsEvidence *
new_evidence(const VmsTaking *self)
{
    const VmsSurveyDisk *disk = self->survey->disks->pdata[0];
    VmsEvidence *evidence = vms_evidence_new();
    g_autoptr(VmsImage) other = NULL;

    evidence->state_before = VMSNAP_VM_OFF;
    evidence->detached = TRUE;
    evidence->unasked = self->engine->drivers->hypervisor == NULL;
    if (evidence->unasked)
        vms_evidence_warn(evidence, "no hypervisor was asked whether a VM has the disk");
    if (disk->image->format[0] == 'r' &&
        vms_volume_inspect(self->engine->drivers->volume, disk->path, "qcow2", &other, NULL))
        vms_evidence_warn(evidence, "the disk was taken as raw, but begins like a qcow2 image");
    return evidence;
}

static gboolean
take(VmsTaking *self, GError **error)
{
    VmsSnapshot *snapshot = self->work.snapshot;

    vms_progress_enter(self->progress, VMSNAP_STAGE_PREPARING);
    if (!vms_cut_prepare(self->engine, self->survey, snapshot, self->work.operation, &self->cuts,
                         error))
        return FALSE;
    snapshot->evidence = new_evidence(self);
    vms_progress_enter(self->progress, VMSNAP_STAGE_CAPTURING);
    snapshot->evidence->times.cut_start = vms_clock_monotonic_us();
    if (!vms_cut_offline(self->cuts, self->request->policy != VMSNAP_CONSISTENCY_REQUIRE,
                         self->progress, error))
        return FALSE;
    snapshot->evidence->times.cut_end = vms_clock_monotonic_us();
    vms_taking_note_disks(self);
    return (vms_cut_was_open(self->cuts, 0) ||
            vms_disk_survey_again(self->engine, self->survey, error)) &&
           vms_cut_finish(self->cuts, error) && vms_taking_judge(self, error);
}

gboolean
vms_engine_disk_snapshot(VmsEngine *engine, const char *operation_uuid,
                         const VmsSnapshotRequest *request, VmsProgress *progress,
                         char **ret_snapshot_uuid, GError **error)
{
    g_auto(VmsTaking) self = {
        .engine = engine, .request = request, .progress = progress, .operation_uuid = operation_uuid
    };
    g_autofree char *lock_name = vms_lock_name_disk(request->path);
    const VmsReadiness ready = { .lock_name = lock_name, .look = look };
    gboolean done;

    vms_progress_enter(progress, VMSNAP_STAGE_WAITING);
    done = vms_disk_check_acting(engine, TRUE, error) &&
           vms_taking_when_ready(&self, &ready, error) && vms_taking_run(&self, take, error);
    *ret_snapshot_uuid = vms_taking_dup_uuid(&self);
    return done;
}
