/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/hold.h"
#include "engine/window.h"
#include "plan/consistency.h"
#include "port/agent.h"

#include <glib.h>

/* The steps of a window: what is done to the guest and to the machine under it. */

typedef struct {
    VmsEngine *engine;
    const VmsWindow *window;
    VmsEvidence *evidence;
    VmsAgent *agent; /* NULL: the guest is not asked */
    VmsFreezeWish wish;
    gboolean suspends;
    guint freeze_call_ms;
    guint freeze_budget_ms;
    VmsHolding *holding; /* NULL: nothing is held */
    /* what must be undone */
    gboolean frozen;
    gboolean suspended;
} VmsWindowRun;

/* Freeze as wished. TRUE also when it failed and was thawed again under IF_POSSIBLE. */
gboolean vms_window_freeze(VmsWindowRun *run, GError **error);
gboolean vms_window_suspend(VmsWindowRun *run, GError **error);
/* Both do nothing when there is nothing to undo. On failure the VM may stand still, or the guest
 * may be frozen, which the error says. */
gboolean vms_window_resume(VmsWindowRun *run, GError **error);
gboolean vms_window_thaw(VmsWindowRun *run, GError **error);
