/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot.c: modes of guest-work that /init needs, in one process each because a fork is dear under
 * emulation: name a file system by its magic, load modules, be process 1. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "work.h"

struct magic {
    const char *name;
    off_t offset;
    size_t size;
    const char *bytes;
};

static const struct magic magics[] = {
    { "ext4", 0x438, 2, "\x53\xef" },    { "xfs", 0, 4, "XFSB" },
    { "btrfs", 0x10040, 8, "_BHRfS_M" }, { "vfat", 0x36, 3, "FAT" },
    { "vfat", 0x52, 5, "FAT32" },
};

int
work_fstype(int argc, char **argv)
{
    char bytes[8];
    int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

    for (size_t i = 0; fd >= 0 && i < sizeof magics / sizeof magics[0]; i++) {
        const struct magic *magic = &magics[i];
        if (pread(fd, bytes, magic->size, magic->offset) == (ssize_t)magic->size &&
            memcmp(bytes, magic->bytes, magic->size) == 0) {
            puts(magic->name);
            return 0;
        }
    }
    return 1;
}

int
work_insmod(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST)) {
            fprintf(stderr, "guest-work: load %s: %s\n", argv[i], strerror(errno));
            failed = 1;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    return failed;
}

int
work_idle(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (;;) {
        if (wait(NULL) < 0) {
            sleep(1);
        }
    }
}
