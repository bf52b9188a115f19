/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/reading.h"
#include "record/view.h"

#include <vmsnap/snapshot.h>

vmsnap_snapshot *
vms_snapshot_handle_new(vmsnap_context *context, VmsSnapshot *snapshot)
{
    vmsnap_snapshot *made = g_new0(vmsnap_snapshot, 1);

    vms_handle_init(&made->handle, VMS_MAGIC_SNAPSHOT, context);
    made->snapshot = snapshot;
    made->json = vms_view_snapshot(snapshot);
    return made;
}

const char *
vmsnap_snapshot_get_name(const vmsnap_snapshot *snapshot)
{
    return vms_handle_is(snapshot, VMS_MAGIC_SNAPSHOT) ? snapshot->snapshot->name : NULL;
}

const char *
vmsnap_snapshot_get_uuid(const vmsnap_snapshot *snapshot)
{
    return vms_handle_is(snapshot, VMS_MAGIC_SNAPSHOT) ? snapshot->snapshot->uuid : NULL;
}

vmsnap_snapshot_kind
vmsnap_snapshot_get_kind(const vmsnap_snapshot *snapshot)
{
    return vms_handle_is(snapshot, VMS_MAGIC_SNAPSHOT) ? snapshot->snapshot->subject
                                                       : VMSNAP_SNAPSHOT_KIND_VM;
}

const char *
vmsnap_snapshot_get_disk_name(const vmsnap_snapshot *snapshot)
{
    return vms_handle_is(snapshot, VMS_MAGIC_SNAPSHOT) ? snapshot->snapshot->disk : NULL;
}

const char *
vmsnap_snapshot_get_vm_name(const vmsnap_snapshot *snapshot)
{
    return vms_handle_is(snapshot, VMS_MAGIC_SNAPSHOT) ? snapshot->snapshot->vm_name : NULL;
}

const char *
vmsnap_snapshot_get_vm_uuid(const vmsnap_snapshot *snapshot)
{
    return vms_handle_is(snapshot, VMS_MAGIC_SNAPSHOT) ? snapshot->snapshot->vm_uuid : NULL;
}

vmsnap_snapshot_phase
vmsnap_snapshot_get_phase(const vmsnap_snapshot *snapshot)
{
    return vms_handle_is(snapshot, VMS_MAGIC_SNAPSHOT) ? snapshot->snapshot->phase
                                                       : VMSNAP_SNAPSHOT_FAILED;
}

vmsnap_grade
vmsnap_snapshot_get_grade(const vmsnap_snapshot *snapshot)
{
    return vms_handle_is(snapshot, VMS_MAGIC_SNAPSHOT) ? snapshot->snapshot->grade
                                                       : VMSNAP_GRADE_NONE;
}

int
vmsnap_snapshot_get_consistent(const vmsnap_snapshot *snapshot)
{
    vmsnap_grade grade = vmsnap_snapshot_get_grade(snapshot);

    return grade == VMSNAP_GRADE_OFFLINE || grade == VMSNAP_GRADE_FROZEN;
}

int64_t
vmsnap_snapshot_get_created(const vmsnap_snapshot *snapshot)
{
    return vms_handle_is(snapshot, VMS_MAGIC_SNAPSHOT) ? snapshot->snapshot->created_us : 0;
}

const char *
vmsnap_snapshot_get_json(const vmsnap_snapshot *snapshot)
{
    return vms_handle_is(snapshot, VMS_MAGIC_SNAPSHOT) ? snapshot->json : NULL;
}

vmsnap_snapshot *
vmsnap_snapshot_ref(vmsnap_snapshot *snapshot)
{
    return vms_handle_ref(snapshot, VMS_MAGIC_SNAPSHOT);
}

void
vmsnap_snapshot_unref(vmsnap_snapshot *snapshot)
{
    if (!vms_handle_drop(snapshot, VMS_MAGIC_SNAPSHOT))
        return;
    vms_snapshot_free(snapshot->snapshot);
    g_free(snapshot->json);
    vms_handle_free(&snapshot->handle);
}

size_t
vmsnap_snapshot_list_get_count(const vmsnap_snapshot_list *list)
{
    return vms_handle_list_count(list, VMS_MAGIC_SNAPSHOT_LIST);
}

vmsnap_snapshot *
vmsnap_snapshot_list_get_item(const vmsnap_snapshot_list *list, size_t index)
{
    return vms_handle_list_item(list, VMS_MAGIC_SNAPSHOT_LIST, index);
}

vmsnap_snapshot_list *
vmsnap_snapshot_list_ref(vmsnap_snapshot_list *list)
{
    return vms_handle_ref(list, VMS_MAGIC_SNAPSHOT_LIST);
}

void
vmsnap_snapshot_list_unref(vmsnap_snapshot_list *list)
{
    vms_handle_list_unref(list, VMS_MAGIC_SNAPSHOT_LIST);
}
