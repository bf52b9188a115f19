/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/engine.h"

void
vms_snapshot_request_free(VmsSnapshotRequest *request)
{
    if (!request)
        return;
    g_free(request->name);
    g_free(request->description);
    g_strfreev(request->labels);
    g_strfreev(request->disks);
    g_free(request->path);
    g_free(request->format);
    g_free(request->store);
    g_strfreev(request->accept_unfrozen);
    g_free(request);
}

void
vms_freeze_request_free(VmsFreezeRequest *request)
{
    if (!request)
        return;
    g_strfreev(request->disks);
    g_strfreev(request->accept_unfrozen);
    g_free(request);
}

void
vms_group_member_free(VmsGroupMember *member)
{
    if (!member)
        return;
    g_free(member->vm_uuid);
    g_free(member->vm_name);
    g_free(member->operation);
    g_free(member->snapshot);
    vms_snapshot_request_free(member->request);
    g_free(member);
}

void
vms_new_disk_request_free(VmsNewDiskRequest *request)
{
    if (!request)
        return;
    g_free(request->to);
    g_free(request->target);
    g_free(request->format);
    g_free(request);
}

void
vms_adopt_request_free(VmsAdoptRequest *request)
{
    if (!request)
        return;
    g_strfreev(request->paths);
    g_free(request->name);
    g_free(request);
}
