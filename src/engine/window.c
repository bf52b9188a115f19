/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/window.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/journal.h"
#include "engine/rehearsal.h"
#include "engine/window-run.h"

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

/* ---- before ---- */

/* What it is now, asked once for all. */
static gboolean
read_before(VmsWindowRun *run, GError **error)
{
    VmsEvidence *evidence = run->evidence;

    /* Somebody may have died in a window since we looked at the disks. */
    return (!run->engine->drivers->catalog ||
            vms_journal_check_settled(run->engine, run->vm->uuid, error)) &&
           vms_hypervisor_read_state(run->engine->drivers->urgent, run->vm->uuid,
                                     &evidence->state_before, &evidence->before, error);
}

/* Of those who still take part. */
static const VmsWindow *
find_first(const VmsWindowRun *run)
{
    const VmsMember *member = run->members->pdata[0];

    for (guint i = 1; i < run->members->len && member->error; i++)
        member = run->members->pdata[i];
    return member->window;
}

static void
read_wishes(VmsWindowRun *run)
{
    for (guint i = 0; i < run->members->len; i++) {
        const VmsMember *member = run->members->pdata[i];

        if (!member->error)
            run->wish = MAX(run->wish, member->wish);
    }
}

static void
read_needs(VmsWindowRun *run)
{
    gboolean running = run->evidence->state_before == VMSNAP_VM_RUNNING;

    for (guint i = 0; i < run->members->len; i++) {
        const VmsMember *member = run->members->pdata[i];

        if (member->error)
            continue;
        run->suspends = run->suspends || (member->window->suspend && running);
        if (member->window->backup && !run->socket)
            run->socket = member->window->backup_socket;
    }
}

/* Under prefer an agent that cannot freeze is a warning. */
static void
rehearse(VmsWindowRun *run)
{
    VmsDrivers *drivers = run->engine->drivers;
    VmsRehearsal wanted = { .vm = run->vm, .limit_ms = REHEARSAL_MS };
    g_autoptr(GError) failed = NULL;

    if (run->wish == VMS_FREEZE_NOT)
        return;
    run->agent = drivers->open_agent(drivers->urgent, run->vm->uuid, run->vm->agent_socket);
    run->targets = vms_window_merge_targets(run);
    wanted.agent = run->agent;
    wanted.targets = run->targets;
    if (vms_rehearsal_run(&wanted, run->evidence, &failed))
        return;
    vms_window_fail(run, VMS_FREEZE_MUST, failed);
    vms_window_go_without(run->evidence, vms_error_get_reason(failed), failed->message);
    run->wish = VMS_FREEZE_NOT;
}

/* The longest call that one of them allows, the shortest freeze. */
static void
set_limits(VmsWindowRun *run)
{
    gboolean windows = run->evidence->windows;
    guint usual_call_ms = windows ? WINDOWS_CALL_MS : CALL_MS;
    guint usual_budget_ms = windows ? WINDOWS_BUDGET_MS : BUDGET_MS;

    run->freeze_call_ms = 0;
    run->freeze_budget_ms = windows ? WINDOWS_BUDGET_MS : G_MAXUINT;
    for (guint i = 0; i < run->members->len; i++) {
        const VmsMember *member = run->members->pdata[i];
        guint call_ms = member->window->freeze_call_ms;
        guint budget_ms = member->window->freeze_budget_ms;

        if (member->error)
            continue;
        run->freeze_call_ms = MAX(run->freeze_call_ms, call_ms ? call_ms : usual_call_ms);
        run->freeze_budget_ms = MIN(run->freeze_budget_ms, budget_ms ? budget_ms : usual_budget_ms);
    }
}

static gboolean
take_holding(VmsWindowRun *run, GError **error)
{
    const VmsHoldRequest request = {
        .vm_uuid = run->vm->uuid,
        .operation_uuid = find_first(run)->operation_uuid,
        .instance = run->evidence->before,
        .freezes = run->wish != VMS_FREEZE_NOT,
        .suspends = run->suspends,
        .backup_socket = run->socket,
        .agent_socket = run->vm->agent_socket,
        .agent_link = run->agent ? vms_agent_get_link(run->agent) : -1,
        .last_us = ((gint64)run->freeze_call_ms + run->freeze_budget_ms + GRACE_MS) * 1000,
        .detached = find_first(run)->detached,
    };

    if (!request.freezes && !request.suspends && !request.backup_socket)
        return TRUE;
    return vms_holding_take(run->engine, &request, run->evidence, &run->holding, error);
}

/* The last moment: who comes later gets a window of his own. */
static void
gather(VmsWindowRun *run)
{
    if (run->gather)
        run->gather(run->gather_data, run);
    vms_window_drop_cancelled(run);
}

static gboolean
wait_ready(const VmsWindowRun *run, GError **error)
{
    const VmsWindow *window = find_first(run);

    return !window->group ||
           vms_group_wait_ready(window->group, window->number, window->progress, error);
}

