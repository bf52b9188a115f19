/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/image.h"

#include <glib.h>

/* See read_whole of port/volume.h. */
gboolean vms_whole_read(const char *path, guint64 limit, GBytes **ret_bytes, VmsFileId *ret_id,
                        GError **error);
