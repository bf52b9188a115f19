/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/undo-set.h"

#include <glib.h>

/* Undo sets as they stand in the records of restores. */

/* TRUE for a restore that keeps one. */
gboolean vms_undo_set_is_kept(const VmsOperation *restore);
/* Look at the set of such a restore and its files. */
VmsUndoSet *vms_undo_set_read(VmsEngine *engine, const VmsOperation *restore);
/* What is to be named in an error: a set needs @path as a layer below one of its files; NULL: none
 * does. @operations: VmsOperation*. */
const VmsOperation *vms_undo_set_find_user(VmsEngine *engine, const GPtrArray *operations,
                                           const char *path);
