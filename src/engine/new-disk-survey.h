/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "plan/new-disk-plan.h"

#include <glib.h>

/* Reading what the plan of a new disk is made from. Looks only. */
typedef struct {
    VmsSnapshot *snapshot;
    char *path;
    char *pool;
    VmsNewDiskInput input; /* points into the above, and into the request */
} VmsNewDiskSurvey;

gboolean vms_new_disk_survey(VmsEngine *engine, const char *snapshot_uuid,
                             const VmsNewDiskRequest *request, VmsNewDiskSurvey **ret_survey,
                             GError **error);
void vms_new_disk_survey_free(VmsNewDiskSurvey *survey);

/* What stands at input->path and what its folder offers to the image. Looks only. */
gboolean vms_new_disk_read_folder(VmsEngine *engine, VmsNewDiskInput *input, GError **error);

/* Where the digest of an image at @path stands. */
char *vms_new_disk_sum_path(const char *path);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsNewDiskSurvey, vms_new_disk_survey_free)
