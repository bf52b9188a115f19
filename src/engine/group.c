/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/group.h"

#include "base/clock.h"
#include "base/error.h"
#include "model/name.h"

#include <pthread.h>
#include <time.h>

/* So often who waits looks whether it was cancelled. */
#define LOOK_US 20000

typedef enum { COMING, READY, FROZEN, TAKEN, CUT, GONE } State;

typedef struct {
    const char *vm_uuid; /* not guarded: set before the first begins */
    State state;
    gboolean late; /* was not frozen when the others went on */
    VmsGroupCut cut;
    gboolean judged; /* proven is known, or never will be */
    gboolean proven;
} Member;

typedef enum { OPEN, GO, ABORT } Decision;

struct VmsGroup {
    char *uuid;
    guint size;
    gboolean aborts;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    Decision decision;
    gboolean linked; /* members share a disk */
    Member *members;
};

VmsGroup *
vms_group_new(guint size, gboolean abort)
{
    VmsGroup *group = g_new0(VmsGroup, 1);
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&group->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    (void)pthread_mutex_init(&group->lock, NULL);
    group->uuid = vms_name_new_uuid();
    group->size = size;
    group->aborts = abort;
    group->members = g_new0(Member, size);
    return group;
}

void
vms_group_free(VmsGroup *group)
{
    if (!group)
        return;
    (void)pthread_cond_destroy(&group->changed);
    (void)pthread_mutex_destroy(&group->lock);
    g_free(group->uuid);
    g_free(group->members);
    g_free(group);
}

void
vms_group_set_vm(VmsGroup *group, guint number, const char *vm_uuid)
{
    group->members[number].vm_uuid = vm_uuid;
}

static const Member *
find_member(const VmsGroup *group, const char *vm_uuid)
{
    for (guint i = 0; i < group->size; i++) {
        if (g_strcmp0(group->members[i].vm_uuid, vm_uuid) == 0)
            return &group->members[i];
    }
    return NULL;
}

gboolean
vms_group_has_vm(const VmsGroup *group, const char *vm_uuid)
{
    return find_member(group, vm_uuid) != NULL;
}

/* ---- with the lock held ---- */

static void
wait_a_little(VmsGroup *group)
{
    gint64 until_us = vms_clock_monotonic_us() + LOOK_US;
    const struct timespec until = { .tv_sec = until_us / G_USEC_PER_SEC,
                                    .tv_nsec = (until_us % G_USEC_PER_SEC) * 1000 };

    (void)pthread_cond_timedwait(&group->changed, &group->lock, &until);
}

/* Whether the first @count have come as far. */
static gboolean
have_reached(const VmsGroup *group, guint count, State state)
{
    for (guint i = 0; i < count; i++) {
        if (group->members[i].state < state && !group->members[i].late)
            return FALSE;
    }
    return TRUE;
}

static guint
count_gone(const VmsGroup *group)
{
    guint gone = 0;

    for (guint i = 0; i < group->size; i++)
        gone += group->members[i].state == GONE;
    return gone;
}

static void
decide(VmsGroup *group)
{
    gboolean straggles = FALSE;

    for (guint i = 0; i < group->size; i++) {
        Member *member = &group->members[i];

        member->late = member->state < FROZEN;
        straggles = straggles || member->late || member->state == GONE;
    }
    group->decision = group->aborts && straggles ? ABORT : GO;
    (void)pthread_cond_broadcast(&group->changed);
}

static gboolean
fail_aborted(GError **error)
{
    return vms_refuse(error, VMSNAP_E_CANCELLED, "GroupAborted",
                      "another VM of the group was not ready to be cut");
}

static gboolean
fail_late(GError **error)
{
    return vms_refuse(error, VMSNAP_E_TIMEOUT, "Straggler",
                      "the other VMs of the group could not wait any longer");
}

static void
move_on(VmsGroup *group, guint number, State state)
{
    group->members[number].state = state;
    (void)pthread_cond_broadcast(&group->changed);
}

/* Until the first @count have reached @state. */
static gboolean
wait_for(VmsGroup *group, guint count, State state, VmsProgress *progress, GError **error)
{
    while (!have_reached(group, count, state)) {
        if (!vms_progress_check(progress, error))
            return FALSE;
        wait_a_little(group);
    }
    return !(group->aborts && count_gone(group) > 0) || fail_aborted(error);
}

static gboolean
wait_decided(VmsGroup *group, guint number, gint64 until_us, VmsProgress *progress, GError **error)
{
    while (group->decision == OPEN) {
        if (!vms_progress_check(progress, error))
            return FALSE;
        if (have_reached(group, group->size, FROZEN) || vms_clock_monotonic_us() >= until_us)
            decide(group);
        else
            wait_a_little(group);
    }
    if (group->members[number].late)
        return fail_late(error);
    return group->decision == GO || fail_aborted(error);
}

