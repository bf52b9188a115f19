/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/engine.h"
#include "engine/finish.h"
#include "engine/host-entry.h"
#include "engine/in-use.h"
#include "engine/inventory.h"
#include "engine/journal.h"
#include "engine/lock.h"
#include "engine/new-disk-use.h"
#include "engine/own-file.h"
#include "engine/store-look.h"
#include "engine/undo-set.h"
#include "model/name.h"

#include <vmsnap/job.h>

enum { CLAIM_WAIT_MS = 10000 }; /* others hold it only while they write something down */

typedef struct {
    const char *operation_uuid;
    const char *snapshot_uuid;
    const char *owner; /* of a snapshot that was taken for an operation: its UUID; NULL: none */
} Removal;

/* What a damaged record names elsewhere stays anyway, whoever uses it. */
static gboolean
is_removed(const VmsSnapshot *snapshot, const VmsSnapshotDisk *disk)
{
    return disk->image && vms_own_is_place(disk->image->path, snapshot->uuid);
}

/* An old disk that somebody keeps may be a layer over an image of the snapshot. */
static gboolean
check_undo_sets(VmsEngine *engine, const VmsSnapshot *snapshot, const GPtrArray *operations,
                GError **error)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];
        const VmsOperation *user = NULL;
        g_autofree char *holder = NULL;

        if (is_removed(snapshot, disk))
            user = vms_undo_set_find_user(engine, operations, disk->image->path);
        if (!user)
            continue;
        holder = g_strdup_printf("the undo set of restore %s", user->uuid);
        return vms_in_use_refuse(error, disk->image->path, holder);
    }
    return TRUE;
}

/* @owner: UUID of the operation that the snapshot was taken for; NULL: none. */
static gboolean
check_operations(VmsEngine *engine, const VmsSnapshot *snapshot, const char *owner, GError **error)
{
    g_autoptr(GPtrArray) operations = NULL;

    if (!vms_store_list_operations(engine->drivers->catalog, &operations, error))
        return FALSE;
    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *operation = operations->pdata[i];
        g_autofree char *holder = NULL;

        /* An earlier delete that did not come to its end needs nothing: this one does its work. */
        if (!vms_operation_is_open(operation) || g_strcmp0(operation->type, "delete") == 0 ||
            g_strcmp0(operation->snapshot, snapshot->uuid) != 0 ||
            g_strcmp0(operation->uuid, owner) == 0 || !vms_journal_owner_alive(engine, operation))
            continue;
        holder = g_strdup_printf("operation %s (%s)", operation->uuid, operation->type);
        return vms_in_use_refuse(error, snapshot->name, holder);
    }
    return check_undo_sets(engine, snapshot, operations, error);
}

