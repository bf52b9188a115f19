/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/freeze.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/ref.h"
#include "engine/agent-socket.h"
#include "engine/freeze-end.h"
#include "engine/journal.h"
#include "engine/survey.h"
#include "engine/thaw.h"
#include "engine/window-locks.h"
#include "record/view.h"

#include <pthread.h>

#include <vmsnap/job.h>

enum { HOLD_MS = 30 * 1000, AGENT_PING_MS = 1000, FORCE_MS = 10000 };
#define READY_POLL_US (200 * 1000)

typedef enum { HELD, ENDING, ENDED } State;

struct VmsFrozenVm {
    VmsRef ref;
    VmsRef holders;
    VmsEngine *engine; /* borrowed: the context outlives us */
    char *uuid;
    gboolean detached;
    VmsFreeze *freeze; /* who is ENDING may change it */
    /* Only of an attached one: */
    VmsVm *vm;
    GPtrArray *members; /* of its window: nobody any more */
    VmsWindowRun run;
    VmsWindowLocks locks;
    /* */
    char *begun; /* the freeze as JSON; so for ended */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    State state; /* guarded, as all below */
    char *ended;
    GError *failed; /* it may have been left frozen; NULL: it was not */
};

static VmsFrozenVm *
frozen_vm_new(VmsEngine *engine, VmsFreeze *freeze)
{
    VmsFrozenVm *self = g_new0(VmsFrozenVm, 1);

    vms_ref_init(&self->ref);
    vms_ref_init(&self->holders);
    (void)pthread_mutex_init(&self->mutex, NULL);
    (void)pthread_cond_init(&self->changed, NULL);
    self->engine = engine;
    self->freeze = freeze;
    self->members = g_ptr_array_new();
    self->uuid = g_strdup(freeze->uuid);
    self->detached = freeze->detached;
    return self;
}

VmsFrozenVm *
vms_frozen_vm_ref(VmsFrozenVm *self)
{
    vms_ref_take(&self->ref);
    return self;
}

void
vms_frozen_vm_unref(VmsFrozenVm *self)
{
    if (!self || !vms_ref_drop(&self->ref))
        return;
    vms_window_locks_clear(&self->locks);
    vms_agent_free(self->run.agent);
    vms_vm_free(self->vm);
    g_ptr_array_unref(self->members);
    vms_freeze_free(self->freeze);
    g_free(self->uuid);
    g_free(self->begun);
    g_free(self->ended);
    g_clear_error(&self->failed);
    (void)pthread_cond_destroy(&self->changed);
    (void)pthread_mutex_destroy(&self->mutex);
    g_free(self);
}

/* ---- begin ---- */

static gboolean
take_disks(VmsFrozenVm *self, char **wanted, GError **error)
{
    const GPtrArray *disks = vms_vm_current_disks(self->vm);
    GPtrArray *targets = self->freeze->disks;

    g_ptr_array_set_size(targets, 0);
    for (char **target = wanted; target && *target; target++) {
        if (!vms_vm_find_live_disk(self->vm, *target))
            return vms_fail(error, VMSNAP_E_INVALID, "VM %s has no disk %s", self->vm->name,
                            *target);
        g_ptr_array_add(targets, g_strdup(*target));
    }
    for (guint i = 0; !wanted && i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        if (vms_disk_is_owned(disk))
            g_ptr_array_add(targets, g_strdup(disk->target));
    }
    return TRUE;
}

/* The VM as it is now, if it can be frozen. */
static gboolean
read_vm(VmsFrozenVm *self, const char *vm_uuid, const VmsFreezeRequest *request, GError **error)
{
    VmsFreezeWish wish = VMS_FREEZE_NOT;

    g_clear_pointer(&self->vm, vms_vm_free);
    if (!vms_hypervisor_find_vm(self->engine->drivers->hypervisor, vm_uuid, FALSE, &self->vm,
                                error))
        return FALSE;
    vms_agent_socket_note(self->engine, self->vm);
    if (!vms_consistency_before(self->vm, VMSNAP_CONSISTENCY_REQUIRE, &wish, NULL, error))
        return FALSE;
    if (wish != VMS_FREEZE_MUST)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NotRunning",
                          "VM %s is off: there is nothing to freeze", self->vm->name);
    return take_disks(self, request->disks, error);
}

