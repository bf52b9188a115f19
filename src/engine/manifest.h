/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* The record beside the images, so that a lost catalog can be told what they are. */

/* Whole or not does not matter before the snapshot is Ready: recovery removes it. */
gboolean vms_manifest_write(const VmsSnapshot *snapshot, GError **error);
/* As the record is now, of a snapshot that is Ready: at its name stands the old or the new one, at
 * any time. One that is being deleted is left alone. */
gboolean vms_manifest_renew(VmsEngine *engine, const char *snapshot_uuid, GError **error);

/* The snapshot in the manifest in @folder, of which nothing was looked at but the text: complete,
 * of this folder's UUID, all files in folders of its own. PERMISSION with reason "UnsafeFile" when
 * others could have written it, IO with reason "DamagedRecord", UNSUPPORTED with "NewerSchema". */
gboolean vms_manifest_read(VmsEngine *engine, const char *folder, VmsSnapshot **ret_snapshot,
                           GError **error);
