/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/restore-act.h"

#include "base/error.h"

gboolean
vms_restore_check_findings(const VmsPlan *plan, vmsnap_mode mode, GError **error)
{
    for (guint i = 0; i < plan->findings->len; i++) {
        const VmsFinding *finding = plan->findings->pdata[i];

        if (vms_finding_act(finding, mode) != VMS_ACT_REFUSE)
            continue;
        vms_refuse(error, VMSNAP_E_CONFLICT, finding->reason, "%s", finding->message);
        if (error)
            vms_error_set_object(*error, finding->name);
        return FALSE;
    }
    return TRUE;
}

void
vms_restore_note_findings(VmsOperation *operation, const VmsPlan *plan)
{
    for (guint i = 0; i < plan->findings->len; i++) {
        VmsFinding *resource = vms_finding_copy(plan->findings->pdata[i]);
        VmsAct act = vms_finding_act(resource, operation->mode);

        if (act == VMS_ACT_REMOVE)
            resource->status = VMS_RESOURCE_REMOVED;
        else if (act == VMS_ACT_KEEP)
            resource->status = VMS_RESOURCE_KEPT;
        if (act == VMS_ACT_REMOVE || act == VMS_ACT_KEEP)
            resource->severity = VMSNAP_SEVERITY_WARNING;
        g_ptr_array_add(operation->resources, resource);
    }
}

void
vms_restore_note_waiting(VmsOperation *operation)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < operation->resources->len; i++) {
        const VmsFinding *resource = operation->resources->pdata[i];

        if (vms_finding_act(resource, operation->mode) == VMS_ACT_LEAVE_OFF)
            g_string_append_printf(names, "%s%s", names->len > 0 ? "; " : "", resource->message);
    }
    if (names->len > 0)
        vms_conditions_set(operation->conditions,
                           vms_condition_new("VirtualMachineReady", VMS_CONDITION_FALSE,
                                             "WaitingForDependencies", names->str,
                                             operation->finished_us));
}
