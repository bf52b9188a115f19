/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/agent-socket.h"
#include "engine/window-run.h"
#include "record/record.h"

#include <string.h>

gboolean
vms_member_end(VmsMember *member, VmsWatch **ret_watch, GError **error)
{
    g_clear_pointer(&member->why, g_free);
    *ret_watch = g_steal_pointer(&member->watch);
    if (!member->error)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&member->error));
    return FALSE;
}

/* ---- who comes in ---- */

/* The state the request was planned for must be the state now. */
static gboolean
check_state(const VmsWindowRun *run, const VmsVm *vm, GError **error)
{
    const VmsEvidence *now = run->evidence;

    if (now->state_before == vm->state && now->before.domain_id == vm->domain_id)
        return TRUE;
    return vms_refuse(error, VMSNAP_E_BUSY, "StateChanged",
                      "VM %s changed from %s to %s while its snapshot was prepared", vm->name,
                      vms_vm_state_name(vm->state), vms_vm_state_name(now->state_before));
}

static void
look_again(VmsMember *member, const VmsVm *now)
{
    const VmsWindow *window = member->window;
    g_autofree char *why = NULL;

    if (!vms_vm_has_same_disks(window->vm, now)) {
        vms_refuse(&member->error, VMSNAP_E_BUSY, "StateChanged",
                   "the disks of VM %s changed while its snapshot was prepared", now->name);
        return;
    }
    if (!vms_consistency_before(now, window->policy, &member->wish, &why, &member->error))
        return;
    g_free(member->why);
    member->why = g_steal_pointer(&why);
}

gboolean
vms_window_look_again(VmsWindowRun *run, GError **error)
{
    g_autoptr(VmsVm) now = NULL;

    if (!vms_hypervisor_find_vm(run->engine->drivers->hypervisor, run->vm->uuid, FALSE, &now,
                                error))
        return FALSE;
    vms_agent_socket_note(run->engine, now);
    for (guint i = 0; i < run->members->len; i++) {
        VmsMember *member = run->members->pdata[i];

        if (!member->error)
            look_again(member, now);
    }
    return TRUE;
}

static gboolean
is_skip(const VmsWindow *window)
{
    return window->policy == VMSNAP_CONSISTENCY_SKIP;
}

gboolean
vms_window_suits(const VmsWindow *a, const VmsWindow *b)
{
    return !a->overlays && !b->overlays && !a->group && !b->group && is_skip(a) == is_skip(b);
}

static gboolean
is_listed(const char *const *targets, const char *target)
{
    while (*targets && strcmp(*targets, target) != 0)
        targets++;
    return *targets != NULL;
}

/* Whether the freeze that was prepared holds all disks that the latecomer cuts. */
static gboolean
is_covered(const VmsWindowRun *run, const VmsWindow *window)
{
    if (!run->targets || run->wish == VMS_FREEZE_NOT)
        return TRUE;
    for (guint i = 0; window->targets && window->targets[i]; i++) {
        if (!is_listed(run->targets, window->targets[i]))
            return FALSE;
    }
    return window->targets != NULL;
}

/* Whether what was prepared serves the latecomer, too. */
static gboolean
is_served(const VmsWindowRun *run, const VmsMember *member)
{
    const VmsWindow *window = member->window;

    if (run->wish == VMS_FREEZE_NOT && member->wish != VMS_FREEZE_NOT)
        return FALSE;
    if (window->suspend && window->vm->state == VMSNAP_VM_RUNNING && !run->suspends)
        return FALSE;
    if (window->freeze_budget_ms && window->freeze_budget_ms < run->freeze_budget_ms)
        return FALSE;
    return (!window->backup || run->socket) && is_covered(run, window);
}

gboolean
vms_window_admit(VmsWindowRun *run, VmsMember *member)
{
    const VmsWindow *window = member->window;
    g_autoptr(GError) refused = NULL;
    g_autofree char *why = NULL;

    if (run->members->len > 0 &&
        !vms_window_suits(((const VmsMember *)run->members->pdata[0])->window, window))
        return FALSE;
    if (!vms_consistency_before(window->vm, window->policy, &member->wish, &why, &refused) ||
        (run->closed && !check_state(run, window->vm, &refused))) {
        member->error = g_steal_pointer(&refused);
    } else if (run->closed && !is_served(run, member)) {
        return FALSE;
    }
    g_free(member->why);
    member->why = g_steal_pointer(&why);
    g_ptr_array_add(run->members, member);
    return TRUE;
}

void
vms_window_check_states(VmsWindowRun *run)
{
    for (guint i = 0; i < run->members->len; i++) {
        VmsMember *member = run->members->pdata[i];

        if (!member->error)
            check_state(run, member->window->vm, &member->error);
    }
}

