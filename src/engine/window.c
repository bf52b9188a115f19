/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/window.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/rehearsal.h"
#include "engine/window-guest.h"

#include <vmsnap/job.h>

enum {
    REHEARSAL_MS = 3000,
    CALL_MS = 10000,
    WINDOWS_CALL_MS = 60000,
    BUDGET_MS = 5000,
    WINDOWS_BUDGET_MS = 8000, /* VSS ends a freeze by itself after 10 s */
    GRACE_MS = 1000,          /* the guard waits this much longer than both */
    BREATH_MS = 30            /* from the thaw to our own next write */
};

static void
window_run_clear(VmsWindowRun *run)
{
    g_clear_pointer(&run->agent, vms_agent_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsWindowRun, window_run_clear)

/* ---- before ---- */

/* The state the caller planned for must be the state now. */
static gboolean
read_before(VmsWindowRun *run, GError **error)
{
    const VmsVm *vm = run->window->vm;
    VmsEvidence *evidence = run->evidence;

    if (!vms_hypervisor_read_state(run->engine->drivers->urgent, vm->uuid, &evidence->state_before,
                                   &evidence->before, error))
        return FALSE;
    g_free(evidence->state_reason);
    evidence->state_reason = g_strdup(vm->state_reason);
    evidence->managed_save = vm->managed_save;
    if (evidence->state_before != vm->state || evidence->before.domain_id != vm->domain_id)
        return vms_refuse(error, VMSNAP_E_BUSY, "StateChanged",
                          "VM %s changed from %s to %s while its snapshot was prepared", vm->name,
                          vms_vm_state_name(vm->state), vms_vm_state_name(evidence->state_before));
    return TRUE;
}

/* Why the guest is not frozen, where that is no failure. */
static void
go_without(VmsWindowRun *run, const char *reason, const char *message)
{
    VmsEvidence *evidence = run->evidence;

    g_free(evidence->freeze_reason);
    evidence->freeze_reason = g_strdup(reason);
    g_free(evidence->freeze_error);
    evidence->freeze_error = g_strdup(message);
    run->wish = VMS_FREEZE_NOT;
}

/* Under prefer an agent that cannot freeze is a warning. */
static gboolean
rehearse(VmsWindowRun *run, GError **error)
{
    VmsDrivers *drivers = run->engine->drivers;
    VmsRehearsal wanted = { .vm = run->window->vm,
                            .targets = run->window->targets,
                            .limit_ms = REHEARSAL_MS };
    g_autoptr(GError) failed = NULL;

    if (run->wish == VMS_FREEZE_NOT)
        return TRUE;
    run->agent = drivers->open_agent(drivers->urgent, wanted.vm->uuid, wanted.vm->agent_socket);
    wanted.agent = run->agent;
    if (vms_rehearsal_run(&wanted, run->evidence, &failed))
        return TRUE;
    if (run->wish == VMS_FREEZE_MUST) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    go_without(run, vms_error_get_reason(failed), failed->message);
    return TRUE;
}

static void
set_limits(VmsWindowRun *run)
{
    const VmsWindow *window = run->window;
    gboolean windows = run->evidence->windows;
    guint budget_ms = windows ? WINDOWS_BUDGET_MS : BUDGET_MS;

    run->freeze_call_ms = window->freeze_call_ms ? window->freeze_call_ms
                          : windows              ? WINDOWS_CALL_MS
                                                 : CALL_MS;
    run->freeze_budget_ms = window->freeze_budget_ms ? window->freeze_budget_ms : budget_ms;
    if (windows)
        run->freeze_budget_ms = MIN(run->freeze_budget_ms, WINDOWS_BUDGET_MS);
}

static gboolean
take_holding(VmsWindowRun *run, GError **error)
{
    const VmsHoldRequest request = {
        .vm_uuid = run->window->vm->uuid,
        .operation_uuid = run->window->operation_uuid,
        .instance = run->evidence->before,
        .freezes = run->wish != VMS_FREEZE_NOT,
        .suspends = run->suspends,
        .backup_socket = run->window->backup_socket,
        .agent_socket = run->window->vm->agent_socket,
        .agent_link = run->agent ? vms_agent_get_link(run->agent) : -1,
        .last_us = ((gint64)run->freeze_call_ms + run->freeze_budget_ms + GRACE_MS) * 1000,
    };

    if (!request.freezes && !request.suspends && !request.backup_socket)
        return TRUE;
    return vms_holding_take(run->engine, &request, run->evidence, &run->holding, error);
}

static gboolean
prepare(VmsWindowRun *run, GError **error)
{
    const VmsWindow *window = run->window;
    g_autofree char *why = NULL;

    if (!vms_consistency_before(window->vm, window->policy, &run->wish, &why, error) ||
        !read_before(run, error))
        return FALSE;
    if (why && window->policy == VMSNAP_CONSISTENCY_PREFER)
        go_without(run, "AgentNotReady", why);
    run->suspends = window->suspend && run->evidence->state_before == VMSNAP_VM_RUNNING;
    if (!rehearse(run, error))
        return FALSE;
    set_limits(run);
    return vms_progress_check(window->progress, error) && take_holding(run, error);
}

/* ---- the window ---- */

static gboolean
cut(VmsWindowRun *run, GError **error)
{
    const VmsWindow *window = run->window;
    VmsTimes *times = &run->evidence->times;
    gboolean ok;

    vms_progress_enter(window->progress, VMSNAP_STAGE_CAPTURING);
    times->cut_start = vms_clock_monotonic_us();
    ok = window->cut(window->data, error);
    times->cut_end = vms_clock_monotonic_us();
    /* After the deadline the guard lets the VM run: clones of two disks would be of two instants,
     * which is worse than what a crash leaves. */
    if (ok && run->suspended && vms_clock_boottime_us() >= vms_holding_get_deadline(run->holding))
        return vms_refuse(error, run->frozen ? VMSNAP_E_INCONSISTENT : VMSNAP_E_TIMEOUT,
                          run->frozen ? "ThawedEarly" : "Snapshotting",
                          "the cut of VM %s took longer than it may stand still", window->vm->name);
    return ok;
}

/* Resume and thaw, whatever became of the cut. TRUE if nothing but a job is held any more. */
static gboolean
undo(VmsWindowRun *run, GError **error)
{
    return vms_window_resume(run, error) && vms_window_thaw(run, error);
}

/* The cut failed, or was not reached: everything goes, the job too. @error is its failure. */
static void
back_out(VmsWindowRun *run, gboolean undone, GError *error)
{
    g_autoptr(GError) failed = NULL;

    if (!run->holding)
        return;
    if (undone && (!run->window->backup_socket || vms_holding_end_job(run->holding, &failed))) {
        if (!vms_holding_settle(g_steal_pointer(&run->holding), &failed))
            vms_evidence_warn(run->evidence, "lease: %s", failed->message);
        return;
    }
    if (failed)
        g_prefix_error(&error, "%s; and the backup job could not be ended: ", failed->message);
    vms_holding_abandon(g_steal_pointer(&run->holding));
}

/* The facts right after the cut. A VM that cannot be asked is judged as changed. */
static void
read_after(VmsWindowRun *run)
{
    VmsEvidence *evidence = run->evidence;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    g_autoptr(GError) failed = NULL;

    if (!vms_hypervisor_read_state(run->engine->drivers->urgent, run->window->vm->uuid, &state,
                                   &evidence->after, &failed)) {
        evidence->after = (VmsInstance){ .domain_id = -1 };
        vms_evidence_warn(evidence, "the VM's state after the cut is not known: %s",
                          failed->message);
    }
}

static gboolean
hold_and_cut(VmsWindowRun *run, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(GError) stuck = NULL;
    gboolean undone;

    if (vms_window_freeze(run, &failed) && vms_progress_check(run->window->progress, &failed) &&
        vms_window_suspend(run, &failed))
        cut(run, &failed);
    /* A freeze that could not be undone needs no second round of waiting. */
    undone = failed && vms_error_get_frozen(failed) != VMSNAP_FROZEN_NO ? FALSE : undo(run, &stuck);
    if (!failed && !stuck)
        return TRUE;
    back_out(run, undone, failed ? failed : stuck);
    if (failed && stuck) {
        vms_error_set_frozen(failed, vms_error_get_frozen(stuck));
        vms_error_take_cause(failed, g_steal_pointer(&stuck));
    }
    g_propagate_error(error, failed ? g_steal_pointer(&failed) : g_steal_pointer(&stuck));
    return FALSE;
}

/* ---- after ---- */

struct VmsWatch {
    VmsHolding *holding;
};

/* What cannot be removed of the lease is no fault of the cut: the guard goes on trying. */
static VmsWatch *
finish(VmsWindowRun *run)
{
    g_autoptr(GError) failed = NULL;
    VmsWatch *watch;

    if (!run->holding)
        return NULL;
    if (!run->window->backup_socket) {
        if (!vms_holding_settle(g_steal_pointer(&run->holding), &failed))
            vms_evidence_warn(run->evidence, "lease: %s", failed->message);
        return NULL;
    }
    vms_holding_narrow_to_job(run->holding);
    watch = g_new0(VmsWatch, 1);
    watch->holding = g_steal_pointer(&run->holding);
    return watch;
}

/* The guest's writers waited for the window; the first write to a cloned or exported disk costs
 * more than others, and what comes now is all syncs and copying. */
static void
let_guest_write(const VmsWindowRun *run)
{
    if (run->evidence->times.thaw_acked > 0 || run->evidence->times.resumed > 0)
        vms_clock_sleep_us((gint64)BREATH_MS * 1000);
}

gboolean
vms_window_run(VmsEngine *engine, const VmsWindow *window, VmsEvidence *evidence,
               VmsWatch **ret_watch, GError **error)
{
    g_auto(VmsWindowRun) run = { .engine = engine, .window = window, .evidence = evidence };

    if (!prepare(&run, error) || !hold_and_cut(&run, error))
        return FALSE;
    read_after(&run);
    let_guest_write(&run);
    *ret_watch = finish(&run);
    return TRUE;
}

gboolean
vms_watch_end_job(VmsWatch *watch, GError **error)
{
    return vms_holding_end_job(watch->holding, error);
}

gboolean
vms_watch_release(VmsWatch *watch, GError **error)
{
    gboolean released;

    if (!watch)
        return TRUE;
    released = vms_holding_settle(watch->holding, error);
    g_free(watch);
    return released;
}

void
vms_watch_abandon(VmsWatch *watch)
{
    if (!watch)
        return;
    vms_holding_abandon(watch->holding);
    g_free(watch);
}
