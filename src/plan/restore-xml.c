/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-xml.h"

#include "plan/reference.h"

static gboolean
is_removed(const VmsPlan *plan, const VmsLack *lack, vmsnap_mode mode)
{
    for (guint i = 0; i < plan->findings->len; i++) {
        const VmsFinding *finding = plan->findings->pdata[i];

        if (vms_finding_act(finding, mode) == VMS_ACT_REMOVE &&
            g_str_equal(finding->kind, lack->kind) && g_str_equal(finding->name, lack->name))
            return lack->element != NULL;
    }
    return FALSE;
}

static void
pick(const VmsPlan *plan, const GPtrArray *lacks, vmsnap_mode mode, GPtrArray *gone)
{
    for (guint i = 0; i < lacks->len; i++) {
        const VmsLack *lack = lacks->pdata[i];

        if (is_removed(plan, lack, mode))
            g_ptr_array_add(gone, (gpointer)lack);
    }
}

gboolean
vms_plan_reduce_xml(const VmsPlan *plan, const VmsNeeds *needs, vmsnap_mode mode, const char *xml,
                    char **ret_xml, GError **error)
{
    g_autoptr(GPtrArray) gone = g_ptr_array_new();

    if (needs) {
        pick(plan, needs->lacks, mode, gone);
        pick(plan, needs->devices, mode, gone);
    }
    if (gone->len > 0)
        return vms_reference_remove(xml, gone, ret_xml, error);
    *ret_xml = g_strdup(xml);
    return TRUE;
}

gboolean
vms_restore_make_xml(const VmsPlan *plan, const VmsRestoreInput *input, vmsnap_mode mode,
                     char **ret_xml, GError **error)
{
    return vms_plan_reduce_xml(plan, input->needs, mode, input->snapshot->inactive_xml, ret_xml,
                               error);
}
