/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/consistency.h"

#include "base/error.h"
#include "plan/guest-fs.h"

#include <string.h>

/* The error code that goes with a verdict's reason. */
static int
code_of_reason(const char *reason)
{
    static const char *const of_agent[] = { "FreezeFailed", "FreezeUnsupported", "AgentNotReady",
                                            NULL };

    return reason && g_strv_contains(of_agent, reason) ? VMSNAP_E_AGENT : VMSNAP_E_INCONSISTENT;
}

static gboolean
check_not_busy(const VmsVm *vm, GError **error)
{
    if (vm->migrating)
        return vms_refuse(error, VMSNAP_E_BUSY, "Migrating", "VM %s is being migrated", vm->name);
    if (vm->job)
        return vms_refuse(error, VMSNAP_E_BUSY, "BlockDevicesNotReady",
                          "VM %s has a running %s job", vm->name, vm->job);
    for (guint i = 0; vm->live_disks && i < vm->live_disks->len; i++) {
        const VmsDisk *disk = g_ptr_array_index(vm->live_disks, i);

        if (disk->busy)
            return vms_refuse(error, VMSNAP_E_BUSY, "BlockDevicesNotReady",
                              "a block job runs on disk %s/%s", vm->name, disk->target);
    }
    return TRUE;
}

char *
vms_consistency_state_flaw(vmsnap_vm_state state, const char *state_reason, gboolean managed_save)
{
    switch (state) {
    case VMSNAP_VM_RUNNING:
        return NULL;
    case VMSNAP_VM_OFF:
        if (managed_save)
            return g_strdup("a managed save holds memory that belongs to the disks");
        if (g_strcmp0(state_reason, "crashed") == 0)
            return g_strdup("the VM crashed");
        return NULL;
    case VMSNAP_VM_PAUSED:
        return g_strdup("the VM is paused, its file systems are in motion");
    case VMSNAP_VM_STOPPING:
        return g_strdup("the VM is shutting down");
    case VMSNAP_VM_CRASHED:
        return g_strdup("the VM crashed");
    case VMSNAP_VM_PMSUSPENDED:
        return g_strdup("the VM is suspended by its guest");
    case VMSNAP_VM_UNKNOWN:
        break;
    }
    return g_strdup("the state of the VM is not known");
}

static char *
flaw_of_agent(const VmsVm *vm)
{
    if (vm->agent_socket)
        return NULL;
    if (!vm->has_agent_channel)
        return g_strdup("the VM has no guest agent channel");
    if (!vm->agent_connected)
        return g_strdup("the guest agent is not connected");
    return NULL;
}

/* What a running guest can be asked for; @ret_no_agent gets why it cannot be frozen, if so. */
static gboolean
wish_of_running(const VmsVm *vm, gboolean must, VmsFreezeWish *ret_wish, char **ret_no_agent,
                GError **error)
{
    g_autofree char *no_agent = flaw_of_agent(vm);

    if (no_agent && must)
        return vms_refuse(error, VMSNAP_E_AGENT, "AgentNotReady", "VM %s: %s", vm->name, no_agent);
    if (!no_agent)
        *ret_wish = must ? VMS_FREEZE_MUST : VMS_FREEZE_IF_POSSIBLE;
    *ret_no_agent = g_steal_pointer(&no_agent);
    return TRUE;
}

gboolean
vms_consistency_before(const VmsVm *vm, vmsnap_consistency_policy policy, VmsFreezeWish *ret_wish,
                       char **ret_why, GError **error)
{
    g_autofree char *flaw = NULL;
    g_autofree char *no_agent = NULL;
    gboolean running = vm->state == VMSNAP_VM_RUNNING;
    gboolean must = policy == VMSNAP_CONSISTENCY_REQUIRE;
    VmsFreezeWish wish = VMS_FREEZE_NOT;

    if (!check_not_busy(vm, error))
        return FALSE;
    flaw = vms_consistency_state_flaw(vm->state, vm->state_reason, vm->managed_save);
    if (flaw && must)
        return vms_refuse(error, VMSNAP_E_INCONSISTENT, "PotentiallyInconsistent", "VM %s: %s",
                          vm->name, flaw);
    if (running && policy != VMSNAP_CONSISTENCY_SKIP &&
        !wish_of_running(vm, must, &wish, &no_agent, error))
        return FALSE;
    *ret_wish = wish;
    if (ret_why)
        *ret_why = flaw ? g_steal_pointer(&flaw) : g_steal_pointer(&no_agent);
    return TRUE;
}

static gboolean
is_loop(const VmsGuestFs *fs)
{
    return fs->name && g_str_has_prefix(fs->name, "loop");
}

/* A device that is mounted twice: the agent may meet it again after a loop mount on it. */
static gboolean
any_bind_mount(const GPtrArray *filesystems)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < filesystems->len; i++) {
        const VmsGuestFs *fs = g_ptr_array_index(filesystems, i);

        if (!is_loop(fs) && !g_hash_table_add(seen, (gpointer)vms_guest_fs_identity(fs)))
            return TRUE;
    }
    return FALSE;
}

gboolean
vms_consistency_freeze_hangs(const GPtrArray *filesystems, char **ret_why)
{
    if (!filesystems || !any_bind_mount(filesystems))
        return FALSE;
    for (guint i = 0; i < filesystems->len; i++) {
        const VmsGuestFs *fs = g_ptr_array_index(filesystems, i);

        if (!is_loop(fs) || vms_guest_fs_kind(fs) == VMS_FS_KIND_READ_ONLY)
            continue;
        if (ret_why)
            *ret_why = g_strdup_printf("loop mount %s (%s) beside a bind mount would hang a freeze",
                                       fs->mountpoint, fs->name);
        return TRUE;
    }
    return FALSE;
}

gboolean
vms_verdict_check(const VmsVerdict *verdict, vmsnap_consistency_policy policy, GError **error)
{
    if (policy != VMSNAP_CONSISTENCY_REQUIRE || verdict->grade != VMSNAP_GRADE_CRASH)
        return TRUE;
    return vms_refuse(error, code_of_reason(verdict->reason), verdict->reason, "%s",
                      verdict->message);
}

static void
move_strings(GPtrArray *from, GPtrArray *to)
{
    for (guint i = 0; i < from->len; i++)
        g_ptr_array_add(to, g_strdup(g_ptr_array_index(from, i)));
    g_ptr_array_set_size(from, 0);
}

void
vms_verdict_store(VmsVerdict *verdict, VmsEvidence *evidence)
{
    move_strings(verdict->exceptions, evidence->exceptions);
    move_strings(verdict->warnings, evidence->warnings);
    if (verdict->grade == VMSNAP_GRADE_CRASH && verdict->message)
        vms_evidence_warn(evidence, "%s: %s", verdict->reason, verdict->message);
}

void
vms_verdict_free(VmsVerdict *verdict)
{
    if (!verdict)
        return;
    g_free(verdict->grades);
    g_free(verdict->reason);
    g_free(verdict->message);
    g_clear_pointer(&verdict->exceptions, g_ptr_array_unref);
    g_clear_pointer(&verdict->warnings, g_ptr_array_unref);
    g_free(verdict);
}
