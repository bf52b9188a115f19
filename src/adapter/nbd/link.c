/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/nbd/link.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/lock-fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static const gint64 CONNECT_LIMIT_US = 30 * G_USEC_PER_SEC;

enum {
    TURN_MS = 200, /* how soon a cancellation is seen */
    RETRY_US = 20000
};

gboolean
vms_link_fail(GError **error, const char *what)
{
    const char *text = nbd_get_error();
    int number = nbd_get_errno();

    vms_fail(error, VMSNAP_E_IO, "%s: %s", what, text ? text : "no reason given");
    if (error)
        vms_error_set_origin(*error, "nbd", number);
    return FALSE;
}

void
vms_link_close(VmsNbd *nbd)
{
    VmsLockFd *held;

    if (!nbd)
        return;
    held = GSIZE_TO_POINTER(nbd_get_private_data(nbd));
    if (held)
        (void)vms_lock_fd_release(held);
    nbd_close(nbd);
}

gboolean
vms_link_turn(VmsNbd *nbd, GError **error)
{
    if (nbd_aio_is_dead(nbd) || nbd_aio_is_closed(nbd))
        return vms_fail(error, VMSNAP_E_IO, "the NBD server closed the connection");
    if (nbd_poll(nbd, TURN_MS) < 0)
        return vms_link_fail(error, "NBD connection");
    return TRUE;
}

static int
open_socket(gpointer data, GError **error)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    (void)data;
    if (fd < 0)
        vms_fail_errno(error, errno, "NBD connection");
    return fd;
}

/* A server whose queue is full lets us try again. */
static gboolean
connect_socket(int fd, const char *path, VmsProgress *progress, GError **error)
{
    gint64 deadline = vms_clock_monotonic_us() + CONNECT_LIMIT_US;
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof address.sun_path)
        return vms_fail(error, VMSNAP_E_INVALID, "the path of socket %s is too long", path);
    memcpy(address.sun_path, path, strlen(path));
    while (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        if (errno != EAGAIN && errno != EINTR)
            return vms_fail(error, VMSNAP_E_IO, "%s: %s", path, g_strerror(errno));
        if (!vms_progress_check(progress, error))
            return FALSE;
        if (vms_clock_monotonic_us() > deadline)
            return vms_fail(error, VMSNAP_E_TIMEOUT, "the NBD server at %s does not answer", path);
        vms_clock_sleep_us(RETRY_US);
    }
    return TRUE;
}

/* Our own socket, so that no child of a fork keeps a copy: QEMU, blocked in sending to one that
 * nobody reads, never ends the job, nor answers anybody again, before the last copy is closed. */
static gboolean
connect_link(VmsNbd *nbd, const char *path, VmsProgress *progress, GError **error)
{
    g_autoptr(VmsLockFd) held = vms_lock_fd_open(open_socket, NULL, error);

    if (!held || !connect_socket(vms_lock_fd_get(held), path, progress, error))
        return FALSE;
    if (nbd_aio_connect_socket(nbd, vms_lock_fd_get(held)) < 0) {
        vms_link_fail(error, path);
        /* libnbd owns the descriptor, also when it fails. */
        (void)vms_lock_fd_release(g_steal_pointer(&held));
        return FALSE;
    }
    nbd_set_private_data(nbd, GPOINTER_TO_SIZE(g_steal_pointer(&held)));
    return TRUE;
}

static gboolean
wait_ready(VmsNbd *nbd, const char *socket, VmsProgress *progress, GError **error)
{
    gint64 deadline = vms_clock_monotonic_us() + CONNECT_LIMIT_US;

    while (!nbd_aio_is_ready(nbd)) {
        if (!vms_progress_check(progress, error))
            return FALSE;
        if (nbd_aio_is_dead(nbd) || nbd_aio_is_closed(nbd))
            return vms_link_fail(error, socket);
        if (vms_clock_monotonic_us() > deadline)
            return vms_fail(error, VMSNAP_E_TIMEOUT, "the NBD server at %s does not answer",
                            socket);
        if (!vms_link_turn(nbd, error))
            return FALSE;
    }
    return TRUE;
}

VmsNbd *
vms_link_open(const char *socket, const char *name, VmsProgress *progress, GError **error)
{
    g_autoptr(VmsNbd) nbd = nbd_create();

    if (!nbd || nbd_set_debug(nbd, FALSE) < 0 || nbd_set_export_name(nbd, name) < 0 ||
        nbd_add_meta_context(nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) < 0) {
        vms_link_fail(error, socket);
        return NULL;
    }
    if (!connect_link(nbd, socket, progress, error) || !wait_ready(nbd, socket, progress, error))
        return NULL;
    return g_steal_pointer(&nbd);
}
