/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/thaw.h"
#include "engine/whereabouts.h"
#include "engine/window-run.h"

#include <string.h>

#include <vmsnap/job.h>

enum {
    THAW_CALL_MS = 5000,
    STATUS_CALL_MS = 3000,
    UNDO_BOUND_MS = 10000, /* after that the guard goes on alone */
    RESUME_PAUSE_MS = 50
};

static gboolean
fail_maybe_frozen(const VmsWindowRun *run, GError **error, GError *cause)
{
    GError *made = NULL;

    vms_refuse(&made, VMSNAP_E_AGENT, "MaybeFrozen",
               "VM %s may still be frozen, the agent does not confirm a thaw: %s", run->vm->name,
               cause->message);
    vms_error_set_frozen(made, VMSNAP_FROZEN_UNKNOWN);
    vms_error_take_cause(made, cause);
    g_propagate_error(error, made);
    return FALSE;
}

/* TRUE if the guest that was frozen is no more, and its freeze with it. */
static gboolean
is_gone(const void *data)
{
    const VmsWindowRun *run = data;
    VmsWhereabouts where = VMS_GUEST_HERE;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;

    return vms_whereabouts_find(run->engine->drivers->urgent, run->vm->uuid, &run->evidence->before,
                                &where, &state, NULL) &&
           where == VMS_GUEST_GONE;
}

static gboolean
thaw_until_confirmed(const VmsWindowRun *run, gboolean sent, int *ret_count, GError **error)
{
    const VmsThaw thaw = { .agent = run->agent,
                           .bound_ms = UNDO_BOUND_MS,
                           .sent = sent,
                           .late = !sent,
                           .is_gone = is_gone,
                           .data = run };

    return vms_thaw_run(&thaw, ret_count, error);
}

/* ---- freeze ---- */

/* The one refusal that proves that our freeze did nothing: somebody else was first. */
static gboolean
is_frozen_by_another(const GError *error)
{
    return strstr(error->message, "frozen state") != NULL;
}

/* TRUE if the agent froze nothing of what it can freeze and knows of no freeze: somebody in the
 * guest was first, and a thaw by the agent would thaw theirs. */
static gboolean
is_frozen_inside(const VmsWindowRun *run)
{
    gboolean frozen = TRUE;

    return run->evidence->frozen_count == 0 && vms_consistency_can_freeze(run->evidence) &&
           vms_agent_is_frozen(run->agent, STATUS_CALL_MS, &frozen, NULL) && !frozen;
}

/* Takes @failed. */
static gboolean
freeze_failed(VmsWindowRun *run, GError *failed, GError **error)
{
    VmsEvidence *evidence = run->evidence;
    g_autoptr(GError) cause = failed;
    g_autoptr(GError) refused = NULL;
    GError *unsure = NULL;

    vms_window_go_without(evidence, "FreezeFailed", cause->message);
    if (is_frozen_by_another(cause) || is_frozen_inside(run)) {
        evidence->frozen_before = TRUE;
        run->frozen = FALSE;
    } else if (!thaw_until_confirmed(run, FALSE, NULL, &unsure)) {
        return fail_maybe_frozen(run, error, unsure);
    } else {
        run->frozen = FALSE;
    }
    vms_refuse(&refused, VMSNAP_E_AGENT, "FreezeFailed", "freezing VM %s failed: %s", run->vm->name,
               cause->message);
    vms_error_take_cause(refused, g_steal_pointer(&cause));
    vms_window_fail(run, VMS_FREEZE_MUST, refused);
    return TRUE;
}

/* NULL: all. Borrows the strings. */
static const char **
list_of(const VmsEvidence *evidence)
{
    guint count = evidence->freeze_list->len;
    const char **list = count > 0 ? g_new0(const char *, count + 1) : NULL;

    for (guint i = 0; i < count; i++)
        list[i] = g_ptr_array_index(evidence->freeze_list, i);
    return list;
}

gboolean
vms_window_freeze(VmsWindowRun *run, GError **error)
{
    VmsEvidence *evidence = run->evidence;
    g_autofree const char **list = list_of(evidence);
    GError *failed = NULL;
    int count = -1;

    if (run->wish == VMS_FREEZE_NOT)
        return TRUE;
    vms_window_enter(run, VMSNAP_STAGE_FREEZING);
    run->frozen = TRUE; /* from here on maybe frozen, whatever the answer */
    evidence->times.freeze_sent = vms_clock_monotonic_us();
    if (vms_agent_freeze(run->agent, list, run->freeze_call_ms, &count, &failed)) {
        evidence->times.freeze_acked = vms_clock_monotonic_us();
        evidence->frozen_count = count;
        if (count > 0)
            return TRUE;
        /* Hooks in the guest may have run all the same. */
        vms_refuse(
            &failed, VMSNAP_E_AGENT, "FreezeFailed",
            "the agent froze no file system: frozen already, not by us, or not to be frozen");
    }
    return freeze_failed(run, failed, error);
}

