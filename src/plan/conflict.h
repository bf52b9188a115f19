/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/finding.h"

#include <glib.h>

/* What each mode does about each thing that can be found against an in-place restore: the one
 * table of it. */

typedef struct {
    const char *reason;
    vmsnap_severity severity; /* what dry-run calls it */
    VmsAct strict;
    VmsAct best_effort;
    guint told; /* vmsnap_restore_flags bit that makes it a warning both go on with; 0: none */
    const char *resolution; /* what would resolve it; NULL: nothing needs to */
} VmsConflict;

/* Of an unknown reason: one that refuses. Never NULL. */
const VmsConflict *vms_conflict_find(const char *reason);
/* Row by row; NULL beyond the end. */
const VmsConflict *vms_conflict_at(gsize index);
