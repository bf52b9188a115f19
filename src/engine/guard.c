/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/guard.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"
#include "engine/guard-order.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    READY_MS = 15000, /* a connection of its own may take a while on a busy host */
    ARMED_MS = 5000,
    GONE_MS = 3000
};

struct VmsGuard {
    VmsProcessId process;
    VmsFd pidfd;
    VmsFd orders;
    gboolean shares_cgroup;
};

static gboolean
fail_no_guard(GError **error, const char *what)
{
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NoGuard", "no guard process: %s", what);
}

/* Reaps the guard if it ends within @wait_ms. The host may have reaped it before us. */
static gboolean
wait_gone(VmsGuard *guard, int wait_ms)
{
    struct pollfd poll_fd = { .fd = guard->pidfd, .events = POLLIN };
    siginfo_t info;
    int n;

    do {
        n = poll(&poll_fd, 1, wait_ms);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return FALSE;
    while (waitid(P_PIDFD, (id_t)guard->pidfd, &info, WEXITED | WNOHANG) != 0 && errno == EINTR)
        continue;
    return TRUE;
}

static void
guard_free(VmsGuard *guard)
{
    vms_fd_clear(&guard->orders);
    vms_fd_clear(&guard->pidfd);
    g_free(guard);
}

/* Of a guard that holds nothing yet, or nothing any more. */
static void
guard_end(VmsGuard *guard)
{
    if (!wait_gone(guard, GONE_MS)) {
        pidfd_send_signal(guard->pidfd, SIGKILL, NULL, 0);
        wait_gone(guard, GONE_MS);
    }
    guard_free(guard);
}

/* ---- start ---- */

/* Ends above the three that the child's own are put into, also when the host closed its own. */
static gboolean
open_pair(VmsFd *ret_ours, VmsFd *ret_theirs, GError **error)
{
    g_auto(VmsFd) low = VMS_FD_NONE;
    g_auto(VmsFd) ours = VMS_FD_NONE;
    g_auto(VmsFd) theirs = VMS_FD_NONE;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_no_guard(error, g_strerror(errno));
    ours = ends[0];
    low = ends[1];
    theirs = fcntl(low, F_DUPFD_CLOEXEC, 3);
    if (theirs < 0)
        return fail_no_guard(error, g_strerror(errno));
    *ret_ours = vms_fd_steal(&ours);
    *ret_theirs = vms_fd_steal(&theirs);
    return TRUE;
}

/* A session of its own and all signals blocked: what ends the owner's group or terminal does not
 * end the guard. */
static int
prepare_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all;
    int number;

    sigfillset(&all);
    number = posix_spawnattr_setsigdefault(attributes, &all);
    if (!number)
        number = posix_spawnattr_setsigmask(attributes, &all);
    if (!number)
        number = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
    return number;
}

/* Nothing of the host's comes along: the guard may outlive it for long. */
static int
prepare_files(posix_spawn_file_actions_t *actions, int orders, int link)
{
    int number = posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_RDWR, 0);

    if (!number)
        number = posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_RDWR, 0);
    if (!number)
        number = posix_spawn_file_actions_adddup2(actions, orders, VMS_GUARD_FD);
    if (!number && link >= 0)
        number = posix_spawn_file_actions_adddup2(actions, link, VMS_GUARD_LINK_FD);
    if (!number)
        number = posix_spawn_file_actions_addclosefrom_np(actions, link >= 0 ? VMS_GUARD_LINK_FD + 1
                                                                             : VMS_GUARD_LINK_FD);
    if (!number)
        number = posix_spawn_file_actions_addchdir_np(actions, "/");
    return number;
}