/* ---- thaw ---- */

static void
note_overdue(VmsWindowRun *run)
{
    const VmsTimes *times = &run->evidence->times;
    gint64 budget_us = (gint64)run->freeze_budget_ms * 1000;

    run->evidence->overdue = times->thaw_sent - times->freeze_acked > budget_us ||
                             vms_clock_boottime_us() >= vms_holding_get_deadline(run->holding);
}

/* Takes @failed. The thaw's answer got lost or was an error. On Windows an error means that VSS
 * ended the freeze before; elsewhere the count of a later thaw tells. */
static gboolean
thaw_again(VmsWindowRun *run, GError *failed, int *ret_count, GError **error)
{
    GError *unsure = NULL;

    vms_evidence_warn(run->evidence, "thawing had to be repeated: %s", failed->message);
    g_free(run->evidence->thaw_error);
    run->evidence->thaw_error = g_strdup(failed->message);
    g_error_free(failed);
    run->evidence->thaw_failed = run->evidence->windows;
    if (thaw_until_confirmed(run, TRUE, ret_count, &unsure))
        return TRUE;
    run->evidence->thaw_failed = TRUE;
    return fail_maybe_frozen(run, error, unsure);
}

gboolean
vms_window_thaw(VmsWindowRun *run, GError **error)
{
    VmsEvidence *evidence = run->evidence;
    GError *failed = NULL;
    int count = -1;

    if (!run->frozen)
        return TRUE;
    evidence->times.thaw_sent = vms_clock_monotonic_us();
    vms_window_enter(run, VMSNAP_STAGE_THAWING);
    note_overdue(run);
    if (!vms_agent_thaw(run->agent, THAW_CALL_MS, &count, &failed) &&
        !thaw_again(run, failed, &count, error))
        return FALSE;
    evidence->times.thaw_acked = vms_clock_monotonic_us();
    evidence->thawed_count = count;
    run->frozen = FALSE;
    if (!vms_holding_is_guarded(run->holding))
        vms_evidence_warn(evidence, "the guard ended before the guest was thawed");
    return TRUE;
}

/* ---- suspend and resume ---- */

gboolean
vms_window_suspend(VmsWindowRun *run, GError **error)
{
    VmsHypervisor *hv = run->engine->drivers->urgent;

    if (!run->suspends)
        return TRUE;
    run->suspended = TRUE; /* maybe, whatever the answer */
    run->evidence->times.suspend_sent = vms_clock_monotonic_us();
    if (!vms_hypervisor_suspend(hv, run->vm->uuid, error))
        return FALSE;
    run->evidence->times.suspended = vms_clock_monotonic_us();
    return TRUE;
}

/* TRUE if it runs, is off or gone: nothing is left to resume. It may be another instance than the
 * window began with: then that one was suspended. */
static gboolean
stands_no_more(const VmsWindowRun *run)
{
    VmsInstance instance = { .domain_id = -1 };
    vmsnap_vm_state state = VMSNAP_VM_PAUSED;
    g_autoptr(GError) failed = NULL;

    if (vms_hypervisor_read_state(run->engine->drivers->urgent, run->vm->uuid, &state, &instance,
                                  &failed))
        return state != VMSNAP_VM_PAUSED;
    return vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND;
}

gboolean
vms_window_resume(VmsWindowRun *run, GError **error)
{
    VmsHypervisor *hv = run->engine->drivers->urgent;
    gint64 until_us = vms_clock_monotonic_us() + (gint64)UNDO_BOUND_MS * 1000;
    g_autoptr(GError) last = NULL;

    if (!run->suspended)
        return TRUE;
    while (!vms_hypervisor_resume(hv, run->vm->uuid, &last) && !stands_no_more(run)) {
        if (vms_clock_monotonic_us() >= until_us) {
            vms_error_set_frozen(last, run->frozen ? VMSNAP_FROZEN_YES : VMSNAP_FROZEN_NO);
            g_propagate_prefixed_error(error, g_steal_pointer(&last),
                                       "resuming VM %s failed: ", run->vm->name);
            return FALSE;
        }
        g_clear_error(&last);
        vms_clock_sleep_us((gint64)RESUME_PAUSE_MS * 1000);
    }
    run->evidence->times.resumed = vms_clock_monotonic_us();
    run->suspended = FALSE;
    return TRUE;
}
