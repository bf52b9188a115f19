/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/part.h"

#include <glib.h>

/* Whether the copy of a part is still what its record says; LOST says what differs. @fresh: its
 * content is read now, whenever it was read last. */
gboolean vms_part_state_check(VmsEngine *engine, const VmsPart *part, gboolean fresh,
                              GError **error);
