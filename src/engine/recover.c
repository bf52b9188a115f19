/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/clone-end.h"
#include "engine/engine.h"
#include "engine/finish.h"
#include "engine/journal.h"
#include "engine/late-watch.h"
#include "engine/layout.h"
#include "engine/lease.h"
#include "engine/lock.h"
#include "engine/new-disk-end.h"
#include "engine/overlay.h"
#include "engine/own-file.h"
#include "engine/release.h"
#include "engine/replace.h"
#include "engine/window-locks.h"

#include <string.h>

/* How long a living guard gets to do its work before it is reported as still at it. */
#define GUARD_WAIT_US (5 * G_USEC_PER_SEC)
#define RELEASE_LIMIT_MS 10000
#define LOCK_WAIT_MS 3000

/* What could not be done. */
typedef struct {
    GError *first;
    guint count;
} Failures;

static void
failures_clear(Failures *failures)
{
    g_clear_error(&failures->first);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Failures, failures_clear)

/* One run of recover. */
typedef struct {
    VmsEngine *engine;
    VmsProgress *progress;
    GPtrArray *acts; /* VmsRecoveryAct* */
    Failures *failures;
} Recovery;

static void
tell(const Recovery *self, const char *object, const char *act, const char *message)
{
    g_ptr_array_add(self->acts, vms_recovery_act_new(object, act, message));
    vms_log(self->engine->log, VMSNAP_LOG_INFO, "recover: %s: %s: %s", object, act, message);
}

/* It is told, and the rest is done all the same. */
static void
tell_failure(const Recovery *self, const char *object, const GError *why)
{
    tell(self, object, "failed", why->message);
    if (self->failures->count++ == 0)
        self->failures->first = g_error_copy(why);
}

/* ---- leases: what is still frozen, suspended or running in the hypervisor ---- */

static gboolean
same_boot(const Recovery *self, const char *boot_id)
{
    return g_strcmp0(boot_id, self->engine->boot_id) == 0;
}

static gboolean
lease_owned(const Recovery *self, const VmsLease *lease)
{
    return same_boot(self, lease->boot_id) && vms_process_alive(&lease->owner);
}

static gboolean
guard_works(const Recovery *self, const VmsLease *lease)
{
    return same_boot(self, lease->boot_id) && lease->guard.pid > 0 &&
           vms_process_alive(&lease->guard);
}

/* TRUE when the guard has gone, its work done or not. */
static gboolean
wait_for_guard(const Recovery *self, const VmsLease *lease)
{
    gint64 until = vms_clock_monotonic_us() + GUARD_WAIT_US;

    while (guard_works(self, lease)) {
        if (vms_clock_monotonic_us() > until || vms_progress_is_cancelled(self->progress))
            return FALSE;
        vms_clock_sleep_us(20 * 1000);
    }
    return TRUE;
}

/* After a restart of the host only a guest that was saved on the way down can be left: it came
 * back as another instance. */
static gboolean
release(const Recovery *self, const VmsLease *lease, char **ret_done, GError **error)
{
    VmsLease seen = *lease;

    if (!same_boot(self, lease->boot_id))
        seen.instance = (VmsInstance){ .domain_id = -1 };
    return vms_release_held(self->engine->drivers, &seen, RELEASE_LIMIT_MS, ret_done, error);
}

static void
release_lease(const Recovery *self, const VmsLease *lease, const char *object)
{
    g_autofree char *done = NULL;
    g_autoptr(GError) error = NULL;

    if (!release(self, lease, &done, &error)) {
        if (vms_error_get_code(error) == VMSNAP_E_BUSY)
            tell(self, object, "skipped", error->message);
        else
            tell_failure(self, object, error);
        return;
    }
    vms_crash_point("recover-released");
    if (!vms_lease_remove(self->engine->state_dir, lease->vm_uuid, &error)) {
        tell_failure(self, object, error);
        return;
    }
    tell(self, object, "thawed", done ? done : "nothing is held any more");
}

