/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/blkid/superblock.h"

#include <string.h>

/* Little-endian numbers; 0 beyond the end. */
static guint16
get16(const guint8 *data, gsize size, gsize at)
{
    if (size < 2 || at > size - 2)
        return 0;
    return (guint16)(data[at] | data[at + 1] << 8);
}

static guint32
get32(const guint8 *data, gsize size, gsize at)
{
    return get16(data, size, at) | (guint32)get16(data, size, at + 2) << 16;
}

static guint64
get64(const guint8 *data, gsize size, gsize at)
{
    return get32(data, size, at) | (guint64)get32(data, size, at + 4) << 32;
}

static gboolean
has(const guint8 *data, gsize size, gsize at, const char *bytes, gsize count)
{
    return size >= count && at <= size - count && memcmp(data + at, bytes, count) == 0;
}

static VmsFsClean
judge_ext(const guint8 *start, gsize size)
{
    const gsize super = 1024;
    const guint16 valid = 1;
    const guint16 faulty = 2;
    const guint32 has_journal = 4;
    const guint32 needs_recovery = 4;
    guint16 state = get16(start, size, super + 0x3a);

    if (!has(start, size, super + 0x38, "\x53\xef", 2))
        return VMS_FS_UNKNOWN;
    if (get32(start, size, super + 0x60) & needs_recovery || state & faulty)
        return VMS_FS_NEEDS_REPLAY;
    if (!(get32(start, size, super + 0x5c) & has_journal) && !(state & valid))
        return VMS_FS_NEEDS_REPLAY;
    return VMS_FS_CLEAN;
}

static VmsFsClean
judge_btrfs(const guint8 *start, gsize size)
{
    const gsize super = 64 * 1024;

    if (!has(start, size, super + 0x40, "_BHRfS_M", 8))
        return VMS_FS_UNKNOWN;
    return get64(start, size, super + 0x60) ? VMS_FS_NEEDS_REPLAY : VMS_FS_CLEAN;
}

/* Linux keeps a flag in the boot sector; Windows clears a bit of the second entry of the table. */
static VmsFsClean
judge_vfat(const guint8 *start, gsize size)
{
    gboolean fat32 = get16(start, size, 0x16) == 0;
    gsize flag = fat32 ? 0x41 : 0x25;
    gsize table = (gsize)get16(start, size, 0x0b) * get16(start, size, 0x0e);
    gboolean fat16 = has(start, size, 0x36, "FAT16", 5);

    if (!has(start, size, 0x1fe, "\x55\xaa", 2))
        return VMS_FS_UNKNOWN;
    if (start[flag] & 1)
        return VMS_FS_NEEDS_REPLAY;
    if (size < 8 || table == 0 || table > size - 8)
        return VMS_FS_UNKNOWN;
    if (fat32 && !(get32(start, size, table + 4) & 0x08000000))
        return VMS_FS_NEEDS_REPLAY;
    if (fat16 && !(get16(start, size, table + 2) & 0x8000))
        return VMS_FS_NEEDS_REPLAY;
    return VMS_FS_CLEAN;
}

static VmsFsClean
judge_exfat(const guint8 *start, gsize size)
{
    if (!has(start, size, 3, "EXFAT   ", 8))
        return VMS_FS_UNKNOWN;
    return get16(start, size, 0x6a) & 2 ? VMS_FS_NEEDS_REPLAY : VMS_FS_CLEAN;
}

static gboolean
is_one_of(const char *type, const char *const *types)
{
    return g_strv_contains(types, type);
}

VmsFsClean
vms_superblock_judge(const char *type, const guint8 *start, gsize size)
{
    static const char *const ext[] = { "ext2", "ext3", "ext4", "ext4dev", NULL };
    static const char *const still[] = { "iso9660", "udf",  "squashfs", "erofs",
                                         "cramfs",  "swap", NULL };

    if (is_one_of(type, ext))
        return judge_ext(start, size);
    if (!strcmp(type, "btrfs"))
        return judge_btrfs(start, size);
    if (!strcmp(type, "vfat"))
        return judge_vfat(start, size);
    if (!strcmp(type, "exfat"))
        return judge_exfat(start, size);
    return is_one_of(type, still) ? VMS_FS_CLEAN : VMS_FS_UNKNOWN;
}

gboolean
vms_superblock_find_ntfs_volume(const guint8 *start, gsize size, guint64 *ret_offset,
                                gsize *ret_size)
{
    guint64 sector = get16(start, size, 0x0b);
    guint64 table = get64(start, size, 0x30);
    gint8 clusters = 0;
    guint64 per_cluster = size > 0x0d ? start[0x0d] : 0;
    guint64 cluster;
    guint64 record;

    if (!has(start, size, 3, "NTFS    ", 8) || sector < 256 || sector > 4096)
        return FALSE;
    if (size > 0x40)
        clusters = (gint8)start[0x40];
    if (per_cluster > 0x80) /* then it is a negative power of two */
        per_cluster = per_cluster >= 0xf4 ? (guint64)1 << (256 - per_cluster) : 0;
    cluster = sector * per_cluster;
    record = clusters > 0 ? (guint64)clusters * cluster
                          : (guint64)1 << MIN((guint) - (gint)clusters, 20);
    if (cluster == 0 || record < 512 || record > 65536 || table > G_MAXINT64 / 2 / cluster)
        return FALSE;
    *ret_offset = table * cluster + 3 * record;
    *ret_size = (gsize)record;
    return TRUE;
}

/* Each 512 bytes of a record end in a mark that tells a torn write, and whose place holds something
 * else: that stands in a list at the start. FALSE when it was torn. */
static gboolean
put_back_marks(guint8 *record, gsize size)
{
    gsize list = get16(record, size, 4);
    gsize count = get16(record, size, 6);

    for (gsize i = 1; i < count; i++) {
        gsize at = i * 512 - 2;

        if (at + 2 > size || list + i * 2 + 2 > size || memcmp(record + at, record + list, 2) != 0)
            return FALSE;
        memcpy(record + at, record + list + i * 2, 2);
    }
    return TRUE;
}

VmsFsClean
vms_superblock_judge_ntfs_volume(guint8 *record, gsize size)
{
    const guint32 volume_information = 0x70;
    gsize at = get16(record, size, 0x14);

    if (!has(record, size, 0, "FILE", 4) || !put_back_marks(record, size))
        return VMS_FS_UNKNOWN;
    while (at >= 0x18 && at + 24 <= size) {
        guint32 type = get32(record, size, at);
        guint32 length = get32(record, size, at + 4);
        guint16 content = get16(record, size, at + 0x14);

        if (type == volume_information)
            return get16(record, size, at + content + 10) & 1 ? VMS_FS_NEEDS_REPLAY
                                                              : VMS_FS_UNKNOWN;
        if (type == G_MAXUINT32 || length < 24 || length > size)
            return VMS_FS_UNKNOWN;
        at += length;
    }
    return VMS_FS_UNKNOWN;
}
