/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/image.h"

#include <glib.h>

/* What to do about an overlay that an operation left, from what is seen of it. Pure.
 *
 * The rule behind it: what a guest wrote is never dropped and never put over something newer. Only
 * when the base certainly holds all of it may an overlay go. */

/* What a configuration says of the disk. */
typedef enum {
    VMS_NAMED_NEITHER = 0,
    VMS_NAMED_BASE,
    VMS_NAMED_OVERLAY,
    VMS_NAMED_BELOW /* something stands on top of the overlay */
} VmsNamed;

typedef enum { VMS_CONTENTS_UNKNOWN = 0, VMS_CONTENTS_SAME, VMS_CONTENTS_DIFFER } VmsContents;

typedef struct {
    gboolean there;       /* the file exists */
    gboolean running;     /* the VM has a QEMU */
    VmsNamed live;        /* while it runs */
    VmsNamed configured;  /* NEITHER for a VM that is gone */
    gboolean open;        /* somebody has the overlay open */
    gboolean blank;       /* nothing was ever written to it */
    gboolean landed;      /* see VmsOverlay */
    gboolean newer;       /* it was written to after the base was */
    VmsContents contents; /* of overlay and base, seen through both */
    VmsFileId file;       /* the overlay */
} VmsOverlaySight;

typedef enum {
    VMS_OVERLAY_GONE,    /* nothing is left */
    VMS_OVERLAY_DROP,    /* remove the file */
    VMS_OVERLAY_MERGE,   /* let QEMU write it into the base and go on there */
    VMS_OVERLAY_FOLD,    /* write it into the base ourselves */
    VMS_OVERLAY_RETURN,  /* let the configuration name the base again */
    VMS_OVERLAY_COMPARE, /* read contents and ask again */
    VMS_OVERLAY_BUSY,    /* not now: @ret_why */
    VMS_OVERLAY_STUCK    /* only a person can tell: @ret_why */
} VmsOverlayFate;

VmsOverlayFate vms_overlay_fate(const VmsOverlaySight *sight, const char **ret_why);
