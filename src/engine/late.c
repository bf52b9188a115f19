/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/late.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/lease.h"
#include "engine/lock.h"
#include "engine/store.h"

char *
vms_late_folder(const char *state_dir)
{
    return g_build_filename(state_dir, "late", NULL);
}

/* FALSE when the lease is gone or another's: a later operation decides. */
static gboolean
still_ours(const char *state_dir, const VmsLease *lease)
{
    g_autofree char *folder = vms_late_folder(state_dir);
    g_autoptr(VmsLease) now = NULL;

    return vms_lease_read(folder, lease->vm_uuid, &now, NULL) &&
           now->guard.pid == lease->guard.pid && now->guard.start == lease->guard.start;
}

/* What the guest did by itself; a daemon that was restarted meanwhile does not know. */
static gboolean
shut_itself_down(const VmsVm *vm)
{
    return vm->state == VMSNAP_VM_OFF && !vm->managed_save &&
           (g_strcmp0(vm->state_reason, "shutdown") == 0 ||
            g_strcmp0(vm->state_reason, "unknown") == 0);
}

static gboolean
start_locked(const VmsDrivers *drivers, const char *state_dir, const VmsLease *lease,
             VmsLateState *ret_state, GError **error)
{
    g_autoptr(VmsVm) vm = NULL;

    *ret_state = VMS_LATE_OVER;
    if (!still_ours(state_dir, lease))
        return TRUE;
    if (!vms_hypervisor_find_vm(drivers->hypervisor, lease->vm_uuid, FALSE, &vm, error))
        return FALSE;
    if (!shut_itself_down(vm))
        return TRUE;
    if (!vms_hypervisor_start(drivers->hypervisor, lease->vm_uuid, lease->paused, error))
        return FALSE;
    *ret_state = VMS_LATE_STARTED;
    return TRUE;
}

static gboolean
start_again(const VmsDrivers *drivers, const char *state_dir, const VmsLease *lease,
            VmsLateState *ret_state, GError **error)
{
    g_autofree char *name = vms_lock_name_vm(lease->vm_uuid);
    g_autoptr(VmsLock) lock = NULL;
    g_autoptr(GError) busy = NULL;

    if (vms_lock_take(lease->runtime_dir, name, NULL, 0, NULL, &lock, &busy))
        return start_locked(drivers, state_dir, lease, ret_state, error);
    if (vms_error_get_code(busy) == VMSNAP_E_BUSY) {
        *ret_state = VMS_LATE_BUSY;
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&busy));
    return FALSE;
}

gboolean
vms_late_look(const VmsDrivers *drivers, const char *state_dir, const VmsLease *lease,
              VmsLateState *ret_state, GError **error)
{
    VmsInstance now = { .domain_id = -1 };
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    g_autoptr(GError) unread = NULL;

    *ret_state = VMS_LATE_OVER;
    if (!still_ours(state_dir, lease))
        return TRUE;
    if (!vms_hypervisor_read_state(drivers->hypervisor, lease->vm_uuid, &state, &now, &unread)) {
        if (vms_error_get_code(unread) == VMSNAP_E_NOT_FOUND)
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&unread));
        return FALSE;
    }
    if (now.domain_id < 0)
        return start_again(drivers, state_dir, lease, ret_state, error);
    /* Another instance was asked for nothing. */
    if (now.domain_id == lease->instance.domain_id)
        *ret_state = VMS_LATE_ON;
    return TRUE;
}

gboolean
vms_late_report(VmsCatalog *catalog, const VmsLease *lease, GError **error)
{
    g_auto(VmsWork) work = { 0 };

    if (!vms_store_load_operation(catalog, lease->operation, &work.operation,
                                  &work.operation_version, error))
        return FALSE;
    vms_conditions_set(work.operation->conditions,
                       vms_condition_new("VirtualMachineReady", VMS_CONDITION_TRUE, "RestartedLate",
                                         "the guest went down after it was not waited for any "
                                         "more, and was started again",
                                         vms_clock_realtime_us()));
    return vms_store_save(catalog, &work, error);
}
