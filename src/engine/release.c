/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/release.h"

#include "base/clock.h"
#include "base/error.h"
#include "engine/thaw.h"
#include "engine/whereabouts.h"

enum {
    ASK_MS = 1000, /* of the agent in one round; it is silent as long as the VM stands still */
    ROUND_PAUSE_MS = 60,
    QUIET_ROUNDS = 4 /* with nothing to do any more */
};

/* What was found held and is no more. */
typedef struct {
    VmsAgent *agent; /* NULL: not asked yet; the same in every round: it may have to be found in
                      * step with us first */
    gboolean sent;   /* a thaw */
    guint resumed;
    guint thawed;
    guint ended;
} Done;

static void
done_clear(Done *done)
{
    g_clear_pointer(&done->agent, vms_agent_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Done, done_clear)

static guint
count_acts(const Done *done)
{
    return done->resumed + done->thawed + done->ended;
}

/* In the words of recovery; NULL: nothing was held. */
static char *
tell(const Done *done)
{
    const char *words[4] = { NULL };
    guint n = 0;

    if (done->resumed > 0)
        words[n++] = "resumed";
    if (done->thawed > 0)
        words[n++] = "thawed";
    if (done->ended > 0)
        words[n++] = "ended-job";
    return n > 0 ? g_strjoinv(", ", (char **)words) : NULL;
}

/* TRUE in @ret_held if the guest is there that the lease is of. A job does not come back. */
static gboolean
find_guest(const VmsDrivers *drivers, const VmsLease *lease, vmsnap_vm_state *ret_state,
           gboolean *ret_held, GError **error)
{
    VmsWhereabouts where = VMS_GUEST_GONE;

    if (!vms_whereabouts_find(drivers->urgent, lease->vm_uuid, &lease->instance, &where, ret_state,
                              error))
        return FALSE;
    *ret_held = where == VMS_GUEST_HERE;
    if (where == VMS_GUEST_AWAY && lease->freezes && lease->state != VMS_LEASE_JOB)
        return vms_refuse(error, VMSNAP_E_BUSY, "MaybeFrozen",
                          "VM %s was saved or migrated while it may have been frozen: it must be "
                          "thawed when it runs again",
                          lease->vm_uuid);
    return TRUE;
}

/* A window opens on running VMs only, so one that stands still was stopped by the window. */
static gboolean
resume(const VmsDrivers *drivers, const VmsLease *lease, vmsnap_vm_state state, Done *done,
       GError **error)
{
    if (!lease->suspends || state != VMSNAP_VM_PAUSED)
        return TRUE;
    if (!vms_hypervisor_resume(drivers->urgent, lease->vm_uuid, error))
        return FALSE;
    done->resumed++;
    return TRUE;
}

static gboolean
thaw_guest(const VmsDrivers *drivers, const VmsLease *lease, Done *done, GError **error)
{
    VmsThaw thaw = { .bound_ms = ASK_MS, .sent = done->sent };
    gboolean confirmed;
    int count = 0;

    if (!lease->freezes)
        return TRUE;
    if (!done->agent)
        done->agent = drivers->open_agent(drivers->urgent, lease->vm_uuid, lease->agent_socket);
    thaw.agent = done->agent;
    confirmed = vms_thaw_once(&thaw, &count, error);
    done->sent = TRUE;
    if (count > 0)
        done->thawed++;
    return confirmed;
}

/* Only a job on our own socket is ours. */
static gboolean
end_job(const VmsDrivers *drivers, const VmsLease *lease, Done *done, GError **error)
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
    done->ended++;
    return TRUE;
}

/* Everything once. @ret_same: FALSE if the instance is gone, and all we held with it. */
static gboolean
release_once(const VmsDrivers *drivers, const VmsLease *lease, Done *done, gboolean *ret_same,
             GError **error)
{
    g_autoptr(GError) held = NULL;
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    gboolean ended;

    if (!find_guest(drivers, lease, &state, ret_same, error))
        return FALSE;
    /* A lease of a job says that the window itself was left in order: what is paused or frozen
     * now is not ours. */
    if (*ret_same && lease->state != VMS_LEASE_JOB && resume(drivers, lease, state, done, &held))
        thaw_guest(drivers, lease, done, &held);
    /* Also when the guest does not answer: the job must not wait for it. */
    ended = !*ret_same || end_job(drivers, lease, done, held ? NULL : &held);
    if (!held && ended)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&held));
    return FALSE;
}

/* Not the connection's fault: the same may be tried again over it. */
static gboolean
is_silence(const GError *error)
{
    int code = vms_error_get_code(error);

    return code == VMSNAP_E_AGENT || code == VMSNAP_E_TIMEOUT;
}

/* The freeze of an owner whose lease says that it was answered is no more on its way. */
static guint
rounds_of(const VmsLease *lease)
{
    gboolean answered = lease->state == VMS_LEASE_JOB || lease->state == VMS_LEASE_FROZEN;

    return answered ? 1 : QUIET_ROUNDS;
}

/* What the owner asked for last may still be on its way when it is dead: a freeze, a suspend or a
 * job that begins after we looked. So we look until nothing has come for a while. */
gboolean
vms_release_held(const VmsDrivers *drivers, const VmsLease *lease, guint limit_ms, char **ret_done,
                 GError **error)
{
    gint64 until_us = vms_clock_monotonic_us() + (gint64)limit_ms * 1000;
    guint wanted = rounds_of(lease);
    gboolean same = TRUE;
    g_auto(Done) done = { 0 };

    for (guint quiet = 0; same && quiet < wanted;) {
        g_autoptr(GError) failed = NULL;
        guint before = count_acts(&done);

        if (release_once(drivers, lease, &done, &same, &failed))
            quiet = count_acts(&done) > before ? 1 : quiet + 1;
        else if (is_silence(failed) && vms_clock_monotonic_us() < until_us)
            quiet = 0;
        else {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        if (same && quiet < wanted)
            vms_clock_sleep_us((gint64)ROUND_PAUSE_MS * 1000);
    }
    if (ret_done)
        *ret_done = tell(&done);
    return TRUE;
}
