/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/journal.h"
#include "engine/lease.h"
#include "engine/rehearsal.h"
#include "engine/taking.h"
#include "plan/consistency.h"

#include <vmsnap/job.h>

enum {
    PROBE_MS = 1000,     /* a guest that does not answer is asked again anyway */
    FIRST_PAUSE_MS = 50, /* between two looks */
    LONGEST_PAUSE_MS = 1000
};

/* How long a window of somebody else's may have the VM suspended. */
#define WINDOW_PATIENCE_US (10 * G_USEC_PER_SEC)

static gboolean
is_begun(const VmsTaking *self)
{
    const VmsOperation *operation = self->work.operation;

    return operation && operation->phase == VMSNAP_OPERATION_IN_PROGRESS;
}

/* A disk that changed to an overlay, or back, while it was read shows what never was. */
static gboolean
check_disks(const VmsTaking *self, GError **error)
{
    VmsHypervisor *hv = self->engine->drivers->hypervisor;
    const char *uuid = self->survey->vm->uuid;
    g_autoptr(GError) failed = NULL;
    g_autoptr(VmsVm) now = NULL;

    if (vms_survey_check_disks(self->survey, &failed))
        return TRUE;
    if (vms_hypervisor_find_vm(hv, uuid, FALSE, &now, NULL) &&
        !vms_journal_check_overlays(self->engine, uuid, vms_vm_current_disks(now), error))
        return FALSE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

/* TRUE while a window of somebody else's holds the VM. */
static gboolean
is_in_window(const VmsTaking *self)
{
    g_autoptr(VmsLease) lease = NULL;

    return vms_lease_read(self->engine->state_dir, self->survey->vm->uuid, &lease, NULL) &&
           lease->state != VMS_LEASE_JOB;
}

/* A VM that another window suspends for a moment is not paused: look again after it. One look more
 * is due anyway: the window may have ended between ours at the VM and at its lease. */
static gboolean
survey_outside_windows(VmsTaking *self, const VmsSurveyRequest *request, GError **error)
{
    const gint64 until_us = vms_clock_monotonic_us() + WINDOW_PATIENCE_US;

    for (gboolean again = FALSE;; again = TRUE) {
        g_clear_pointer(&self->survey, vms_survey_free);
        if (!vms_survey_vm(self->engine, request, &self->survey, error))
            return FALSE;
        if (self->survey->vm->state != VMSNAP_VM_PAUSED || (again && !is_in_window(self)) ||
            vms_clock_monotonic_us() > until_us || vms_progress_is_cancelled(self->progress))
            return TRUE;
        vms_clock_sleep_us((gint64)FIRST_PAUSE_MS * 1000);
    }
}

/* A job that somebody of ours has in his window is told as his. */
static gboolean
check_state(const VmsTaking *self, GError **error)
{
    const VmsVm *vm = self->survey->vm;
    g_autofree char *window = vms_lock_name_window(vm->uuid);
    g_autofree char *holder = NULL;
    g_autoptr(GError) failed = NULL;
    VmsFreezeWish wish = VMS_FREEZE_NOT;

    if (vms_consistency_before(vm, self->request->policy, &wish, NULL, &failed))
        return TRUE;
    if (g_strcmp0(vms_error_get_reason(failed), "BlockDevicesNotReady") == 0)
        holder = vms_lock_find_holder(self->engine->runtime_dir, window);
    if (!holder) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    vms_refuse(error, VMSNAP_E_BUSY, "Locked", "VM %s is locked by %s", vm->name, holder);
    if (error)
        vms_error_set_object(*error, vm->uuid);
    return FALSE;
}

gboolean
vms_taking_survey(VmsTaking *self, const char *vm, GError **error)
{
    const VmsSurveyRequest request = {
        .vm = vm,
        .disks = (const char *const *)self->request->disks,
        .store = self->request->store,
        .method = self->request->method,
        .disk_only = self->request->subject == VMSNAP_SNAPSHOT_KIND_DISK,
        .group = self->group,
    };

    vms_progress_enter(self->progress, VMSNAP_STAGE_SURVEYING);
    g_clear_pointer(&self->survey, vms_survey_free);
    /* When it is surveyed again, its own overlays are known. */
    if (!is_begun(self) && !vms_journal_check_settled(self->engine, vm, error))
        return FALSE;
    return survey_outside_windows(self, &request, error) &&
           vms_journal_check_overlays(self->engine, self->survey->vm->uuid,
                                      vms_vm_current_disks(self->survey->vm), error) &&
           check_state(self, error) && check_disks(self, error) &&
           (self->request->policy != VMSNAP_CONSISTENCY_REQUIRE ||
            vms_survey_check_sharers(self->survey, error)) &&
           vms_survey_check_space(self->survey, error);
}

/* An agent that is connected may still be starting: only what it answers counts. FALSE while it may
 * become ready by itself; what will not change is for the window to tell. */
static gboolean
agent_is_ready(const VmsTaking *self, GError **error)
{
    const VmsDrivers *drivers = self->engine->drivers;
    const VmsVm *vm = self->survey->vm;
    VmsRehearsal wanted = { .vm = vm, .limit_ms = PROBE_MS };
    g_autoptr(VmsEvidence) seen = vms_evidence_new();
    g_autoptr(VmsAgent) agent = NULL;
    g_autoptr(GError) why = NULL;

    if (self->request->policy == VMSNAP_CONSISTENCY_SKIP || !vms_vm_may_have_agent(vm) ||
        vm->state != VMSNAP_VM_RUNNING)
        return TRUE;
    agent = drivers->open_agent(drivers->hypervisor, vm->uuid, vm->agent_socket);
    wanted.agent = agent;
    if (vms_rehearsal_run(&wanted, seen, &why) ||
        (g_strcmp0(vms_error_get_reason(why), "AgentNotReady") != 0 && !seen->frozen_before))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

gboolean
vms_taking_probe(VmsTaking *self, const char *vm, GError **error)
{
    return vms_taking_survey(self, vm, error) && agent_is_ready(self, error);
}

/* What passes by itself: somebody's lock or job, an agent that comes up, somebody's freeze; not
 * what must be recovered. A channel that is not there does not come. */
static gboolean
is_passing(const VmsTaking *self, const GError *error)
{
    const char *reason = vms_error_get_reason(error);
    const VmsVm *vm = self->survey ? self->survey->vm : NULL;

    if (g_strcmp0(reason, "AgentNotReady") == 0)
        return vm && vms_vm_may_have_agent(vm);
    if (g_strcmp0(reason, "Unfinished") == 0)
        return FALSE;
    return vms_error_get_code(error) == VMSNAP_E_BUSY || g_strcmp0(reason, "FreezeFailed") == 0;
}

static gboolean
take_lock(VmsTaking *self, const VmsReadiness *ready, GError **error)
{
    const char *folder = self->engine->runtime_dir;

    if (ready->shared)
        return vms_lock_share(folder, ready->lock_name, self->operation_uuid, 0, self->progress,
                              &self->lock, error);
    return vms_lock_take(folder, ready->lock_name, self->operation_uuid, 0, self->progress,
                         &self->lock, error);
}

/* The agent, which may take its time, is asked before the lock is taken, and no more at @last. */
static gboolean
try_once(VmsTaking *self, const VmsReadiness *ready, gboolean last, GError **error)
{
    if (!last && ready->probe && !ready->probe(self, ready->vm, error))
        return FALSE;
    if (take_lock(self, ready, error) && ready->look(self, ready->vm, error))
        return TRUE;
    g_clear_pointer(&self->lock, vms_lock_free);
    return FALSE;
}

static void
pause_for(VmsTaking *self, gint64 until, gint64 *pause_us)
{
    gint64 left = until - vms_clock_monotonic_us();

    vms_progress_enter(self->progress, VMSNAP_STAGE_WAITING);
    vms_clock_sleep_us(CLAMP(left, 0, *pause_us));
    *pause_us = MIN(*pause_us * 2, (gint64)LONGEST_PAUSE_MS * 1000);
}

/* Nothing is frozen, held or made meanwhile; that it waits, and for what, is on record. */
gboolean
vms_taking_when_ready(VmsTaking *self, const VmsReadiness *ready, GError **error)
{
    const gint64 until = vms_clock_monotonic_us() + (gint64)self->request->wait_ready_ms * 1000;
    gint64 pause_us = (gint64)FIRST_PAUSE_MS * 1000;

    self->patience_us = until;
    for (;;) {
        const gboolean last = vms_clock_monotonic_us() >= until;
        GError *failed = NULL;
        GError *cancelled = NULL;

        if (try_once(self, ready, last, &failed))
            return TRUE;
        if (last || !is_passing(self, failed))
            return vms_taking_fail(self, failed, error);
        if (!vms_taking_pend(self, ready->vm, failed, error))
            return FALSE;
        pause_for(self, until, &pause_us);
        if (!vms_progress_check(self->progress, &cancelled))
            return vms_taking_fail(self, cancelled, error);
    }
}
