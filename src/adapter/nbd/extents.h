/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "adapter/nbd/link.h"

typedef struct {
    guint64 offset;
    guint64 size;
} VmsExtent;

/* What of the export must be read, in order (VmsExtent): all but what the server says is zero.
 * Without such answers everything. Free with g_array_unref(). */
gboolean vms_extents_read(VmsNbd *nbd, guint64 size, VmsProgress *progress, GArray **ret_extents,
                          GError **error);

/* Append to @extents, growing the last one where they touch. */
void vms_extents_append(GArray *extents, guint64 offset, guint64 size);
