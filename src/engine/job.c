/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/job.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/ref.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <vmsnap/job.h>

struct VmsJobPool {
    VmsRef ref;
    guint max_jobs;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    GPtrArray *running; /* VmsJob*, borrowed: each is alive while it is listed */
    guint threads;      /* running ones and those at their very end */
    gboolean closed;
};

struct VmsJob {
    VmsRef ref; /* the starter's and the thread's */
    VmsJobPool *pool;
    VmsJobWork work;
    void *data;
    VmsProgress progress;
    VmsFd fd;             /* eventfd, readable once finished */
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t done;
    gboolean finished;
    GError *error;
};

/* Condition variables that wait by the monotonic clock: a jump of the wall clock changes nothing.
 * None of these calls can fail on Linux with these arguments. */
static void
init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attr);
    (void)pthread_condattr_destroy(&attr);
}

VmsJobPool *
vms_job_pool_new(guint max_jobs)
{
    VmsJobPool *pool = g_new0(VmsJobPool, 1);

    vms_ref_init(&pool->ref);
    pool->max_jobs = max_jobs;
    (void)pthread_mutex_init(&pool->lock, NULL);
    init_cond(&pool->changed);
    pool->running = g_ptr_array_new();
    return pool;
}

void
vms_job_pool_unref(VmsJobPool *pool)
{
    if (!pool || !vms_ref_drop(&pool->ref))
        return;
    g_ptr_array_unref(pool->running);
    (void)pthread_cond_destroy(&pool->changed);
    (void)pthread_mutex_destroy(&pool->lock);
    g_free(pool);
}

void
vms_job_pool_close(VmsJobPool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->closed = TRUE;
    for (guint i = 0; i < pool->running->len; i++)
        vms_progress_cancel(&((VmsJob *)g_ptr_array_index(pool->running, i))->progress);
    while (pool->threads > 0)
        (void)pthread_cond_wait(&pool->changed, &pool->lock);
    (void)pthread_mutex_unlock(&pool->lock);
}

static void
pool_remove(VmsJobPool *pool, VmsJob *job)
{
    (void)pthread_mutex_lock(&pool->lock);
    g_ptr_array_remove_fast(pool->running, job);
    (void)pthread_mutex_unlock(&pool->lock);
}

static void
pool_leave(VmsJobPool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    pool->threads--;
    (void)pthread_cond_broadcast(&pool->changed);
    (void)pthread_mutex_unlock(&pool->lock);
    vms_job_pool_unref(pool);
}

static gboolean
pool_enter(VmsJobPool *pool, VmsJob *job, GError **error)
{
    gboolean closed, full;

    (void)pthread_mutex_lock(&pool->lock);
    closed = pool->closed;
    full = pool->running->len >= pool->max_jobs;
    if (!closed && !full) {
        g_ptr_array_add(pool->running, job);
        pool->threads++;
        vms_ref_take(&pool->ref);
    }
    (void)pthread_mutex_unlock(&pool->lock);

    if (closed)
        return vms_fail(error, VMSNAP_E_CLOSED, "the context was closed");
    if (full)
        return vms_refuse(error, VMSNAP_E_BUSY, "TooManyJobs", "%u jobs run already",
                          pool->max_jobs);
    return TRUE;
}