/* An agent that is connected may still be starting: only an answer counts. */
static gboolean
agent_answers(const VmsFrozenVm *self)
{
    const VmsDrivers *drivers = self->engine->drivers;
    g_autoptr(VmsAgent) agent =
        drivers->open_agent(drivers->hypervisor, self->vm->uuid, self->vm->agent_socket);

    return vms_agent_ping(agent, AGENT_PING_MS, NULL);
}

/* What passes by itself: a job that ends, an agent that comes up. A channel that is not there does
 * not come. */
static gboolean
is_passing(const VmsFrozenVm *self, const GError *error)
{
    if (g_strcmp0(vms_error_get_reason(error), "AgentNotReady") == 0)
        return self->vm && vms_vm_may_have_agent(self->vm);
    return vms_error_get_code(error) == VMSNAP_E_BUSY;
}

/* The last reason stands when the caller's patience ends. */
static gboolean
wait_ready(VmsFrozenVm *self, const char *vm_uuid, const VmsFreezeRequest *request,
           VmsProgress *progress, GError **error)
{
    gint64 until = vms_clock_monotonic_us() + (gint64)request->wait_ready_ms * 1000;

    for (;;) {
        g_autoptr(GError) failed = NULL;
        gboolean last = vms_clock_monotonic_us() >= until;
        gboolean read = read_vm(self, vm_uuid, request, &failed);

        if (read && (last || agent_answers(self)))
            return TRUE;
        if (!read && (last || !is_passing(self, failed))) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        vms_progress_enter(progress, VMSNAP_STAGE_WAITING);
        if (!vms_progress_check(progress, error))
            return FALSE;
        vms_clock_sleep_us(READY_POLL_US);
    }
}

/* A window whose only member cuts elsewhere. */
static gboolean
open_window(VmsFrozenVm *self, const VmsFreezeRequest *request, VmsProgress *progress,
            GError **error)
{
    const VmsWindow window = {
        .vm = self->vm,
        .targets = (const char *const *)request->disks,
        .operation_uuid = self->freeze->uuid,
        .policy = VMSNAP_CONSISTENCY_REQUIRE,
        .freeze_call_ms = request->freeze_call_ms,
        .freeze_budget_ms = request->hold_ms ? request->hold_ms : HOLD_MS,
        .detached = request->detached,
        .progress = progress,
    };
    VmsMember member = { .window = &window, .evidence = self->freeze->evidence };
    gboolean opened;

    for (char **name = request->accept_unfrozen; name && *name; name++)
        g_ptr_array_add(self->freeze->evidence->accepted, g_strdup(*name));
    self->run = (VmsWindowRun){ .engine = self->engine,
                                .members = self->members,
                                .vm = self->vm,
                                .evidence = self->freeze->evidence };
    vms_window_admit(&self->run, &member);
    opened = vms_window_open(&self->run, error);
    g_ptr_array_set_size(self->members, 0);
    g_clear_pointer(&self->run.targets, g_free);
    g_clear_error(&member.error);
    g_free(member.why);
    return opened;
}

/* From the agent's answer on the time runs that the caller asked for. */
static gboolean
hold(VmsFrozenVm *self, GError **error)
{
    VmsFreeze *freeze = self->freeze;
    gint64 since_us = vms_clock_monotonic_us() - freeze->evidence->times.freeze_acked;
    const VmsProcessId owner = vms_process_self();
    gint64 deadline_us, until_us;

    freeze->hold_ms = self->run.freeze_budget_ms; /* less on Windows */
    freeze->frozen_us = vms_clock_realtime_us() - since_us;
    until_us = freeze->frozen_us + (gint64)freeze->hold_ms * 1000;
    deadline_us = vms_clock_boottime_us() - since_us + (gint64)freeze->hold_ms * 1000;
    if (!self->detached)
        return vms_holding_move_deadline(self->run.holding, deadline_us, error) &&
               vms_window_locks_note(&self->locks, &owner, freeze->uuid, until_us, error);
    if (!vms_holding_hand_over(self->run.holding, freeze, deadline_us, &self->locks, error))
        return FALSE;
    self->run.holding = NULL;
    g_clear_pointer(&self->run.agent, vms_agent_free);
    vms_window_locks_leave(&self->locks);
    return TRUE;
}

/* It is frozen and cannot be held as was asked. Takes @why. */
static gboolean
give_up(VmsFrozenVm *self, GError *why, GError **error)
{
    g_autoptr(GError) stuck = NULL;

    if (!vms_freeze_finish(&self->run, self->freeze, &stuck)) {
        vms_holding_abandon(g_steal_pointer(&self->run.holding));
        vms_error_set_frozen(why, vms_error_get_frozen(stuck));
    }
    self->state = ENDED;
    g_propagate_error(error, why);
    return FALSE;
}

