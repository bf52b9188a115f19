/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/evidence.h"

#include <glib.h>

/* One freeze window of one VM: guard, lease, freeze, cut, thaw, in this order, and what came of
 * it. The cut itself is the caller's: a list of prepared calls. */

typedef struct {
    const VmsVm *vm;
    const char *const *targets; /* the disks that are cut, ended by NULL; NULL: all */
    const char *operation_uuid;
    vmsnap_consistency_policy policy;
    guint freeze_call_ms;      /* 0: 10 s, Windows 60 s */
    guint freeze_budget_ms;    /* 0: 5 s, Windows 8 s */
    gboolean suspend;          /* the cut needs the VM to stand still (reflink) */
    const char *backup_socket; /* the cut begins a pull job on it: the guard ends it; NULL: none */
    VmsProgress *progress;
    /* The cut. Runs between freeze and thaw (and suspend and resume); makes no file, asks nobody,
     * writes no record. */
    gboolean (*cut)(void *data, GError **error);
    void *data;
} VmsWindow;

/* What outlives the window: the guard stays until everything we hold in the hypervisor is gone. */
typedef struct VmsWatch VmsWatch;

/* Run the window. @evidence is filled as it goes, on failure too. Returns FALSE when the policy
 * refuses or the cut failed; whatever happens the guest was thawed, or the error says frozen and
 * the guard goes on. With a backup job the caller must end it and then call vms_watch_release();
 * @ret_watch is NULL when nothing is left to watch. */
gboolean vms_window_run(VmsEngine *engine, const VmsWindow *window, VmsEvidence *evidence,
                        VmsWatch **ret_watch, GError **error);

/* End the backup job if it is still there and ours. */
gboolean vms_watch_end_job(VmsWatch *watch, GError **error);
/* Everything we held is gone: the lease is removed, the guard told to go. NULL is allowed. */
gboolean vms_watch_release(VmsWatch *watch, GError **error);
/* Leave it to the guard: it ends what is left by itself. For failing paths. */
void vms_watch_abandon(VmsWatch *watch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsWatch, vms_watch_abandon)
