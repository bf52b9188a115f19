/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* Whether the files beside a manifest are those it tells of. */

/* Every image and part is what the snapshot recorded: by its SHA-256 if that was recorded, else by
 * size, time and header. An inode says nothing of a store that was moved or brought back. With
 * @accept_times the time does not count. Notes in the snapshot what each was told by, and the
 * identity it has now. LOST names the one that is not. */
gboolean vms_snapshot_prove(VmsEngine *engine, VmsSnapshot *snapshot, gboolean accept_times,
                            VmsProgress *progress, GError **error);