/* An errno, or 0. */
static int
spawn(char *const *argv, int orders, int link, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int number = posix_spawn_file_actions_init(&actions);

    if (number)
        return number;
    number = posix_spawnattr_init(&attributes);
    if (number) {
        posix_spawn_file_actions_destroy(&actions);
        return number;
    }
    number = prepare_attributes(&attributes);
    if (!number)
        number = prepare_files(&actions, orders, link);
    /* The host's environment: a session's connection depends on it. */
    if (!number)
        number = posix_spawn(ret_pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return number;
}

static gboolean
spawn_guard(VmsEngine *engine, const char *vm_uuid, int link, gboolean orphan, VmsGuard *guard,
            GError **error)
{
    VmsProcessId self = vms_process_self();
    g_autofree char *pid = g_strdup_printf("%" G_GINT64_FORMAT, self.pid);
    g_autofree char *start = g_strdup_printf("%" G_GUINT64_FORMAT, self.start);
    char *argv[VMS_GUARD_ARGC + 1] = { engine->guard_path,
                                       engine->uri,
                                       (char *)vm_uuid,
                                       engine->state_dir,
                                       pid,
                                       start,
                                       (char *)(orphan ? VMS_GUARD_ORPHAN : VMS_GUARD_CHILD) };
    g_auto(VmsFd) theirs = VMS_FD_NONE;
    g_autofree char *why = NULL;
    pid_t child = 0;
    int number;

    if (!engine->guard_path)
        return fail_no_guard(error, "no path to it is set");
    if (!open_pair(&guard->orders, &theirs, error))
        return FALSE;
    number = spawn(argv, theirs, link, &child);
    if (number) {
        why = g_strdup_printf("%s: %s", engine->guard_path, g_strerror(number));
        return fail_no_guard(error, why);
    }
    guard->pidfd = pidfd_open(child, 0);
    if ((guard->pidfd < 0 || !vms_process_identify(child, &guard->process)) && !orphan)
        return fail_no_guard(error, "it ended at once");
    return TRUE;
}

/* One that was started all the same ends when nobody gives it orders: it must not stay a zombie. */
static void
abort_start(VmsGuard *guard)
{
    vms_fd_clear(&guard->orders);
    if (guard->pidfd >= 0)
        guard_end(guard);
    else
        guard_free(guard);
}

/* ---- talk ---- */

/* Waits for one packet; FALSE when none comes, or the guard ended. */
static gboolean
receive(VmsGuard *guard, int wait_ms, VmsGuardOrder *ret_order)
{
    struct pollfd poll_fd = { .fd = guard->orders, .events = POLLIN };
    ssize_t size;
    int n;

    do {
        n = poll(&poll_fd, 1, wait_ms);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        return FALSE;
    do {
        size = recv(guard->orders, ret_order, sizeof(*ret_order), MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    return size == (ssize_t)sizeof(*ret_order);
}

/* A packet always fits; no SIGPIPE for the host. */
static gboolean
send_order(VmsGuard *guard, VmsGuardWord word, gint64 deadline_us)
{
    const VmsGuardOrder order = { .word = word, .deadline_us = deadline_us };
    ssize_t size;

    do {
        size = send(guard->orders, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    return size == (ssize_t)sizeof(order);
}

/* What we started made another process and ended: from here on that is the guard. */
static gboolean
follow_orphan(VmsGuard *guard, pid_t pid, GError **error)
{
    if (guard->pidfd >= 0 && !wait_gone(guard, GONE_MS))
        return fail_no_guard(error, "it did not leave its parent");
    vms_fd_clear(&guard->pidfd);
    guard->pidfd = pidfd_open(pid, 0);
    if (guard->pidfd < 0 || !vms_process_identify(pid, &guard->process))
        return fail_no_guard(error, "it ended at once");
    return TRUE;
}

static gboolean
wait_ready(VmsGuard *guard, GError **error)
{
    VmsGuardOrder order = { 0 };
    g_autofree char *text = NULL;

    if (!receive(guard, READY_MS, &order))
        return fail_no_guard(error, "it did not get ready");
    if (order.word == VMS_GUARD_READY)
        return order.pid == guard->process.pid || follow_orphan(guard, (pid_t)order.pid, error);
    order.text[sizeof(order.text) - 1] = '\0';
    text = vms_escape_text(order.text);
    return fail_no_guard(error, text);
}

static char *
read_cgroup(const char *process)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/cgroup", process);
    char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text : NULL;
}

static gboolean
same_cgroup(const VmsProcessId *process)
{
    g_autofree char *pid = g_strdup_printf("%" G_GINT64_FORMAT, process->pid);
    g_autofree char *theirs = read_cgroup(pid);
    g_autofree char *ours = read_cgroup("self");

    return g_strcmp0(ours, theirs) == 0;
}

gboolean
vms_guard_start(VmsEngine *engine, const char *vm_uuid, int link, gboolean orphan,
                VmsGuard **ret_guard, GError **error)
{
    VmsGuard *guard = g_new0(VmsGuard, 1);

    guard->pidfd = VMS_FD_NONE;
    guard->orders = VMS_FD_NONE;
    vms_crash_point("guard-start");
    if (!spawn_guard(engine, vm_uuid, link, orphan, guard, error)) {
        abort_start(guard);
        return FALSE;
    }
    if (!wait_ready(guard, error)) {
        vms_guard_dismiss(guard);
        return FALSE;
    }
    vms_crash_point("guard-start-done");
    guard->shares_cgroup = same_cgroup(&guard->process);
    *ret_guard = guard;
    return TRUE;
}

VmsProcessId
vms_guard_get_process(const VmsGuard *guard)
{
    return guard->process;
}

gboolean
vms_guard_lives(const VmsGuard *guard)
{
    struct pollfd poll_fd = { .fd = guard->pidfd, .events = POLLIN };

    return poll(&poll_fd, 1, 0) == 0;
}

gboolean
vms_guard_shares_cgroup(const VmsGuard *guard)
{
    return guard->shares_cgroup;
}

gboolean
vms_guard_arm(VmsGuard *guard, gint64 deadline_us, GError **error)
{
    VmsGuardOrder order = { 0 };

    vms_crash_point("guard-arm");
    if (!send_order(guard, VMS_GUARD_ARM, deadline_us) || !receive(guard, ARMED_MS, &order) ||
        order.word != VMS_GUARD_ARMED)
        return fail_no_guard(error, "it does not answer");
    vms_crash_point("guard-arm-done");
    return TRUE;
}

/* ADOPT with the descriptors beside it. */
static gboolean
send_adopt(VmsGuard *guard, gint64 deadline_us, const int *locks)
{
    VmsGuardOrder order = { .word = VMS_GUARD_ADOPT, .deadline_us = deadline_us };
    struct iovec part = { .iov_base = &order, .iov_len = sizeof(order) };
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(VMS_GUARD_LOCKS * sizeof(int))];
    } control = { 0 };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    ssize_t size;

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(VMS_GUARD_LOCKS * sizeof(int));
    memcpy(CMSG_DATA(head), locks, VMS_GUARD_LOCKS * sizeof(int));
    do {
        size = sendmsg(guard->orders, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    return size == (ssize_t)sizeof(order);
}

gboolean
vms_guard_hand_over(VmsGuard *guard, gint64 deadline_us, const int *locks, GError **error)
{
    VmsGuardOrder order = { 0 };

    vms_crash_point("guard-hand-over");
    if (!send_adopt(guard, deadline_us, locks) || !receive(guard, ARMED_MS, &order) ||
        order.word != VMS_GUARD_ARMED)
        return fail_no_guard(error, "it does not answer");
    vms_crash_point("guard-hand-over-done");
    guard_free(guard);
    return TRUE;
}

gboolean
vms_guard_leave_late(VmsGuard *guard, GError **error)
{
    VmsGuardOrder order = { 0 };

    if (!send_order(guard, VMS_GUARD_LATE, 0) || !receive(guard, ARMED_MS, &order) ||
        order.word != VMS_GUARD_ARMED)
        return fail_no_guard(error, "it does not answer");
    vms_crash_point("guard-late-done");
    guard_free(guard);
    return TRUE;
}

void
vms_guard_relieve(const VmsProcessId *guard)
{
    struct pollfd poll_fd = { .events = POLLIN };
    g_auto(VmsFd) fd = VMS_FD_NONE;
    int n;

    if (guard->pid <= 0)
        return;
    fd = pidfd_open((pid_t)guard->pid, 0);
    /* Asked after it was opened: the pid may have been given to another process before. */
    if (fd < 0 || !vms_process_alive(guard))
        return;
    pidfd_send_signal(fd, VMS_GUARD_SIGNAL, NULL, 0);
    poll_fd.fd = fd;
    do {
        n = poll(&poll_fd, 1, GONE_MS);
    } while (n < 0 && errno == EINTR);
}

void
vms_guard_dismiss(VmsGuard *guard)
{
    if (!guard)
        return;
    vms_crash_point("guard-dismiss");
    send_order(guard, VMS_GUARD_DISMISS, 0);
    guard_end(guard);
    vms_crash_point("guard-dismiss-done");
}

void
vms_guard_abandon(VmsGuard *guard)
{
    if (!guard)
        return;
    vms_crash_point("guard-abandon");
    send_order(guard, VMS_GUARD_ABANDON, 0);
    guard_free(guard);
    vms_crash_point("guard-abandon-done");
}
