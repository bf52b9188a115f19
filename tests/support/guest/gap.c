/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gap.c: how long the guest could not write. `gap` rewrites one block on every disk in turn and
 * keeps, in memory shared through /run/gap, the longest time between two finished writes since
 * the last reset. `gap-read` prints it, a pause that still lasts included; `gap-reset` clears it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "work.h"

#define GAP_FILE "/run/gap"
#define RING 1024u /* blocks rewritten in turn: 4 MiB a disk */

struct gap {
    _Atomic uint64_t reset; /* time of the last reset asked for */
    _Atomic uint64_t seen;  /* the reset that `longest` belongs to */
    _Atomic uint64_t last;  /* when the last write finished */
    _Atomic uint64_t longest;
    _Atomic uint64_t writes; /* since the start */
};

static struct gap *
gap_map(void)
{
    int fd = open(GAP_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    void *memory;

    if (fd < 0 || ftruncate(fd, sizeof(struct gap)) != 0) {
        work_die("open", GAP_FILE);
    }
    memory = mmap(NULL, sizeof(struct gap), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        work_die("map", GAP_FILE);
    }
    close(fd);
    return memory;
}

/* Time without a finished write that ends now; what lies before the reset does not count. */
static uint64_t
gap_since(const struct gap *gap, uint64_t now)
{
    uint64_t from = gap->last;

    from = gap->reset > from ? gap->reset : from;
    return now > from ? now - from : 0;
}

static void
gap_note(struct gap *gap)
{
    uint64_t now = work_now();
    uint64_t pause = gap_since(gap, now);
    uint64_t reset = gap->reset;

    if (gap->seen != reset || pause > gap->longest) {
        gap->longest = pause;
        gap->seen = reset;
    }
    gap->last = now;
    gap->writes++;
}

int
work_gap(int argc, char **argv)
{
    static uint64_t block[WORK_RECORD / sizeof(uint64_t)];
    int fds[WORK_MAX_DISKS];
    int count = argc - 1;
    struct gap *gap;

    if (count < 1 || count > WORK_MAX_DISKS) {
        fprintf(stderr, "usage: guest-work gap DIR...\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/vmsnap-gap", argv[i + 1]);
        fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (fds[i] < 0) {
            work_die("open", path);
        }
    }
    gap = gap_map();
    gap->last = work_now();
    gap->longest = 0;
    for (uint64_t seq = 0;; seq++) {
        for (int i = 0; i < count; i++) {
            block[0] = seq;
            work_write_sync(fds[i], block, sizeof block, seq % RING * WORK_RECORD);
            gap_note(gap);
        }
        work_beat(seq);
    }
}

int
work_gap_read(int argc, char **argv)
{
    const struct gap *gap = gap_map();
    uint64_t pause = gap_since(gap, work_now());
    uint64_t longest = gap->seen == gap->reset ? gap->longest : 0;

    (void)argc;
    (void)argv;
    longest = pause > longest ? pause : longest;
    printf("%.3f %llu\n", (double)longest / 1e6, (unsigned long long)gap->writes);
    return 0;
}

int
work_gap_reset(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    gap_map()->reset = work_now();
    return 0;
}
