/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard/watch.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "engine/guard-order.h"
#include "engine/lease.h"
#include "engine/release.h"
#include "guard/late.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
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

/* Of the VM and its window; none: -1. */
typedef struct {
    VmsFd fds[VMS_GUARD_LOCKS];
} Locks;

typedef struct {
    const VmsGuardWatch *watch;
    VmsDrivers *drivers; /* NULL: the connection was lost */
    VmsFd owner;         /* pidfd; none: it is dead already */
    VmsFd timer;
    VmsFd signals; /* VMS_GUARD_SIGNAL */
    Locks locks;   /* once the freeze is ours */
} Guard;

/* Copies only: whoever else has them keeps the locks. */
static void
locks_clear(Locks *locks)
{
    for (guint i = 0; i < VMS_GUARD_LOCKS; i++)
        vms_fd_clear(&locks->fds[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Locks, locks_clear)

/* By name, not only by closing: a child of the first owner may have copies. */
static void
unlock(const Locks *locks)
{
    struct flock all = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

    for (guint i = 0; i < VMS_GUARD_LOCKS; i++)
        if (locks->fds[i] >= 0)
            fcntl(locks->fds[i], F_OFD_SETLK, &all);
}

static gboolean
has_locks(const Locks *locks)
{
    return locks->fds[0] >= 0 && locks->fds[1] >= 0;
}

static void
guard_clear(Guard *guard)
{
    unlock(&guard->locks);
    locks_clear(&guard->locks);
    vms_fd_clear(&guard->signals);
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

/* An agent that does not answer, a guest that is saved: no fault of the connection. */
static gboolean
is_the_guests(const GError *error)
{
    int code = vms_error_get_code(error);

    return code == VMSNAP_E_AGENT || code == VMSNAP_E_TIMEOUT || code == VMSNAP_E_BUSY;
}

/* One attempt to free what the lease names. The backup job of an owner that lives is its own
 * affair. @ret_last: no freeze can come after this. */
static Outcome
release_once(Guard *guard, gboolean owner_lives, gboolean *ret_last)
{
    const VmsGuardWatch *watch = guard->watch;
    g_autoptr(VmsLease) lease = NULL;
    g_autoptr(GError) failed = NULL;

    if (read_lease(guard, &lease) == AGAIN)
        return AGAIN;
    if (!lease)
        return DONE;
    *ret_last = lease->state == VMS_LEASE_FROZEN;
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
    /* The daemon may have been restarted: what the old connection says is of no use. */
    if (!is_the_guests(failed)) {
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
    gboolean last = FALSE;

    while (release_once(guard, FALSE, &last) == AGAIN) {
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
    VmsGuardOrder order = { .word = word, .pid = (guint32)getpid() };

    g_strlcpy(order.text, text, sizeof(order.text));
    while (send(guard->watch->orders, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
           errno == EINTR)
        continue;
}

/* What comes in ends the watch unless it says STAY. */
typedef enum { STAY, LEAVE, ACT, LATE } Next;

/* One packet and the descriptors that came with it. */
static ssize_t
receive(const Guard *guard, VmsGuardOrder *ret_order, Locks *ret_locks)
{
    struct iovec part = { .iov_base = ret_order, .iov_len = sizeof(*ret_order) };
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(VMS_GUARD_LOCKS * sizeof(int))];
    } control = { 0 };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof(control.bytes) };
    ssize_t size = recvmsg(guard->watch->orders, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *head = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(VMS_GUARD_LOCKS * sizeof(int)))
        memcpy(ret_locks->fds, CMSG_DATA(head), sizeof(ret_locks->fds));
    return size;
}

/* The freeze is ours: nobody's death ends it, the deadline does. */
static Next
adopt(Guard *guard, const VmsGuardOrder *order, Locks *locks)
{
    g_autoptr(VmsLease) lease = NULL;

    /* Unanswered the owner keeps it. Without a lease it was ended already. */
    if (!has_locks(locks) || read_lease(guard, &lease) == AGAIN || !lease ||
        !set_timer(guard, order->deadline_us))
        return STAY;
    for (guint i = 0; i < VMS_GUARD_LOCKS; i++)
        guard->locks.fds[i] = vms_fd_steal(&locks->fds[i]);
    vms_fd_clear(&guard->owner);
    answer(guard, VMS_GUARD_ARMED, "");
    return STAY;
}

static Next
take_order(Guard *guard)
{
    VmsGuardOrder order = { 0 };
    g_auto(Locks) locks = { { VMS_FD_NONE, VMS_FD_NONE } };
    ssize_t size = receive(guard, &order, &locks);

    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return STAY;
    if (size != (ssize_t)sizeof(order)) /* 0: nobody is left who could give orders */
        return ACT;
    switch (order.word) {
    case VMS_GUARD_ADOPT:
        return adopt(guard, &order, &locks);
    case VMS_GUARD_ARM:
        if (set_timer(guard, order.deadline_us))
            answer(guard, VMS_GUARD_ARMED, "");
        return STAY;
    case VMS_GUARD_LATE:
        if (!vms_guard_has_late(guard->watch))
            return STAY;
        answer(guard, VMS_GUARD_ARMED, "");
        return LATE;
    case VMS_GUARD_DISMISS:
        return LEAVE;
    default:
        return ACT;
    }
}

/* The owner lives but is late. It may hang anywhere, so once is not enough, unless it got its
 * freeze and only does not end it: a guest that somebody else freezes later is none of ours. */
static Next
act_late(Guard *guard)
{
    gboolean last = FALSE;
    guint64 count;

    if (read(guard->timer, &count, sizeof(count)) < 0 && errno == EAGAIN)
        return STAY;
    if (has_locks(&guard->locks))
        return ACT;
    if (release_once(guard, TRUE, &last) == AGAIN || !last)
        set_timer(guard, vms_clock_boottime_us() + (gint64)LATE_PAUSE_MS * 1000);
    return STAY;
}

/* Who ends a freeze of ours removes its lease and tells us. */
static Next
take_signal(Guard *guard)
{
    struct signalfd_siginfo info;
    g_autoptr(VmsLease) lease = NULL;

    if (read(guard->signals, &info, sizeof(info)) < 0 || !has_locks(&guard->locks))
        return STAY;
    return read_lease(guard, &lease) == DONE && !lease ? LEAVE : STAY;
}

static int
stand_by(Guard *guard)
{
    Next next = guard->owner < 0 ? ACT : STAY;

    while (next == STAY) {
        /* Of a freeze that is ours nobody gives orders any more. */
        struct pollfd fds[] = { { .fd = has_locks(&guard->locks) ? -1 : guard->watch->orders,
                                  .events = POLLIN },
                                { .fd = guard->owner, .events = POLLIN },
                                { .fd = guard->timer, .events = POLLIN },
                                { .fd = guard->signals, .events = POLLIN } };

        if (poll(fds, G_N_ELEMENTS(fds), -1) < 0)
            continue;
        /* Orders first: an owner that dismissed us and then ended left nothing behind. */
        if (fds[0].revents)
            next = take_order(guard);
        else if (fds[1].revents)
            next = ACT;
        else if (fds[2].revents)
            next = act_late(guard);
        else if (fds[3].revents)
            next = take_signal(guard);
    }
    if (next == LATE)
        return vms_guard_watch_late(guard->watch, g_steal_pointer(&guard->drivers));
    return next == LEAVE ? EXIT_SUCCESS : finish(guard);
}

/* A signal that nobody blocked would end us. */
static int
open_signals(void)
{
    sigset_t wanted;

    sigemptyset(&wanted);
    sigaddset(&wanted, VMS_GUARD_SIGNAL);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
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
    g_auto(Guard) guard = { .watch = watch,
                            .owner = VMS_FD_NONE,
                            .timer = VMS_FD_NONE,
                            .signals = VMS_FD_NONE,
                            .locks = { { VMS_FD_NONE, VMS_FD_NONE } } };
    g_autoptr(GError) failed = NULL;

    /* Before anything has threads: they would stay behind. */
    if (watch->orphan && fork() > 0)
        _exit(EXIT_SUCCESS);
    if (watch->leave_group)
        watch->leave_group();
    guard.owner = open_owner(&watch->owner);
    guard.timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    guard.signals = open_signals();
    if (guard.timer < 0 || guard.signals < 0) {
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
