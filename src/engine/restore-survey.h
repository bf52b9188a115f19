/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "plan/restore-plan.h"

#include <glib.h>

/* Reading what a restore's plan is made from. Looks only. */
typedef struct {
    VmsSnapshot *snapshot;
    VmsInventory *inventory;
    VmsVm *vm;             /* NULL: it is not there */
    char *record;          /* the snapshot, as it is stored */
    VmsRestoreInput input; /* points into those above */
} VmsRestoreSurvey;

/* engine/restore-address.c: who has addresses on the networks that the snapshot's are on. */
gboolean vms_restore_read_addresses(VmsEngine *engine, VmsRestoreSurvey *survey, GError **error);

/* @vm NULL: the snapshot's own. @request must outlive the survey. */
gboolean vms_restore_survey(VmsEngine *engine, const char *snapshot_uuid, const char *vm,
                            const VmsRestoreRequest *request, VmsRestoreSurvey **ret_survey,
                            GError **error);
void vms_restore_survey_free(VmsRestoreSurvey *survey);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsRestoreSurvey, vms_restore_survey_free)
