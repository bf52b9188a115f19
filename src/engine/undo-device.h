/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* Add to @undo what brings the old contents back to the block device that @made rewrote. All that
 * stands against it is looked for here, before the VM loses its power: the device is a disk of the
 * VM still, nobody else uses it, it is large enough, what was kept of it is whole, and there is
 * room for what it holds now. */
gboolean vms_undo_plan_device(VmsEngine *engine, const VmsVm *vm, const VmsExchange *made,
                              VmsOperation *undo, GError **error);