/* As it is now, under the lock: while we waited its VM may have got a window of somebody else's. */
static void
recover_lease_locked(const Recovery *self, const VmsLease *lease, const char *object)
{
    g_autoptr(VmsLease) still = NULL;
    g_autoptr(GError) error = NULL;

    if (!wait_for_guard(self, lease)) {
        tell(self, object, "skipped", "its guard is alive and still at it");
        return;
    }
    if (vms_lease_read(self->engine->state_dir, lease->vm_uuid, &still, &error))
        release_lease(self, still, object);
    else if (vms_error_get_code(error) == VMSNAP_E_NOT_FOUND)
        tell(self, object, "thawed", "by its guard");
    else
        tell_failure(self, object, error);
}

/* Both locks: nobody opens a window, and nobody replaces the VM's disks. A window is open only
 * under its lock: who has the lock and finds a lease finds one that was left, by the dead or by a
 * living owner who gave up. */
static void
recover_lease(const Recovery *self, const VmsLease *lease)
{
    g_autofree char *object = g_strdup_printf("VM %s", lease->vm_uuid);
    g_auto(VmsWindowLocks) locks = { NULL, NULL };
    g_autoptr(GError) error = NULL;
    gboolean living = lease_owned(self, lease);
    const VmsWindowLocking locking = { .runtime_dir = self->engine->runtime_dir,
                                       .vm_uuid = lease->vm_uuid,
                                       .operation = lease->operation,
                                       .wait_ms = living ? 0 : LOCK_WAIT_MS,
                                       .progress = self->progress };

    if (!self->engine->drivers->hypervisor || g_strcmp0(lease->uri, self->engine->uri) != 0) {
        if (!living)
            tell(self, object, "skipped", "it was made through another connection");
        return;
    }
    if (vms_window_locks_take(&locking, &locks, &error))
        recover_lease_locked(self, lease, object);
    else if (!living)
        tell(self, object, "skipped", error->message);
}

static void
tell_damaged(const Recovery *self, const char *object)
{
    g_autoptr(GError) why = NULL;

    vms_fail(&why, VMSNAP_E_IO, "the lease cannot be read");
    tell_failure(self, object, why);
}

static gboolean
recover_leases(const Recovery *self, GError **error)
{
    g_autoptr(GPtrArray) leases = NULL;
    g_autoptr(GPtrArray) damaged = NULL;

    if (!vms_lease_list(self->engine->state_dir, &leases, &damaged, error))
        return FALSE;
    for (guint i = 0; i < leases->len; i++)
        recover_lease(self, leases->pdata[i]);
    for (guint i = 0; damaged && i < damaged->len; i++)
        tell_damaged(self, damaged->pdata[i]);
    return TRUE;
}

/* ---- guests that may stop late, and whose guard died ---- */

static void
recover_late_one(const Recovery *self, const VmsLease *lease)
{
    g_autofree char *object = g_strdup_printf("VM %s", lease->vm_uuid);
    VmsLateState state = VMS_LATE_ON;
    g_autoptr(GError) error = NULL;

    if (!vms_late_take_over(self->engine, lease, &state, &error))
        tell_failure(self, object, error);
    else if (state == VMS_LATE_STARTED)
        tell(self, object, "started", "its guest went down after a restore had given up");
}

static gboolean
recover_late(const Recovery *self, GError **error)
{
    g_autofree char *folder = vms_late_folder(self->engine->state_dir);
    g_autoptr(GPtrArray) leases = NULL;

    if (!self->engine->drivers->hypervisor)
        return TRUE;
    if (!vms_lease_list(folder, &leases, NULL, error))
        return FALSE;
    for (guint i = 0; i < leases->len; i++)
        recover_late_one(self, leases->pdata[i]);
    return TRUE;
}

/* ---- operations ---- */

static void
interrupted(VmsOperation *operation)
{
    g_autoptr(GError) why = NULL;

    vms_refuse(&why, VMSNAP_E_CANCELLED, "Interrupted",
               "the process that ran it died; it was rolled back");
    vms_journal_fail(operation, why);
}