/* ---- the steps of a member ---- */

gboolean
vms_group_take_turn(VmsGroup *group, guint number, VmsProgress *progress, GError **error)
{
    gboolean done;

    (void)pthread_mutex_lock(&group->lock);
    done = wait_for(group, number, READY, progress, error);
    (void)pthread_mutex_unlock(&group->lock);
    return done;
}

gboolean
vms_group_wait_ready(VmsGroup *group, guint number, VmsProgress *progress, GError **error)
{
    gboolean done;

    (void)pthread_mutex_lock(&group->lock);
    if (group->members[number].state == COMING) {
        move_on(group, number, READY);
        done = wait_for(group, group->size, READY, progress, error);
    } else { /* once more: the others were cut without it */
        done = fail_late(error);
    }
    (void)pthread_mutex_unlock(&group->lock);
    return done;
}

gboolean
vms_group_wait_frozen(VmsGroup *group, guint number, gint64 until_us, VmsProgress *progress,
                      GError **error)
{
    gboolean done;

    (void)pthread_mutex_lock(&group->lock);
    move_on(group, number, FROZEN);
    done = wait_decided(group, number, until_us, progress, error);
    (void)pthread_mutex_unlock(&group->lock);
    return done;
}

void
vms_group_link(VmsGroup *group)
{
    (void)pthread_mutex_lock(&group->lock);
    group->linked = TRUE;
    (void)pthread_mutex_unlock(&group->lock);
}

void
vms_group_wait_taken(VmsGroup *group, guint number, gint64 until_us, VmsProgress *progress)
{
    (void)pthread_mutex_lock(&group->lock);
    move_on(group, number, TAKEN);
    while (group->linked && !have_reached(group, group->size, TAKEN) &&
           vms_clock_monotonic_us() < until_us && !vms_progress_is_cancelled(progress))
        wait_a_little(group);
    (void)pthread_mutex_unlock(&group->lock);
}

void
vms_group_note_cut(VmsGroup *group, guint number, const VmsGroupCut *cut)
{
    (void)pthread_mutex_lock(&group->lock);
    group->members[number].cut = *cut;
    move_on(group, number, CUT);
    (void)pthread_mutex_unlock(&group->lock);
}

void
vms_group_leave(VmsGroup *group, guint number)
{
    (void)pthread_mutex_lock(&group->lock);
    if (group->members[number].state != CUT)
        move_on(group, number, GONE);
    group->members[number].judged = TRUE;
    (void)pthread_cond_broadcast(&group->changed);
    (void)pthread_mutex_unlock(&group->lock);
}

void
vms_group_tell(VmsGroup *group, VmsEvidence *evidence)
{
    gint64 first = G_MAXINT64;
    gint64 last = 0;
    gint64 end = 0;

    (void)pthread_mutex_lock(&group->lock);
    while (!have_reached(group, group->size, CUT))
        wait_a_little(group);
    evidence->group_size = 0;
    for (guint i = 0; i < group->size; i++) {
        const Member *member = &group->members[i];

        if (member->state != CUT)
            continue;
        evidence->group_size++;
        first = MIN(first, member->cut.start_us);
        last = MAX(last, member->cut.start_us);
        end = MAX(end, member->cut.end_us);
    }
    (void)pthread_mutex_unlock(&group->lock);
    g_free(evidence->group);
    evidence->group = g_strdup(group->uuid);
    evidence->group_skew_us = last - first;
    evidence->group_span_us = end - first;
}

void
vms_group_note_proof(VmsGroup *group, guint number, gboolean proven)
{
    (void)pthread_mutex_lock(&group->lock);
    group->members[number].judged = TRUE;
    group->members[number].proven = proven;
    (void)pthread_cond_broadcast(&group->changed);
    (void)pthread_mutex_unlock(&group->lock);
}

gboolean
vms_group_was_frozen(VmsGroup *group, const char *vm_uuid, gint64 start_us, gint64 end_us)
{
    const Member *member = find_member(group, vm_uuid);
    gboolean frozen;

    (void)pthread_mutex_lock(&group->lock);
    while (member && !member->judged)
        wait_a_little(group);
    frozen = member && member->state == CUT && member->proven && member->cut.frozen_us > 0 &&
             member->cut.frozen_us <= start_us && member->cut.thawed_us >= end_us;
    (void)pthread_mutex_unlock(&group->lock);
    return frozen;
}
