/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/new-disk.h"

VmsNewDisk *
vms_new_disk_new(const char *path)
{
    VmsNewDisk *disk = g_new0(VmsNewDisk, 1);

    disk->path = g_strdup(path);
    return disk;
}

void
vms_new_disk_free(VmsNewDisk *disk)
{
    if (!disk)
        return;
    g_free(disk->path);
    g_free(disk->next);
    g_free(disk->sum);
    g_free(disk->sum_next);
    g_free(disk->pool);
    g_free(disk->base);
    g_free(disk->format);
    g_free(disk->sha256);
    g_free(disk);
}

const char *
vms_new_disk_way_name(VmsNewDiskWay way)
{
    switch (way) {
    case VMS_NEW_DISK_CLONE:
        return "reflink";
    case VMS_NEW_DISK_COPY:
        return "copy";
    case VMS_NEW_DISK_CONVERT:
        return "convert";
    case VMS_NEW_DISK_OVERLAY:
        break;
    }
    return "linked";
}
