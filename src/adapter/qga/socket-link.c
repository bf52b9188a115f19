/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/socket-link.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/lock-fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_US 20000

struct VmsSocketLink {
    VmsLockFd *held;
    char *path;
};

static gboolean
fail_silent(GError **error, const char *path)
{
    return vms_fail(error, VMSNAP_E_TIMEOUT, "the guest agent at %s does not answer", path);
}

static gboolean
fail_broken(GError **error, const char *path, const char *why)
{
    return vms_refuse(error, VMSNAP_E_AGENT, "AgentNotReady", "the guest agent's socket %s: %s",
                      path, why);
}

/* Above the descriptors that a child gets as its own three, also when the host closed its own. */
static int
open_socket(gpointer data, GError **error)
{
    g_auto(VmsFd) low = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, 3);

    (void)data;
    if (fd < 0)
        vms_fail_errno(error, errno, "socket for a guest agent");
    return fd;
}

/* A server that has its one client and a full queue lets us try again. */
static gboolean
connect_to(int fd, const char *path, gint64 until_us, GError **error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof address.sun_path)
        return vms_fail(error, VMSNAP_E_INVALID, "the path of socket %s is too long", path);
    memcpy(address.sun_path, path, strlen(path));
    while (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return fail_broken(error, path, g_strerror(errno));
        if (vms_clock_monotonic_us() >= until_us)
            return fail_silent(error, path);
        vms_clock_sleep_us(RETRY_US);
    }
    return TRUE;
}

/* Whoever may put a socket at the path could otherwise play the guest: and say that it is frozen.
 */
static gboolean
check_peer(int fd, const char *path, gint64 peer_uid, GError **error)
{
    struct ucred peer = { 0 };
    socklen_t size = sizeof peer;
    g_autofree char *why = NULL;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail_broken(error, path, g_strerror(errno));
    if (peer.uid == 0 || peer.uid == geteuid() || (gint64)peer.uid == peer_uid)
        return TRUE;
    why = g_strdup_printf("user %u serves it, who is neither root nor we nor the VM's QEMU",
                          peer.uid);
    return fail_broken(error, path, why);
}

VmsSocketLink *
vms_socket_link_open(const char *path, gint64 peer_uid, gint64 until_us, GError **error)
{
    g_autoptr(VmsLockFd) held = vms_lock_fd_open(open_socket, NULL, error);
    VmsSocketLink *link;

    if (!held || !connect_to(vms_lock_fd_get(held), path, until_us, error) ||
        !check_peer(vms_lock_fd_get(held), path, peer_uid, error))
        return NULL;
    link = g_new0(VmsSocketLink, 1);
    link->held = g_steal_pointer(&held);
    link->path = g_strdup(path);
    return link;
}

void
vms_socket_link_free(VmsSocketLink *link)
{
    if (!link)
        return;
    if (vms_lock_fd_get(link->held) >= 0)
        (void)shutdown(vms_lock_fd_get(link->held), SHUT_RDWR);
    vms_lock_fd_free(link->held);
    g_free(link->path);
    g_free(link);
}

int
vms_socket_link_get_fd(const VmsSocketLink *link)
{
    return vms_lock_fd_get(link->held);
}

/* FALSE when the time is up. */
static gboolean
wait_for(const VmsSocketLink *link, short events, gint64 until_us, GError **error)
{
    struct pollfd poll_fd = { .fd = vms_lock_fd_get(link->held), .events = events };

    for (;;) {
        gint64 left_us = until_us - vms_clock_monotonic_us();
        int ready;

        if (left_us <= 0)
            return fail_silent(error, link->path);
        ready = poll(&poll_fd, 1, (int)MIN(left_us / 1000 + 1, G_MAXINT));
        if (ready > 0)
            return TRUE;
        if (ready < 0 && errno != EINTR)
            return fail_broken(error, link->path, g_strerror(errno));
    }
}

gboolean
vms_socket_link_send(VmsSocketLink *link, const void *data, gsize size, gint64 until_us,
                     GError **error)
{
    const char *at = data;

    while (size > 0) {
        ssize_t sent = send(vms_lock_fd_get(link->held), at, size, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent > 0) {
            at += sent;
            size -= (gsize)sent;
        } else if (errno == EAGAIN) {
            if (!wait_for(link, POLLOUT, until_us, error))
                return FALSE;
        } else if (errno != EINTR) {
            return fail_broken(error, link->path, g_strerror(errno));
        }
    }
    return TRUE;
}

gboolean
vms_socket_link_receive(VmsSocketLink *link, void *buffer, gsize size, gint64 until_us,
                        gsize *ret_size, GError **error)
{
    for (;;) {
        ssize_t got;

        if (!wait_for(link, POLLIN, until_us, error))
            return FALSE;
        got = recv(vms_lock_fd_get(link->held), buffer, size, MSG_DONTWAIT);
        if (got > 0) {
            *ret_size = (gsize)got;
            return TRUE;
        }
        if (got == 0)
            return fail_broken(error, link->path, "the connection was closed");
        if (errno != EINTR && errno != EAGAIN)
            return fail_broken(error, link->path, g_strerror(errno));
    }
}

gboolean
vms_socket_link_is_quiet(const VmsSocketLink *link)
{
    char byte;

    return recv(vms_lock_fd_get(link->held), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           errno == EAGAIN;
}
