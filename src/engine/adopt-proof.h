/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* Whether a manifest may be believed, and whether the files beside it are those it tells of. */

/* The snapshot in the manifest in @folder, of which nothing was looked at but the text: complete,
 * of this folder's UUID, all files in folders of its own. PERMISSION with reason "UnsafeFile" when
 * others could have written it, IO with reason "DamagedRecord", UNSUPPORTED with "NewerSchema". */
gboolean vms_manifest_read(VmsEngine *engine, const char *folder, VmsSnapshot **ret_snapshot,
                           GError **error);

/* Every image and part is what the snapshot recorded: by its SHA-256 if that was recorded, else by
 * size, time and header. An inode says nothing of a store that was moved or brought back. With
 * @accept_times the time does not count. Notes in the snapshot what each was told by, and the
 * identity it has now. LOST names the one that is not. */
gboolean vms_snapshot_prove(VmsEngine *engine, VmsSnapshot *snapshot, gboolean accept_times,
                            VmsProgress *progress, GError **error);
