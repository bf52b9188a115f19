/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/new-disk.h"
#include "model/place.h"
#include "model/snapshot.h"
#include "plan/plan.h"

#include <glib.h>

#include <vmsnap/new-disk.h>

/* Planning a new disk or image from a snapshot's. Pure: everything it decides from is in the
 * input. */

typedef struct {
    const VmsSnapshot *snapshot;
    const VmsSnapshotDisk *stored;
    /* what was asked */
    const char *format; /* NULL: as the disk was */
    guint64 size;       /* 0: as the disk was */
    vmsnap_new_disk_method method;
    guint flags; /* vmsnap_new_disk_flags */
    /* what was read */
    const char *path;   /* where it is to stand, canonical */
    const char *pool;   /* NULL: none was named */
    char *folder_fault; /* why nothing can be made there; NULL: it can */
    char *obstacle;     /* what stands there already, or beside it for the digest; NULL: nothing */
    char *image_fault;  /* why the stored image cannot be used; NULL: it can */
    char *user;         /* "VM web", configured with a file of that name; NULL: nobody */
    VmsFileId image;    /* of the stored image, now */
    VmsPlaceInfo place; /* of the stored image towards the folder */
} VmsNewDiskInput;

void vms_new_disk_input_clear(VmsNewDiskInput *input);

/* What will be made. INVALID when it cannot be asked for so: too small, an overlay that is raw or
 * an image; UNSUPPORTED for another format. */
typedef struct {
    const char *format;
    guint64 size;
    VmsNewDiskWay way;
    gboolean may_copy; /* a copy will do where blocks cannot be shared after all */
    gboolean grows;    /* beyond what its contents give it */
} VmsNewDiskChoice;

gboolean vms_new_disk_choose(const VmsNewDiskInput *input, VmsNewDiskChoice *ret_choice,
                             GError **error);

/* What it takes beside the image, in bytes. */
guint64 vms_new_disk_space(const VmsNewDiskInput *input, const VmsNewDiskChoice *choice);

VmsPlan *vms_new_disk_make_plan(const VmsNewDiskInput *input, const VmsNewDiskChoice *choice);
/* The first finding of @plan that refuses it, as an error with a code of its own: EXISTS,
 * NOT_FOUND, LOST, NO_SPACE, … */
gboolean vms_new_disk_check_plan(const VmsPlan *plan, GError **error);