static gboolean
prepare(VmsWindowRun *run, GError **error)
{
    if ((run->recheck && !vms_window_look_again(run, error)) || !read_before(run, error))
        return FALSE;
    vms_window_check_states(run);
    if (!vms_window_has_members(run))
        return TRUE;
    run->vm = find_first(run)->vm;
    read_wishes(run);
    /* Before the guest is asked: what an earlier window left frozen is no stranger's freeze. */
    if (run->wish != VMS_FREEZE_NOT &&
        !vms_holding_check_settled(run->engine, run->vm->uuid, error))
        return FALSE;
    rehearse(run);
    vms_window_drop_cancelled(run);
    if (!vms_window_has_members(run))
        return TRUE;
    read_needs(run);
    set_limits(run);
    if (!wait_ready(run, error) || !take_holding(run, error))
        return FALSE;
    run->closed = TRUE;
    gather(run);
    return TRUE;
}

/* ---- the window ---- */

/* After the deadline the guard lets the VM run: clones of two disks would be of two instants,
 * which is worse than what a crash leaves. */
static gboolean
check_still(const VmsWindowRun *run, GError **error)
{
    if (!run->suspended || vms_clock_boottime_us() < vms_holding_get_deadline(run->holding))
        return TRUE;
    return vms_refuse(error, run->frozen ? VMSNAP_E_INCONSISTENT : VMSNAP_E_TIMEOUT,
                      run->frozen ? "ThawedEarly" : "Snapshotting",
                      "the cut of VM %s took longer than it may stand still", run->vm->name);
}

static void
cut_one(const VmsWindowRun *run, VmsMember *member)
{
    const VmsWindow *window = member->window;

    member->cut_start = vms_clock_monotonic_us();
    if (window->cut(window->data, &member->error))
        check_still(run, &member->error);
    member->cut_end = vms_clock_monotonic_us();
}

/* One transaction for all who need it: it ends their cuts. */
static void
begin_job(VmsWindowRun *run)
{
    g_autofree VmsBackupDisk *disks = vms_window_merge_backups(run);
    g_autoptr(GError) failed = NULL;
    gint64 end;

    if (!disks)
        return;
    vms_crash_point("window-job");
    run->job = TRUE; /* maybe, whatever the answer */
    if (vms_hypervisor_begin_backup(run->engine->drivers->urgent, run->vm->uuid, run->socket, disks,
                                    &failed))
        check_still(run, &failed);
    end = vms_clock_monotonic_us();
    for (guint i = 0; i < run->members->len; i++) {
        VmsMember *member = run->members->pdata[i];

        if (member->error || !member->window->backup)
            continue;
        member->cut_end = end;
        if (failed)
            member->error = g_error_copy(failed);
    }
}

static void
cut(VmsWindowRun *run)
{
    vms_window_enter(run, VMSNAP_STAGE_CAPTURING);
    for (guint i = 0; i < run->members->len; i++) {
        VmsMember *member = run->members->pdata[i];

        if (!member->error)
            cut_one(run, member);
    }
    begin_job(run);
}

/* Resume and thaw, whatever became of the cut. TRUE if nothing but a job is held any more. */
static gboolean
undo(VmsWindowRun *run, GError **error)
{
    return vms_window_resume(run, error) && vms_window_thaw(run, error);
}

/* After @failed (NULL: nothing did): FALSE when the guest or the VM may not be as it was. */
static gboolean
end_hold(VmsWindowRun *run, const GError *failed)
{
    g_autoptr(GError) stuck = NULL;

    if (failed)
        vms_window_fail(run, VMS_FREEZE_NOT, failed);
    /* A freeze that could not be undone needs no second round of waiting. */
    if (failed && vms_error_get_frozen(failed) != VMSNAP_FROZEN_NO)
        return FALSE;
    if (undo(run, &stuck))
        return TRUE;
    vms_window_fail_stuck(run, stuck);
    return FALSE;
}

/* For the others of the group, with half of the freeze's budget: the cut needs time as well. */
static gboolean
wait_frozen(const VmsWindowRun *run, GError **error)
{
    const VmsWindow *window = find_first(run);
    gint64 until_us = vms_clock_monotonic_us();

    if (!window->group)
        return TRUE;
    until_us += run->frozen ? (gint64)run->freeze_budget_ms * 500
                            : (gint64)(run->freeze_call_ms + run->freeze_budget_ms) * 1000;
    return vms_group_wait_frozen(window->group, window->number, until_us, window->progress, error);
}

/* A VM that shares a disk runs on as soon as it is cut, but stays frozen until the others are, too.
 * What that takes is left of the budget, but for the thaw's own part. */
