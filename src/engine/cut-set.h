/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/cut.h"
#include "port/volume.h"

/* What the parts of the cut share: the set from inside. */

/* One disk of the set. */
typedef struct {
    const VmsSurveyDisk *source; /* borrowed from the survey */
    VmsSnapshotDisk *disk;       /* borrowed from the snapshot */
    VmsTransfer *transfer;       /* NULL: flattened by a conversion, which makes its own target */
    VmsHold *hold;               /* off VM: keeps QEMU away while we read */
    char *scratch;               /* backup: NULL otherwise */
    gboolean was_open;           /* off VM: somebody else had the image open */
    const VmsOverlay *overlay;   /* borrowed from the operation; NULL: none */
} VmsCutDisk;

/* One of what is no disk. */
typedef struct {
    VmsPart *part;         /* borrowed from the snapshot */
    VmsTransfer *transfer; /* into its copy */
    GBytes *content;       /* TPM: what it was at the cut; else NULL */
} VmsCutPart;

struct VmsCutSet {
    VmsEngine *engine;
    const VmsVm *vm;
    VmsSnapshot *snapshot;    /* borrowed */
    GPtrArray *disks;         /* VmsCutDisk* */
    GPtrArray *parts;         /* VmsCutPart* */
    char *socket;             /* backup job: NULL otherwise */
    VmsBackupDisk *backup;    /* for the job, ended by a NULL target */
    VmsOverlayDisk *overlays; /* NULL: none; else likewise */
};

/* TRUE for a disk that is cloned while the guest stands still. */
gboolean vms_cut_is_clone(const VmsCutDisk *self);
void vms_cut_disk_free(VmsCutDisk *self);

/* engine/cut-parts.c: what is no disk. */
void vms_cut_part_free(VmsCutPart *self);
/* Name the copies. */
void vms_cut_plan_parts(const VmsSurvey *survey, VmsSnapshot *snapshot, VmsOperation *operation);
/* Make them; what nobody writes is copied here already. */
gboolean vms_cut_prepare_parts(VmsCutSet *set, GError **error);
/* TRUE if there is one that is written while its VM runs. */
gboolean vms_cut_has_moving_parts(const VmsCutSet *set);
/* At the cut, while the VM stands still or is off. */
gboolean vms_cut_take_parts(const VmsCutSet *set, GError **error);
/* Synced, 0600, with digest. */
gboolean vms_cut_finish_parts(const VmsCutSet *set, GError **error);
