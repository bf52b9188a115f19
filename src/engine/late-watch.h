/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/late.h"

#include <glib.h>

/* The owner's side of a late stop. */

/* Leave the running VM of @operation to a guard, which outlives us; noted in the operation's
 * conditions. Fails when there is no guard, or the VM is off already. */
gboolean vms_late_watch(VmsEngine *engine, VmsOperation *operation, GError **error);
/* A lease whose watcher died, or that was left by an earlier boot of the host: what it would have
 * done now. STARTED and OVER: it is removed. */
gboolean vms_late_take_over(VmsEngine *engine, const VmsLease *lease, VmsLateState *ret_state,
                            GError **error);
/* From here on this operation decides whether the VM runs. Under the VM's lock. */
gboolean vms_late_forget(const VmsEngine *engine, const char *vm_uuid, GError **error);
