/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-findings.h"

#include "plan/conflict.h"

#include <stdarg.h>

/* Left off is no answer to who wants it running again. */
static VmsAct
settle(const VmsRestoreInput *input, VmsAct act)
{
    return act == VMS_ACT_LEAVE_OFF && vms_restore_starts(input) ? VMS_ACT_REFUSE : act;
}

VmsFinding *
vms_restore_found(const VmsRestoreFindings *self, const char *kind, const char *name,
                  const char *reason, const char *format, ...)
{
    const VmsConflict *row = vms_conflict_find(reason);
    gboolean told = (self->input->flags & row->told) != 0;
    g_autofree char *text = NULL;
    VmsFinding *finding;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    finding = vms_finding_new_reason(kind, name, told ? VMSNAP_SEVERITY_WARNING : row->severity,
                                     reason, "%s", text);
    finding->resolution = g_strdup(row->resolution);
    finding->strict = told ? VMS_ACT_PROCEED : settle(self->input, row->strict);
    finding->best_effort = told ? VMS_ACT_PROCEED : settle(self->input, row->best_effort);
    g_ptr_array_add(self->plan->findings, finding);
    return finding;
}

void
vms_restore_held(VmsFinding *finding, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_free(finding->holder);
    finding->holder = g_strdup_vprintf(format, args);
    va_end(args);
}

VmsFinding *
vms_restore_touches(const VmsRestoreFindings *self, const char *kind, const char *name,
                    VmsResourceStatus status)
{
    VmsFinding *finding = vms_finding_new(kind, name, status);

    g_ptr_array_add(self->plan->findings, finding);
    return finding;
}
