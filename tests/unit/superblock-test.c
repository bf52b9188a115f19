/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/blkid/superblock.h"

#include <criterion/criterion.h>
#include <string.h>

static guint8 start[VMS_SUPERBLOCK_BYTES];

static void
begin(void)
{
    memset(start, 0, sizeof(start));
}

TestSuite(superblock, .init = begin);

static VmsFsClean
judge(const char *type)
{
    return vms_superblock_judge(type, start, sizeof(start));
}

static void
make_ext(gboolean journal)
{
    start[1024 + 0x38] = 0x53;
    start[1024 + 0x39] = 0xef;
    start[1024 + 0x3a] = 1;
    start[1024 + 0x5c] = journal ? 4 : 0;
}

Test(superblock, ext4_says_whether_its_journal_is_needed)
{
    make_ext(TRUE);
    cr_assert_eq(judge("ext4"), VMS_FS_CLEAN);
    start[1024 + 0x60] = 0x42 | 4;
    cr_assert_eq(judge("ext4"), VMS_FS_NEEDS_REPLAY);
    cr_assert_eq(judge("ext3"), VMS_FS_NEEDS_REPLAY);
    start[1024 + 0x60] = 0x42;
    cr_assert_eq(judge("ext4"), VMS_FS_CLEAN);
}

Test(superblock, an_ext4_with_errors_is_not_clean)
{
    make_ext(TRUE);
    start[1024 + 0x3a] = 3;
    cr_assert_eq(judge("ext4"), VMS_FS_NEEDS_REPLAY);
}

Test(superblock, a_journal_alone_makes_an_unset_valid_flag_harmless)
{
    make_ext(TRUE);
    start[1024 + 0x3a] = 0;
    cr_assert_eq(judge("ext4"), VMS_FS_CLEAN);
    make_ext(FALSE);
    start[1024 + 0x3a] = 0;
    cr_assert_eq(judge("ext2"), VMS_FS_NEEDS_REPLAY);
    start[1024 + 0x3a] = 1;
    cr_assert_eq(judge("ext2"), VMS_FS_CLEAN);
}

Test(superblock, without_its_magic_nothing_is_said)
{
    static const char *const types[] = {
        "ext4", "btrfs", "vfat", "exfat", "ntfs", "xfs", "what", ""
    };

    for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
        cr_assert_eq(judge(types[i]), VMS_FS_UNKNOWN, "%s", types[i]);
    cr_assert_eq(judge("squashfs"), VMS_FS_CLEAN);
    cr_assert_eq(judge("swap"), VMS_FS_CLEAN);
}

Test(superblock, btrfs_is_clean_without_a_log_tree)
{
    memcpy(start + 65536 + 0x40, "_BHRfS_M", 8);
    cr_assert_eq(judge("btrfs"), VMS_FS_CLEAN);
    start[65536 + 0x60 + 7] = 1;
    cr_assert_eq(judge("btrfs"), VMS_FS_NEEDS_REPLAY);
}

static void
make_fat(gboolean fat32)
{
    start[0x0c] = 2; /* 512 bytes a sector */
    start[0x0e] = 4; /* reserved sectors */
    start[0x1fe] = 0x55;
    start[0x1ff] = 0xaa;
    memset(start + 2048, 0xff, 8);
    if (!fat32) {
        start[0x16] = 1;
        memcpy(start + 0x36, "FAT16   ", 8);
    }
}

Test(superblock, fat_tells_by_both_flags)
{
    make_fat(TRUE);
    cr_assert_eq(judge("vfat"), VMS_FS_CLEAN);
    start[0x41] = 1;
    cr_assert_eq(judge("vfat"), VMS_FS_NEEDS_REPLAY);
    start[0x41] = 0;
    start[2048 + 7] = 0xf7;
    cr_assert_eq(judge("vfat"), VMS_FS_NEEDS_REPLAY);
    begin();
    make_fat(FALSE);
    cr_assert_eq(judge("vfat"), VMS_FS_CLEAN);
    start[0x25] = 1;
    cr_assert_eq(judge("vfat"), VMS_FS_NEEDS_REPLAY);
    start[0x25] = 0;
    start[2048 + 3] = 0x7f;
    cr_assert_eq(judge("vfat"), VMS_FS_NEEDS_REPLAY);
}

Test(superblock, exfat_has_its_own_flag)
{
    memcpy(start + 3, "EXFAT   ", 8);
    cr_assert_eq(judge("exfat"), VMS_FS_CLEAN);
    start[0x6a] = 2;
    cr_assert_eq(judge("exfat"), VMS_FS_NEEDS_REPLAY);
}

static void
make_ntfs(void)
{
    memcpy(start + 3, "NTFS    ", 8);
    start[0x0c] = 2;
    start[0x0d] = 8;    /* clusters of 4 KiB */
    start[0x30] = 4;    /* table at cluster 4 */
    start[0x40] = 0xf6; /* records of 2^10 bytes */
}

Test(superblock, the_ntfs_volume_record_is_found)
{
    guint64 offset = 0;
    gsize size = 0;

    cr_assert_not(vms_superblock_find_ntfs_volume(start, sizeof(start), &offset, &size));
    make_ntfs();
    cr_assert(vms_superblock_find_ntfs_volume(start, sizeof(start), &offset, &size));
    cr_assert_eq(offset, 4 * 4096 + 3 * 1024);
    cr_assert_eq(size, 1024);
    memset(start + 0x30, 0xff, 8);
    cr_assert_not(vms_superblock_find_ntfs_volume(start, sizeof(start), &offset, &size));
    make_ntfs();
    start[0x40] = 0x80;
    cr_assert_not(vms_superblock_find_ntfs_volume(start, sizeof(start), &offset, &size));
}

Test(superblock, ntfs_says_dirty_or_nothing)
{
    guint8 record[1024] = "FILE";

    cr_assert_eq(vms_superblock_judge_ntfs_volume(record, sizeof(record)), VMS_FS_UNKNOWN);
    record[0x14] = 0x38;
    record[0x38] = 0x30; /* another attribute first */
    record[0x38 + 4] = 0x20;
    record[0x58] = 0x70;
    record[0x58 + 4] = 0x28;
    record[0x58 + 0x14] = 0x18;
    cr_assert_eq(vms_superblock_judge_ntfs_volume(record, sizeof(record)), VMS_FS_UNKNOWN);
    record[0x58 + 0x18 + 10] = 1;
    cr_assert_eq(vms_superblock_judge_ntfs_volume(record, sizeof(record)), VMS_FS_NEEDS_REPLAY);
}

Test(superblock, short_and_random_bytes_do_no_harm)
{
    static const char *const types[] = { "ext4", "btrfs", "vfat", "exfat" };
    guint64 offset;
    gsize size;

    memset(start, 0xff, sizeof(start));
    memcpy(start + 3, "NTFS    ", 8);
    memcpy(start + 0x200, "FILE", 4);
    for (gsize n = 0; n < 2048; n++) {
        g_autofree guint8 *copy = g_memdup2(start, n + 1);

        for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
            vms_superblock_judge(types[i], copy + 1, n);
        vms_superblock_find_ntfs_volume(copy + 1, n, &offset, &size);
        if (n > 0x200)
            vms_superblock_judge_ntfs_volume(copy + 0x200, n - 0x200);
    }
}
