/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <stdatomic.h>

/* How a job is told to stop and how it tells how far it is. One object per job, passed down to
 * everything that takes long; C11 atomics so that any thread may read. */

typedef struct VmsProgress {
    atomic_int cancelled;
    atomic_uint stage; /* vmsnap_stage */
    atomic_ullong sequence;
    atomic_ullong bytes_done;
    atomic_ullong bytes_total;
} VmsProgress;

void vms_progress_init(VmsProgress *progress);
/* All of these allow NULL. */
void vms_progress_enter(VmsProgress *progress, guint stage);
void vms_progress_set_total(VmsProgress *progress, guint64 bytes);
void vms_progress_add(VmsProgress *progress, guint64 bytes);
void vms_progress_cancel(VmsProgress *progress);
gboolean vms_progress_is_cancelled(VmsProgress *progress);
/* FALSE with CANCELLED set when the job was told to stop. */
gboolean vms_progress_check(VmsProgress *progress, GError **error);
