/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/hold.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/deadline.h"
#include "engine/guard-order.h"
#include "engine/guard.h"
#include "engine/release.h"

/* No agent is asked when only a job is ended. */
#define END_JOB_MS 1000

struct VmsHolding {
    VmsEngine *engine; /* borrowed */
    VmsGuard *guard;   /* NULL: the context answers for it, or nobody does any more */
    VmsDeadline *own;  /* if the context answers for it */
    VmsLease *lease;
};

static void
holding_free(VmsHolding *holding)
{
    vms_deadline_end(holding->own);
    vms_lease_free(holding->lease);
    g_free(holding);
}

gboolean
vms_holding_check_settled(const VmsEngine *engine, const char *vm_uuid, GError **error)
{
    g_autoptr(VmsLease) lease = NULL;
    g_autoptr(GError) failed = NULL;

    if (vms_lease_read(engine->state_dir, vm_uuid, &lease, &failed))
        return vms_refuse(error, VMSNAP_E_BUSY, "MaybeFrozen",
                          "an earlier window of VM %s (operation %s) is not settled: recover it",
                          vm_uuid, lease->operation);
    if (vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static VmsLease *
make_lease(const VmsEngine *engine, const VmsHoldRequest *request, const VmsGuard *guard)
{
    VmsLease *lease = vms_lease_new(engine->uri, request->vm_uuid, request->operation_uuid);

    lease->instance = request->instance;
    lease->owner = vms_process_self();
    if (guard)
        lease->guard = vms_guard_get_process(guard);
    g_free(lease->boot_id);
    lease->boot_id = g_strdup(engine->boot_id);
    lease->state = VMS_LEASE_INTENDED;
    lease->freezes = request->freezes;
    lease->suspends = request->suspends;
    g_free(lease->backup_socket);
    lease->backup_socket = g_strdup(request->backup_socket);
    g_free(lease->agent_socket);
    lease->agent_socket = g_strdup(request->agent_socket);
    lease->deadline_us = vms_clock_boottime_us() + request->last_us;
    return lease;
}

/* Who acts at the deadline: the guard, or a thread of ours. */
static gboolean
arm(VmsHolding *holding, GError **error)
{
    const VmsLease *lease = holding->lease;

    if (holding->guard)
        return vms_guard_arm(holding->guard, lease->deadline_us, error);
    vms_deadline_set(holding->own, lease->deadline_us);
    return TRUE;
}

gboolean
vms_holding_take(VmsEngine *engine, const VmsHoldRequest *request, VmsEvidence *evidence,
                 VmsHolding **ret_holding, GError **error)
{
    VmsHolding *holding;
    VmsGuard *guard = NULL;

    if (!vms_holding_check_settled(engine, request->vm_uuid, error))
        return FALSE;
    if ((!engine->self_guard || request->detached) &&
        !vms_guard_start(engine, request->vm_uuid, request->agent_link, request->detached, &guard,
                         error))
        return FALSE;
    holding = g_new0(VmsHolding, 1);
    holding->engine = engine;
    holding->guard = guard;
    holding->lease = make_lease(engine, request, guard);
    if (!vms_lease_write(engine->state_dir, holding->lease, error) ||
        !(guard ? arm(holding, error)
                : vms_deadline_start(engine, holding->lease, request->agent_link, &holding->own,
                                     error))) {
        vms_holding_settle(holding, NULL);
        return FALSE;
    }
    evidence->guard = guard ? VMS_GUARD_PROCESS : VMS_GUARD_SELF;
    evidence->guard_shares_cgroup = guard && vms_guard_shares_cgroup(guard);
    *ret_holding = holding;
    return TRUE;
}

gboolean
vms_holding_is_guarded(const VmsHolding *holding)
{
    return !holding->guard || vms_guard_lives(holding->guard);
}

gint64
vms_holding_get_deadline(const VmsHolding *holding)
{
    return holding->lease->deadline_us;
}

gboolean
vms_holding_move_deadline(VmsHolding *holding, gint64 deadline_us, GError **error)
{
    holding->lease->state = VMS_LEASE_FROZEN;
    holding->lease->deadline_us = deadline_us;
    return vms_lease_write(holding->engine->state_dir, holding->lease, error) &&
           arm(holding, error);
}

/* The lease first: who finds the guard holding the VM must find out why. */
gboolean
vms_holding_hand_over(VmsHolding *holding, VmsFreeze *freeze, gint64 deadline_us,
                      VmsWindowLocks *locks, GError **error)
{
    const int fds[VMS_GUARD_LOCKS] = { vms_lock_get_fd(locks->vm), vms_lock_get_fd(locks->window) };
    VmsLease *lease = holding->lease;

    lease->state = VMS_LEASE_FROZEN;
    lease->owner = lease->guard;
    lease->deadline_us = deadline_us;
    lease->freeze = freeze;
    if (!vms_lease_write(holding->engine->state_dir, lease, error) ||
        !vms_window_locks_note(locks, &lease->guard, lease->operation,
                               freeze->frozen_us + (gint64)freeze->hold_ms * 1000, error) ||
        !vms_guard_hand_over(holding->guard, deadline_us, fds, error)) {
        lease->freeze = NULL; /* the caller's */
        return FALSE;
    }
    lease->freeze = NULL;
    holding->guard = NULL;
    holding_free(holding);
    return TRUE;
}

VmsHolding *
vms_holding_of_lease(VmsEngine *engine, VmsLease *lease)
{
    VmsHolding *holding = g_new0(VmsHolding, 1);

    holding->engine = engine;
    holding->lease = lease;
    return holding;
}

/* A failure leaves a lease that claims more than we hold: to resume what runs and to thaw what is
 * thawed does no harm. */
void
vms_holding_narrow_to_job(VmsHolding *holding)
{
    g_autoptr(GError) error = NULL;

    holding->lease->state = VMS_LEASE_JOB;
    holding->lease->deadline_us = 0;
    if (!vms_lease_write(holding->engine->state_dir, holding->lease, &error) ||
        !arm(holding, &error))
        vms_log(holding->engine->log, VMSNAP_LOG_WARNING, "lease of VM %s: %s",
                holding->lease->vm_uuid, error->message);
}

gboolean
vms_holding_end_job(VmsHolding *holding, GError **error)
{
    VmsLease job_only = *holding->lease;

    job_only.state = VMS_LEASE_JOB;
    return vms_release_held(holding->engine->drivers, &job_only, END_JOB_MS, NULL, error);
}

gboolean
vms_holding_settle(VmsHolding *holding, GError **error)
{
    gboolean removed;

    /* First, so that it cannot act once we have told that all is over. */
    vms_deadline_end(g_steal_pointer(&holding->own));
    removed = vms_lease_remove(holding->engine->state_dir, holding->lease->vm_uuid, error);
    if (removed)
        vms_guard_dismiss(holding->guard);
    else /* it finds nothing held, and tries to remove the lease as well */
        vms_guard_abandon(holding->guard);
    holding_free(holding);
    return removed;
}

void
vms_holding_abandon(VmsHolding *holding)
{
    vms_guard_abandon(holding->guard);
    holding_free(holding);
}