static gboolean
check_unused(VmsEngine *engine, const VmsSnapshot *snapshot, const char *owner, GError **error)
{
    g_autoptr(VmsInventory) inventory = NULL;
    g_autofree char *holder = NULL;

    if (!check_operations(engine, snapshot, owner, error) ||
        !vms_new_disk_find_holder(engine, snapshot, &holder, error))
        return FALSE;
    if (holder)
        return vms_in_use_refuse(error, snapshot->name, holder);
    if (engine->drivers->hypervisor && !vms_inventory_collect(engine, &inventory, error))
        return FALSE;
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];

        if (is_removed(snapshot, disk) &&
            !vms_in_use_check_file(engine, inventory, disk->image->path, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
record_intent(VmsEngine *engine, VmsWork *work, const char *operation_uuid, GError **error)
{
    VmsSnapshot *snapshot = work->snapshot;

    work->operation = vms_journal_new(engine, operation_uuid, "delete");
    work->operation->snapshot = g_strdup(snapshot->uuid);
    work->operation->snapshot_name = g_strdup(snapshot->name);
    work->operation->vm_uuid = g_strdup(snapshot->vm_uuid);
    work->operation->vm_name = g_strdup(snapshot->vm_name);
    work->operation->disk = g_strdup(snapshot->disk);
    if (!vms_host_entries_plan_delete(engine, snapshot, work->operation, error))
        return FALSE;
    if (snapshot->phase != VMSNAP_SNAPSHOT_FAILED) /* who has its name by now keeps it */
        snapshot->phase = VMSNAP_SNAPSHOT_TERMINATING;
    return vms_journal_advance(engine, work, VMS_JOURNAL_COMMITTED, error);
}

/* Nobody comes to need it between the look and the record: who makes a disk of it waits, and then
 * finds it going. */
static gboolean
claim(VmsEngine *engine, VmsWork *work, const Removal *removal, VmsProgress *progress,
      GError **error)
{
    const char *operation_uuid = removal->operation_uuid;
    g_autofree char *name = vms_lock_name_snapshot(work->snapshot->uuid);
    g_autoptr(VmsLock) lock = NULL;

    return vms_lock_take(engine->runtime_dir, name, operation_uuid, CLAIM_WAIT_MS, progress, &lock,
                         error) &&
           check_unused(engine, work->snapshot, removal->owner, error) &&
           record_intent(engine, work, operation_uuid, error);
}

/* That under which it was taken. */
static char *
lock_name_of(const VmsSnapshot *snapshot)
{
    if (snapshot->vm_uuid || !snapshot->disk)
        return vms_lock_name_vm(snapshot->vm_uuid ? snapshot->vm_uuid : snapshot->uuid);
    return vms_lock_name_disk(snapshot->disk);
}

/* Which files are its own nobody knows: they stay. Not "of" the snapshot, so that collecting does
 * not take it for a delete that removed them, and its folder may be found again. */
static void
tell_dropped(VmsWork *work)
{
    const VmsCondition *damage = work->snapshot->conditions->pdata[0];
    VmsFinding *kept = vms_finding_new_reason(
        "VirtualImage", work->snapshot->uuid, VMSNAP_SEVERITY_WARNING, "Damaged",
        "the record could not be read (%s): whatever files the snapshot has stay in folders "
        ".vmsnap/%s",
        damage->message, work->snapshot->uuid);

    kept->status = VMS_RESOURCE_KEPT;
    g_ptr_array_add(work->operation->resources, kept);
    work->operation->snapshot_name = g_strdup(work->snapshot->name);
    vms_journal_complete(work->operation, "the damaged record is gone; its files stay");
}

/* In one step: there is nothing to recover. */
static gboolean
drop_damaged(VmsEngine *engine, const char *operation_uuid, const char *snapshot_uuid,
             VmsProgress *progress, GError **error)
{
    g_autofree char *name = vms_lock_name_snapshot(snapshot_uuid);
    g_auto(VmsWork) work = { 0 };
    g_autoptr(VmsLock) lock = NULL;

    if (!vms_lock_take(engine->runtime_dir, name, operation_uuid, CLAIM_WAIT_MS, progress, &lock,
                       error) ||
        !vms_store_load_damaged(engine->drivers->catalog, snapshot_uuid, &work.snapshot,
                                &work.snapshot_version, error) ||
        !check_operations(engine, work.snapshot, NULL, error))
        return FALSE;
    work.operation = vms_journal_new(engine, operation_uuid, "delete");
    tell_dropped(&work);
    vms_log(engine->log, VMSNAP_LOG_WARNING, "the damaged record of snapshot %s is gone",
            snapshot_uuid);
    return vms_store_remove_snapshot(engine->drivers->catalog, &work, error);
}

/* Nobody else knows a snapshot that was taken for an operation: it goes while others of the VM are
 * at work. */
static gboolean
lock_vm(VmsEngine *engine, const VmsSnapshot *snapshot, const Removal *removal,
        VmsProgress *progress, VmsLock **ret_lock, GError **error)
{
    g_autofree char *name = lock_name_of(snapshot);

    if (removal->owner)
        return vms_lock_share(engine->runtime_dir, name, removal->operation_uuid, CLAIM_WAIT_MS,
                              progress, ret_lock, error);
    return vms_lock_take(engine->runtime_dir, name, removal->operation_uuid, 0, progress, ret_lock,
                         error);
}

static gboolean
remove_snapshot(VmsEngine *engine, const Removal *removal, VmsProgress *progress, GError **error)
{
    g_auto(VmsWork) work = { 0 };
    g_autoptr(VmsLock) lock = NULL;
    GError *failed = NULL;

    if (!vms_store_load_snapshot(engine->drivers->catalog, removal->snapshot_uuid, &work.snapshot,
                                 &work.snapshot_version, &failed)) {
        if (g_strcmp0(vms_error_get_reason(failed), "DamagedRecord") == 0) {
            g_clear_error(&failed);
            return drop_damaged(engine, removal->operation_uuid, removal->snapshot_uuid, progress,
                                error);
        }
        g_propagate_error(error, failed);
        return FALSE;
    }
    if (!lock_vm(engine, work.snapshot, removal, progress, &lock, error) ||
        !vms_journal_check_settled(engine, work.snapshot->vm_uuid, error) ||
        !claim(engine, &work, removal, progress, error))
        return FALSE;
    vms_crash_point("delete-recorded");
    return vms_finish_delete(engine, &work, &failed) || vms_journal_leave(failed, error);
}

gboolean
vms_engine_delete_snapshot(VmsEngine *engine, const char *operation_uuid, const char *snapshot_uuid,
                           VmsProgress *progress, GError **error)
{
    const Removal removal = { .operation_uuid = operation_uuid, .snapshot_uuid = snapshot_uuid };

    if (engine->read_only)
        return vms_fail(error, VMSNAP_E_PERMISSION, "the context is read-only");
    vms_progress_enter(progress, VMSNAP_STAGE_SURVEYING);
    return remove_snapshot(engine, &removal, progress, error);
}

gboolean
vms_engine_discard_snapshot(VmsEngine *engine, const char *owner, const char *snapshot_uuid,
                            GError **error)
{
    g_autofree char *operation = vms_name_new_uuid();
    const Removal removal = { .operation_uuid = operation,
                              .snapshot_uuid = snapshot_uuid,
                              .owner = owner };

    return remove_snapshot(engine, &removal, NULL, error);
}
