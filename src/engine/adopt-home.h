/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* Where snapshots lie that no record may know: folders .vmsnap/<uuid> at or below paths that
 * somebody names. */

typedef struct {
    char *uuid;
    GPtrArray *folders;    /* char*: all that bear it */
    gboolean has_manifest; /* the first of them */
} VmsHome;

void vms_home_free(VmsHome *home);

/* @paths, NULL-ended: such a folder, a folder .vmsnap, or one with a .vmsnap in it. VmsHome*, in
 * the order they were found. INVALID with reason "WrongPlace" for a manifest that lies elsewhere.
 */
gboolean vms_homes_find(VmsEngine *engine, char *const *paths, GPtrArray **ret_homes,
                        GError **error);

/* Let @snapshot, as its manifest in @home says it, have its files where they are now: the first of
 * its folders is that of the manifest; the others are in @home, where they were, or moved as the
 * first. LOST names what is nowhere. */
gboolean vms_home_settle(VmsEngine *engine, const VmsHome *home, VmsSnapshot *snapshot,
                         GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsHome, vms_home_free)
