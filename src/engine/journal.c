/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/journal.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/lock.h"
#include "engine/restore-act.h"

#include <string.h>

VmsOperation *
vms_journal_new(const VmsEngine *engine, const char *uuid, const char *type)
{
    VmsOperation *operation = vms_operation_new(uuid, type);

    operation->phase = VMSNAP_OPERATION_IN_PROGRESS;
    operation->created_us = vms_clock_realtime_us();
    operation->owner = vms_process_self();
    operation->boot_id = g_strdup(engine->boot_id);
    operation->runtime_dir = g_strdup(engine->runtime_dir);
    return operation;
}

void
vms_journal_note_plan(VmsOperation *operation, const VmsPlan *plan)
{
    operation->plan_hash = g_strdup(plan->hash);
    operation->space_needed = plan->space_needed;
    operation->space_free = plan->space_free;
    for (guint i = 0; i < plan->steps->len; i++) {
        const VmsStep *step = plan->steps->pdata[i];

        g_ptr_array_add(operation->steps, vms_step_new(step->name, step->reversible));
    }
}

gboolean
vms_journal_owner_alive(const VmsEngine *engine, const VmsOperation *operation)
{
    return g_strcmp0(operation->boot_id, engine->boot_id) == 0 &&
           vms_process_alive(&operation->owner);
}

char *
vms_journal_lock_name(const VmsOperation *operation)
{
    if (operation->vm_uuid || !operation->disk)
        return vms_lock_name_vm(operation->vm_uuid ? operation->vm_uuid : operation->uuid);
    return vms_lock_name_disk(operation->disk);
}

gboolean
vms_journal_lock_tells(const VmsEngine *engine, const VmsOperation *operation)
{
    return (operation->vm_uuid || operation->disk) &&
           g_strcmp0(operation->runtime_dir, engine->runtime_dir) == 0;
}

/* Between the stop and the end of an exchange, or on an overlay: the VM's own files are not its own
 * yet. */
static gboolean
leaves_torn(const VmsOperation *operation, const char *vm_uuid)
{
    gboolean exchanging =
        operation->exchanges->len > 0 && operation->journal >= VMS_JOURNAL_STOPPING;

    return vms_operation_is_open(operation) && (exchanging || operation->overlays->len > 0) &&
           g_strcmp0(operation->vm_uuid, vm_uuid) == 0;
}

static gboolean
is_at_work(const VmsEngine *engine, const VmsOperation *operation)
{
    g_autofree char *name = vms_journal_lock_name(operation);

    return vms_lock_is_at_work(engine->runtime_dir, name, operation->uuid);
}

static gboolean
refuse_unfinished(const VmsOperation *operation, GError **error)
{
    return vms_refuse(error, VMSNAP_E_BUSY, "Unfinished",
                      "operation %s (%s) of VM %s was interrupted: recover it first",
                      operation->uuid, operation->type, operation->vm_name);
}

gboolean
vms_journal_check_settled(const VmsEngine *engine, const char *vm_uuid, GError **error)
{
    g_autoptr(GPtrArray) operations = NULL;

    if (!vms_store_list_operations(engine->drivers->catalog, &operations, error))
        return FALSE;
    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *operation = operations->pdata[i];

        if (leaves_torn(operation, vm_uuid) && !is_at_work(engine, operation))
            return refuse_unfinished(operation, error);
    }
    return TRUE;
}

gboolean
vms_journal_check_new_vm(const VmsEngine *engine, const char *vm_uuid, GError **error)
{
    g_autoptr(GPtrArray) operations = NULL;

    if (!vms_store_list_operations(engine->drivers->catalog, &operations, error))
        return FALSE;
    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *operation = operations->pdata[i];

        if (operation->clone && vms_operation_is_open(operation) &&
            g_strcmp0(operation->vm_uuid, vm_uuid) == 0)
            return refuse_unfinished(operation, error);
    }
    return TRUE;
}

