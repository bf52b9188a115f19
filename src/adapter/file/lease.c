/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/file/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

/* Whoever opens the file for writing while we hold the lease makes the kernel send SIGIO, which
 * would end a host that does not expect it. So it goes to this thread only, which has it blocked,
 * and is eaten. */
static void
eat_signal(const sigset_t *io)
{
    const struct timespec now = { 0 };

    while (sigtimedwait(io, NULL, &now) < 0 && errno == EINTR)
        continue;
}

VmsLeaseAnswer
vms_lease_ask(int fd)
{
    struct f_owner_ex self = { .type = F_OWNER_TID, .pid = gettid() };
    VmsLeaseAnswer answer = VMS_LEASE_UNKNOWN;
    gboolean was_pending;
    sigset_t pending;
    sigset_t before;
    sigset_t io;

    sigemptyset(&io);
    sigaddset(&io, SIGIO);
    if (pthread_sigmask(SIG_BLOCK, &io, &before) != 0)
        return VMS_LEASE_UNKNOWN;
    was_pending = sigpending(&pending) == 0 && sigismember(&pending, SIGIO) == 1;
    if (fcntl(fd, F_SETOWN_EX, &self) == 0) {
        if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
            answer = VMS_LEASE_FREE;
            fcntl(fd, F_SETLEASE, F_UNLCK);
        } else if (errno == EAGAIN) {
            answer = VMS_LEASE_WRITER;
        }
    }
    if (!was_pending)
        eat_signal(&io);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return answer;
}