static void
finish(VmsJob *job, GError *error)
{
    const guint64 one = 1;

    vms_progress_enter(&job->progress, VMSNAP_STAGE_DONE);
    /* Out of the pool first: who was told that this job ended may start the next at once. */
    pool_remove(job->pool, job);
    (void)pthread_mutex_lock(&job->lock);
    job->finished = TRUE;
    job->error = error;
    (void)pthread_cond_broadcast(&job->done);
    (void)pthread_mutex_unlock(&job->lock);
    /* The counter is 0 and 1 fits: this write cannot block or be short. */
    while (write(job->fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

static void *
job_main(void *argument)
{
    VmsJob *job = argument;
    VmsJobPool *pool = job->pool;
    GError *error = NULL;

    (void)pthread_setname_np(pthread_self(), job->work.name);
    if (!job->work.run(job->data, &job->progress, &error) && !error)
        (void)vms_fail(&error, VMSNAP_E_INTERNAL, "the job failed without a reason");
    finish(job, error);
    job->work.release(job->data);
    vms_job_unref(job);
    pool_leave(pool);
    return NULL;
}

static int
start_thread(VmsJob *job)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    int result;

    result = pthread_attr_init(&attr);
    if (result != 0)
        return result;
    /* Detached: the pool counts threads, so that nobody has to be there to join one. */
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&thread, &attr, job_main, job);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return result;
}

static VmsJob *
job_new(VmsJobPool *pool, const VmsJobWork *work, void *data)
{
    VmsJob *job = g_new0(VmsJob, 1);

    vms_ref_init(&job->ref);
    job->pool = pool;
    job->work = *work;
    job->data = data;
    job->fd = VMS_FD_NONE;
    vms_progress_init(&job->progress);
    (void)pthread_mutex_init(&job->lock, NULL);
    init_cond(&job->done);
    return job;
}

gboolean
vms_job_start(VmsJobPool *pool, const VmsJobWork *work, void *data, VmsJob **ret_job,
              GError **error)
{
    g_autoptr(VmsJob) job = job_new(pool, work, data);
    int result;

    job->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (job->fd < 0)
        return vms_fail_errno(error, errno, "cannot make the job's event descriptor");
    if (!pool_enter(pool, job, error))
        return FALSE;

    vms_ref_take(&job->ref); /* the thread's */
    result = start_thread(job);
    if (result != 0) {
        pool_remove(pool, job);
        pool_leave(pool);
        vms_job_unref(job);
        return vms_fail_errno(error, result, "cannot start a thread");
    }
    *ret_job = g_steal_pointer(&job);
    return TRUE;
}

static gboolean
deadline_in(int timeout_ms, struct timespec *ret_deadline)
{
    if (clock_gettime(CLOCK_MONOTONIC, ret_deadline) != 0)
        return FALSE;
    ret_deadline->tv_sec += timeout_ms / 1000;
    ret_deadline->tv_nsec += (timeout_ms % 1000) * 1000000L;
    if (ret_deadline->tv_nsec >= 1000000000L) {
        ret_deadline->tv_sec++;
        ret_deadline->tv_nsec -= 1000000000L;
    }
    return TRUE;
}

gboolean
vms_job_wait(VmsJob *job, int timeout_ms)
{
    struct timespec deadline = { 0 };
    gboolean finished;
    int result = 0;

    if (timeout_ms > 0 && !deadline_in(timeout_ms, &deadline))
        timeout_ms = 0;
    (void)pthread_mutex_lock(&job->lock);
    while (!job->finished && timeout_ms != 0 && result == 0)
        result = timeout_ms < 0 ? pthread_cond_wait(&job->done, &job->lock)
                                : pthread_cond_timedwait(&job->done, &job->lock, &deadline);
    finished = job->finished;
    (void)pthread_mutex_unlock(&job->lock);
    return finished;
}

const GError *
vms_job_get_error(VmsJob *job)
{
    const GError *error;

    (void)pthread_mutex_lock(&job->lock);
    error = job->error;
    (void)pthread_mutex_unlock(&job->lock);
    return error;
}

int
vms_job_dup_fd(VmsJob *job, GError **error)
{
    int fd = fcntl(job->fd, F_DUPFD_CLOEXEC, 3);

    if (fd < 0)
        (void)vms_fail_errno(error, errno, "cannot duplicate the job's event descriptor");
    return fd;
}

VmsProgress *
vms_job_get_progress(VmsJob *job)
{
    return &job->progress;
}

void
vms_job_unref(VmsJob *job)
{
    if (!job || !vms_ref_drop(&job->ref))
        return;
    vms_fd_clear(&job->fd);
    g_clear_error(&job->error);
    (void)pthread_cond_destroy(&job->done);
    (void)pthread_mutex_destroy(&job->lock);
    g_free(job);
}
