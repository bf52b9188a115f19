/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/blkid/seed.h"
#include "adapter/blkid/superblock.h"
#include "adapter/blkid/xfs-log.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    const uint8_t *data;
    size_t size;
} Image;

/* It goes on as it began: a log may lie far behind. */
static gboolean
read_image(gconstpointer data, guint64 offset, void *buffer, gsize size)
{
    const Image *image = data;

    if (image->size == 0 || offset > G_MAXUINT64 / 2)
        return FALSE;
    for (gsize i = 0; i < size; i++)
        ((uint8_t *)buffer)[i] = image->data[(offset + i) % image->size];
    return TRUE;
}

/* Every judge of superblocks on the same bytes; an XFS never says that it needs a replay. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = { "ext4", "btrfs", "vfat", "exfat", "swap", "what" };
    const Image image = { data, size };
    const VmsXfsSource source = { .read = read_image, .data = &image };
    const VmsSeedSource media = { .read = read_image, .data = &image };
    g_autofree uint8_t *copy = g_memdup2(data, size);
    guint64 offset = 0;
    gsize count = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(types); i++)
        vms_superblock_judge(types[i], data, size);
    if (vms_superblock_find_ntfs_volume(data, size, &offset, &count) && count < 512)
        __builtin_trap();
    if (copy)
        vms_superblock_judge_ntfs_volume(copy, size);
    if (vms_xfs_log_judge(&source, data, size) == VMS_FS_NEEDS_REPLAY)
        __builtin_trap();
    vms_seed_has_file(&media);
    return 0;
}
