/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/image.h"

#include <glib.h>

/* What the superblock of a file system says about its state. Pure: bytes in, answer out; any bytes
 * are fine. Never a guess: what does not say it is UNKNOWN. */

/* How much of a partition's start is wanted. */
#define VMS_SUPERBLOCK_BYTES ((gsize)128 * 1024)

/* @type as libblkid names it; @start is the start of the partition.
 *
 * ext2, ext3, ext4: replay needed when the journal says so; without a journal, when it was not
 * cleanly unmounted (also while frozen: ext4 without a journal cannot say otherwise).
 * btrfs: replay needed when there is a log tree. vfat, exfat: dirty flags. ntfs: see below.
 * Read-only types and swap: CLEAN. xfs: UNKNOWN, see adapter/blkid/xfs-log.h. */
VmsFsClean vms_superblock_judge(const char *type, const guint8 *start, gsize size);

/* NTFS keeps its dirty flag in a file: where its record lies, from the start of the partition;
 * FALSE when the boot sector makes no sense. */
gboolean vms_superblock_find_ntfs_volume(const guint8 *start, gsize size, guint64 *ret_offset,
                                         gsize *ret_size);
/* NEEDS_REPLAY when that record, which is changed, has the flag; else UNKNOWN, for the flag is not
 * set by an ordinary crash. */
VmsFsClean vms_superblock_judge_ntfs_volume(guint8 *record, gsize size);
