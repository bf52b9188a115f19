/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/freeze-end.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/guard.h"
#include "engine/lease.h"
#include "engine/release.h"
#include "engine/window-locks.h"

#include <string.h>

enum {
    RELEASE_MS = 10000,
    THAW_WAIT_MS = 15000, /* another one who thaws it is at it */
    LOCK_WAIT_MS = 3000   /* of a guard that just went */
};

/* ---- the verdict ---- */

static gint64
read_writes(const VmsEngine *engine, const char *vm_uuid, const char *target)
{
    gint64 writes = -1;

    vms_hypervisor_read_writes(engine->drivers->hypervisor, vm_uuid, target, &writes, NULL);
    return writes;
}

static void
note_disks(const VmsEngine *engine, VmsFreeze *freeze)
{
    GPtrArray *facts = freeze->evidence->disks;

    g_ptr_array_set_size(facts, 0);
    for (guint i = 0; i < freeze->disks->len; i++) {
        const char *target = freeze->disks->pdata[i];

        g_ptr_array_add(
            facts, vms_disk_facts_new(target, read_writes(engine, freeze->vm_uuid, target), FALSE));
    }
}

/* The same judgement as of a snapshot, with the whole freeze for the cut and no image to look
 * into: what the caller made lies with him. */
static VmsVerdict *
judge_window(VmsEvidence *evidence)
{
    VmsTimes *times = &evidence->times;
    VmsVerdict *verdict;

    times->cut_start = times->freeze_acked;
    times->cut_end = times->thaw_sent;
    verdict = vms_consistency_judge(evidence);
    times->cut_start = 0;
    times->cut_end = 0;
    return verdict;
}

gboolean
vms_freeze_check_provable(const VmsEngine *engine, VmsFreeze *freeze, GError **error)
{
    VmsEvidence *evidence = freeze->evidence;
    VmsTimes *times = &evidence->times;
    g_autoptr(VmsVerdict) verdict = NULL;

    note_disks(engine, freeze);
    times->thaw_sent = vms_clock_monotonic_us();
    times->thaw_acked = times->thaw_sent;
    evidence->thawed_count = evidence->frozen_count;
    evidence->after = evidence->before;
    verdict = judge_window(evidence);
    times->thaw_sent = 0;
    times->thaw_acked = 0;
    evidence->thawed_count = -1;
    evidence->after = (VmsInstance){ .domain_id = -1 };
    return vms_verdict_check(verdict, VMSNAP_CONSISTENCY_REQUIRE, error);
}

static void
judge(const VmsEngine *engine, VmsFreeze *freeze)
{
    g_autoptr(VmsVerdict) verdict = NULL;

    note_disks(engine, freeze);
    verdict = judge_window(freeze->evidence);
    freeze->ended = TRUE;
    freeze->proven = verdict->grade == VMSNAP_GRADE_FROZEN;
    if (!freeze->proven)
        vms_freeze_disprove(freeze, verdict->reason, "%s", verdict->message);
    vms_verdict_store(verdict, freeze->evidence);
}

/* ---- what we hold ourselves ---- */

static gboolean
is_same_instance(const VmsWindowRun *run)
{
    const VmsInstance *before = &run->evidence->before;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    VmsInstance now = { .domain_id = -1 };
    g_autoptr(GError) failed = NULL;

    if (vms_hypervisor_read_state(run->engine->drivers->urgent, run->vm->uuid, &state, &now,
                                  &failed))
        return now.domain_id == before->domain_id;
    /* What cannot be told is thawed: the agent's answer will say more. */
    return vms_error_get_code(failed) != VMSNAP_E_NOT_FOUND;
}

static void
settle(VmsWindowRun *run)
{
    g_autoptr(GError) failed = NULL;

    if (!vms_holding_settle(g_steal_pointer(&run->holding), &failed))
        vms_evidence_warn(run->evidence, "lease: %s", failed->message);
}

gboolean
vms_freeze_finish(VmsWindowRun *run, VmsFreeze *freeze, GError **error)
{
    if (!is_same_instance(run)) {
        vms_freeze_disprove(freeze, "PotentiallyInconsistent",
                            "VM %s was stopped or restarted during the freeze", freeze->vm_name);
        settle(run);
        return TRUE;
    }
    freeze->thawed_us = vms_clock_realtime_us();
    if (!vms_window_thaw(run, error))
        return FALSE;
    vms_window_read_after(run);
    judge(run->engine, freeze);
    settle(run);
    return TRUE;
}

/* ---- what somebody else left or handed to a guard ---- */

static gboolean
fail_not_frozen(const char *vm_uuid, GError **error)
{
    return vms_refuse(
        error, VMSNAP_E_NOT_FOUND, "NotFrozen",
        "no freeze of ours is held on VM %s; one whose deadline passed was thawed then", vm_uuid);
}

