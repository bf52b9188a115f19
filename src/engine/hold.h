/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/lease.h"
#include "engine/window-locks.h"
#include "model/evidence.h"

#include <glib.h>

/* The licence to hold a VM: lease on disk and guard at its post. Taken before anything is frozen,
 * suspended or begun, given back when all of it was undone. */

typedef struct VmsHolding VmsHolding;

typedef struct {
    const char *vm_uuid;
    const char *operation_uuid;
    VmsInstance instance;
    gboolean freezes;
    gboolean suspends;
    const char *backup_socket; /* NULL: no job */
    const char *agent_socket;  /* NULL: the agent is asked over the hypervisor */
    int agent_link;            /* what the guard must end to ask in our place; -1: nothing */
    gint64 last_us;            /* the guard acts this long from now */
    gboolean detached;         /* a guard process that can become the owner */
} VmsHoldRequest;

/* BUSY with reason MaybeFrozen when an earlier lease of the VM is not settled. */
gboolean vms_holding_check_settled(const VmsEngine *engine, const char *vm_uuid, GError **error);
/* NoGuard when no guard can be started and the context has not taken its duty; BUSY with reason
 * MaybeFrozen when an earlier lease of the VM is not settled. Notes the guard in @evidence. */
gboolean vms_holding_take(VmsEngine *engine, const VmsHoldRequest *request, VmsEvidence *evidence,
                          VmsHolding **ret_holding, GError **error);
/* FALSE when its guard ended: nobody thaws if we die. */
gboolean vms_holding_is_guarded(const VmsHolding *holding);
/* CLOCK_BOOTTIME. */
gint64 vms_holding_get_deadline(const VmsHolding *holding);
/* The freeze was answered: nothing more is on its way, and it may last until @deadline_us. */
gboolean vms_holding_move_deadline(VmsHolding *holding, gint64 deadline_us, GError **error);
/* Make the guard the owner of a freeze taken with @detached, and of the locks beside us. Frees
 * the holding on success; on failure it is as before, and so must be undone. */
gboolean vms_holding_hand_over(VmsHolding *holding, VmsFreeze *freeze, gint64 deadline_us,
                               VmsWindowLocks *locks, GError **error);
/* What a lease says is held, by whomever it was taken, to be settled by us. Takes @lease. */
VmsHolding *vms_holding_of_lease(VmsEngine *engine, VmsLease *lease);
/* The window is over, a backup job remains: the guard waits for its owner's death only. */
void vms_holding_narrow_to_job(VmsHolding *holding);
/* End our backup job if it was begun; nothing else. */
gboolean vms_holding_end_job(VmsHolding *holding, GError **error);
/* Everything is undone. Frees. */
gboolean vms_holding_settle(VmsHolding *holding, GError **error);
/* Something may be held: the guard goes on and the lease stays. Frees. */
void vms_holding_abandon(VmsHolding *holding);
