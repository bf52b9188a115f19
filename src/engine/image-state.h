/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"

#include <glib.h>

/* Whether a stored image is still what its record says: there, the same size and time, the same
 * header. LOST says what differs. @ret_file gets the file's identity as it is now. */
gboolean vms_image_state_look(VmsEngine *engine, const VmsSnapshotDisk *disk, VmsFileId *ret_file,
                              GError **error);
/* The same, and of a digest where there is one: it is made again when the file is not the very one
 * that it was made of, untouched since. A file that was moved or brought back is read once. */
gboolean vms_image_state_check(VmsEngine *engine, const VmsSnapshotDisk *disk, VmsFileId *ret_file,
                               GError **error);