/* A job of ours that still runs holds the scratch files open: it ends before they go. */
static gboolean
end_own_job(const Recovery *self, const VmsOperation *operation, GError **error)
{
    const VmsDrivers *drivers = self->engine->drivers;
    g_autofree char *socket = NULL;
    g_autoptr(GError) gone = NULL;
    VmsJobKind kind = VMS_JOB_NONE;

    if (!operation->socket)
        return TRUE;
    if (!vms_hypervisor_read_job(drivers->urgent, operation->vm_uuid, &kind, &socket, &gone)) {
        if (vms_error_get_code(gone) == VMSNAP_E_NOT_FOUND)
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&gone));
        return FALSE;
    }
    if (kind != VMS_JOB_BACKUP || g_strcmp0(socket, operation->socket) != 0)
        return TRUE;
    return vms_hypervisor_end_backup(drivers->urgent, operation->vm_uuid, error);
}

/* The snapshot's record and the operation's end in one batch, so an open operation means that the
 * snapshot is not Ready. */
static gboolean
recover_snapshot(const Recovery *self, VmsWork *work, GError **error)
{
    VmsOperation *operation = work->operation;
    VmsSnapshot *snapshot = work->snapshot;
    g_autoptr(GPtrArray) files = vms_own_pick_files(self->engine, operation);

    /* The clones first: they hold blocks that a base may need to take its overlay back. */
    if (!end_own_job(self, operation, error) ||
        !vms_layout_remove(self->engine, files, NULL, error) ||
        !vms_overlays_settle(self->engine, work, self->progress, error) ||
        !vms_layout_remove(self->engine, files, operation->folders, error))
        return FALSE;
    if (operation->socket &&
        !vms_volume_remove(self->engine->drivers->volume, operation->socket, error))
        return FALSE;
    interrupted(operation);
    if (!snapshot)
        return TRUE;
    snapshot->phase = VMSNAP_SNAPSHOT_FAILED;
    vms_conditions_set(snapshot->conditions,
                       vms_condition_new(vms_snapshot_ready_type(snapshot), VMS_CONDITION_FALSE,
                                         "Interrupted", operation->error_message,
                                         operation->finished_us));
    return TRUE;
}

static gboolean
recover_replace(const Recovery *self, VmsWork *work, const char **ret_act, GError **error)
{
    VmsOperation *operation = work->operation;
    gboolean undo = strcmp(operation->type, "undo") == 0;
    g_autoptr(GPtrArray) files = NULL;

    *ret_act = "rolled-back";
    if (operation->journal == VMS_JOURNAL_COMMITTED) {
        *ret_act = "finished";
        if (!vms_replace_forward(self->engine, work, error))
            return FALSE;
        if (undo)
            return vms_finish_undo(self->engine, work, error);
        if (strcmp(operation->type, "flatten") == 0)
            return vms_finish_flatten(self->engine, work, error);
        vms_finish_restore(operation, "finished by recover; the old set is kept");
        return TRUE;
    }
    if (!vms_replace_back(self->engine, work, error))
        return FALSE;
    vms_crash_point("recover-back");
    files = vms_own_pick_files(self->engine, operation);
    if (!vms_layout_remove(self->engine, files, operation->folders, error))
        return FALSE;
    interrupted(operation);
    return TRUE;
}

static gboolean
recover_new_disk(const Recovery *self, VmsWork *work, const char **ret_act, GError **error)
{
    gboolean forward = FALSE;

    if (!vms_new_disk_recover(self->engine, work->operation, &forward, error))
        return FALSE;
    if (!forward) {
        interrupted(work->operation);
        return TRUE;
    }
    *ret_act = "finished";
    return vms_store_save(self->engine->drivers->catalog, work, error);
}

static gboolean
recover_clone(const Recovery *self, VmsWork *work, const char **ret_act, GError **error)
{
    gboolean forward = FALSE;

    if (!vms_clone_recover(self->engine, work->operation, &forward, error))
        return FALSE;
    if (!forward) {
        interrupted(work->operation);
        return TRUE;
    }
    *ret_act = "finished";
    return vms_store_save(self->engine->drivers->catalog, work, error);
}

