/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/finding.h"

#include "base/error.h"

#include <stdarg.h>

VmsFinding *
vms_finding_new(const char *kind, const char *name, VmsResourceStatus status)
{
    VmsFinding *finding = g_new0(VmsFinding, 1);

    finding->kind = g_strdup(kind);
    finding->name = g_strdup(name);
    finding->status = status;
    return finding;
}

VmsFinding *
vms_finding_new_reason(const char *kind, const char *name, vmsnap_severity severity,
                       const char *reason, const char *format, ...)
{
    VmsFinding *finding = vms_finding_new(
        kind, name,
        severity == VMSNAP_SEVERITY_CONFLICT ? VMS_RESOURCE_CONFLICT : VMS_RESOURCE_READY);
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    finding->severity = severity;
    finding->reason = g_strdup(reason);
    finding->message = vms_escape_text(text);
    return finding;
}

VmsAct
vms_finding_act(const VmsFinding *finding, vmsnap_mode mode)
{
    switch (mode) {
    case VMSNAP_MODE_STRICT:
        return finding->strict;
    case VMSNAP_MODE_BEST_EFFORT:
        return finding->best_effort;
    case VMSNAP_MODE_DRY_RUN:
        break;
    }
    return finding->severity == VMSNAP_SEVERITY_CONFLICT ? VMS_ACT_REFUSE : VMS_ACT_PROCEED;
}

VmsFinding *
vms_finding_copy(const VmsFinding *finding)
{
    VmsFinding *copy = g_memdup2(finding, sizeof *finding);

    copy->kind = g_strdup(finding->kind);
    copy->name = g_strdup(finding->name);
    copy->new_name = g_strdup(finding->new_name);
    copy->reason = g_strdup(finding->reason);
    copy->message = g_strdup(finding->message);
    copy->holder = g_strdup(finding->holder);
    copy->resolution = g_strdup(finding->resolution);
    return copy;
}

void
vms_finding_free(VmsFinding *finding)
{
    if (!finding)
        return;
    g_free(finding->kind);
    g_free(finding->name);
    g_free(finding->new_name);
    g_free(finding->reason);
    g_free(finding->message);
    g_free(finding->holder);
    g_free(finding->resolution);
    g_free(finding);
}

const char *
vms_resource_status_name(VmsResourceStatus status)
{
    switch (status) {
    case VMS_RESOURCE_READY:
        return "Ready";
    case VMS_RESOURCE_MISSING:
        return "Missing";
    case VMS_RESOURCE_CONFLICT:
        return "Conflict";
    case VMS_RESOURCE_REPLACED:
        return "Replaced";
    case VMS_RESOURCE_REMOVED:
        return "Removed";
    case VMS_RESOURCE_KEPT:
        return "Kept";
    case VMS_RESOURCE_NEW:
        break;
    }
    return "New";
}

const char *
vms_severity_name(vmsnap_severity severity)
{
    switch (severity) {
    case VMSNAP_SEVERITY_INFO:
        return "info";
    case VMSNAP_SEVERITY_WARNING:
        return "warning";
    case VMSNAP_SEVERITY_CONFLICT:
        break;
    }
    return "conflict";
}
