/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/store.h"

#include <glib.h>

/* The ends of an operation that makes a disk or image: run by the operation itself and, after a
 * crash, by recover. Each may be repeated. */

/* TRUE if an operation of this type makes one. */
gboolean vms_new_disk_is_type(const char *type);

/* Give what was made its name: from then on it is there. EXISTS when that was taken meanwhile. */
gboolean vms_new_disk_place(VmsEngine *engine, const VmsOperation *operation, GError **error);
/* Remove whatever of it is there; never what somebody else put at its name. */
gboolean vms_new_disk_remove(VmsEngine *engine, const VmsOperation *operation, GError **error);
/* The operation's end; not stored yet. */
void vms_new_disk_complete(VmsEngine *engine, VmsOperation *operation);
/* Forward when it has its name already (@ret_forward), else back. Not stored yet. */
gboolean vms_new_disk_recover(VmsEngine *engine, VmsOperation *operation, gboolean *ret_forward,
                              GError **error);