static gboolean
recover_by_type(const Recovery *self, VmsWork *work, const char **ret_act, GError **error)
{
    const char *type = work->operation->type;

    *ret_act = "rolled-back";
    if (!self->engine->drivers->hypervisor && work->operation->vm_uuid &&
        strcmp(type, "delete") != 0)
        return vms_fail(error, VMSNAP_E_UNSUPPORTED, "there is no hypervisor to recover it with");
    if (vms_operation_takes_snapshot(work->operation))
        return recover_snapshot(self, work, error);
    if (strcmp(type, "delete") == 0) {
        *ret_act = "finished";
        return work->operation->undo_of ? vms_finish_drop(self->engine, work, error)
                                        : vms_finish_delete(self->engine, work, error);
    }
    if (strcmp(type, "restore") == 0 || strcmp(type, "undo") == 0 || strcmp(type, "flatten") == 0)
        return recover_replace(self, work, ret_act, error);
    if (vms_new_disk_is_type(type))
        return recover_new_disk(self, work, ret_act, error);
    if (strcmp(type, "clone") == 0)
        return recover_clone(self, work, ret_act, error);
    return vms_fail(error, VMSNAP_E_UNSUPPORTED, "operations of type '%s' are not known here",
                    type);
}

/* Half-written leases are swept under the window's lock: who has it now sweeps later. */
static gboolean
sweep_lease(const Recovery *self, const char *vm_uuid, GError **error)
{
    g_autofree char *window = vms_lock_name_window(vm_uuid);
    g_autoptr(VmsLock) lock = NULL;
    g_autoptr(GError) refused = NULL;

    if (vms_lock_take(self->engine->runtime_dir, window, NULL, 0, self->progress, &lock, &refused))
        return vms_lease_sweep(self->engine->state_dir, vm_uuid, error);
    if (vms_error_get_code(refused) == VMSNAP_E_BUSY)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&refused));
    return FALSE;
}

/* Loaded again under the lock: somebody else may have recovered it meanwhile. */
static gboolean
load_work(const Recovery *self, const VmsOperation *seen, VmsWork *work, GError **error)
{
    VmsCatalog *catalog = self->engine->drivers->catalog;
    gboolean with_snapshot =
        vms_operation_takes_snapshot(seen) || (strcmp(seen->type, "delete") == 0 && !seen->undo_of);
    g_autoptr(GError) missing = NULL;

    if (!vms_store_load_operation(catalog, seen->uuid, &work->operation, &work->operation_version,
                                  error))
        return FALSE;
    if (!with_snapshot || vms_store_load_snapshot(catalog, seen->snapshot, &work->snapshot,
                                                  &work->snapshot_version, &missing))
        return TRUE;
    if (vms_error_get_code(missing) == VMSNAP_E_NOT_FOUND)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&missing));
    return FALSE;
}

static gboolean
recover_locked(const Recovery *self, const VmsOperation *seen, const char **ret_act, GError **error)
{
    g_auto(VmsWork) work = { 0 };

    *ret_act = "skipped";
    if (!load_work(self, seen, &work, error))
        return FALSE;
    if (!vms_operation_is_open(work.operation))
        return TRUE;
    if (work.operation->vm_uuid && !sweep_lease(self, work.operation->vm_uuid, error))
        return FALSE;
    if (!recover_by_type(self, &work, ret_act, error))
        return FALSE;
    /* what finished by itself has stored its record */
    if (work.operation_version == 0 || strcmp(*ret_act, "rolled-back") == 0 ||
        strcmp(seen->type, "restore") == 0)
        return vms_store_save(self->engine->drivers->catalog, &work, error);
    return TRUE;
}

static const char *
about(const VmsOperation *operation)
{
    if (operation->disk)
        return operation->disk;
    return operation->vm_name ? operation->vm_name : "";
}

/* What a snapshot made is its own: it goes while other snapshots of the VM are at work. The lock
 * says of each operation whether somebody is at it. */
static gboolean
lock_operation(const Recovery *self, const VmsOperation *operation, guint wait_ms,
               VmsLock **ret_lock, GError **error)
{
    const char *runtime_dir = self->engine->runtime_dir;
    g_autofree char *name = vms_journal_lock_name(operation);

    if (vms_operation_takes_snapshot(operation))
        return vms_lock_share(runtime_dir, name, operation->uuid, wait_ms, self->progress, ret_lock,
                              error);
    return vms_lock_take(runtime_dir, name, operation->uuid, wait_ms, self->progress, ret_lock,
                         error);
}

