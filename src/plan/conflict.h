/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/finding.h"

#include <glib.h>

/* What each mode does about each thing that can be found against an in-place restore, or against a
 * clone: the one table of each. */

typedef struct {
    const char *reason;
    vmsnap_severity severity; /* what dry-run calls it */
    VmsAct strict;
    VmsAct best_effort;
    guint told; /* bit of the options' flags that makes it a warning both go on with; 0: none */
    const char *resolution; /* what would resolve it; NULL: nothing needs to */
} VmsConflict;

/* Of an unknown reason: one that refuses. Never NULL. */
const VmsConflict *vms_conflict_find(const char *reason);
/* Row by row; NULL beyond the end. */
const VmsConflict *vms_conflict_at(gsize index);
/* The same for clones. */
const VmsConflict *vms_conflict_find_clone(const char *reason);
const VmsConflict *vms_conflict_at_clone(gsize index);
/* The reason that something of this kind is missing: "ImageMissing", … */
const char *vms_conflict_of_lack(const char *kind);
