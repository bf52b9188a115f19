/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/store.h"
#include "plan/overlay-fate.h"

#include <glib.h>

/* Bringing VMs back from overlays to their own images. */

/* engine/overlay.c: settle every overlay of an operation, whatever became of its VM: written back
 * where a guest wrote to it, removed when nobody needs it any more. May be repeated, by another
 * process too. Not cancelled: a VM is not left on a file of ours because somebody lost patience.
 * On failure some may be left, and the operation must stay open. */
gboolean vms_overlays_settle(VmsEngine *engine, VmsWork *work, VmsProgress *progress,
                             GError **error);

/* engine/overlay-sight.c: what there is to see of one. Contents are not compared. */
gboolean vms_overlay_look(VmsEngine *engine, const char *vm_uuid, const VmsOverlay *overlay,
                          VmsOverlaySight *ret_sight, GError **error);
/* Read both through. */
gboolean vms_overlay_compare_contents(VmsEngine *engine, const VmsOverlay *overlay,
                                      VmsContents *ret_contents, GError **error);
