/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* Whether a stored image is still what its record says: there, the same size and time, the same
 * header. LOST says what differs. @ret_file gets the file's identity as it is now. */
gboolean vms_image_state_check(VmsEngine *engine, const VmsSnapshotDisk *disk, VmsFileId *ret_file,
                               GError **error);