static VmsLease *
read_lease(const VmsEngine *engine, const char *vm_uuid, const char *operation, GError **error)
{
    g_autoptr(VmsLease) lease = NULL;
    g_autoptr(GError) failed = NULL;

    if (!vms_lease_read(engine->state_dir, vm_uuid, &lease, &failed)) {
        if (vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND)
            fail_not_frozen(vm_uuid, error);
        else
            g_propagate_error(error, g_steal_pointer(&failed));
        return NULL;
    }
    if (operation && g_strcmp0(lease->operation, operation) != 0) {
        fail_not_frozen(vm_uuid, error);
        return NULL;
    }
    if (g_strcmp0(lease->uri, engine->uri) != 0) {
        vms_refuse(error, VMSNAP_E_BUSY, "MaybeFrozen",
                   "VM %s is held through another connection: %s", vm_uuid, lease->uri);
        return NULL;
    }
    return g_steal_pointer(&lease);
}

/* Takes @lease. */
static gboolean
finish_leased(VmsEngine *engine, VmsLease *lease, VmsFreeze *freeze, GError **error)
{
    g_autoptr(VmsVm) vm = vms_vm_new(lease->vm_uuid, freeze->vm_name);
    g_autoptr(VmsAgent) agent = NULL;
    const VmsProcessId guard = lease->guard;
    g_autoptr(GPtrArray) nobody = g_ptr_array_new();
    VmsWindowRun run = {
        .engine = engine,
        .members = nobody,
        .vm = vm,
        .evidence = freeze->evidence,
        .wish = VMS_FREEZE_MUST,
        .freeze_budget_ms = freeze->hold_ms,
        .holding = vms_holding_of_lease(engine, lease),
        .frozen = TRUE,
    };

    agent = engine->drivers->open_agent(engine->drivers->urgent, vm->uuid, lease->agent_socket);
    run.agent = agent;
    if (!vms_freeze_finish(&run, freeze, error)) {
        vms_holding_abandon(run.holding); /* the lease stays, and its guard */
        return FALSE;
    }
    vms_guard_relieve(&guard);
    return TRUE;
}

/* A window, or a freeze of a process that died: nothing of it can be proven any more. */
static gboolean
release_left(VmsEngine *engine, const VmsLease *lease, VmsFreeze **ret_freeze, GError **error)
{
    g_autoptr(VmsFreeze) freeze = vms_freeze_new(lease->operation, lease->vm_uuid, lease->vm_uuid);
    g_autofree char *done = NULL;

    if (!vms_release_held(engine->drivers, lease, RELEASE_MS, &done, error) ||
        !vms_lease_remove(engine->state_dir, lease->vm_uuid, error))
        return FALSE;
    vms_freeze_disprove(freeze, "Interrupted", "its owner left it; %s",
                        done ? done : "nothing was held any more");
    *ret_freeze = g_steal_pointer(&freeze);
    return TRUE;
}

/* Its guard owns a detached freeze and its locks; of all else the locks tell who lives. */
static gboolean
take_over(VmsEngine *engine, const VmsLease *lease, VmsProgress *progress,
          VmsWindowLocks *ret_locks, GError **error)
{
    const VmsWindowLocking locking = { .runtime_dir = engine->runtime_dir,
                                       .vm_uuid = lease->vm_uuid,
                                       .operation = lease->operation,
                                       .wait_ms = lease->freeze ? LOCK_WAIT_MS : 0,
                                       .progress = progress };

    if (lease->freeze && vms_process_alive(&lease->guard))
        return TRUE;
    return vms_window_locks_take(&locking, ret_locks, error);
}

gboolean
vms_freeze_end_leased(VmsEngine *engine, const char *vm_uuid, const char *operation,
                      VmsProgress *progress, VmsFreeze **ret_freeze, GError **error)
{
    g_autofree char *name = vms_lock_name_thaw(vm_uuid);
    g_autoptr(VmsLock) turn = NULL;
    g_auto(VmsWindowLocks) locks = { NULL, NULL };
    g_autoptr(VmsLease) lease = NULL;
    g_autoptr(VmsFreeze) freeze = NULL;

    if (!vms_lock_take(engine->runtime_dir, name, operation, THAW_WAIT_MS, progress, &turn, error))
        return FALSE;
    lease = read_lease(engine, vm_uuid, operation, error);
    if (!lease)
        return FALSE;
    if (g_strcmp0(lease->boot_id, engine->boot_id) != 0) {
        if (!vms_lease_remove(engine->state_dir, vm_uuid, error))
            return FALSE;
        return fail_not_frozen(vm_uuid, error);
    }
    if (!take_over(engine, lease, progress, &locks, error))
        return FALSE;
    if (!lease->freeze)
        return release_left(engine, lease, ret_freeze, error);
    freeze = g_steal_pointer(&lease->freeze);
    if (!finish_leased(engine, g_steal_pointer(&lease), freeze, error))
        return FALSE;
    *ret_freeze = g_steal_pointer(&freeze);
    return TRUE;
}
