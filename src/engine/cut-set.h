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

struct VmsCutSet {
    VmsEngine *engine;
    const VmsVm *vm;
    VmsSnapshot *snapshot;    /* borrowed */
    GPtrArray *disks;         /* VmsCutDisk* */
    VmsTransfer *nvram;       /* NULL: there is none */
    char *socket;             /* backup job: NULL otherwise */
    VmsBackupDisk *backup;    /* for the job, ended by a NULL target */
    VmsOverlayDisk *overlays; /* NULL: none; else likewise */
};

/* TRUE for a disk that is cloned while the guest stands still. */
gboolean vms_cut_is_clone(const VmsCutDisk *self);
void vms_cut_disk_free(VmsCutDisk *self);
/* NVRAM is a file beside QEMU's: cloned or copied while nothing writes it. */
gboolean vms_cut_take_nvram(const VmsCutSet *set, GError **error);
