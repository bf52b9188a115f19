/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/agent.h"

#include <glib.h>

/* Thaw until the agent confirms that the guest is thawed, for at most about @bound_ms. With
 * @late a freeze may still be on its way: the confirmation is asked for several times, so that one
 * that is executed after our first thaw is undone as well. @ret_count (may be NULL) gets how many
 * file systems were thawed in all. On failure the guest may be frozen. */
gboolean vms_thaw_until_confirmed(VmsAgent *agent, guint bound_ms, gboolean late, int *ret_count,
                                  GError **error);

/* One try of the same: a thaw, unless it was asked for first and is not needed, and the question
 * whether the guest is thawed. @ret_count, as above, also on failure. */
gboolean vms_thaw_once(VmsAgent *agent, guint bound_ms, gboolean ask_first, int *ret_count,
                       GError **error);
