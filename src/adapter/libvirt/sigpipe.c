/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/sigpipe.h"

#include <errno.h>
#include <time.h>

static void
fill_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
}

void
vms_sigpipe_block(VmsSigpipe *sigpipe)
{
    sigset_t pipe_only;
    sigset_t pending;

    fill_set(&pipe_only);
    sigpending(&pending);
    sigpipe->was_pending = sigismember(&pending, SIGPIPE) == 1;
    sigpipe->active = pthread_sigmask(SIG_BLOCK, &pipe_only, &sigpipe->old) == 0;
}

void
vms_sigpipe_clear(VmsSigpipe *sigpipe)
{
    static const struct timespec at_once = { 0, 0 };
    sigset_t pipe_only;

    if (!sigpipe->active)
        return;
    sigpipe->active = FALSE;
    fill_set(&pipe_only);
    while (!sigpipe->was_pending && sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR)
        ;
    pthread_sigmask(SIG_SETMASK, &sigpipe->old, NULL);
}
