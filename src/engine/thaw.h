/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/agent.h"

#include <glib.h>

/* How a guest is thawed. */
typedef struct {
    VmsAgent *agent;
    guint bound_ms; /* about how long to try */
    gboolean sent;  /* a thaw was sent before: ask first whether it needs another */
    /* A freeze may still be on its way: the confirmation is asked for several times, so that one
     * that is executed after our first thaw is undone as well. */
    gboolean late;
    /* TRUE when the guest that was frozen runs no more: then it is thawed. May be NULL. */
    gboolean (*is_gone)(const void *data);
    const void *data;
} VmsThaw;

/* Thaw until the agent confirms that the guest is thawed. @ret_count (may be NULL) gets how many
 * file systems were thawed in all. On failure the guest may be frozen. */
gboolean vms_thaw_run(const VmsThaw *thaw, int *ret_count, GError **error);
gboolean vms_thaw_until_confirmed(VmsAgent *agent, guint bound_ms, gboolean late, int *ret_count,
                                  GError **error);
/* One try of the same. @ret_count is set also on failure. */
gboolean vms_thaw_once(const VmsThaw *thaw, int *ret_count, GError **error);
