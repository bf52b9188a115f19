/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/store.h"

#include <glib.h>

/* The last steps of operations whose outcome stands already: run by the operation itself and,
 * after a crash, by recover. Each may be repeated. */

/* Mark a restore as completed, its old set kept for as long as was asked. Not stored yet. */
void vms_finish_restore(VmsOperation *operation, const char *message);
/* Remove what the undo took out of place, mark the restore as undone, close the record. */
gboolean vms_finish_undo(VmsEngine *engine, VmsWork *work, GError **error);
/* Remove a restore's undo set, mark the restore as undone, close the record. */
gboolean vms_finish_drop(VmsEngine *engine, VmsWork *work, GError **error);
/* Remove the overlays that a flattening took out, close the record. */
gboolean vms_finish_flatten(VmsEngine *engine, VmsWork *work, GError **error);
/* Remove a snapshot's files, then its record, and close the operation's. */
gboolean vms_finish_delete(VmsEngine *engine, VmsWork *work, GError **error);
