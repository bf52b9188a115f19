/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "api/handle.h"
#include "model/disk-info.h"
#include "model/operation.h"
#include "model/snapshot.h"
#include "model/vm.h"
#include "plan/check-result.h"
#include "plan/plan.h"

#include <glib.h>

/* Public readings: a model object that never changes again, its JSON made at once, and a hold on
 * the context. Each _new takes the object. */

struct vmsnap_vm {
    VmsHandle handle;
    VmsVm *vm;
    char *json;
};

struct vmsnap_disk {
    VmsHandle handle;
    VmsDiskInfo *disk;
    char *json;
};

struct vmsnap_check {
    VmsHandle handle;
    VmsCheckResult *check;
    char *json;
};

struct vmsnap_snapshot {
    VmsHandle handle;
    VmsSnapshot *snapshot;
    char *json;
};

struct vmsnap_operation {
    VmsHandle handle;
    VmsOperation *operation;
    char *json;
};

vmsnap_vm *vms_vm_handle_new(vmsnap_context *context, VmsVm *vm);
vmsnap_disk *vms_disk_handle_new(vmsnap_context *context, VmsDiskInfo *disk);
vmsnap_check *vms_check_handle_new(vmsnap_context *context, VmsCheckResult *check);
vmsnap_snapshot *vms_snapshot_handle_new(vmsnap_context *context, VmsSnapshot *snapshot);
/* In api/find.c; leaves @snapshots (VmsSnapshot*) empty. */
vmsnap_snapshot_list *vms_snapshot_list_handle_new(vmsnap_context *context, GPtrArray *snapshots);
vmsnap_operation *vms_operation_handle_new(vmsnap_context *context, VmsOperation *operation);