/* ---- who goes ---- */

gboolean
vms_window_has_members(const VmsWindowRun *run)
{
    for (guint i = 0; i < run->members->len; i++) {
        if (!((const VmsMember *)run->members->pdata[i])->error)
            return TRUE;
    }
    return FALSE;
}

void
vms_window_fail(VmsWindowRun *run, VmsFreezeWish at_least, const GError *why)
{
    for (guint i = 0; i < run->members->len; i++) {
        VmsMember *member = run->members->pdata[i];

        if (!member->error && member->wish >= at_least)
            member->error = g_error_copy(why);
    }
}

void
vms_window_fail_stuck(VmsWindowRun *run, const GError *why)
{
    for (guint i = 0; i < run->members->len; i++) {
        VmsMember *member = run->members->pdata[i];

        if (!member->error) {
            member->error = g_error_copy(why);
            continue;
        }
        vms_error_set_frozen(member->error, vms_error_get_frozen(why));
        vms_error_take_cause(member->error, g_error_copy(why));
    }
}

void
vms_window_drop_cancelled(VmsWindowRun *run)
{
    for (guint i = 0; i < run->members->len; i++) {
        VmsMember *member = run->members->pdata[i];

        if (!member->error)
            vms_progress_check(member->window->progress, &member->error);
    }
}

/* ---- all of them ---- */

void
vms_window_enter(VmsWindowRun *run, guint stage)
{
    for (guint i = 0; i < run->members->len; i++) {
        const VmsMember *member = run->members->pdata[i];

        if (!member->error)
            vms_progress_enter(member->window->progress, stage);
    }
}

static VmsBackupDisk *
find_target(GArray *disks, const char *target)
{
    for (guint i = 0; i < disks->len; i++) {
        VmsBackupDisk *disk = &g_array_index(disks, VmsBackupDisk, i);

        if (strcmp(disk->target, target) == 0)
            return disk;
    }
    return NULL;
}

static void
merge_disks(GArray *disks, const VmsBackupDisk *added)
{
    for (; added->target; added++) {
        VmsBackupDisk *known = find_target(disks, added->target);

        if (!known)
            g_array_append_vals(disks, added, 1);
        else if (!known->scratch)
            known->scratch = added->scratch;
    }
}

VmsBackupDisk *
vms_window_merge_backups(const VmsWindowRun *run)
{
    g_autoptr(GArray) disks = g_array_new(TRUE, FALSE, sizeof(VmsBackupDisk));

    for (guint i = 0; i < run->members->len; i++) {
        const VmsMember *member = run->members->pdata[i];

        if (!member->error && member->window->backup)
            merge_disks(disks, member->window->backup);
    }
    return disks->len > 0 ? (VmsBackupDisk *)(gpointer)g_array_free(g_steal_pointer(&disks), FALSE)
                          : NULL;
}

const char **
vms_window_merge_targets(const VmsWindowRun *run)
{
    g_autoptr(GPtrArray) targets = g_ptr_array_new();

    for (guint i = 0; i < run->members->len; i++) {
        const VmsMember *member = run->members->pdata[i];
        const char *const *own = member->window->targets;

        if (member->error)
            continue;
        if (!own)
            return NULL;
        for (; *own; own++) {
            if (!g_ptr_array_find_with_equal_func(targets, *own, g_str_equal, NULL))
                g_ptr_array_add(targets, (gpointer)*own);
        }
    }
    g_ptr_array_add(targets, NULL);
    return (const char **)g_ptr_array_free(g_steal_pointer(&targets), FALSE);
}

void
vms_window_go_without(VmsEvidence *evidence, const char *reason, const char *message)
{
    g_free(evidence->freeze_reason);
    evidence->freeze_reason = g_strdup(reason);
    g_free(evidence->freeze_error);
    evidence->freeze_error = g_strdup(message);
}

void
vms_window_tell(VmsWindowRun *run)
{
    gboolean tried = run->evidence->freeze_reason || run->evidence->times.freeze_sent > 0;

    for (guint i = 0; i < run->members->len; i++) {
        const VmsMember *member = run->members->pdata[i];
        const VmsVm *vm = member->window->vm;
        VmsEvidence *evidence = member->evidence;

        vms_record_copy_evidence(run->evidence, evidence);
        evidence->times.cut_start = member->cut_start;
        evidence->times.cut_end = member->cut_end;
        g_free(evidence->state_reason);
        evidence->state_reason = g_strdup(vm->state_reason);
        evidence->managed_save = vm->managed_save;
        if (member->why && !tried && member->window->policy == VMSNAP_CONSISTENCY_PREFER)
            vms_window_go_without(evidence, "AgentNotReady", member->why);
    }
}
