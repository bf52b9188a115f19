/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lock-file.h"

#include <glib.h>

/* How many agent commands may be under way on this host at a time, over all processes: an agent
 * that hangs occupies one of libvirtd's few workers as long as the command's limit. */

/* Take a place, for at most @limit_ms. FALSE when none became free. @ret_slot is NULL where places
 * cannot be counted: this user may not write the runtime folder. */
gboolean vms_slot_take(const char *runtime_dir, guint limit_ms, VmsLockFd **ret_slot);
