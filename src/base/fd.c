/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/fd.h"

#include <unistd.h>

void
vms_fd_clear(VmsFd *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = VMS_FD_NONE;
}

int
vms_fd_steal(VmsFd *fd)
{
    int taken = *fd;

    *fd = VMS_FD_NONE;
    return taken;
}
