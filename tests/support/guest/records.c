/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* records.c: the oracle's workload. Record n goes to every disk in turn, synced before the next
 * disk is written, so at any instant the logs of the first and the last disk differ by at most one.
 * A log is a row of segments of SEGMENT records; each disk keeps the last two. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "work.h"

#define SEGMENT 4096u /* records in a segment: 16 MiB; tests/support/oracle.py knows it too */
#define PAUSE_US 4000 /* after each record: an emulated guest takes all of a CPU if it can */

struct record {
    char magic[8];
    uint64_t seq;
    uint32_t disk;
    uint32_t disks;
    uint8_t body[WORK_RECORD - 28];
    uint32_t crc;
} __attribute__((packed));

_Static_assert(sizeof(struct record) == WORK_RECORD, "a record is one block");

struct log {
    char dir[PATH_MAX - 64];
    int dir_fd;
    int fd;           /* the segment that grows, -1 before the first record */
    uint64_t segment; /* its number */
    uint64_t head;    /* last whole record, 0 for none */
};

static uint64_t
segment_of(uint64_t seq)
{
    return (seq - 1) / SEGMENT;
}

static void
segment_name(char *name, size_t size, uint64_t segment)
{
    snprintf(name, size, "seg.%08llu", (unsigned long long)segment);
}

static void
record_fill(struct record *record, uint64_t seq, uint32_t disk, uint32_t disks)
{
    uint64_t noise = seq * 0x9e3779b97f4a7c15u + disk;

    memcpy(record->magic, "VMSNAPR1", sizeof record->magic);
    record->seq = seq;
    record->disk = disk;
    record->disks = disks;
    for (size_t i = 0; i < sizeof record->body; i++) {
        noise = noise * 6364136223846793005u + 1442695040888963407u;
        record->body[i] = (uint8_t)(noise >> 56);
    }
    record->crc = work_crc32(record, sizeof *record - sizeof record->crc);
}

static int
record_is_whole(int fd, uint64_t seq)
{
    struct record record;
    off_t offset = (off_t)((seq - 1) % SEGMENT * WORK_RECORD);

    return pread(fd, &record, sizeof record, offset) == (ssize_t)sizeof record &&
           memcmp(record.magic, "VMSNAPR1", sizeof record.magic) == 0 && record.seq == seq &&
           record.crc == work_crc32(&record, sizeof record - sizeof record.crc);
}

/* The greatest segment number in the folder, or -1. */
static long long
last_segment(int dir_fd)
{
    long long last = -1;
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        unsigned long long number;
        if (sscanf(entry->d_name, "seg.%8llu", &number) == 1 && (long long)number > last) {
            last = (long long)number;
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return last;
}

static void
log_open(struct log *log, const char *dir)
{
    char name[32];
    long long last;
    struct stat status;

    snprintf(log->dir, sizeof log->dir, "%s/vmsnap-log", dir);
    if (mkdir(log->dir, 0755) != 0 && errno != EEXIST) {
        work_die("make", log->dir);
    }
    log->dir_fd = open(log->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (log->dir_fd < 0) {
        work_die("open", log->dir);
    }
    log->fd = -1;
    log->head = 0;
    last = last_segment(log->dir_fd);
    if (last < 0) {
        return;
    }
    log->segment = (uint64_t)last;
    segment_name(name, sizeof name, log->segment);
    log->fd = openat(log->dir_fd, name, O_RDWR | O_CLOEXEC);
    if (log->fd < 0 || fstat(log->fd, &status) != 0) {
        work_die("open", name);
    }
    log->head = log->segment * SEGMENT + (uint64_t)status.st_size / WORK_RECORD;
    while (log->head > log->segment * SEGMENT && !record_is_whole(log->fd, log->head)) {
        log->head--;
    }
}

/* Makes the segment ready for records and lets go of the one before the last. */
static void
log_enter_segment(struct log *log, uint64_t segment)
{
    char name[32];

    if (log->fd >= 0) {
        close(log->fd);
    }
    segment_name(name, sizeof name, segment);
    log->fd = openat(log->dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (log->fd < 0) {
        work_die("open", name);
    }
    log->segment = segment;
    if (segment >= 2) {
        segment_name(name, sizeof name, segment - 2);
        unlinkat(log->dir_fd, name, 0);
    }
    if (fsync(log->dir_fd) != 0) {
        work_die("sync", log->dir);
    }
}

/* Keeps the number of the last record that is on every disk in /run/records, which is memory. */
static void
tell_progress(uint64_t seq)
{
    static int fd = -1;
    char line[32];
    int size = snprintf(line, sizeof line, "%020llu\n", (unsigned long long)seq);

    if (fd < 0) {
        fd = open("/run/records", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    }
    if (pwrite(fd, line, (size_t)size, 0) != size) {
        work_die("write", "/run/records");
    }
    work_beat(seq);
}

/* Cuts the log back to its first `seq` records (all numbers start at 1). */
static void
log_cut(struct log *log, uint64_t seq)
{
    char name[32];
    uint64_t last = log->fd < 0 ? 0 : log->segment;
    uint64_t keep = seq == 0 ? 0 : segment_of(seq);

    for (uint64_t segment = last; log->fd >= 0 && segment > keep; segment--) {
        segment_name(name, sizeof name, segment);
        unlinkat(log->dir_fd, name, 0);
    }
    log_enter_segment(log, keep);
    if (ftruncate(log->fd, (off_t)((seq - keep * SEGMENT) * WORK_RECORD)) != 0 ||
        fsync(log->fd) != 0) {
        work_die("cut", log->dir);
    }
    log->head = seq;
}

static uint64_t
shortest(const struct log *logs, int count)
{
    uint64_t head = logs[0].head;

    for (int i = 1; i < count; i++) {
        head = logs[i].head < head ? logs[i].head : head;
    }
    return head;
}

int
work_records(int argc, char **argv)
{
    static struct log logs[WORK_MAX_DISKS];
    static struct record record;
    int count = argc - 1;
    uint64_t head;

    if (count < 1 || count > WORK_MAX_DISKS) {
        fprintf(stderr, "usage: guest-work records DIR...\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        log_open(&logs[i], argv[i + 1]);
    }
    head = shortest(logs, count);
    for (int i = 0; i < count; i++) {
        log_cut(&logs[i], head);
    }
    for (uint64_t seq = head + 1;; seq++) {
        for (int i = 0; i < count; i++) {
            if (segment_of(seq) != logs[i].segment) {
                log_enter_segment(&logs[i], segment_of(seq));
            }
            record_fill(&record, seq, (uint32_t)i, (uint32_t)count);
            work_write_sync(logs[i].fd, &record, sizeof record, (seq - 1) % SEGMENT * WORK_RECORD);
        }
        tell_progress(seq);
        usleep(PAUSE_US);
    }
}
