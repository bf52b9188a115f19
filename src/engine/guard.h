/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/lease.h"

#include <glib.h>

/* The guard as its owner sees it: a child process that thaws when we die or are late. */

typedef struct VmsGuard VmsGuard;

/* Start <guard_path> (with @orphan not as our child: it will outlive us) and wait until it says
 * that its own connection is open. NoGuard (UNSUPPORTED) when it cannot. Then the lease, with the
 * guard's pid, may be written. The guard gets a copy of @link (-1: none), the connection to the
 * agent, which it ends before it opens one itself: we may have been stopped with ours in hand. */
gboolean vms_guard_start(VmsEngine *engine, const char *vm_uuid, int link, gboolean orphan,
                         VmsGuard **ret_guard, GError **error);
VmsProcessId vms_guard_get_process(const VmsGuard *guard);
/* FALSE when it ended, of which nobody but its owner can know. */
gboolean vms_guard_lives(const VmsGuard *guard);
gboolean vms_guard_shares_cgroup(const VmsGuard *guard);
/* From now on it acts when we die or @deadline_us (CLOCK_BOOTTIME) passes; reads the lease again.
 * Also used to move the deadline. */
gboolean vms_guard_arm(VmsGuard *guard, gint64 deadline_us, GError **error);
/* It becomes the owner: our death means nothing any more, at @deadline_us it lets go and ends. Gets
 * copies of the descriptors @locks (VMS_GUARD_LOCKS of them). On success @guard is freed. */
gboolean vms_guard_hand_over(VmsGuard *guard, gint64 deadline_us, const int *locks, GError **error);
/* It watches for a late stop as the late lease says; ours no more. On success @guard is freed. */
gboolean vms_guard_leave_late(VmsGuard *guard, GError **error);
/* Nothing is held any more: it goes. Waits until it is gone (it is reaped). */
void vms_guard_dismiss(VmsGuard *guard);
/* Leave it to its work: it acts now. Does not wait. */
void vms_guard_abandon(VmsGuard *guard);
/* Tell one that owns a freeze, of whichever process, that its lease was removed; wait until it is
 * gone. */
void vms_guard_relieve(const VmsProcessId *guard);
