/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <signal.h>

/* libvirt writes to its socket with no protection: when the daemon dies, the default action of
 * SIGPIPE would end the host process. So the signal is blocked on the calling thread around every
 * libvirt call, and one that our call raised is taken away before the mask is restored. */

typedef struct {
    sigset_t old;
    gboolean active;
    gboolean was_pending;
} VmsSigpipe;

#define VMS_SIGPIPE_NONE                                                                           \
    {                                                                                              \
        .active = FALSE                                                                            \
    }

void vms_sigpipe_block(VmsSigpipe *sigpipe);
void vms_sigpipe_clear(VmsSigpipe *sigpipe);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsSigpipe, vms_sigpipe_clear)
