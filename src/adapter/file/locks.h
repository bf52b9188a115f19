/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/volume.h"

/* QEMU's image locks: open-file-description read locks on single bytes, 100 + p for a permission
 * held and 200 + p for one not shared; p is 0 consistent read, 1 write, 2 write unchanged, 3
 * resize. Asking needs a descriptor for reading only. */

gboolean vms_locks_read_use(const char *path, VmsImageUse *ret_use, GError **error);
gboolean vms_locks_hold(const char *path, VmsHoldKind kind, VmsHold **ret_hold, GError **error);
