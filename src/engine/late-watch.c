/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/late-watch.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/guard.h"
#include "engine/lease.h"

static VmsLease *
make_lease(const VmsEngine *engine, const VmsOperation *operation, const VmsInstance *instance)
{
    VmsLease *lease = vms_lease_new(engine->uri, operation->vm_uuid, operation->uuid);

    lease->state = VMS_LEASE_STOPPED;
    lease->instance = *instance;
    lease->owner = operation->owner;
    lease->boot_id = g_strdup(engine->boot_id);
    lease->deadline_us = vms_clock_boottime_us() + VMS_LATE_US;
    lease->paused = operation->power_before == VMSNAP_VM_PAUSED;
    lease->runtime_dir = g_strdup(engine->runtime_dir);
    lease->catalog = g_strdup(engine->catalog);
    return lease;
}

static gboolean
hand_over(VmsEngine *engine, VmsGuard *guard, VmsLease *lease, GError **error)
{
    g_autofree char *folder = vms_late_folder(engine->state_dir);

    lease->guard = vms_guard_get_process(guard);
    if (!vms_lease_write(folder, lease, error))
        return FALSE;
    if (vms_guard_leave_late(guard, error))
        return TRUE;
    (void)vms_lease_remove(folder, lease->vm_uuid, NULL);
    return FALSE;
}

gboolean
vms_late_watch(VmsEngine *engine, VmsOperation *operation, GError **error)
{
    VmsInstance now = { .domain_id = -1 };
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    g_autoptr(VmsLease) lease = NULL;
    VmsGuard *guard = NULL;

    if (engine->self_guard)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NoGuard", "the context has no guard");
    if (!vms_hypervisor_read_state(engine->drivers->hypervisor, operation->vm_uuid, &state, &now,
                                   error))
        return FALSE;
    if (now.domain_id < 0)
        return vms_fail(error, VMSNAP_E_INVALID, "VM %s is off", operation->vm_name);
    lease = make_lease(engine, operation, &now);
    if (!vms_guard_start(engine, operation->vm_uuid, -1, TRUE, &guard, error))
        return FALSE;
    if (!hand_over(engine, guard, lease, error)) {
        vms_guard_dismiss(guard);
        return FALSE;
    }
    vms_conditions_set(operation->conditions,
                       vms_condition_new("VirtualMachineReady", VMS_CONDITION_TRUE,
                                         "WatchedForLateStop",
                                         "the guest was asked to stop and may still do so: if it "
                                         "does within ten minutes it is started again",
                                         vms_clock_realtime_us()));
    return TRUE;
}

gboolean
vms_late_take_over(VmsEngine *engine, const VmsLease *lease, VmsLateState *ret_state,
                   GError **error)
{
    gboolean same_boot = g_strcmp0(lease->boot_id, engine->boot_id) == 0;
    gboolean watched = same_boot && vms_process_alive(&lease->guard);
    gboolean late = !same_boot || vms_clock_boottime_us() >= lease->deadline_us;

    *ret_state = VMS_LATE_ON;
    if (watched || g_strcmp0(lease->uri, engine->uri) != 0)
        return TRUE;
    *ret_state = VMS_LATE_OVER;
    if (same_boot && !vms_late_look(engine->drivers, engine->state_dir, lease, ret_state, error))
        return FALSE;
    if (*ret_state == VMS_LATE_STARTED && !vms_late_report(engine->drivers->catalog, lease, error))
        return FALSE;
    if (*ret_state == VMS_LATE_BUSY || (*ret_state == VMS_LATE_ON && !late))
        return TRUE;
    return vms_late_forget(engine, lease->vm_uuid, error);
}

gboolean
vms_late_forget(const VmsEngine *engine, const char *vm_uuid, GError **error)
{
    g_autofree char *folder = vms_late_folder(engine->state_dir);

    return vms_lease_remove(folder, vm_uuid, error);
}
