/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* work.h: what the modes of guest-work share. */
#ifndef GUEST_WORK_H
#define GUEST_WORK_H

#include <stddef.h>
#include <stdint.h>

#define WORK_RECORD 4096u
#define WORK_MAX_DISKS 16

/* One mode per function; argv[0] is the mode's name, exit status is returned. */
int work_records(int argc, char **argv);
int work_gap(int argc, char **argv);
int work_gap_read(int argc, char **argv);
int work_gap_reset(int argc, char **argv);
int work_fstype(int argc, char **argv);
int work_insmod(int argc, char **argv);
int work_idle(int argc, char **argv);

/* Prints the message and errno's text on stderr and exits. */
_Noreturn void work_die(const char *what, const char *object);

/* CRC-32 as zlib computes it. */
uint32_t work_crc32(const void *data, size_t size);

/* Monotonic nanoseconds. */
uint64_t work_now(void);

/* A line on the channel vmsnap.beat, if there is one: the host times it with its own clock,
 * which also runs while the guest is suspended. Never blocks. */
void work_beat(uint64_t seq);

/* Writes the whole buffer at offset and makes it durable, or exits. */
void work_write_sync(int fd, const void *data, size_t size, uint64_t offset);

#endif
