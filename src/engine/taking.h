/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cut.h"
#include "engine/engine.h"
#include "engine/store.h"
#include "engine/survey.h"
#include "engine/window-queue.h"

#include <glib.h>

/* One snapshot being taken, and the steps of its life; engine/snapshot.c puts them in order. */

typedef struct {
    VmsEngine *engine;
    const VmsSnapshotRequest *request;
    VmsProgress *progress;
    VmsWork work;
    VmsSurvey *survey;
    VmsCutSet *cuts;
    VmsWatch *watch;  /* guard of a backup job that still runs */
    gboolean watched; /* there was one: its end removes the job's socket */
} VmsTaking;

void vms_taking_clear(VmsTaking *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsTaking, vms_taking_clear)

/* The cut and all that makes its images whole and judged. */
typedef gboolean (*VmsTake)(VmsTaking *self, GError **error);

/* engine/taking-record.c: write down what is surveyed, take it, and commit, or roll back to a
 * Failed record. UNCERTAIN leaves it to recover. */
gboolean vms_taking_run(VmsTaking *self, const char *operation_uuid, VmsTake take,
                        char **ret_snapshot_uuid, GError **error);

/* engine/taking-ready.c: read the VM, and refuse what cannot be taken now. */
gboolean vms_taking_survey(VmsTaking *self, const char *vm, GError **error);
/* The same until the VM is ready or the caller's patience ends; nothing is frozen or made. Then
 * the last reason stands, and prefer goes on without a freeze. */
gboolean vms_taking_survey_when_ready(VmsTaking *self, const char *vm, GError **error);

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
