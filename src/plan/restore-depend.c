/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/conflict.h"
#include "plan/restore-findings.h"

static void
find_lack(const VmsRestoreFindings *self, const VmsLack *lack)
{
    VmsFinding *finding = vms_restore_found(self, lack->kind, lack->name,
                                            vms_conflict_of_lack(lack->kind), "%s", lack->why);

    finding->status = VMS_RESOURCE_MISSING;
    if (lack->barred) { /* a VM that cannot be defined cannot be left off either */
        finding->severity = VMSNAP_SEVERITY_CONFLICT;
        finding->strict = VMS_ACT_REFUSE;
        finding->best_effort = VMS_ACT_REFUSE;
    }
    /* Without its kernel the VM would boot something else. */
    if (finding->best_effort == VMS_ACT_REMOVE && !lack->element)
        finding->best_effort = finding->strict;
}

/* A Secret that comes back with the restore. */
static gboolean
comes_back(const VmsRestoreInput *input, const char *path)
{
    for (guint i = 0; input->parts && i < input->parts->len; i++) {
        const VmsRestorePart *part = input->parts->pdata[i];

        if (vms_restore_part_is_put(part) && g_strcmp0(part->stored->source, path) == 0)
            return TRUE;
    }
    return FALSE;
}

void
vms_restore_find_depends(const VmsRestoreFindings *self)
{
    const GPtrArray *lacks = self->input->needs ? self->input->needs->lacks : NULL;

    for (guint i = 0; lacks && i < lacks->len; i++) {
        const VmsLack *lack = lacks->pdata[i];

        if (!comes_back(self->input, lack->name))
            find_lack(self, lack);
    }
}
