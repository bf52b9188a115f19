/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lock-fd.h"

#include <glib.h>

/* Open <runtime_dir>/locks/<file>, made if it is missing. NULL on failure. Such files stay when
 * nobody has a lock on them: a name that goes and comes would let two hold "it". */
VmsLockFd *vms_lock_file_open(const char *runtime_dir, const char *file, GError **error);