static gboolean
is_path_of(const GPtrArray *disks, const VmsOverlay *overlay)
{
    for (guint i = 0; i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        if (g_strcmp0(disk->path, overlay->path) == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
check_paths(const VmsOperation *operation, const GPtrArray *disks, GError **error)
{
    for (guint i = 0; i < operation->overlays->len; i++) {
        const VmsOverlay *overlay = operation->overlays->pdata[i];

        if (is_path_of(disks, overlay))
            return vms_refuse(error, VMSNAP_E_BUSY, "OverlaysActive",
                              "operation %s clones disk %s of VM %s, which is on an overlay "
                              "meanwhile",
                              operation->uuid, overlay->target, operation->vm_name);
    }
    return TRUE;
}

gboolean
vms_journal_check_overlays(const VmsEngine *engine, const char *vm_uuid, const GPtrArray *disks,
                           GError **error)
{
    g_autoptr(GPtrArray) operations = NULL;

    if (!vms_store_list_operations(engine->drivers->catalog, &operations, error))
        return FALSE;
    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *operation = operations->pdata[i];
        g_autoptr(GError) active = NULL;

        if (!leaves_torn(operation, vm_uuid) || check_paths(operation, disks, &active))
            continue;
        if (!is_at_work(engine, operation))
            return refuse_unfinished(operation, error);
        g_propagate_error(error, g_steal_pointer(&active));
        return FALSE;
    }
    return TRUE;
}

static void
finish(VmsOperation *operation, vmsnap_operation_phase phase)
{
    operation->phase = phase;
    operation->journal = VMS_JOURNAL_CLOSED;
    operation->finished_us = vms_clock_realtime_us();
}

void
vms_journal_complete(VmsOperation *operation, const char *message)
{
    finish(operation, VMSNAP_OPERATION_COMPLETED);
    vms_conditions_set(operation->conditions,
                       vms_condition_new("Completed", VMS_CONDITION_TRUE, "OperationCompleted",
                                         message, operation->finished_us));
    vms_restore_note_waiting(operation);
}

void
vms_journal_fail(VmsOperation *operation, const GError *why)
{
    gboolean cancelled = vms_error_get_code(why) == VMSNAP_E_CANCELLED;

    finish(operation, cancelled ? VMSNAP_OPERATION_CANCELLED : VMSNAP_OPERATION_FAILED);
    operation->error_code = vms_error_get_code(why);
    g_free(operation->error_reason);
    operation->error_reason = g_strdup(vms_error_get_reason(why));
    g_free(operation->error_message);
    operation->error_message = g_strdup(why->message);
    vms_conditions_set(operation->conditions,
                       vms_condition_new("Completed", VMS_CONDITION_FALSE,
                                         vms_error_get_reason(why), why->message,
                                         operation->finished_us));
}

/* TRUE if the catalog shows what we wrote, although it said that it failed. */
static gboolean
read_back(const VmsEngine *engine, VmsWork *work, gboolean *ret_stands, GError **error)
{
    g_autoptr(VmsOperation) stored = NULL;
    g_autoptr(GError) unread = NULL;
    guint64 version = 0;

    *ret_stands = FALSE;
    if (!vms_store_load_operation(engine->drivers->catalog, work->operation->uuid, &stored,
                                  &version, &unread)) {
        if (vms_error_get_code(unread) == VMSNAP_E_NOT_FOUND)
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&unread));
        return FALSE;
    }
    if (version <= work->operation_version || stored->journal != work->operation->journal)
        return TRUE;
    work->operation_version = version;
    work->snapshot_version += work->snapshot ? 1 : 0; /* of the same batch */
    *ret_stands = TRUE;
    return TRUE;
}

gboolean
vms_journal_commit(const VmsEngine *engine, VmsWork *work, GError **error)
{
    g_autoptr(GError) failed = NULL;
    GError *unread = NULL;
    gboolean stands;

    if (vms_store_save(engine->drivers->catalog, work, &failed))
        return TRUE;
    if (!read_back(engine, work, &stands, &unread)) {
        vms_refuse(error, VMSNAP_E_UNCERTAIN, "Uncertain",
                   "the catalog failed and cannot be read back: %s", failed->message);
        if (error)
            vms_error_take_cause(*error, unread);
        else
            g_error_free(unread);
        return FALSE;
    }
    if (!stands)
        g_propagate_error(error, g_steal_pointer(&failed));
    return stands;
}

gboolean
vms_journal_advance(const VmsEngine *engine, VmsWork *work, VmsJournalState state, GError **error)
{
    VmsJournalState before = work->operation->journal;

    vms_crash_point("journal-before");
    work->operation->journal = state;
    if (!vms_journal_commit(engine, work, error)) {
        /* What was not written down is not begun: the way back starts where we still are. */
        work->operation->journal = before;
        return FALSE;
    }
    vms_crash_point("journal-after");
    return TRUE;
}

gboolean
vms_journal_leave(GError *failed, GError **error)
{
    vms_refuse(error, VMSNAP_E_UNCERTAIN, "Uncertain",
               "it is done, but not brought to its end, which recover does: %s", failed->message);
    if (error)
        vms_error_take_cause(*error, failed);
    else
        g_error_free(failed);
    return FALSE;
}

gboolean
vms_journal_stay(GError *why, GError *worse, GError **error)
{
    vms_refuse(error, VMSNAP_E_UNCERTAIN, "Uncertain", "%s; going back failed: %s", why->message,
               worse->message);
    if (error)
        vms_error_take_cause(*error, why);
    else
        g_error_free(why);
    g_error_free(worse);
    return FALSE;
}

gboolean
vms_journal_close(const VmsEngine *engine, VmsWork *work, GError **error)
{
    GError *failed = NULL;

    return vms_store_save(engine->drivers->catalog, work, &failed) ||
           vms_journal_leave(failed, error);
}
