/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/group.h"
#include "model/evidence.h"

#include <glib.h>

/* One freeze window of one VM: guard, lease, freeze, cut, thaw, in this order, and what came of
 * it. The cut itself is the caller's: a list of prepared calls. Requests of one process that wait
 * for a window of the same VM are cut in one: see engine/window-queue.h. */

typedef struct {
    const VmsVm *vm;
    const char *const *targets; /* the disks that are cut, ended by NULL; NULL: all */
    const char *operation_uuid;
    vmsnap_consistency_policy policy;
    guint freeze_call_ms;   /* 0: 10 s, Windows 60 s */
    guint freeze_budget_ms; /* 0: 5 s, Windows 8 s */
    gboolean suspend;       /* the cut needs the VM to stand still (reflink) */
    gboolean
        overlays; /* the cut puts overlays: no other cut in its window, nor before they are gone */
    gboolean detached;           /* the guard will be the owner: it must outlive this process */
    const char *backup_socket;   /* where a pull job of its own would listen; NULL: it needs none */
    const VmsBackupDisk *backup; /* disks of the job, ended by a NULL target */
    VmsGroup *group;             /* of VMs cut at one time; NULL: none */
    guint number;                /* in the group */
    guint wait_ms;               /* for the window, where somebody else has it */
    VmsProgress *progress;
    /* The cut. Runs between freeze and thaw (and suspend and resume), perhaps in another thread
     * than its owner's, which waits; makes no file, asks nobody, writes no record. A backup job is
     * begun after it. */
    gboolean (*cut)(void *data, GError **error);
    void *data;
} VmsWindow;

/* What outlives the window: the guard stays, and no other window opens, until everything we hold
 * in the hypervisor is gone: a backup job, overlays. Who was cut in one window each has a watch of
 * the same job. */
typedef struct VmsWatch VmsWatch;

/* Run the window for one request, whose process must hold the window's lock. @evidence is filled
 * as it goes, on failure too. Returns FALSE when the policy refuses or the cut failed; whatever
 * happens the guest was thawed, or the error says frozen and the guard goes on. With a backup job
 * the caller must end it and then call vms_watch_release(); @ret_watch is NULL when nothing is left
 * to watch. */
gboolean vms_window_run(VmsEngine *engine, const VmsWindow *window, VmsEvidence *evidence,
                        VmsWatch **ret_watch, GError **error);

/* Where the job's exports are: the socket of whoever began it. */
const char *vms_watch_get_socket(const VmsWatch *watch);
/* Its exports are not needed any more: the last to say so ends the backup job, if it is still
 * there and ours. May be repeated when it failed. */
gboolean vms_watch_end_job(VmsWatch *watch, GError **error);
/* After that: with the last the lease is removed, the guard told to go. NULL is allowed. */
gboolean vms_watch_release(VmsWatch *watch, GError **error);
/* Leave it to the guard: it ends what is left by itself, as soon as nobody else watches. For
 * failing paths. */
void vms_watch_abandon(VmsWatch *watch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsWatch, vms_watch_abandon)
