/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/check-result.h"

VmsCheckDisk *
vms_check_disk_new(const char *target)
{
    VmsCheckDisk *disk = g_new0(VmsCheckDisk, 1);

    disk->target = g_strdup(target);
    return disk;
}

void
vms_check_disk_free(VmsCheckDisk *disk)
{
    if (!disk)
        return;
    g_free(disk->target);
    g_free(disk->path);
    g_free(disk->format);
    g_free(disk->why);
    g_free(disk->sharer);
    g_free(disk);
}

VmsCheckResult *
vms_check_result_new(void)
{
    VmsCheckResult *check = g_new0(VmsCheckResult, 1);

    check->filesystems = g_ptr_array_new_with_free_func((GDestroyNotify)vms_guest_fs_free);
    check->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_check_disk_free);
    check->exceptions = g_ptr_array_new_with_free_func(g_free);
    check->findings = g_ptr_array_new_with_free_func((GDestroyNotify)vms_finding_free);
    check->verdict = VMSNAP_VERDICT_BLOCKED;
    return check;
}

void
vms_check_result_free(VmsCheckResult *check)
{
    if (!check)
        return;
    g_free(check->vm_name);
    g_free(check->vm_uuid);
    g_free(check->state_reason);
    g_free(check->agent_version);
    g_free(check->job);
    g_free(check->locked_by);
    g_ptr_array_unref(check->filesystems);
    g_ptr_array_unref(check->disks);
    g_ptr_array_unref(check->exceptions);
    g_ptr_array_unref(check->findings);
    g_free(check);
}
