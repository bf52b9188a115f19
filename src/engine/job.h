/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"

#include <glib.h>

/* Threads that do long work, one a job, and the pool that counts and ends them.
 *
 * A job's thread has all signals blocked: the host's handlers must not run in it. Nothing here
 * ever waits except vms_job_wait() and vms_job_pool_close(). */

typedef struct VmsJob VmsJob;
typedef struct VmsJobPool VmsJobPool;

typedef struct {
    const char *name; /* of the thread, at most 15 characters */
    /* The work, in the job's thread. What it makes is kept in @data. */
    gboolean (*run)(void *data, VmsProgress *progress, GError **error);
    /* The thread's last act, after waiters were told: gives up the thread's hold on @data. */
    void (*release)(void *data);
} VmsJobWork;

VmsJobPool *vms_job_pool_new(guint max_jobs);
/* Refuse new jobs, cancel those that run, wait until no thread is left. Not from a job's thread. */
void vms_job_pool_close(VmsJobPool *pool);
/* Drop the reference: threads still at their end hold their own. */
void vms_job_pool_unref(VmsJobPool *pool);

/* Start @work in a thread of its own. BUSY with reason "TooManyJobs" beyond the pool's limit,
 * CLOSED after vms_job_pool_close(). On failure work->release() is not called. */
gboolean vms_job_start(VmsJobPool *pool, const VmsJobWork *work, void *data, VmsJob **ret_job,
                       GError **error);
/* Wait at most @timeout_ms (negative: no limit). TRUE when it has finished. */
gboolean vms_job_wait(VmsJob *job, int timeout_ms);
/* Why a finished job failed, borrowed; NULL: it did not, or still runs. */
const GError *vms_job_get_error(VmsJob *job);
/* A new descriptor that polls readable once the job has finished; -1 on failure. */
int vms_job_dup_fd(VmsJob *job, GError **error);
VmsProgress *vms_job_get_progress(VmsJob *job);
void vms_job_unref(VmsJob *job);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsJobPool, vms_job_pool_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsJob, vms_job_unref)
