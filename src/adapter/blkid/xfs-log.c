/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/blkid/xfs-log.h"

#include <string.h>

#define RECORD_MAGIC 0xfeedbabeU

enum {
    BLOCK = 512,
    SUPER_BYTES = 128,
    HEADER_BYTES = 32 * 1024, /* of log that one header block describes */
    UNMOUNT_FLAG = 0x20,
    MOST_BACK = 1024 /* blocks of a record, and then some */
};

/* Found in the superblock. */
typedef struct {
    const VmsXfsSource *source;
    guint64 start;  /* bytes */
    guint64 blocks; /* of 512 bytes */
} Log;

static guint32
get32(const guint8 *at)
{
    return (guint32)at[0] << 24 | (guint32)at[1] << 16 | (guint32)at[2] << 8 | at[3];
}

static guint64
get64(const guint8 *at)
{
    return (guint64)get32(at) << 32 | get32(at + 4);
}

/* Block numbers count groups and blocks in a group. */
static gboolean
find_log(const guint8 *super, gsize size, Log *log)
{
    guint64 block_size;
    guint64 first;
    guint group_bits;
    guint64 group;
    guint64 in_group;

    if (size < SUPER_BYTES || memcmp(super, "XFSB", 4) != 0)
        return FALSE;
    block_size = get32(super + 4);
    first = get64(super + 0x30);
    group_bits = super[0x7c];
    if (first == 0 || block_size < BLOCK || block_size > 65536 || group_bits < 1 || group_bits > 31)
        return FALSE;
    group = first >> group_bits;
    in_group = first & (((guint64)1 << group_bits) - 1);
    if (group > G_MAXUINT32)
        return FALSE;
    log->start = (group * get32(super + 0x54) + in_group) * block_size;
    log->blocks = get32(super + 0x60) * block_size / BLOCK;
    return log->blocks >= 4;
}

static gboolean
read_block(const Log *log, guint64 number, guint8 *block)
{
    return log->source->read(log->source->data, log->start + number % log->blocks * BLOCK, block,
                             BLOCK);
}

/* Every block of the log begins with the number of the round in which it was written, but the head
 * of a record with a magic before it. FALSE when it cannot be read. */
static gboolean
read_cycle(const Log *log, guint64 number, guint32 *ret_cycle)
{
    guint8 block[BLOCK];

    if (!read_block(log, number, block))
        return FALSE;
    *ret_cycle = get32(block) == RECORD_MAGIC ? get32(block + 4) : get32(block);
    return TRUE;
}

/* The first block that was not written in the round of the first one: where the next would go. */
static gboolean
find_end(const Log *log, guint64 *ret_end)
{
    guint64 low = 0;
    guint64 high = log->blocks - 1;
    guint32 first;
    guint32 last;

    if (!read_cycle(log, 0, &first) || !read_cycle(log, high, &last) || first == 0)
        return FALSE;
    if (first == last) {
        *ret_end = log->blocks;
        return TRUE;
    }
    if (last != 0 && last != first - 1) /* 0: never written */
        return FALSE;
    while (high - low > 1) {
        guint64 middle = low + (high - low) / 2;
        guint32 cycle;

        if (!read_cycle(log, middle, &cycle))
            return FALSE;
        if (cycle == first)
            low = middle;
        else
            high = middle;
    }
    *ret_end = high;
    return TRUE;
}

/* Whether the record at @number is one of an unmount and goes up to @end. */
static gboolean
is_unmount(const Log *log, guint64 number, guint64 end, const guint8 *header)
{
    guint32 length = get32(header + 12);
    guint32 most = get32(header + 320);
    guint64 heads = get32(header + 8) & 2 && most > HEADER_BYTES
                        ? ((guint64)most + HEADER_BYTES - 1) / HEADER_BYTES
                        : 1;
    guint8 block[BLOCK];

    if (number + heads + ((guint64)length + BLOCK - 1) / BLOCK != end || get32(header + 40) != 1)
        return FALSE;
    return read_block(log, number + heads, block) && block[9] & UNMOUNT_FLAG;
}

VmsFsClean
vms_xfs_log_judge(const VmsXfsSource *source, const guint8 *super, gsize size)
{
    Log log = { .source = source };
    guint64 end;

    if (!find_log(super, size, &log) || !find_end(&log, &end))
        return VMS_FS_UNKNOWN;
    /* Counted beyond the end of the log: a record may go around it. */
    end += log.blocks;
    for (guint64 back = 1; back <= MIN((guint64)MOST_BACK, log.blocks); back++) {
        guint8 header[BLOCK];

        if (!read_block(&log, end - back, header))
            return VMS_FS_UNKNOWN;
        if (get32(header) == RECORD_MAGIC)
            return is_unmount(&log, end - back, end, header) ? VMS_FS_CLEAN : VMS_FS_UNKNOWN;
    }
    return VMS_FS_UNKNOWN;
}
