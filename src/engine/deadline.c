/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/deadline.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "engine/release.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    RELEASE_MS = 3000,
    AGAIN_MS = 1000 /* between the attempts while the owner hangs */
};

struct VmsDeadline {
    VmsEngine *engine; /* borrowed */
    char *vm_uuid;
    pthread_t thread;
    VmsFd timer;
    VmsFd end;  /* eventfd: the thread is to go */
    VmsFd link; /* the owner's to the agent; none: there is none of its own */
};

static void
deadline_free(VmsDeadline *deadline)
{
    vms_fd_clear(&deadline->timer);
    vms_fd_clear(&deadline->end);
    vms_fd_clear(&deadline->link);
    g_free(deadline->vm_uuid);
    g_free(deadline);
}

/* Absolute on CLOCK_BOOTTIME, so that a host that slept is late at once; 0 stops it. */
void
vms_deadline_set(VmsDeadline *deadline, gint64 deadline_us)
{
    const struct itimerspec when = { .it_value = { .tv_sec = deadline_us / G_USEC_PER_SEC,
                                                   .tv_nsec =
                                                       deadline_us % G_USEC_PER_SEC * 1000 } };

    timerfd_settime(deadline->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* TRUE when it need not be tried again: released, and no freeze can be on its way. */
static gboolean
act(VmsDeadline *deadline)
{
    g_autoptr(VmsLease) lease = NULL;
    g_autoptr(GError) failed = NULL;

    if (!vms_lease_read(deadline->engine->state_dir, deadline->vm_uuid, &lease, &failed))
        return vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND;
    /* Its job is the affair of an owner that lives. */
    g_clear_pointer(&lease->backup_socket, g_free);
    vms_log(deadline->engine->log, VMSNAP_LOG_WARNING, "VM %s is late: it is thawed now",
            deadline->vm_uuid);
    /* The one who hangs may hang in a call on it. */
    if (deadline->link >= 0)
        (void)shutdown(deadline->link, SHUT_RDWR);
    return vms_release_held(deadline->engine->drivers, lease, RELEASE_MS, NULL, NULL) &&
           lease->state == VMS_LEASE_FROZEN;
}

static void *
watch(void *data)
{
    VmsDeadline *deadline = data;
    struct pollfd fds[] = { { .fd = deadline->end, .events = POLLIN },
                            { .fd = deadline->timer, .events = POLLIN } };
    guint64 count;

    (void)pthread_setname_np(pthread_self(), "vmsnap-deadline");
    for (;;) {
        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0)
            continue;
        if (fds[0].revents)
            return NULL;
        if (read(deadline->timer, &count, sizeof(count)) < 0)
            continue; /* it was set anew meanwhile */
        if (!act(deadline))
            vms_deadline_set(deadline, vms_clock_boottime_us() + (gint64)AGAIN_MS * 1000);
    }
}

static int
start_thread(VmsDeadline *deadline)
{
    sigset_t all, before;
    int number;

    /* The host's handlers must not run in it. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    number = pthread_create(&deadline->thread, NULL, watch, deadline);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return number;
}

gboolean
vms_deadline_start(VmsEngine *engine, const VmsLease *lease, int link, VmsDeadline **ret_deadline,
                   GError **error)
{
    VmsDeadline *deadline = g_new0(VmsDeadline, 1);
    int number = 0;

    deadline->engine = engine;
    deadline->vm_uuid = g_strdup(lease->vm_uuid);
    deadline->link = link >= 0 ? fcntl(link, F_DUPFD_CLOEXEC, 3) : VMS_FD_NONE;
    deadline->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    deadline->end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (deadline->timer < 0 || deadline->end < 0 || (link >= 0 && deadline->link < 0))
        number = errno;
    else
        vms_deadline_set(deadline, lease->deadline_us);
    if (!number)
        number = start_thread(deadline);
    if (number) {
        deadline_free(deadline);
        return vms_fail_errno(error, number, "no thread that thaws at the deadline");
    }
    *ret_deadline = deadline;
    return TRUE;
}

void
vms_deadline_end(VmsDeadline *deadline)
{
    const guint64 one = 1;

    if (!deadline)
        return;
    while (write(deadline->end, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
    (void)pthread_join(deadline->thread, NULL);
    deadline_free(deadline);
}
