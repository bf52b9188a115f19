/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/survey.h"

#include <glib.h>

/* The cut of one snapshot: per disk a prepared call, all fired in one window, then finished. */

typedef struct VmsCutSet VmsCutSet;

/* Name every file and folder the cut may make, into @snapshot (disks, folders, NVRAM) and
 * @operation (files, folders). Makes nothing: the records are stored between this and prepare. */
void vms_cut_plan(const VmsEngine *engine, const VmsSurvey *survey, VmsSnapshot *snapshot,
                  VmsOperation *operation);

/* The source as it is to be remembered: with the owner it has while no VM uses it. */
VmsImage *vms_cut_copy_origin(const VmsEngine *engine, const VmsSurveyDisk *source);

/* Make what can be made beforehand: folders, targets, scratch. */
gboolean vms_cut_prepare(VmsEngine *engine, const VmsSurvey *survey, VmsSnapshot *snapshot,
                         const VmsOperation *operation, VmsCutSet **ret_set, GError **error);

/* Reason of the error when a disk outgrew its scratch reservation before the freeze: survey and
 * prepare again. */
#define VMS_CUT_OUTGROWN "ScratchOutgrown"

/* What the window needs to know. */
gboolean vms_cut_needs_suspend(const VmsCutSet *set);
const char *vms_cut_get_socket(const VmsCutSet *set);          /* NULL: no backup job */
const VmsBackupDisk *vms_cut_get_backup(const VmsCutSet *set); /* likewise */
/* The VM writes to overlays since the cut: clone what lies beneath, then settle them. */
gboolean vms_cut_has_overlays(const VmsCutSet *set);

/* The instant: runs while the guest stands still; shaped for VmsWindow.cut. @data is the set. A
 * backup job is the window's to begin. */
gboolean vms_cut_fire(void *data, GError **error);

/* The same for a VM that is off: image locks held, clone or copy of each. With @force an image that
 * somebody else has open is cut all the same; see vms_cut_was_open(). */
gboolean vms_cut_offline(VmsCutSet *set, gboolean force, VmsProgress *progress, GError **error);
/* Of the disk at @index of the snapshot. */
gboolean vms_cut_was_open(const VmsCutSet *set, guint index);

/* Clone what stands still beneath overlays, while the guest runs. */
gboolean vms_cut_clone_bases(VmsCutSet *set, VmsProgress *progress, GError **error);
/* Copy what a backup job exports on @socket; the job may be ended afterwards. */
gboolean vms_cut_copy(VmsCutSet *set, const char *socket, VmsProgress *progress, GError **error);
/* Sync everything, make it read-only, and note the identities in the snapshot. */
gboolean vms_cut_finish(VmsCutSet *set, GError **error);
/* Scratch is not needed any more, by this snapshot: a job of others may go on and use the file,
 * which QEMU has open. */
gboolean vms_cut_drop_scratch(VmsCutSet *set, GError **error);

void vms_cut_free(VmsCutSet *set);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsCutSet, vms_cut_free)
