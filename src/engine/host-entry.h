/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "plan/restore-plan.h"

#include <glib.h>

/* The host entries that an operation adds or removes, as its record lists them. Each step may be
 * repeated; an entry that stood before the operation is never removed on the way back. */

/* What the operations need. */
void vms_host_entries_plan_restore(const VmsRestoreInput *input, VmsOperation *operation);
void vms_host_entries_plan_undo(const VmsOperation *restore, VmsOperation *undo);
/* Those that restores of the snapshot added and no restore of another one needs. */
gboolean vms_host_entries_plan_delete(VmsEngine *engine, const VmsSnapshot *snapshot,
                                      VmsOperation *operation, GError **error);

/* Note which stand now; CONFLICT/AddressInUse when another stands in the way. To be stored before
 * the next. */
gboolean vms_host_entries_note(VmsEngine *engine, const VmsOperation *operation, GError **error);
gboolean vms_host_entries_put(VmsEngine *engine, const VmsOperation *operation, GError **error);
gboolean vms_host_entries_put_back(VmsEngine *engine, const VmsOperation *operation,
                                   GError **error);
