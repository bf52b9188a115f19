/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/window-run.h"
#include "model/freeze.h"

#include <glib.h>

/* The end of a freeze: thaw, look once more, judge. */

/* FALSE, as under require, when a freeze that just began would not be proven even if it held: not
 * all file systems were frozen, or a disk was written to past them. */
gboolean vms_freeze_check_provable(const VmsEngine *engine, VmsFreeze *freeze, GError **error);
/* Thaw what @run holds, note it in @freeze and judge. A VM that was stopped or started anew since
 * needs no thaw and gets none. TRUE: nothing is held any more, lease and guard are gone; FALSE: it
 * may be frozen, and @run still holds it. */
gboolean vms_freeze_finish(VmsWindowRun *run, VmsFreeze *freeze, GError **error);

/* End what a lease tells of, of whichever process; with @operation (may be NULL) only that one.
 * Errors of vms_engine_thaw(). */
gboolean vms_freeze_end_leased(VmsEngine *engine, const char *vm_uuid, const char *operation,
                               VmsProgress *progress, VmsFreeze **ret_freeze, GError **error);
