/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Where a compressed cluster lies, from its table entry: bytes of the file, up to the end of a
 * sector (the data itself knows where it ends). */
void vms_compressed_locate(guint64 entry, guint cluster_bits, guint64 *ret_offset,
                           guint64 *ret_size);
/* Inflate @size bytes of raw deflate into exactly @cluster bytes at @into; never more. */
gboolean vms_compressed_inflate(const guint8 *data, gsize size, guint8 *into, gsize cluster,
                                GError **error);
