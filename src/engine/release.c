/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/release.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/thaw.h"

/* What was done, in the words of recovery. */
static void
note(GString *done, const char *act)
{
    g_string_append_printf(done, "%s%s", done->len ? ", " : "", act);
}

/* Owner and guard may see differently well whose process it is; a domain that was started anew has
 * another id. */
static gboolean
is_same(const VmsInstance *a, const VmsInstance *b)
{
    if (a->domain_id < 0 || a->domain_id != b->domain_id)
        return FALSE;
    return a->process.pid == 0 || b->process.pid == 0 || vms_instance_equal(a, b);
}

/* TRUE in @ret_same if the lease's instance is the one that runs. */
static gboolean
find_instance(const VmsDrivers *drivers, const VmsLease *lease, vmsnap_vm_state *ret_state,
              gboolean *ret_same, GError **error)
{
    g_autoptr(GError) failed = NULL;
    VmsInstance now = { .domain_id = -1 };

    if (vms_hypervisor_read_state(drivers->urgent, lease->vm_uuid, ret_state, &now, &failed)) {
        *ret_same = is_same(&now, &lease->instance);
        return TRUE;
    }
    if (vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND) {
        *ret_same = FALSE;
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

/* A window opens on running VMs only, so one that stands still was stopped by the window. */
static gboolean
resume(const VmsDrivers *drivers, const VmsLease *lease, vmsnap_vm_state state, GString *done,
       GError **error)
{
    if (!lease->suspends || state != VMSNAP_VM_PAUSED)
        return TRUE;
    if (!vms_hypervisor_resume(drivers->urgent, lease->vm_uuid, error))
        return FALSE;
    note(done, "resumed");
    return TRUE;
}

static gboolean
thaw(const VmsDrivers *drivers, const VmsLease *lease, guint limit_ms, GString *done,
     GError **error)
{
    g_autoptr(VmsAgent) agent = NULL;
    gboolean late = vms_clock_boottime_us() < lease->deadline_us;
    int count = 0;

    if (!lease->freezes)
        return TRUE;
    agent = drivers->open_agent(drivers->urgent, lease->vm_uuid);
    if (!vms_thaw_until_confirmed(agent, limit_ms, late, &count, error))
        return FALSE;
    if (count > 0)
        note(done, "thawed");
    return TRUE;
}

/* Only a job on our own socket is ours. */
static gboolean
end_job(const VmsDrivers *drivers, const VmsLease *lease, GString *done, GError **error)
{
    g_autofree char *socket = NULL;
    VmsJobKind kind = VMS_JOB_NONE;

    if (!lease->backup_socket)
        return TRUE;
    if (!vms_hypervisor_read_job(drivers->urgent, lease->vm_uuid, &kind, &socket, error))
        return FALSE;
    if (kind != VMS_JOB_BACKUP || g_strcmp0(socket, lease->backup_socket) != 0)
        return TRUE;
    if (!vms_hypervisor_end_backup(drivers->urgent, lease->vm_uuid, error))
        return FALSE;
    note(done, "ended-job");
    return TRUE;
}

gboolean
vms_release_held(const VmsDrivers *drivers, const VmsLease *lease, guint limit_ms, char **ret_done,
                 GError **error)
{
    g_autoptr(GString) done = g_string_new(NULL);
    g_autoptr(GError) held = NULL;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    gboolean same = FALSE;
    gboolean ended;

    if (!find_instance(drivers, lease, &state, &same, error))
        return FALSE;
    /* A lease of a job says that the window itself was left in order: what is paused or frozen
     * now is not ours. */
    if (same && lease->state != VMS_LEASE_JOB && resume(drivers, lease, state, done, &held))
        thaw(drivers, lease, limit_ms, done, &held);
    /* Also when the guest does not answer: the job must not wait for it. */
    ended = !same || end_job(drivers, lease, done, held ? NULL : &held);
    if (held || !ended) {
        g_propagate_error(error, g_steal_pointer(&held));
        return FALSE;
    }
    if (ret_done)
        *ret_done = done->len ? g_strdup(done->str) : NULL;
    return TRUE;
}
