/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Public structs that start with size_t struct_size and may be shorter (an older caller) or
 * longer (a newer one) than ours. */

/* Copy a caller's options into our own layout: fields he does not know are 0, fields we do not
 * know must be 0. @theirs NULL: all defaults. */
gboolean vms_sized_copy(void *ours, gsize our_size, const void *theirs, GError **error);

/* Fill a caller's reading: his struct_size stays, fields we do not know become 0. */
gboolean vms_sized_fill(void *theirs, const void *ours, gsize our_size, GError **error);
