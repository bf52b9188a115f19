/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/lease.h"
#include "port/drivers.h"

#include <glib.h>

/* Undo what a lease says we hold in the hypervisor: resume, thaw until the agent confirms, end
 * our backup job, in this order, and look again until nothing more has come for a while: what the
 * owner asked for last may be carried out after its death. Shared by the guard process and by
 * recover.
 *
 * Does nothing to an instance that is not the lease's. Returns TRUE when nothing is held any
 * more (or the instance is gone); FALSE with an error when it must be tried again. @limit_ms
 * bounds the wait for the agent. @ret_done (may be NULL) gets the words of recovery: "resumed",
 * "thawed", "ended-job", joined by ", "; NULL if there was nothing to do. */
gboolean vms_release_held(const VmsDrivers *drivers, const VmsLease *lease, guint limit_ms,
                          char **ret_done, GError **error);
