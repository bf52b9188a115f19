/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "plan/clone-plan.h"

#include <glib.h>

/* Making the files of a clone, each under a name of its own until all are there. */

typedef struct {
    VmsEngine *engine;
    const VmsCloneInput *input; /* with the source's images as they are copied */
    const VmsIdentityTable *table;
    VmsOperation *operation;
    gboolean guest_told; /* what the guest's disks keep is in the operation already */
    VmsProgress *progress;
} VmsCloneMaking;

/* Write into the operation which files and folders will be made; nothing is made yet. */
gboolean vms_clone_describe_files(const VmsCloneMaking *making, GError **error);
/* The same once more, when what they are made from has changed: PLAN_STALE when it is not the same
 * files any more. */
gboolean vms_clone_update_files(const VmsCloneMaking *making, GError **error);
/* Make them all: complete, synced, with their owners, their identities in the operation. */
gboolean vms_clone_make_files(const VmsCloneMaking *making, GError **error);
