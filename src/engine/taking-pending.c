/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/taking.h"

/* Waiting that others can see: the record holds the name and says what it waits for. */

static gboolean
is_disk(const VmsTaking *self)
{
    return self->request->subject == VMSNAP_SNAPSHOT_KIND_DISK;
}

/* Before the first survey: a lock was in the way. */
static gboolean
name_vm(VmsTaking *self, const char *vm_uuid, GError **error)
{
    VmsOperation *operation = self->work.operation;
    VmsSnapshot *snapshot = self->work.snapshot;
    g_autoptr(VmsVm) vm = NULL;

    if (!vm_uuid || snapshot->vm_uuid)
        return TRUE;
    if (!vms_hypervisor_find_vm(self->engine->drivers->hypervisor, vm_uuid, FALSE, &vm, error))
        return FALSE;
    snapshot->vm_uuid = g_strdup(vm->uuid);
    snapshot->vm_name = g_strdup(vm->name);
    operation->vm_uuid = g_strdup(vm->uuid);
    operation->vm_name = g_strdup(vm->name);
    return TRUE;
}

static gboolean
make_records(VmsTaking *self, const char *vm_uuid, GError **error)
{
    if (self->work.snapshot)
        return TRUE;
    vms_taking_make_records(self);
    self->work.snapshot->phase = VMSNAP_SNAPSHOT_PENDING;
    self->work.operation->phase = VMSNAP_OPERATION_PENDING;
    if (!name_vm(self, vm_uuid, error))
        return FALSE;
    vms_taking_name_disk(self);
    return TRUE;
}

/* TRUE if @reason is what the record says already. */
static gboolean
is_told(const GPtrArray *conditions, const char *type, const char *reason)
{
    for (guint i = 0; i < conditions->len; i++) {
        const VmsCondition *condition = conditions->pdata[i];

        if (g_strcmp0(condition->type, type) == 0)
            return g_strcmp0(condition->reason, reason) == 0;
    }
    return FALSE;
}

static void
tell(VmsTaking *self, const char *type, const GError *why)
{
    const char *waiting =
        is_disk(self) ? "WaitingForTheVirtualDisk" : "WaitingForTheVirtualMachine";
    gint64 now = vms_clock_realtime_us();

    vms_conditions_set(
        self->work.snapshot->conditions,
        vms_condition_new(type, VMS_CONDITION_FALSE, vms_error_get_reason(why), why->message, now));
    vms_conditions_set(self->work.snapshot->conditions,
                       vms_condition_new(vms_snapshot_ready_type(self->work.snapshot),
                                         VMS_CONDITION_FALSE, waiting, why->message, now));
    vms_conditions_set(
        self->work.operation->conditions,
        vms_condition_new("Completed", VMS_CONDITION_FALSE, waiting, why->message, now));
}

gboolean
vms_taking_pend(VmsTaking *self, const char *vm_uuid, GError *why, GError **error)
{
    const char *type = is_disk(self) ? "VirtualDiskReady" : "VirtualMachineReady";
    g_autoptr(GError) owned = why;
    GError *failed = NULL;

    if (!make_records(self, vm_uuid, &failed))
        return vms_taking_fail(self, failed, error);
    if (is_told(self->work.snapshot->conditions, type, vms_error_get_reason(why)))
        return TRUE;
    tell(self, type, why);
    vms_crash_point("pending-before");
    if (!vms_store_save(self->engine->drivers->catalog, &self->work, &failed))
        return vms_taking_fail(self, failed, error);
    vms_crash_point("pending-after");
    return TRUE;
}
