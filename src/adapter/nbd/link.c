/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/nbd/link.h"

#include "base/clock.h"
#include "base/error.h"

static const gint64 CONNECT_LIMIT_US = 30 * G_USEC_PER_SEC;

enum { TURN_MS = 200 /* how soon a cancellation is seen */ };

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
    nbd_close(nbd);
}

gboolean
vms_link_turn(VmsNbd *nbd, GError **error)
{
    if (nbd_poll(nbd, TURN_MS) < 0)
        return vms_link_fail(error, "NBD connection");
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
        nbd_add_meta_context(nbd, LIBNBD_CONTEXT_BASE_ALLOCATION) < 0 ||
        nbd_aio_connect_unix(nbd, socket) < 0) {
        vms_link_fail(error, socket);
        return NULL;
    }
    if (!wait_ready(nbd, socket, progress, error))
        return NULL;
    return g_steal_pointer(&nbd);
}
