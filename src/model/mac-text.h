/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* MAC addresses in texts that others wrote: "52:54:00:ab:cd:ef", with dashes, in any case, or
 * without anything between as in the name of an interface ("enx525400abcdef"). Any bytes are fine.
 */

/* The first place from @from on that names @mac (written with colons). */
gboolean vms_mac_text_find(const char *text, gsize size, gsize from, const char *mac,
                           gsize *ret_at);
/* Write @fresh[i] wherever @old[i] stands (both ended by NULL and equally long), in the way it was
 * written there: the text keeps its length. Gives how often. */
guint vms_mac_text_swap(char *text, gsize size, const char *const *old, const char *const *fresh);
