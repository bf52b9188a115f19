/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "guard/watch.h"

#include <glib.h>

/* The guard's other work: a VM that was asked to stop, and may do so late. */

/* Whether there is a late lease that names this process. */
gboolean vms_guard_has_late(const VmsGuardWatch *watch);
/* Until its deadline, or there is nothing to watch any more; the exit status of the process. Takes
 * @drivers. */
int vms_guard_watch_late(const VmsGuardWatch *watch, VmsDrivers *drivers);
