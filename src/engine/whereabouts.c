/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/whereabouts.h"

#include "base/error.h"

/* Two processes may see differently well whose process it is; a domain that was started anew has
 * another id. */
static gboolean
is_same(const VmsInstance *a, const VmsInstance *b)
{
    if (a->domain_id < 0 || a->domain_id != b->domain_id)
        return FALSE;
    return a->process.pid == 0 || b->process.pid == 0 || vms_instance_equal(a, b);
}

/* Of a VM whose instance is another one, or none. One that does not run may be on its way back. */
static VmsWhereabouts
judge(const VmsVm *vm)
{
    const char *reason = vm->state_reason;

    if (vm->state == VMSNAP_VM_RUNNING)
        return g_strcmp0(reason, "restored") == 0 || g_strcmp0(reason, "migrated") == 0
                   ? VMS_GUEST_HERE
                   : VMS_GUEST_GONE;
    return vms_vm_is_active(vm) || vm->managed_save || g_strcmp0(reason, "saved") == 0 ||
                   g_strcmp0(reason, "migrated") == 0
               ? VMS_GUEST_AWAY
               : VMS_GUEST_GONE;
}

/* An unknown VM is gone; else the failure stays. */
static gboolean
take_failure(GError *failed, VmsWhereabouts *ret_where, GError **error)
{
    if (vms_error_get_code(failed) != VMSNAP_E_NOT_FOUND) {
        g_propagate_error(error, failed);
        return FALSE;
    }
    g_error_free(failed);
    *ret_where = VMS_GUEST_GONE;
    return TRUE;
}

gboolean
vms_whereabouts_find(VmsHypervisor *hv, const char *uuid, const VmsInstance *was,
                     VmsWhereabouts *ret_where, vmsnap_vm_state *ret_state, GError **error)
{
    g_autoptr(VmsVm) vm = NULL;
    VmsInstance now = { .domain_id = -1 };
    GError *failed = NULL;

    if (!vms_hypervisor_read_state(hv, uuid, ret_state, &now, &failed))
        return take_failure(failed, ret_where, error);
    if (is_same(&now, was)) {
        *ret_where = VMS_GUEST_HERE;
        return TRUE;
    }
    if (!vms_hypervisor_find_vm(hv, uuid, FALSE, &vm, &failed))
        return take_failure(failed, ret_where, error);
    *ret_where = judge(vm);
    *ret_state = vm->state;
    return TRUE;
}