static void
recover_operation(const Recovery *self, const VmsOperation *seen)
{
    g_autofree char *object = g_strdup_printf("operation %s (%s)", seen->uuid, seen->type);
    g_autoptr(VmsLock) lock = NULL;
    g_autoptr(GError) error = NULL;
    const char *act = "failed";
    gboolean living = vms_journal_owner_alive(self->engine, seen);

    /* Who runs an operation holds its VM's lock. A living owner without it has given the operation
     * up, uncertain of its outcome. */
    if (!lock_operation(self, seen, living ? 0 : LOCK_WAIT_MS, &lock, &error)) {
        if (!living)
            tell_failure(self, object, error);
        return;
    }
    if (recover_locked(self, seen, &act, &error))
        tell(self, object, act, about(seen));
    else
        tell_failure(self, object, error);
}

/* Not its owner's any more. Who waits holds no lock: only his life counts. */
static gboolean
is_left(const Recovery *self, const VmsOperation *operation)
{
    return vms_operation_is_open(operation) && (!vms_journal_owner_alive(self->engine, operation) ||
                                                (operation->phase != VMSNAP_OPERATION_PENDING &&
                                                 vms_journal_lock_tells(self->engine, operation)));
}

static gboolean
recover_listed(const Recovery *self, const GPtrArray *operations, gboolean clones, GError **error)
{
    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *operation = operations->pdata[i];

        if ((operation->clone != NULL) != clones)
            continue;
        if (!vms_progress_check(self->progress, error))
            return FALSE;
        if (is_left(self, operation))
            recover_operation(self, operation);
    }
    return TRUE;
}

/* A clone may have begun a snapshot, which is brought to its end first. */
static gboolean
recover_operations(const Recovery *self, GError **error)
{
    g_autoptr(GPtrArray) operations = NULL;

    return vms_store_list_operations(self->engine->drivers->catalog, &operations, error) &&
           recover_listed(self, operations, FALSE, error) &&
           recover_listed(self, operations, TRUE, error);
}

gboolean
vms_engine_recover(VmsEngine *engine, VmsProgress *progress, GPtrArray **ret_acts, GError **error)
{
    g_autoptr(GPtrArray) acts =
        g_ptr_array_new_with_free_func((GDestroyNotify)vms_recovery_act_free);
    g_auto(Failures) failures = { 0 };
    const Recovery self = {
        .engine = engine, .progress = progress, .acts = acts, .failures = &failures
    };
    gboolean done;

    if (engine->read_only)
        return vms_fail(error, VMSNAP_E_PERMISSION, "the context is read-only");
    done = recover_leases(&self, error) && recover_operations(&self, error) &&
           recover_late(&self, error);
    *ret_acts = g_steal_pointer(&acts);
    if (done && failures.count > 0)
        g_propagate_prefixed_error(
            error, g_steal_pointer(&failures.first),
            "%u of what was left open could not be recovered: ", failures.count);
    return done && failures.count == 0;
}

gboolean
vms_engine_count_open(VmsEngine *engine, guint64 *ret_operations, guint64 *ret_freezes,
                      GError **error)
{
    const Recovery self = { .engine = engine };
    g_autoptr(GPtrArray) operations = NULL;
    g_autoptr(GPtrArray) leases = NULL;
    guint64 open_operations = 0;
    guint64 open_freezes = 0;

    if (!vms_store_list_operations(engine->drivers->catalog, &operations, error) ||
        !vms_lease_list(engine->state_dir, &leases, NULL, error))
        return FALSE;
    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *operation = operations->pdata[i];

        open_operations +=
            vms_operation_is_open(operation) && !vms_journal_owner_alive(engine, operation);
    }
    for (guint i = 0; i < leases->len; i++) {
        const VmsLease *lease = leases->pdata[i];

        open_freezes += !lease_owned(&self, lease) && !guard_works(&self, lease);
    }
    *ret_operations = open_operations;
    *ret_freezes = open_freezes;
    return TRUE;
}
