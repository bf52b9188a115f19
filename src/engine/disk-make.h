/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "plan/new-disk-plan.h"

#include <glib.h>

/* Making the file of a disk from an image that nobody writes to: a snapshot's, or the disk of a VM
 * that is off and held. */

typedef struct {
    VmsEngine *engine;
    const VmsSnapshotDisk *stored; /* its image, and the disk that was */
    const VmsNewDiskChoice *choice;
    VmsNewDisk *made; /* what to make, at made->next; gets the size it has in the end */
    VmsProgress *progress;
} VmsDiskMaking;

/* The bytes that progress grows by. */
guint64 vms_disk_make_bytes(const VmsImage *image, const VmsNewDiskChoice *choice);
/* Complete, synced and looked at; the image is still what it was. On failure the file may stand
 * there. */
gboolean vms_disk_make(const VmsDiskMaking *making, GError **error);