static gboolean
begin(VmsFrozenVm *self, const char *vm_uuid, const VmsFreezeRequest *request,
      VmsProgress *progress, GError **error)
{
    const VmsWindowLocking locking = { .runtime_dir = self->engine->runtime_dir,
                                       .vm_uuid = vm_uuid,
                                       .operation = self->freeze->uuid,
                                       .wait_ms = request->wait_ready_ms,
                                       .progress = progress };
    GError *failed = NULL;

    vms_progress_enter(progress, VMSNAP_STAGE_WAITING);
    if (!vms_engine_check_acting(self->engine, TRUE, error) ||
        !vms_window_locks_take(&locking, &self->locks, error) ||
        !vms_journal_check_settled(self->engine, vm_uuid, error) ||
        !wait_ready(self, vm_uuid, request, progress, error))
        return FALSE;
    g_free(self->freeze->vm_name);
    self->freeze->vm_name = g_strdup(self->vm->name);
    if (!open_window(self, request, progress, error))
        return FALSE;
    if (!vms_freeze_check_provable(self->engine, self->freeze, &failed) || !hold(self, &failed))
        return give_up(self, failed, error);
    self->begun = vms_view_freeze(self->freeze);
    return TRUE;
}

gboolean
vms_engine_freeze(VmsEngine *engine, const char *operation_uuid, const char *vm_uuid,
                  const VmsFreezeRequest *request, VmsProgress *progress, VmsFrozenVm **ret_frozen,
                  GError **error)
{
    VmsFreeze *freeze = vms_freeze_new(operation_uuid, vm_uuid, NULL);
    g_autoptr(VmsFrozenVm) self = NULL;

    freeze->detached = request->detached;
    self = frozen_vm_new(engine, freeze);
    if (!begin(self, vm_uuid, request, progress, error)) {
        self->state = ENDED; /* nothing is held */
        return FALSE;
    }
    *ret_frozen = g_steal_pointer(&self);
    return TRUE;
}

/* ---- end ---- */

/* Nothing of the connection may be left: the context may be closed next. */
static void
let_go(VmsFrozenVm *self)
{
    g_clear_pointer(&self->run.agent, vms_agent_free);
    vms_window_locks_clear(&self->locks);
}

/* TRUE: it is ours to end. FALSE: it is over; whoever was at it is done. */
static gboolean
begin_end(VmsFrozenVm *self)
{
    gboolean ours;

    (void)pthread_mutex_lock(&self->mutex);
    while (self->state == ENDING)
        (void)pthread_cond_wait(&self->changed, &self->mutex);
    ours = self->state == HELD;
    if (ours)
        self->state = ENDING;
    (void)pthread_mutex_unlock(&self->mutex);
    return ours;
}

static void
finish_end(VmsFrozenVm *self, State state, const GError *failed)
{
    char *ended = state == ENDED ? vms_view_freeze(self->freeze) : NULL;

    (void)pthread_mutex_lock(&self->mutex);
    self->state = state;
    self->ended = ended;
    if (state == ENDED && failed)
        self->failed = g_error_copy(failed);
    (void)pthread_cond_broadcast(&self->changed);
    (void)pthread_mutex_unlock(&self->mutex);
}

