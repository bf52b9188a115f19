/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/job.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <vmsnap/job.h>

/* What a test's job does, and what it leaves to look at. */
typedef struct {
    atomic_int go;
    atomic_int released;
    gboolean until_cancelled;
    gboolean fails;
    gboolean signals_blocked;
    char name[16];
} Work;

static gboolean
run(void *data, VmsProgress *progress, GError **error)
{
    Work *work = data;
    sigset_t mask;

    pthread_getname_np(pthread_self(), work->name, sizeof work->name);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    work->signals_blocked = sigismember(&mask, SIGINT) && sigismember(&mask, SIGPIPE);
    vms_progress_enter(progress, VMSNAP_STAGE_COPYING);
    while (!atomic_load(&work->go)) {
        if (work->until_cancelled && !vms_progress_check(progress, error))
            return FALSE;
        vms_clock_sleep_us(1000);
    }
    return !work->fails || vms_refuse(error, VMSNAP_E_AGENT, "FreezeFailed", "no");
}

static void
release(void *data)
{
    atomic_store(&((Work *)data)->released, 1);
}

static const VmsJobWork kind = { .name = "vmsnap-test", .run = run, .release = release };

static VmsJob *
start(VmsJobPool *pool, Work *work)
{
    g_autoptr(GError) error = NULL;
    VmsJob *job = NULL;

    cr_assert(vms_job_start(pool, &kind, work, &job, &error), "%s", error ? error->message : "");
    return job;
}

static gboolean
is_readable(int fd)
{
    struct pollfd item = { .fd = fd, .events = POLLIN };

    return poll(&item, 1, 0) == 1;
}

Test(job, tells_when_it_has_finished)
{
    g_autoptr(VmsJobPool) pool = vms_job_pool_new(4);
    g_autoptr(VmsJob) job = NULL;
    Work work = { 0 };
    int fd;

    job = start(pool, &work);
    fd = vms_job_dup_fd(job, NULL);
    cr_assert_not(vms_job_wait(job, 0));
    cr_assert_not(vms_job_wait(job, 5));
    cr_assert_not(is_readable(fd));
    atomic_store(&work.go, 1);
    cr_assert(vms_job_wait(job, 10000));
    cr_assert(vms_job_wait(job, -1), "waiting again is allowed");
    vms_job_pool_close(pool);
    cr_assert(is_readable(fd));
    cr_assert(is_readable(vms_job_dup_fd(job, NULL)));
    cr_assert_null(vms_job_get_error(job));
    cr_assert_eq(atomic_load(&work.released), 1);
    close(fd);
}

Test(job, runs_in_a_named_thread_without_signals)
{
    g_autoptr(VmsJobPool) pool = vms_job_pool_new(1);
    g_autoptr(VmsJob) job = NULL;
    Work work = { .go = 1 };
    sigset_t mask;

    job = start(pool, &work);
    vms_job_pool_close(pool);
    cr_assert_str_eq(work.name, "vmsnap-test");
    cr_assert(work.signals_blocked);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    cr_assert_not(sigismember(&mask, SIGINT), "the starter's own mask is as before");
}

Test(job, keeps_why_it_failed)
{
    g_autoptr(VmsJobPool) pool = vms_job_pool_new(1);
    g_autoptr(VmsJob) job = NULL;
    Work work = { .go = 1, .fails = TRUE };

    job = start(pool, &work);
    cr_assert(vms_job_wait(job, -1));
    cr_assert_eq(vms_error_get_code(vms_job_get_error(job)), VMSNAP_E_AGENT);
    cr_assert_str_eq(vms_error_get_reason(vms_job_get_error(job)), "FreezeFailed");
    vms_job_pool_close(pool);
}

Test(job, beyond_the_limit_is_busy_and_then_there_is_room_again)
{
    g_autoptr(VmsJobPool) pool = vms_job_pool_new(1);
    g_autoptr(VmsJob) first = NULL;
    g_autoptr(VmsJob) second = NULL;
    g_autoptr(GError) error = NULL;
    Work work = { 0 }, other = { .go = 1 };

    first = start(pool, &work);
    cr_assert_not(vms_job_start(pool, &kind, &other, &second, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_BUSY);
    cr_assert_str_eq(vms_error_get_reason(error), "TooManyJobs");
    cr_assert_null(second);
    cr_assert_eq(atomic_load(&other.released), 0, "the caller still has what it wanted to give");
    atomic_store(&work.go, 1);
    cr_assert(vms_job_wait(first, -1));
    second = start(pool, &other);
    vms_job_pool_close(pool);
}

Test(job, closing_the_pool_cancels_and_waits)
{
    g_autoptr(VmsJobPool) pool = vms_job_pool_new(8);
    g_autoptr(GError) error = NULL;
    VmsJob *late = NULL;
    VmsJob *jobs[4];
    Work works[4];

    for (int i = 0; i < 4; i++) {
        works[i] = (Work){ .until_cancelled = TRUE };
        jobs[i] = start(pool, &works[i]);
    }
    vms_job_pool_close(pool);
    for (int i = 0; i < 4; i++) {
        cr_assert(vms_job_wait(jobs[i], 0));
        cr_assert_eq(atomic_load(&works[i].released), 1);
        cr_assert_eq(vms_error_get_code(vms_job_get_error(jobs[i])), VMSNAP_E_CANCELLED);
        vms_job_unref(jobs[i]);
    }
    cr_assert_not(vms_job_start(pool, &kind, &works[0], &late, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_CLOSED);
}

Test(job, letting_go_neither_waits_nor_cancels)
{
    VmsJobPool *pool = vms_job_pool_new(1);
    Work work = { 0 };
    gint64 before = vms_clock_monotonic_us();

    vms_job_unref(start(pool, &work));
    vms_job_pool_unref(pool);
    cr_assert_lt(vms_clock_monotonic_us() - before, 2 * G_USEC_PER_SEC);
    atomic_store(&work.go, 1);
    for (int i = 0; i < 5000 && !atomic_load(&work.released); i++)
        vms_clock_sleep_us(1000);
    cr_assert_eq(atomic_load(&work.released), 1);
    vms_clock_sleep_us(20000); /* the thread's last steps, for the leak checker */
}

Test(job, a_thread_that_cannot_be_made_is_an_error)
{
    g_autoptr(VmsJobPool) pool = vms_job_pool_new(1);
    g_autoptr(GError) error = NULL;
    pthread_attr_t before, huge;
    Work work = { .go = 1 };
    VmsJob *job = NULL;

    /* A stack that no address space can hold: what pthread_create() then answers is EAGAIN. */
    cr_assert_eq(pthread_getattr_default_np(&before), 0);
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, (gsize)1 << 46);
    cr_assert_eq(pthread_setattr_default_np(&huge), 0);
    cr_assert_not(vms_job_start(pool, &kind, &work, &job, &error));
    cr_assert_str_eq(vms_error_get_origin(error), "os");
    cr_assert_eq(atomic_load(&work.released), 0);
    cr_assert_eq(pthread_setattr_default_np(&before), 0);
    job = start(pool, &work);
    vms_job_pool_close(pool);
    vms_job_unref(job);
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&before);
}
