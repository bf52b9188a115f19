/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/slots.h"

#include "base/clock.h"

#include <fcntl.h>

#define PLACES 12
#define POLL_US 10000

/* A place is a byte of the file, which need not exist; the kernel frees it with its holder. */
static gboolean
try_all(int fd)
{
    for (int i = 0; i < PLACES; i++) {
        struct flock byte = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = i, .l_len = 1 };

        if (fcntl(fd, F_OFD_SETLK, &byte) == 0)
            return TRUE;
    }
    return FALSE;
}

gboolean
vms_slot_take(const char *runtime_dir, guint limit_ms, VmsLockFd **ret_slot)
{
    const gint64 until_us = vms_clock_monotonic_us() + (gint64)limit_ms * 1000;
    g_autofree char *folder = g_build_filename(runtime_dir, "locks", NULL);
    g_autoptr(VmsLockFd) file = NULL;

    *ret_slot = NULL;
    /* Who only looks makes no folders; who freezes has a lock in it already. */
    if (g_file_test(folder, G_FILE_TEST_IS_DIR))
        file = vms_lock_file_open(runtime_dir, "agents.lock", NULL);
    while (file && !try_all(vms_lock_fd_get(file))) {
        if (vms_clock_monotonic_us() >= until_us)
            return FALSE;
        vms_clock_sleep_us(POLL_US);
    }
    *ret_slot = g_steal_pointer(&file);
    return TRUE;
}
