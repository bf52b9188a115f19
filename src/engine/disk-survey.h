/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/survey.h"
#include "model/inventory.h"

#include <glib.h>

/* Reading what a snapshot of a disk that no VM has is about, and proving that none has it. Looks
 * only. */

/* What such a disk is called in names of files and in evidence. */
#define VMS_DISK_TARGET "disk"

/* The VM whose disk the file is (@ret_disk: the one in force; a running VM wins), or NULL if none
 * refers to it. IN_USE when a VM refers to it otherwise: as a layer below a disk, as read-only
 * media, or as a disk it gets at its next start. @path as vms_inventory_settle() gives it. */
gboolean vms_disk_find_owner(VmsEngine *engine, const VmsInventory *inventory, const char *path,
                             const VmsFileId *file, const VmsVm **ret_vm, const VmsDisk **ret_disk,
                             GError **error);

/* An absolute path of one that starts with "/" or "./". */
char *vms_disk_absolute(const char *path, GError **error);

/* Refuses where files are out of reach, or may not be written and @writing. */
gboolean vms_disk_check_acting(const VmsEngine *engine, gboolean writing, GError **error);

/* A survey of the disk request->path alone; vm is NULL. IN_USE when a VM has it. @ret_open gets
 * whether somebody has it open for writing. */
gboolean vms_disk_survey(VmsEngine *engine, const VmsSnapshotRequest *request,
                         VmsSurvey **ret_survey, gboolean *ret_open, GError **error);
/* The same again after the cut: no VM got it meanwhile, and nobody wrote to it. */
gboolean vms_disk_survey_again(VmsEngine *engine, const VmsSurvey *survey, GError **error);
