/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/reading.h"
#include "record/view.h"

#include <vmsnap/disk.h>

vmsnap_disk *
vms_disk_handle_new(vmsnap_context *context, VmsDiskInfo *disk)
{
    vmsnap_disk *made = g_new0(vmsnap_disk, 1);

    vms_handle_init(&made->handle, VMS_MAGIC_DISK, context);
    made->disk = disk;
    made->json = vms_view_disk(disk);
    return made;
}

const char *
vmsnap_disk_get_name(const vmsnap_disk *disk)
{
    return vms_handle_is(disk, VMS_MAGIC_DISK) ? disk->disk->name : NULL;
}

const char *
vmsnap_disk_get_path(const vmsnap_disk *disk)
{
    return vms_handle_is(disk, VMS_MAGIC_DISK) ? disk->disk->path : NULL;
}

const char *
vmsnap_disk_get_format(const vmsnap_disk *disk)
{
    return vms_handle_is(disk, VMS_MAGIC_DISK) ? disk->disk->format : NULL;
}

const char *
vmsnap_disk_get_vm_name(const vmsnap_disk *disk)
{
    return vms_handle_is(disk, VMS_MAGIC_DISK) ? disk->disk->vm_name : NULL;
}

const char *
vmsnap_disk_get_vm_uuid(const vmsnap_disk *disk)
{
    return vms_handle_is(disk, VMS_MAGIC_DISK) ? disk->disk->vm_uuid : NULL;
}

const char *
vmsnap_disk_get_target(const vmsnap_disk *disk)
{
    return vms_handle_is(disk, VMS_MAGIC_DISK) ? disk->disk->target : NULL;
}

uint64_t
vmsnap_disk_get_virtual_size(const vmsnap_disk *disk)
{
    return vms_handle_is(disk, VMS_MAGIC_DISK) ? disk->disk->virtual_size : 0;
}

const char *
vmsnap_disk_get_json(const vmsnap_disk *disk)
{
    return vms_handle_is(disk, VMS_MAGIC_DISK) ? disk->json : NULL;
}

vmsnap_disk *
vmsnap_disk_ref(vmsnap_disk *disk)
{
    return vms_handle_ref(disk, VMS_MAGIC_DISK);
}

void
vmsnap_disk_unref(vmsnap_disk *disk)
{
    if (!vms_handle_drop(disk, VMS_MAGIC_DISK))
        return;
    vms_disk_info_free(disk->disk);
    g_free(disk->json);
    vms_handle_free(&disk->handle);
}

size_t
vmsnap_disk_list_get_count(const vmsnap_disk_list *list)
{
    return vms_handle_list_count(list, VMS_MAGIC_DISK_LIST);
}

vmsnap_disk *
vmsnap_disk_list_get_item(const vmsnap_disk_list *list, size_t index)
{
    return vms_handle_list_item(list, VMS_MAGIC_DISK_LIST, index);
}

vmsnap_disk_list *
vmsnap_disk_list_ref(vmsnap_disk_list *list)
{
    return vms_handle_ref(list, VMS_MAGIC_DISK_LIST);
}

void
vmsnap_disk_list_unref(vmsnap_disk_list *list)
{
    vms_handle_list_unref(list, VMS_MAGIC_DISK_LIST);
}
