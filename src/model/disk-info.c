/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/disk-info.h"

VmsDiskInfo *
vms_disk_info_new(const char *path, const char *format)
{
    VmsDiskInfo *info = g_new0(VmsDiskInfo, 1);

    info->name = g_strdup(path);
    info->path = g_strdup(path);
    info->format = g_strdup(format);
    return info;
}

VmsDiskInfo *
vms_disk_info_new_of_vm(const VmsVm *vm, const VmsDisk *disk)
{
    VmsDiskInfo *info = g_new0(VmsDiskInfo, 1);

    info->name = g_strdup_printf("%s/%s", vm->name, disk->target);
    info->vm_uuid = g_strdup(vm->uuid);
    info->vm_name = g_strdup(vm->name);
    info->target = g_strdup(disk->target);
    info->bus = g_strdup(disk->bus);
    info->serial = g_strdup(disk->serial);
    info->device = disk->device;
    info->source_type = g_strdup(disk->source_type);
    info->path = g_strdup(disk->path);
    info->network = g_strdup(disk->network);
    info->format = g_strdup(disk->format);
    info->readonly = disk->readonly;
    info->shareable = disk->shareable;
    return info;
}

void
vms_disk_info_free(VmsDiskInfo *info)
{
    if (!info)
        return;
    g_free(info->name);
    g_free(info->vm_uuid);
    g_free(info->vm_name);
    g_free(info->target);
    g_free(info->bus);
    g_free(info->serial);
    g_free(info->source_type);
    g_free(info->path);
    g_free(info->network);
    g_free(info->format);
    g_free(info);
}