static gboolean
end_attached(VmsFrozenVm *self, GError **error)
{
    g_autoptr(GError) failed = NULL;

    if (!vms_freeze_finish(&self->run, self->freeze, &failed)) {
        vms_freeze_disprove(self->freeze, vms_error_get_reason(failed), "%s", failed->message);
        vms_holding_abandon(g_steal_pointer(&self->run.holding));
    }
    let_go(self);
    finish_end(self, ENDED, failed);
    if (!failed)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

/* One that cannot be thawed now stays its guard's: it may be tried again. */
static gboolean
end_detached(VmsFrozenVm *self, VmsProgress *progress, GError **error)
{
    g_autoptr(GError) failed = NULL;
    VmsFreeze *result = NULL;

    if (vms_freeze_end_leased(self->engine, self->freeze->vm_uuid, self->freeze->uuid, progress,
                              &result, &failed)) {
        vms_freeze_free(self->freeze);
        self->freeze = result;
    } else if (vms_error_get_code(failed) != VMSNAP_E_NOT_FOUND) {
        finish_end(self, HELD, NULL);
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    } else {
        vms_freeze_disprove(self->freeze, "ThawedEarly",
                            "it was over before: by its deadline, or ended by somebody else");
    }
    finish_end(self, ENDED, NULL);
    return TRUE;
}

gboolean
vms_frozen_vm_end(VmsFrozenVm *self, VmsProgress *progress, GError **error)
{
    gboolean failed;

    if (begin_end(self))
        return self->detached ? end_detached(self, progress, error) : end_attached(self, error);
    (void)pthread_mutex_lock(&self->mutex);
    failed = self->failed != NULL;
    if (failed && error)
        *error = g_error_copy(self->failed);
    (void)pthread_mutex_unlock(&self->mutex);
    return !failed;
}

void
vms_frozen_vm_close(VmsFrozenVm *self)
{
    if (!self->detached && begin_end(self))
        end_attached(self, NULL);
}

void
vms_frozen_vm_hold(VmsFrozenVm *self)
{
    vms_ref_take(&self->holders);
}

void
vms_frozen_vm_drop(VmsFrozenVm *self)
{
    if (!vms_ref_drop(&self->holders) || self->detached || !begin_end(self))
        return;
    if (self->engine->self_guard) {
        end_attached(self, NULL);
        return;
    }
    vms_holding_abandon(g_steal_pointer(&self->run.holding));
    let_go(self);
    vms_freeze_disprove(self->freeze, "Interrupted", "it was given up; its guard thaws the guest");
    finish_end(self, ENDED, NULL);
}

gboolean
vms_frozen_vm_is_ended(VmsFrozenVm *self)
{
    gboolean ended;

    (void)pthread_mutex_lock(&self->mutex);
    ended = self->state == ENDED;
    (void)pthread_mutex_unlock(&self->mutex);
    return ended;
}

gboolean
vms_frozen_vm_is_proven(VmsFrozenVm *self)
{
    return vms_frozen_vm_is_ended(self) && self->freeze->proven;
}

const char *
vms_frozen_vm_get_uuid(const VmsFrozenVm *self)
{
    return self->uuid;
}

const char *
vms_frozen_vm_get_json(VmsFrozenVm *self)
{
    return vms_frozen_vm_is_ended(self) ? self->ended : self->begun;
}

/* ---- without a handle ---- */

gboolean
vms_engine_thaw(VmsEngine *engine, const char *vm_uuid, VmsProgress *progress,
                VmsFrozenVm **ret_frozen, GError **error)
{
    VmsFreeze *freeze = NULL;

    if (!vms_engine_check_acting(engine, TRUE, error) ||
        !vms_freeze_end_leased(engine, vm_uuid, NULL, progress, &freeze, error))
        return FALSE;
    *ret_frozen = frozen_vm_new(engine, freeze);
    finish_end(*ret_frozen, ENDED, NULL);
    return TRUE;
}

gboolean
vms_engine_force_thaw(VmsEngine *engine, const char *vm_uuid, VmsProgress *progress,
                      GPtrArray *acts, GError **error)
{
    g_autofree char *object = g_strdup_printf("VM %s", vm_uuid);
    g_autofree char *message = NULL;
    g_autoptr(VmsFrozenVm) ours = NULL;
    g_autoptr(VmsVm) vm = NULL;
    g_autoptr(VmsAgent) agent = NULL;
    int count = 0;

    if (!vms_engine_check_acting(engine, TRUE, error))
        return FALSE;
    /* Ours in order, if it is ours; what stands against that does not stand against force. */
    if (vms_engine_thaw(engine, vm_uuid, progress, &ours, NULL))
        g_ptr_array_add(acts, vms_recovery_act_new(object, "thawed", "a freeze of ours"));
    if (!vms_progress_check(progress, error) ||
        !vms_hypervisor_find_vm(engine->drivers->hypervisor, vm_uuid, FALSE, &vm, error))
        return FALSE;
    vms_agent_socket_note(engine, vm);
    vms_progress_enter(progress, VMSNAP_STAGE_THAWING);
    agent = engine->drivers->open_agent(engine->drivers->urgent, vm->uuid, vm->agent_socket);
    if (!vms_thaw_until_confirmed(agent, FORCE_MS, TRUE, &count, error))
        return FALSE;
    message = g_strdup_printf("%d file systems, by force", count);
    g_ptr_array_add(acts, vms_recovery_act_new(object, "thawed", message));
    return TRUE;
}
