/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static gint64
read_clock(clockid_t id)
{
    struct timespec now = { 0 };

    clock_gettime(id, &now);
    return (gint64)now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

gint64
vms_clock_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

gint64
vms_clock_realtime_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

gint64
vms_clock_boottime_us(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

void
vms_clock_sleep_us(gint64 us)
{
    struct timespec left = { .tv_sec = us / G_USEC_PER_SEC,
                             .tv_nsec = (us % G_USEC_PER_SEC) * 1000 };

    if (us <= 0)
        return;
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
        continue;
}

char *
vms_clock_boot_id(void)
{
    g_auto(VmsFd) fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    char text[64] = "";

    if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
        return g_strdup("");
    return g_strdup(g_strstrip(text));
}
