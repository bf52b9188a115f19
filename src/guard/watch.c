/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard/watch.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "engine/guard-order.h"
#include "engine/lease.h"
#include "engine/release.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    RELEASE_MS = 10000,
    FIRST_PAUSE_MS = 20,
    LAST_PAUSE_MS = 1000,
    LATE_PAUSE_MS = 1000 /* between the attempts while a late owner lives */
};
#define GIVE_UP_US (24 * (gint64)3600 * G_USEC_PER_SEC)

typedef struct {
    const VmsGuardWatch *watch;
    VmsDrivers *drivers; /* NULL: the connection was lost */
    VmsFd owner;         /* pidfd; none: it is dead already */
    VmsFd timer;
} Guard;

static void
guard_clear(Guard *guard)
{
    if (guard->drivers)
        guard->watch->close(guard->drivers);
    guard->drivers = NULL;
    vms_fd_clear(&guard->owner);
    vms_fd_clear(&guard->timer);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Guard, guard_clear)

/* ---- acting ---- */

typedef enum { DONE, AGAIN } Outcome;

static gboolean
reconnect(Guard *guard)
{
    if (!guard->drivers)
        guard->drivers = guard->watch->open(guard->watch->data, NULL);
    return guard->drivers != NULL;
}

/* Our own lease, or none: a lease of another guard says that ours was settled. */
static Outcome
read_lease(const Guard *guard, VmsLease **ret_lease)
{
    g_autoptr(VmsLease) lease = NULL;
    g_autoptr(GError) failed = NULL;

    if (!vms_lease_read(guard->watch->state_dir, guard->watch->vm_uuid, &lease, &failed))
        return vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND ? DONE : AGAIN;
    if (lease->guard.pid != getpid())
        return DONE;
    *ret_lease = g_steal_pointer(&lease);
    return DONE;
}

/* One attempt to free what the lease names. The backup job of an owner that lives is its own
 * affair. */
static Outcome
release_once(Guard *guard, gboolean owner_lives)
{
    const VmsGuardWatch *watch = guard->watch;
    g_autoptr(VmsLease) lease = NULL;
    g_autoptr(GError) failed = NULL;

    if (read_lease(guard, &lease) == AGAIN)
        return AGAIN;
    if (!lease)
        return DONE;
    if (owner_lives)
        g_clear_pointer(&lease->backup_socket, g_free);
    if (!reconnect(guard))
        return AGAIN;
    /* The owner may be stopped in the middle of a call: its connection would keep us out. */
    if (watch->link >= 0)
        (void)shutdown(watch->link, SHUT_RDWR);
    if (vms_release_held(guard->drivers, lease, RELEASE_MS, NULL, &failed))
        return owner_lives || vms_lease_remove(watch->state_dir, watch->vm_uuid, NULL) ? DONE
                                                                                       : AGAIN;
    /* The daemon may have been restarted: what the old connection says is of no use. An agent
     * that does not answer is no fault of the connection. */
    if (vms_error_get_code(failed) != VMSNAP_E_AGENT &&
        vms_error_get_code(failed) != VMSNAP_E_TIMEOUT) {
        watch->close(guard->drivers);
        guard->drivers = NULL;
    }
    return AGAIN;
}

/* The owner is gone or gave up: we go on until all is free. */
static int
finish(Guard *guard)
{
    gint64 until_us = vms_clock_boottime_us() + GIVE_UP_US;
    gint64 pause_ms = FIRST_PAUSE_MS;

    while (release_once(guard, FALSE) == AGAIN) {
        if (vms_clock_boottime_us() >= until_us)
            return EXIT_FAILURE;
        vms_clock_sleep_us(pause_ms * 1000);
        pause_ms = MIN(pause_ms * 2, LAST_PAUSE_MS);
    }
    return EXIT_SUCCESS;
}

/* ---- standing by ---- */

/* 0 stops it. */
static gboolean
set_timer(const Guard *guard, gint64 at_us)
{
    const struct itimerspec when = { .it_value = { .tv_sec = at_us / G_USEC_PER_SEC,
                                                   .tv_nsec = at_us % G_USEC_PER_SEC * 1000 } };

    return timerfd_settime(guard->timer, TFD_TIMER_ABSTIME, &when, NULL) == 0;
}

static void
answer(const Guard *guard, VmsGuardWord word, const char *text)
{
    VmsGuardOrder order = { .word = word };

    g_strlcpy(order.text, text, sizeof(order.text));
    while (send(guard->watch->orders, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
           errno == EINTR)
        continue;
}

/* What comes in ends the watch unless it says STAY. */
typedef enum { STAY, LEAVE, ACT } Next;

static Next
take_order(const Guard *guard)
{
    VmsGuardOrder order = { 0 };
    ssize_t size = recv(guard->watch->orders, &order, sizeof(order), MSG_DONTWAIT);

    if (size < 0)
        return errno == EINTR || errno == EAGAIN ? STAY : ACT;
    if (size != (ssize_t)sizeof(order)) /* 0: nobody is left who could give orders */
        return ACT;
    switch (order.word) {
    case VMS_GUARD_ARM:
        if (set_timer(guard, order.deadline_us))
            answer(guard, VMS_GUARD_ARMED, "");
        return STAY;
    case VMS_GUARD_DISMISS:
        return LEAVE;
    default:
        return ACT;
    }
}

/* The owner lives but is late. It may hang anywhere, so once is not enough. */
static void
act_late(Guard *guard)
{
    guint64 count;

    if (read(guard->timer, &count, sizeof(count)) < 0 && errno == EAGAIN)
        return;
    release_once(guard, TRUE);
    set_timer(guard, vms_clock_boottime_us() + (gint64)LATE_PAUSE_MS * 1000);
}

static int
stand_by(Guard *guard)
{
    struct pollfd fds[] = { { .fd = guard->watch->orders, .events = POLLIN },
                            { .fd = guard->owner, .events = POLLIN },
                            { .fd = guard->timer, .events = POLLIN } };
    Next next = guard->owner < 0 ? ACT : STAY;

    while (next == STAY) {
        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0)
            continue;
        /* Orders first: an owner that dismissed us and then ended left nothing behind. */
        if (fds[0].revents)
            next = take_order(guard);
        else if (fds[1].revents)
            next = ACT;
        else if (fds[2].revents)
            act_late(guard);
    }
    return next == LEAVE ? EXIT_SUCCESS : finish(guard);
}

/* The pid may have been given to another process before we came. */
static int
open_owner(const VmsProcessId *owner)
{
    g_auto(VmsFd) fd = pidfd_open((pid_t)owner->pid, 0);

    return fd >= 0 && vms_process_alive(owner) ? vms_fd_steal(&fd) : VMS_FD_NONE;
}

int
vms_guard_watch(const VmsGuardWatch *watch)
{
    g_auto(Guard) guard = { .watch = watch, .owner = VMS_FD_NONE, .timer = VMS_FD_NONE };
    g_autoptr(GError) failed = NULL;

    guard.owner = open_owner(&watch->owner);
    guard.timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (guard.timer < 0) {
        answer(&guard, VMS_GUARD_REFUSED, g_strerror(errno));
        return EXIT_FAILURE;
    }
    guard.drivers = watch->open(watch->data, &failed);
    if (!guard.drivers) {
        answer(&guard, VMS_GUARD_REFUSED, failed->message);
        return EXIT_FAILURE;
    }
    answer(&guard, VMS_GUARD_READY, "");
    return stand_by(&guard);
}
