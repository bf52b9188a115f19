/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cut.h"
#include "engine/engine.h"
#include "engine/group.h"
#include "engine/lock.h"
#include "engine/store.h"
#include "engine/survey.h"
#include "engine/window-queue.h"

#include <glib.h>

/* One snapshot being taken, and the steps of its life; engine/snapshot.c puts them in order. */

typedef struct {
    VmsEngine *engine;
    const VmsSnapshotRequest *request;
    VmsProgress *progress;
    const char *operation_uuid;
    gint64 patience_us; /* on CLOCK_MONOTONIC: when the caller's ends */
    VmsGroup *group;    /* that it is cut with; NULL: none */
    guint number;       /* in it */
    VmsLock *lock;      /* of the VM or disk; NULL while it waits */
    VmsWork work;
    VmsSurvey *survey;
    VmsCutSet *cuts;
    VmsWatch *watch;  /* guard of a backup job that still runs */
    gboolean watched; /* there was one: its end removes the job's socket */
    char *flaw;       /* reason of a crash-consistent cut, and what was against it; NULL: nothing */
    char *flaw_text;
} VmsTaking;

void vms_taking_clear(VmsTaking *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsTaking, vms_taking_clear)

/* The cut and all that makes its images whole and judged. */
typedef gboolean (*VmsTake)(VmsTaking *self, GError **error);

/* engine/taking-record.c: write down what is surveyed, take it, and commit, or roll back to a
 * Failed record. UNCERTAIN leaves it to recover. */
gboolean vms_taking_run(VmsTaking *self, VmsTake take, GError **error);
/* Give up: what was stored becomes Failed. Takes @why; always FALSE. */
gboolean vms_taking_fail(VmsTaking *self, GError *why, GError **error);
/* Snapshot and operation as far as the request tells; not stored. */
void vms_taking_make_records(VmsTaking *self);
/* Of a disk snapshot: what its disk is called, now that its VM's name is known, or it has none. */
void vms_taking_name_disk(VmsTaking *self);
/* The UUID of the snapshot's record; NULL if none was stored. */
char *vms_taking_dup_uuid(const VmsTaking *self);

/* engine/taking-pending.c: store that the snapshot waits, and why, unless that is known already.
 * Takes @why. On failure the taking is at its end. */
gboolean vms_taking_pend(VmsTaking *self, const char *vm_uuid, GError *why, GError **error);

/* engine/taking-ready.c: read the VM, and refuse what cannot be taken now. */
gboolean vms_taking_survey(VmsTaking *self, const char *vm, GError **error);
/* The same, and what answers can be asked for a freeze, or never will. */
gboolean vms_taking_probe(VmsTaking *self, const char *vm, GError **error);

/* What a taking waits for. */
typedef struct {
    const char *lock_name;
    const char *vm;  /* UUID; NULL: a disk that no VM has */
    gboolean shared; /* the lock */
    gboolean (*look)(VmsTaking *self, const char *vm, GError **error);  /* under the lock */
    gboolean (*probe)(VmsTaking *self, const char *vm, GError **error); /* before; NULL: nothing */
} VmsReadiness;

/* Take the lock and look until both succeed or the caller's patience ends; nothing is frozen, held
 * or made meanwhile, the record is Pending. Then the last reason stands. On failure the taking is
 * at its end. */
gboolean vms_taking_when_ready(VmsTaking *self, const VmsReadiness *ready, GError **error);

/* engine/taking-cut.c: prepare and cut, anew when a reservation was outgrown. */
gboolean vms_taking_cut(VmsTaking *self, GError **error);
/* After the cut: read what a backup job exports, end it, and only then let the guard go. */
gboolean vms_taking_copy(VmsTaking *self, GError **error);
/* Remove what was made for a try that did not come to a cut. */
gboolean vms_taking_clear_try(VmsTaking *self, GError **error);

/* engine/taking-judge.c: what is known of the disks; to be called right after the cut. */
void vms_taking_note_disks(VmsTaking *self);
/* The grade, from what was seen immediately before and after the cut and in
 * its images. Fails when the policy refuses it. */
gboolean vms_taking_judge(VmsTaking *self, GError **error);
