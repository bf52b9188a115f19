/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/rehearsal.h"

#include "base/clock.h"
#include "base/error.h"
#include "plan/consistency.h"

/* Hypervisors count in seconds. */
#define MIN_CALL_MS 1000

typedef struct {
    VmsAgent *agent;
    const VmsVm *vm;
    gint64 until_us;
} Rehearsal;

static guint
time_left(const Rehearsal *rehearsal)
{
    gint64 left_ms = (rehearsal->until_us - vms_clock_monotonic_us()) / 1000;

    return (guint)MAX(left_ms, MIN_CALL_MS);
}

/* Takes @cause. An agent that is silent now is not ready; what it refuses keeps its reason. */
static gboolean
fail_not_ready(GError **error, GError *cause)
{
    int code = vms_error_get_code(cause);

    if (code != VMSNAP_E_TIMEOUT && code != VMSNAP_E_HYPERVISOR) {
        g_propagate_error(error, cause);
        return FALSE;
    }
    vms_refuse(error, VMSNAP_E_AGENT, "AgentNotReady", "the guest agent does not answer: %s",
               cause->message);
    if (error)
        vms_error_take_cause(*error, cause);
    else
        g_error_free(cause);
    return FALSE;
}

static gboolean
ask_status(const Rehearsal *rehearsal, VmsEvidence *evidence, GError **error)
{
    GError *cause = NULL;

    if (!vms_agent_ping(rehearsal->agent, time_left(rehearsal), &cause) ||
        !vms_agent_is_frozen(rehearsal->agent, time_left(rehearsal), &evidence->frozen_before,
                             &cause))
        return fail_not_ready(error, cause);
    if (evidence->frozen_before)
        return vms_refuse(error, VMSNAP_E_AGENT, "FreezeFailed",
                          "file systems of VM %s are frozen already, not by us",
                          rehearsal->vm->name);
    return TRUE;
}

static gboolean
ask_info(const Rehearsal *rehearsal, VmsEvidence *evidence, VmsAgentInfo *info, GError **error)
{
    GError *cause = NULL;

    if (!vms_agent_read_info(rehearsal->agent, time_left(rehearsal), info, &cause))
        return fail_not_ready(error, cause);
    g_free(evidence->agent_version);
    evidence->agent_version = g_strdup(info->version);
    evidence->windows = info->windows;
    if (!info->can_freeze)
        return vms_refuse(error, VMSNAP_E_AGENT, "FreezeUnsupported",
                          "the agent of VM %s cannot freeze, or may not", rehearsal->vm->name);
    return TRUE;
}

static gboolean
ask_filesystems(const Rehearsal *rehearsal, VmsEvidence *evidence, GError **error)
{
    g_autofree char *why = NULL;
    GPtrArray *list = NULL;
    GError *cause = NULL;

    if (!vms_agent_list_filesystems(rehearsal->agent, rehearsal->vm, time_left(rehearsal), &list,
                                    &cause))
        return fail_not_ready(error, cause);
    g_ptr_array_unref(evidence->filesystems);
    evidence->filesystems = list;
    if (vms_consistency_freeze_hangs(list, &why))
        return vms_refuse(error, VMSNAP_E_AGENT, "FreezeUnsupported", "VM %s: %s",
                          rehearsal->vm->name, why);
    return TRUE;
}

gboolean
vms_rehearsal_run(VmsAgent *agent, const VmsVm *vm, guint limit_ms, VmsEvidence *evidence,
                  GError **error)
{
    const Rehearsal rehearsal = { .agent = agent,
                                  .vm = vm,
                                  .until_us = vms_clock_monotonic_us() + (gint64)limit_ms * 1000 };
    g_auto(VmsAgentInfo) info = { 0 };

    if (!ask_status(&rehearsal, evidence, error) || !ask_info(&rehearsal, evidence, &info, error))
        return FALSE;
    if (info.can_list)
        return ask_filesystems(&rehearsal, evidence, error);
    vms_evidence_warn(evidence, "the agent of VM %s does not list file systems", vm->name);
    return TRUE;
}
