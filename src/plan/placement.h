/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/image.h"
#include "model/place.h"
#include "model/vm.h"

#include <glib.h>

#include <vmsnap/snapshot.h>

/* How one disk is cut and what it costs in space. Pure. */

typedef struct {
    const VmsDisk *disk;
    const VmsImage *image; /* the active layer */
    guint64 allocated;     /* of the whole chain */
    const VmsPlaceInfo *place;
    gboolean running;
    gboolean shared;      /* another running VM has it open */
    vmsnap_method wanted; /* AUTO: choose */
} VmsPlacementInput;

typedef struct {
    vmsnap_method method;
    gboolean flatten;      /* the image has a chain below it: contents are converted, not copied */
    const char *format;    /* of the stored image; static text */
    guint64 space_needed;  /* beside the source, scratch included */
    guint64 scratch_bytes; /* to reserve for a pull job's scratch */
    gboolean by_overlay;   /* reflink: the guest goes on in an overlay while the image is cloned */
    guint64 overlay_bytes; /* to reserve for that overlay */
    const char *why;       /* static text */
} VmsPlacement;

/* More extents than this make a clone under a standing guest too slow (about 20 us each). For all
 * disks of a VM together: they are cloned one after the other. */
#define VMS_PLACEMENT_EXTENT_LIMIT 2500

/* UNSUPPORTED when no method, or not the wanted one, can cut it. */
gboolean vms_placement_choose(const VmsPlacementInput *input, VmsPlacement *ret_placement,
                              GError **error);

/* One disk of a VM, with what was chosen for it alone. */
typedef struct {
    VmsPlacementInput input;
    VmsPlacement *placement;
} VmsPlacementDisk;

/* What the disks of a running VM mean for each other: clones that would take too long together are
 * made by overlays, the worst first, or by a backup job where overlays cannot be. */
void vms_placement_combine(const VmsVm *vm, const VmsPlacementDisk *disks, guint count);

/* What to reserve for an overlay: as much as the guest can write at all, but for large disks a
 * share; the overlay lives for as long as its image is cloned, a second or two. */
guint64 vms_placement_overlay(guint64 virtual_size);

/* What to reserve for a pull job's scratch file, so that a full file system never reaches the
 * guest. */
guint64 vms_placement_scratch(guint64 allocated, guint64 virtual_size);
