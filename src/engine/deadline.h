/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/lease.h"

#include <glib.h>

/* What a guard does at the deadline, done by a thread of this process, for a context that answers
 * for the thaw itself: a hanging owner is resumed and thawed for, a dead one is not. */

typedef struct VmsDeadline VmsDeadline;

/* A thread that acts on @lease, as it is stored then, at its deadline (CLOCK_BOOTTIME; 0: not
 * before one is set). @link (-1: none): the connection to the agent, which it ends before it opens
 * one. */
gboolean vms_deadline_start(VmsEngine *engine, const VmsLease *lease, int link,
                            VmsDeadline **ret_deadline, GError **error);
void vms_deadline_set(VmsDeadline *deadline, gint64 deadline_us);
/* Nothing is held any more. Waits for the thread, which may be thawing. NULL is allowed. */
void vms_deadline_end(VmsDeadline *deadline);
