/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* work.c: guest-work, the one program of the test guest: mode table and shared helpers. */
#define _GNU_SOURCE
#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct mode {
    const char *name;
    int (*run)(int argc, char **argv);
};

static const struct mode modes[] = {
    { "records", work_records },     { "gap", work_gap },       { "gap-read", work_gap_read },
    { "gap-reset", work_gap_reset }, { "fstype", work_fstype }, { "insmod", work_insmod },
    { "idle", work_idle },
};

_Noreturn void
work_die(const char *what, const char *object)
{
    fprintf(stderr, "guest-work: %s %s: %s\n", what, object, strerror(errno));
    exit(1);
}

uint32_t
work_crc32(const void *data, size_t size)
{
    static uint32_t table[256];
    const uint8_t *byte = data;
    uint32_t crc = 0xffffffffu;

    if (table[1] == 0) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t value = i;
            for (int bit = 0; bit < 8; bit++) {
                value = (value >> 1) ^ (value & 1 ? 0xedb88320u : 0);
            }
            table[i] = value;
        }
    }
    for (size_t i = 0; i < size; i++) {
        crc = table[(crc ^ byte[i]) & 0xff] ^ (crc >> 8);
    }
    return ~crc;
}

uint64_t
work_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void
work_beat(uint64_t seq)
{
    static int fd = -2;
    char line[24];

    if (fd == -2) {
        fd = open("/dev/virtio-ports/vmsnap.beat", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    }
    if (fd >= 0) {
        int size = snprintf(line, sizeof line, "%llu\n", (unsigned long long)seq);
        if (write(fd, line, (size_t)size) < 0) {
            return; /* nobody listens on the host: the beat is lost, which is its nature */
        }
    }
}

void
work_write_sync(int fd, const void *data, size_t size, uint64_t offset)
{
    const char *at = data;

    while (size > 0) {
        ssize_t done = pwrite(fd, at, size, (off_t)offset);
        if (done < 0 && errno != EINTR) {
            work_die("write", "log");
        }
        if (done > 0) {
            at += done;
            offset += (uint64_t)done;
            size -= (size_t)done;
        }
    }
    if (fdatasync(fd) != 0) {
        work_die("sync", "log");
    }
}

int
main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            return modes[i].run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "usage: guest-work MODE [ARG...]; modes:");
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        fprintf(stderr, " %s", modes[i].name);
    }
    fprintf(stderr, "\n");
    return 2;
}
