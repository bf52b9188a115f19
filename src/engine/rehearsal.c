/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/rehearsal.h"

#include "base/clock.h"
#include "base/error.h"
#include "plan/consistency.h"
#include "plan/freeze-list.h"

/* Hypervisors count in seconds. */
#define MIN_CALL_MS 1000

typedef struct {
    VmsAgent *agent;
    const VmsVm *vm;
    const char *const *targets;
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
                          "the agent of VM %s cannot freeze: %s", rehearsal->vm->name,
                          info->lacking ? info->lacking : "no reason given");
    return TRUE;
}

/* VSS freezes volumes, of which it decides itself: there it is the whole guest. */
static void
choose_list(const Rehearsal *rehearsal, const VmsAgentInfo *info, VmsEvidence *evidence)
{
    GPtrArray *list = NULL;

    g_ptr_array_set_size(evidence->freeze_list, 0); /* of an earlier try */
    if (rehearsal->targets && info->can_freeze_some && !info->windows)
        list = vms_freeze_list_choose(evidence->filesystems, rehearsal->targets);
    if (!list)
        return;
    g_ptr_array_unref(evidence->freeze_list);
    evidence->freeze_list = list;
}

static gboolean
ask_filesystems(const Rehearsal *rehearsal, const VmsAgentInfo *info, VmsEvidence *evidence,
                GError **error)
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
    choose_list(rehearsal, info, evidence);
    return TRUE;
}

gboolean
vms_rehearsal_run(const VmsRehearsal *wanted, VmsEvidence *evidence, GError **error)
{
    const Rehearsal rehearsal = {
        .agent = wanted->agent,
        .vm = wanted->vm,
        .targets = wanted->targets,
        .until_us = vms_clock_monotonic_us() + (gint64)wanted->limit_ms * 1000,
    };
    g_auto(VmsAgentInfo) info = { 0 };

    if (!ask_status(&rehearsal, evidence, error) || !ask_info(&rehearsal, evidence, &info, error))
        return FALSE;
    if (info.can_list)
        return ask_filesystems(&rehearsal, &info, evidence, error);
    vms_evidence_warn(evidence, "the agent of VM %s does not list file systems", wanted->vm->name);
    return TRUE;
}
