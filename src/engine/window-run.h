/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/hold.h"
#include "engine/lock.h"
#include "engine/window.h"
#include "plan/consistency.h"
#include "port/agent.h"

#include <glib.h>

/* A window from inside: those who are cut in it, and its steps. */

/* One request. Its owner waits until the window is over. */
typedef struct {
    const VmsWindow *window;
    VmsEvidence *evidence; /* its own: what is true of the window, and of its cut */
    /* what comes of it */
    GError *error; /* set: it takes part no more */
    VmsWatch *watch;
    /* the window's notes */
    VmsFreezeWish wish;
    char *why; /* it goes without a freeze; NULL: it does not */
    gint64 cut_start;
    gint64 cut_end;
} VmsMember;

typedef struct VmsWindowRun VmsWindowRun;

/* Where more members come from: moves those who wait and are admitted (see vms_window_admit())
 * into the window. Called before the guest is asked anything, and at the last moment before the
 * freeze. */
typedef void (*VmsGather)(void *data, VmsWindowRun *run);

struct VmsWindowRun {
    VmsEngine *engine;
    GPtrArray *members; /* VmsMember*, borrowed */
    const VmsVm *vm;    /* of the first */
    VmsGather gather;   /* NULL: nobody else comes */
    void *gather_data;
    VmsEvidence *evidence; /* what is true of all members */
    VmsAgent *agent;       /* NULL: the guest is not asked */
    VmsFreezeWish wish;
    const char **targets; /* of all cuts, ended by NULL; NULL: every disk, or no freeze */
    gboolean recheck;     /* members may have waited long: look at the VM again */
    gboolean closed;      /* who comes now must fit what was prepared */
    gboolean suspends;    /* prepared to */
    const char *socket;   /* prepared for a job here; NULL: not */
    gboolean job;         /* the job may have been begun */
    guint freeze_call_ms;
    guint freeze_budget_ms;
    VmsHolding *holding; /* NULL: nothing is held */
    /* what must be undone */
    gboolean frozen;
    gboolean suspended;
};

/* Run it for all of run->members, which each get their end: an error, or a cut and perhaps a watch.
 */
void vms_window_run_all(VmsWindowRun *run);
/* Everything up to the freeze, of one member, whose cut is made elsewhere; on failure nothing is
 * held, or the guard goes on with it. */
gboolean vms_window_open(VmsWindowRun *run, GError **error);
/* The facts right after the cut. A VM that cannot be asked is judged as changed. */
void vms_window_read_after(VmsWindowRun *run);
/* The window's lock goes with the last watch, or now if there is none. Takes @lock. */
void vms_window_keep_lock(VmsWindowRun *run, VmsLock *lock);

/* ---- engine/window-members.c ---- */

/* What comes of it, for its owner. Frees what it holds. */
gboolean vms_member_end(VmsMember *member, VmsWatch **ret_watch, GError **error);
/* Whether the two may be cut in one window at all. Who must not freeze waits for no freeze, and
 * what is cut while frozen is no crash-consistent cut. */
gboolean vms_window_suits(const VmsWindow *a, const VmsWindow *b);
/* Add @member if this window can be its own. FALSE: it waits for another one. A member that no
 * window could serve is added, with its error. */
gboolean vms_window_admit(VmsWindowRun *run, VmsMember *member);
/* Look at the VM again: who was planned for other disks, or may not be cut any more, takes part no
 * more, the others wish what its state allows now. */
gboolean vms_window_look_again(VmsWindowRun *run, GError **error);
/* Who was planned for another state than the VM is in takes part no more. */
void vms_window_check_states(VmsWindowRun *run);
/* TRUE if somebody still takes part. */
gboolean vms_window_has_members(const VmsWindowRun *run);
/* Who wishes a freeze at least so much takes part no more, because of @why. */
void vms_window_fail(VmsWindowRun *run, VmsFreezeWish at_least, const GError *why);
/* Likewise all of them; who failed before gets @why as the cause of what is left. */
void vms_window_fail_stuck(VmsWindowRun *run, const GError *why);
void vms_window_drop_cancelled(VmsWindowRun *run);
void vms_window_enter(VmsWindowRun *run, guint stage);
/* The disks of one job for all who need it: by target, each with the scratch file of the first.
 * Ended by a NULL target, owned; NULL when nobody needs a job. */
VmsBackupDisk *vms_window_merge_backups(const VmsWindowRun *run);
/* The disks that any of them cuts, ended by NULL; NULL: somebody cuts all. Owned, the strings are
 * borrowed. */
const char **vms_window_merge_targets(const VmsWindowRun *run);
/* Note why the guest is not frozen. */
void vms_window_go_without(VmsEvidence *evidence, const char *reason, const char *message);
/* Give each its own copy of the evidence, beside what it has noted itself. */
void vms_window_tell(VmsWindowRun *run);

/* ---- engine/window-guest.c: what is done to the guest and to the machine under it ---- */

/* Freeze as wished. When it failed and was thawed again, who must have it takes part no more. */
gboolean vms_window_freeze(VmsWindowRun *run, GError **error);
gboolean vms_window_suspend(VmsWindowRun *run, GError **error);
/* Both do nothing when there is nothing to undo. On failure the VM may stand still, or the guest
 * may be frozen, which the error says. */
gboolean vms_window_resume(VmsWindowRun *run, GError **error);
gboolean vms_window_thaw(VmsWindowRun *run, GError **error);

/* ---- engine/window-watch.c ---- */

/* Everyone of whom something remains gets a watch; takes run->holding, if a job is held. */
void vms_window_watch(VmsWindowRun *run);