static void
wait_taken(VmsWindowRun *run, GError **error)
{
    const VmsWindow *window = find_first(run);
    gint64 until_us = run->evidence->times.freeze_acked + (gint64)run->freeze_budget_ms * 900;

    if (window->group && vms_window_resume(run, error))
        vms_group_wait_taken(window->group, window->number, run->frozen ? until_us : 0,
                             window->progress);
}

static gboolean
hold_and_cut(VmsWindowRun *run)
{
    g_autoptr(GError) failed = NULL;

    if (vms_window_freeze(run, &failed)) {
        vms_window_drop_cancelled(run);
        if (vms_window_has_members(run) && wait_frozen(run, &failed) &&
            vms_window_suspend(run, &failed)) {
            cut(run);
            wait_taken(run, &failed);
        }
    }
    return end_hold(run, failed);
}

/* ---- after ---- */

void
vms_window_read_after(VmsWindowRun *run)
{
    VmsEvidence *evidence = run->evidence;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    g_autoptr(GError) failed = NULL;

    if (!vms_hypervisor_read_state(run->engine->drivers->urgent, run->vm->uuid, &state,
                                   &evidence->after, &failed)) {
        evidence->after = (VmsInstance){ .domain_id = -1 };
        vms_evidence_warn(evidence, "the VM's state after the cut is not known: %s",
                          failed->message);
    }
}

/* The guest's writers waited for the window; the first write to a cloned or exported disk costs
 * more than others, and what comes now is all syncs and copying. */
static void
let_guest_write(const VmsWindowRun *run)
{
    if (run->evidence->times.thaw_acked > 0 || run->evidence->times.resumed > 0)
        vms_clock_sleep_us((gint64)BREATH_MS * 1000);
}

static gboolean
needs_job(const VmsWindowRun *run)
{
    for (guint i = 0; i < run->members->len; i++) {
        const VmsMember *member = run->members->pdata[i];

        if (!member->error && member->window->backup)
            return TRUE;
    }
    return FALSE;
}

/* What cannot be removed of the lease is no fault of the cut: the guard goes on trying. */
static void
let_go(VmsWindowRun *run, gboolean undone)
{
    g_autoptr(GError) failed = NULL;

    if (!run->holding)
        return;
    if (undone && needs_job(run)) {
        vms_holding_narrow_to_job(run->holding);
        return;
    }
    /* A failed begin may have begun it all the same. */
    if (undone && (!run->job || vms_holding_end_job(run->holding, &failed))) {
        if (!vms_holding_settle(g_steal_pointer(&run->holding), &failed))
            vms_evidence_warn(run->evidence, "lease: %s", failed->message);
        return;
    }
    if (failed)
        vms_evidence_warn(run->evidence, "the backup job could not be ended: %s", failed->message);
    vms_holding_abandon(g_steal_pointer(&run->holding));
}

static void
run_all(VmsWindowRun *run)
{
    g_autoptr(GError) failed = NULL;
    gboolean undone = TRUE;

    if (!prepare(run, &failed)) {
        vms_window_fail(run, VMS_FREEZE_NOT, failed);
        return;
    }
    if (vms_window_has_members(run))
        undone = hold_and_cut(run);
    if (vms_window_has_members(run)) {
        vms_window_read_after(run);
        let_guest_write(run);
    }
    let_go(run, undone);
    vms_window_watch(run);
}

void
vms_window_run_all(VmsWindowRun *run)
{
    const VmsMember *first = run->members->pdata[0];

    run->vm = first->window->vm;
    run->evidence = vms_evidence_new();
    if (vms_window_has_members(run))
        run_all(run);
    vms_window_tell(run);
    g_clear_pointer(&run->agent, vms_agent_free);
    g_clear_pointer(&run->targets, g_free);
    g_clear_pointer(&run->evidence, vms_evidence_free);
}

gboolean
vms_window_open(VmsWindowRun *run, GError **error)
{
    const VmsMember *member = run->members->pdata[0];
    g_autoptr(GError) failed = NULL;
    gboolean undone = TRUE;

    if (vms_window_has_members(run) && !prepare(run, &failed))
        vms_window_fail(run, VMS_FREEZE_NOT, failed);
    if (vms_window_has_members(run)) {
        if (vms_window_freeze(run, &failed))
            vms_window_drop_cancelled(run);
        if (!failed && vms_window_has_members(run))
            return TRUE;
        undone = end_hold(run, failed);
    }
    let_go(run, undone);
    g_propagate_error(error, g_error_copy(member->error));
    return FALSE;
}

gboolean
vms_window_run(VmsEngine *engine, const VmsWindow *window, VmsEvidence *evidence,
               VmsWatch **ret_watch, GError **error)
{
    g_autoptr(GPtrArray) members = g_ptr_array_new();
    VmsMember member = { .window = window, .evidence = evidence };
    VmsWindowRun run = { .engine = engine, .members = members };

    vms_window_admit(&run, &member);
    vms_window_run_all(&run);
    return vms_member_end(&member, ret_watch, error);
}
