/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/store.h"

#include <glib.h>

/* The ends of a clone: run by the operation itself and, after a crash, by recover. Each may be
 * repeated.
 *
 * The clone's UUID is chosen and recorded before anything is made, and nobody has it: a VM that has
 * it was defined by this operation. That definition is the commit point. */

/* The name of what is made for @path until it is complete: beside it, with the operation's token.
 */
char *vms_clone_next_path(const char *path, const char *operation_uuid, guint number);

/* Whether the clone is defined. */
gboolean vms_clone_is_defined(VmsEngine *engine, const VmsOperation *operation,
                              gboolean *ret_defined, GError **error);
/* Give each file its name. EXISTS when one was taken meanwhile. */
gboolean vms_clone_place(VmsEngine *engine, const VmsOperation *operation, GError **error);
/* Remove all of it that is there, but the temporary snapshot; never what is somebody else's. */
gboolean vms_clone_remove(VmsEngine *engine, const VmsOperation *operation, GError **error);
/* Delete the snapshot that was taken for it, if it is there. */
gboolean vms_clone_drop_temporary(VmsEngine *engine, const VmsOperation *operation, GError **error);
/* The same where the clone is done: one that others came to need is told, and stays. */
gboolean vms_clone_finish_drop(VmsEngine *engine, VmsOperation *operation, GError **error);
/* What a clone that is defined still needs, if its source has it: to start with the host, to run.
 * What cannot be is told, and the clone stays. */
gboolean vms_clone_settle(VmsEngine *engine, VmsOperation *operation, GError **error);
/* Forward when the clone is defined (@ret_forward), else back. Not stored yet. */
gboolean vms_clone_recover(VmsEngine *engine, VmsOperation *operation, gboolean *ret_forward,
                           GError **error);
