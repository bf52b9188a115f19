/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/snapshot.h"

VmsSnapshotDisk *
vms_snapshot_disk_new(const char *target)
{
    VmsSnapshotDisk *disk = g_new0(VmsSnapshotDisk, 1);

    disk->target = g_strdup(target);
    return disk;
}

void
vms_snapshot_disk_free(VmsSnapshotDisk *disk)
{
    if (!disk)
        return;
    g_free(disk->target);
    g_free(disk->name);
    g_free(disk->source);
    vms_image_free(disk->origin);
    vms_image_free(disk->image);
    g_free(disk->sha256);
    g_free(disk->serial);
    g_free(disk->bus);
    g_free(disk);
}

VmsDependency *
vms_dependency_new(const char *path, const char *role)
{
    VmsDependency *dependency = g_new0(VmsDependency, 1);

    dependency->path = g_strdup(path);
    dependency->role = g_strdup(role);
    return dependency;
}

void
vms_dependency_free(VmsDependency *dependency)
{
    if (!dependency)
        return;
    g_free(dependency->path);
    g_free(dependency->role);
    g_free(dependency->sha256);
    g_free(dependency);
}

VmsSnapshot *
vms_snapshot_new(const char *uuid, const char *name)
{
    VmsSnapshot *snapshot = g_new0(VmsSnapshot, 1);

    snapshot->uuid = g_strdup(uuid);
    snapshot->name = g_strdup(name);
    snapshot->labels = g_ptr_array_new_with_free_func(g_free);
    snapshot->folders = g_ptr_array_new_with_free_func(g_free);
    snapshot->macs = g_ptr_array_new_with_free_func(g_free);
    snapshot->networks = g_ptr_array_new_with_free_func(g_free);
    snapshot->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_snapshot_disk_free);
    snapshot->parts = g_ptr_array_new_with_free_func((GDestroyNotify)vms_part_free);
    snapshot->addresses = g_ptr_array_new_with_free_func((GDestroyNotify)vms_address_free);
    snapshot->dependencies = g_ptr_array_new_with_free_func((GDestroyNotify)vms_dependency_free);
    snapshot->resources = g_ptr_array_new_with_free_func((GDestroyNotify)vms_finding_free);
    snapshot->conditions = g_ptr_array_new_with_free_func((GDestroyNotify)vms_condition_free);
    return snapshot;
}

void
vms_snapshot_free(VmsSnapshot *snapshot)
{
    if (!snapshot)
        return;
    g_free(snapshot->uuid);
    g_free(snapshot->name);
    g_free(snapshot->description);
    g_free(snapshot->vm_uuid);
    g_free(snapshot->vm_name);
    g_free(snapshot->disk);
    g_free(snapshot->operation);
    g_free(snapshot->inactive_xml);
    g_free(snapshot->live_xml);
    g_ptr_array_unref(snapshot->labels);
    g_ptr_array_unref(snapshot->folders);
    g_ptr_array_unref(snapshot->macs);
    g_ptr_array_unref(snapshot->networks);
    g_ptr_array_unref(snapshot->disks);
    g_ptr_array_unref(snapshot->parts);
    g_ptr_array_unref(snapshot->addresses);
    g_ptr_array_unref(snapshot->dependencies);
    g_ptr_array_unref(snapshot->resources);
    g_ptr_array_unref(snapshot->conditions);
    vms_evidence_free(snapshot->evidence);
    g_free(snapshot);
}

void
vms_snapshot_name_vm(VmsSnapshot *snapshot, const VmsVm *vm)
{
    g_free(snapshot->vm_uuid);
    snapshot->vm_uuid = g_strdup(vm->uuid);
    g_free(snapshot->vm_name);
    snapshot->vm_name = g_strdup(vm->name);
}

const VmsSnapshotDisk *
vms_snapshot_find_disk(const VmsSnapshot *snapshot, const char *target)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];

        if (g_strcmp0(disk->target, target) == 0)
            return disk;
    }
    return NULL;
}

const char *
vms_snapshot_ready_type(const VmsSnapshot *snapshot)
{
    return snapshot->subject == VMSNAP_SNAPSHOT_KIND_DISK ? "VirtualDiskSnapshotReady"
                                                          : "VirtualMachineSnapshotReady";
}

const char *
vms_snapshot_kind_name(vmsnap_snapshot_kind kind)
{
    return kind == VMSNAP_SNAPSHOT_KIND_DISK ? "VirtualDiskSnapshot" : "VirtualMachineSnapshot";
}

const char *
vms_grade_name(vmsnap_grade grade)
{
    switch (grade) {
    case VMSNAP_GRADE_OFFLINE:
        return "offline";
    case VMSNAP_GRADE_FROZEN:
        return "frozen";
    case VMSNAP_GRADE_CRASH:
        return "crash";
    case VMSNAP_GRADE_NONE:
        break;
    }
    return "none";
}

const char *
vms_policy_name(vmsnap_consistency_policy policy)
{
    switch (policy) {
    case VMSNAP_CONSISTENCY_PREFER:
        return "prefer";
    case VMSNAP_CONSISTENCY_SKIP:
        return "skip";
    case VMSNAP_CONSISTENCY_REQUIRE:
        break;
    }
    return "require";
}

const char *
vms_method_name(vmsnap_method method)
{
    switch (method) {
    case VMSNAP_METHOD_REFLINK:
        return "reflink";
    case VMSNAP_METHOD_COPY:
        return "copy";
    case VMSNAP_METHOD_BACKUP:
        return "backup";
    case VMSNAP_METHOD_AUTO:
        break;
    }
    return "auto";
}

const char *
vms_snapshot_phase_name(vmsnap_snapshot_phase phase)
{
    switch (phase) {
    case VMSNAP_SNAPSHOT_PENDING:
        return "Pending";
    case VMSNAP_SNAPSHOT_IN_PROGRESS:
        return "InProgress";
    case VMSNAP_SNAPSHOT_READY:
        return "Ready";
    case VMSNAP_SNAPSHOT_FAILED:
        return "Failed";
    case VMSNAP_SNAPSHOT_TERMINATING:
        break;
    }
    return "Terminating";
}
