/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/window.h"

#include <glib.h>

/* Who waits for a window in this process. Of the requests for one VM that wait when a window opens,
 * all are cut in it: one of them takes the window's lock, closes the queue at the last moment
 * before the freeze, and does the work for all. Those who skip the freeze have windows of their
 * own. */

VmsWindowQueue *vms_window_queue_new(void);
void vms_window_queue_free(VmsWindowQueue *queue);

/* As vms_window_run(), with whoever else waits, one window of the VM at a time across threads and
 * processes: waits for it at most window->wait_ms. BUSY with reason "Locked" names who has it. */
gboolean vms_window_join(VmsEngine *engine, const VmsWindow *window, VmsEvidence *evidence,
                         VmsWatch **ret_watch, GError **error);
