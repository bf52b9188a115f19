/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "plan/clone-plan.h"

#include <glib.h>

/* Reading what the plan of a clone is made from. Looks only. */
typedef struct {
    VmsSnapshot *snapshot; /* stored, or what stands for the VM as it is */
    VmsInventory *inventory;
    VmsVm *vm;           /* NULL: a stored snapshot is cloned */
    char *record;        /* the snapshot as it is stored; NULL: it is not */
    VmsCloneInput input; /* points into those above */
} VmsCloneSurvey;

/* @request must outlive the survey. */
gboolean vms_clone_survey(VmsEngine *engine, const VmsCloneSource *source,
                          const VmsCloneRequest *request, VmsCloneSurvey **ret_survey,
                          GError **error);
void vms_clone_survey_free(VmsCloneSurvey *survey);

/* engine/clone-source.c: the VM as if a snapshot held its files where they are. Of disks that are
 * no local file only their name is known. */
gboolean vms_clone_read_vm(VmsEngine *engine, const char *vm_uuid, VmsVm **ret_vm,
                           VmsSnapshot **ret_snapshot, GError **error);
/* All that the configuration names and the source has of its own, as items; those of
 * input->snapshot and input->needs. */
void vms_clone_read_items(VmsEngine *engine, VmsCloneInput *input);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsCloneSurvey, vms_clone_survey_free)
