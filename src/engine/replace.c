/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/replace.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/host-entry.h"
#include "engine/journal.h"
#include "engine/late-watch.h"
#include "engine/metadata.h"
#include "engine/power.h"
#include "engine/replace-device.h"

#include <string.h>

#include <vmsnap/job.h>

static gboolean
hold_one(VmsEngine *engine, GPtrArray *holds, const char *path, GError **error)
{
    VmsHold *hold = NULL;

    if (!vms_volume_hold(engine->drivers->volume, path, VMS_HOLD_REPLACE, &hold, error))
        return FALSE;
    g_ptr_array_add(holds, hold);
    return TRUE;
}

/* Image locks over every file of the set while it is exchanged: QEMU cannot open any. */
static gboolean
hold_all(VmsEngine *engine, const VmsOperation *operation, GPtrArray **ret_holds, GError **error)
{
    g_autoptr(GPtrArray) holds = g_ptr_array_new_with_free_func((GDestroyNotify)vms_hold_free);

    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];

        if (item->existed && !hold_one(engine, holds, item->path, error))
            return FALSE;
        if (!item->vanish && !item->source && !hold_one(engine, holds, item->next, error))
            return FALSE;
    }
    *ret_holds = g_steal_pointer(&holds);
    return TRUE;
}

/* What stands at the paths now that the VM is off: these identities tell old from new for ever
 * after. A file that is not the one the plan saw is a change behind our back. */
static gboolean
note_identity(VmsEngine *engine, VmsExchange *item, GError **error)
{
    VmsFileId now = { 0 };
    gboolean there;

    if (item->source)
        return vms_device_check(engine, item, error);
    there = vms_volume_identify(engine->drivers->volume, item->path, &now, NULL);
    if (!item->renewed && (there != item->existed || (there && now.ino != item->old_file.ino)))
        return vms_fail(error, VMSNAP_E_PLAN_STALE, "'%s' is not the file it was", item->path);
    item->existed = there;
    item->old_file = now;
    return TRUE;
}

static gboolean
note_identities(VmsEngine *engine, VmsOperation *operation, GError **error)
{
    gboolean same = strcmp(operation->type, "flatten") == 0;

    for (guint i = 0; i < operation->exchanges->len; i++) {
        VmsExchange *item = operation->exchanges->pdata[i];
        const VmsFileId before = item->old_file;

        if (!note_identity(engine, item, error))
            return FALSE;
        /* The new disk has what the old one held then. */
        if (same && !vms_file_id_unchanged(&before, &item->old_file))
            return vms_fail(error, VMSNAP_E_PLAN_STALE, "'%s' was written to", item->path);
    }
    return TRUE;
}

static gboolean
exchange_one(VmsEngine *engine, const VmsExchange *item, VmsProgress *progress, GError **error)
{
    VmsVolume *volume = engine->drivers->volume;

    if (item->source)
        return vms_device_put(engine, item, progress, error);
    if (item->vanish)
        return vms_volume_rename(volume, item->path, item->next, error);
    if (!item->existed)
        return vms_volume_rename(volume, item->next, item->path, error);
    return vms_volume_adopt(volume, item->next, &item->old_file, error) &&
           vms_volume_exchange(volume, item->path, item->next, error);
}

static gboolean
exchange_all(VmsEngine *engine, const VmsOperation *operation, VmsProgress *progress,
             GError **error)
{
    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];

        if (!exchange_one(engine, item, progress, error)) {
            if (error)
                vms_error_set_step(*error, item->source ? "rewrite-disk" : "exchange-disk");
            return FALSE;
        }
    }
    return TRUE;
}

/* Of a path that is renewed, when nothing is put aside: the new file, which had nothing to replace,
 * stands at the path; or all has gone back, and what was made was removed already. */
static gboolean
is_new_at_path(VmsEngine *engine, const VmsExchange *item)
{
    VmsFileId now = { 0 };

    return !item->vanish && !item->existed &&
           vms_volume_identify(engine->drivers->volume, item->path, &now, NULL) &&
           now.ino == item->new_file.ino;
}

/* What stands at a path that is renewed may be another file by now, since the VM was started again.
 * What was put aside is ours and stays what it was. */
static gboolean
read_renewed_side(VmsEngine *engine, const VmsExchange *item, gboolean *ret_new, GError **error)
{
    g_autoptr(GError) absent = NULL;
    VmsFileId aside = { 0 };

    if (!vms_volume_identify(engine->drivers->volume, item->next, &aside, &absent)) {
        if (vms_error_get_code(absent) != VMSNAP_E_NOT_FOUND) {
            g_propagate_error(error, g_steal_pointer(&absent));
            return FALSE;
        }
        *ret_new = is_new_at_path(engine, item);
        return TRUE;
    }
    if (item->existed && aside.ino == item->old_file.ino) {
        *ret_new = TRUE;
        return TRUE;
    }
    if (!item->vanish && aside.ino == item->new_file.ino) {
        *ret_new = FALSE;
        return TRUE;
    }
    return vms_fail(error, VMSNAP_E_UNCERTAIN, "'%s' is neither the old nor the new file",
                    item->next);
}

/* TRUE at *ret_new when the new state stands at path. Decided by what is there, not by how far
 * the journal got: a crash may have fallen on either side of the rename. Of a device the journal
 * tells whether it may be torn, and nobody can have started its VM since. */
static gboolean
read_side(VmsEngine *engine, const VmsExchange *item, gboolean *ret_new, GError **error)
{
    VmsFileId now = { 0 };
    gboolean there;

    if (item->source) {
        *ret_new = item->torn;
        return TRUE;
    }
    if (item->renewed)
        return read_renewed_side(engine, item, ret_new, error);
    there = vms_volume_identify(engine->drivers->volume, item->path, &now, NULL);
    if (!there && (item->vanish || !item->existed)) {
        *ret_new = item->vanish;
        return TRUE;
    }
    if (there && item->existed && now.ino == item->old_file.ino) {
        *ret_new = FALSE;
        return TRUE;
    }
    if (there && !item->vanish && now.ino == item->new_file.ino) {
        *ret_new = TRUE;
        return TRUE;
    }
    return vms_fail(error, VMSNAP_E_UNCERTAIN, "'%s' is neither the old nor the new file",
                    item->path);
}

static gboolean
exchange_back_one(VmsEngine *engine, const VmsOperation *operation, const VmsExchange *item,
                  GError **error)
{
    VmsVolume *volume = engine->drivers->volume;
    gboolean is_new = FALSE;

    if (item->source)
        return vms_device_put_back(engine, operation, item, error);
    if (!read_side(engine, item, &is_new, error))
        return FALSE;
    if (!is_new)
        return TRUE;
    if (item->vanish)
        return vms_volume_rename(volume, item->next, item->path, error);
    if (!item->existed)
        return vms_volume_rename(volume, item->path, item->next, error);
    return vms_volume_exchange(volume, item->path, item->next, error);
}

/* Whether a file of the new set stands in its place. */
static gboolean
find_exchanged(VmsEngine *engine, const VmsOperation *operation, gboolean *ret_any, GError **error)
{
    *ret_any = FALSE;
    for (guint i = 0; i < operation->exchanges->len; i++) {
        gboolean is_new = FALSE;

        if (!read_side(engine, operation->exchanges->pdata[i], &is_new, error))
            return FALSE;
        *ret_any = *ret_any || is_new;
    }
    return TRUE;
}

static gboolean
exchange_back_all(VmsEngine *engine, VmsWork *work, GError **error)
{
    const VmsOperation *operation = work->operation;

    for (guint i = operation->exchanges->len; i > 0; i--) {
        if (!exchange_back_one(engine, operation, operation->exchanges->pdata[i - 1], error))
            return FALSE;
    }
    return vms_device_settle(engine, work, error);
}

/* Somebody undefined it meanwhile. That is not taken back: only the files are put in order. */
static gboolean
is_gone(VmsEngine *engine, const VmsOperation *operation)
{
    VmsInstance instance = { .domain_id = -1 };
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    g_autoptr(GError) failed = NULL;

    return !vms_hypervisor_read_state(engine->drivers->hypervisor, operation->vm_uuid, &state,
                                      &instance, &failed) &&
           vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND;
}

/* Image locks over whatever files there are of both sets. */
static gboolean
hold_present(VmsEngine *engine, const VmsOperation *operation, GPtrArray **ret_holds,
             GError **error)
{
    g_autoptr(GPtrArray) holds = g_ptr_array_new_with_free_func((GDestroyNotify)vms_hold_free);

    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];
        const char *const paths[] = { item->path, item->next };

        for (gsize j = 0; j < G_N_ELEMENTS(paths); j++) {
            VmsFileId id = { 0 };

            if (vms_volume_identify(engine->drivers->volume, paths[j], &id, NULL) &&
                !hold_one(engine, holds, paths[j], error))
                return FALSE;
        }
    }
    *ret_holds = g_steal_pointer(&holds);
    return TRUE;
}

/* Back to the old files, if any new one stands in its place, and to the old configuration. A VM
 * that was started on its own disks, all of them the old ones, may go on; else none may start
 * before all is back. */
static gboolean
put_back(VmsEngine *engine, VmsWork *work, GPtrArray **holds, GError **error)
{
    const VmsOperation *operation = work->operation;
    gboolean any = FALSE;

    if (!find_exchanged(engine, operation, &any, error))
        return FALSE;
    if (any && ((!*holds && !hold_present(engine, operation, holds, error)) ||
                !vms_power_wait_off(engine, operation->vm_uuid, error) ||
                !exchange_back_all(engine, work, error)))
        return FALSE;
    return vms_metadata_configure(engine, operation, TRUE, error) &&
           (!any || vms_power_wait_off(engine, operation->vm_uuid, error));
}

static gboolean
was_on(const VmsOperation *operation)
{
    return operation->power_before != VMSNAP_VM_OFF && operation->power_before != VMSNAP_VM_CRASHED;
}

/* A network that cannot be reached does not keep the VM off. */
static gboolean
finish_back(VmsEngine *engine, VmsOperation *operation, GError **error)
{
    g_autoptr(GError) failed = NULL;
    gboolean back = vms_host_entries_put_back(engine, operation, &failed);

    if (was_on(operation) &&
        !vms_power_bring_up(engine, operation, operation->power_before == VMSNAP_VM_PAUSED, error))
        return FALSE;
    if (!back)
        g_propagate_error(error, g_steal_pointer(&failed));
    return back;
}

/* @holds: image locks that are held already, or NULL; they are free when this succeeds. */
static gboolean
back(VmsEngine *engine, VmsWork *work, GPtrArray **holds, GError **error)
{
    VmsOperation *operation = work->operation;
    VmsJournalState reached = operation->journal;
    gboolean gone;

    if (reached < VMS_JOURNAL_STOPPING)
        return TRUE;
    gone = is_gone(engine, operation);
    if (gone)
        return reached == VMS_JOURNAL_STOPPING ||
               ((*holds || hold_present(engine, operation, holds, error)) &&
                exchange_back_all(engine, work, error) &&
                vms_host_entries_put_back(engine, operation, error));
    if (reached == VMS_JOURNAL_STOPPING)
        return !was_on(operation) || vms_power_recall_stop(engine, operation, error);
    if (!vms_journal_advance(engine, work, VMS_JOURNAL_ROLLING_BACK, error) ||
        !put_back(engine, work, holds, error))
        return FALSE;
    g_clear_pointer(holds, g_ptr_array_unref);
    return finish_back(engine, operation, error);
}

gboolean
vms_replace_back(VmsEngine *engine, VmsWork *work, GError **error)
{
    g_autoptr(GPtrArray) holds = NULL;

    return back(engine, work, &holds, error);
}

gboolean
vms_replace_forward(VmsEngine *engine, const VmsWork *work, GError **error)
{
    VmsOperation *operation = work->operation;

    if (!operation->start_after || is_gone(engine, operation))
        return TRUE;
    return vms_power_bring_up(engine, operation, operation->start_paused, error);
}

/* A VM that was saved instead of stopped is off as well, but its memory belongs to the old disks.
 */
static gboolean
check_not_saved(VmsEngine *engine, const VmsOperation *operation, const VmsRestoreRequest *request,
                GError **error)
{
    g_autoptr(VmsVm) vm = NULL;

    if (!vms_hypervisor_find_vm(engine->drivers->hypervisor, operation->vm_uuid, FALSE, &vm, error))
        return FALSE;
    return !vm->managed_save || (request->flags & VMSNAP_RESTORE_DROP_MANAGED_SAVE) != 0 ||
           vms_refuse(error, VMSNAP_E_CONFLICT, "ManagedSave",
                      "VM %s was saved meanwhile: its memory belongs to the disks it has",
                      vm->name);
}

/* Nobody may have a file of the new set open. Asked before the VM is stopped, too: a conflict never
 * costs it its power. */
static gboolean
check_next_free(VmsEngine *engine, const VmsOperation *operation, GError **error)
{
    g_autoptr(GPtrArray) holds = g_ptr_array_new_with_free_func((GDestroyNotify)vms_hold_free);

    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];

        if (!item->vanish && !item->source && !hold_one(engine, holds, item->next, error))
            return FALSE;
    }
    return TRUE;
}

/* Everything between the VM being off and the commit point. Somebody may start the VM all the time:
 * with the locks held that fails, and that the VM was off at a moment after the exchange, and at
 * one after the definition, says that no start has seen what was before. */
static gboolean
put_in_place(VmsEngine *engine, VmsWork *work, const VmsRestoreRequest *request,
             VmsProgress *progress, GPtrArray **holds, GError **error)
{
    VmsOperation *operation = work->operation;
    VmsHypervisor *hv = engine->drivers->hypervisor;

    if (!vms_power_check_off(engine, operation->vm_uuid, error) ||
        !hold_all(engine, operation, holds, error) ||
        !check_not_saved(engine, operation, request, error) ||
        !note_identities(engine, operation, error) ||
        !vms_host_entries_note(engine, operation, error) ||
        !vms_metadata_note(engine, operation, error))
        return FALSE;
    vms_crash_point("replace-before-journal");
    if (!vms_journal_advance(engine, work, VMS_JOURNAL_EXCHANGING, error))
        return FALSE;
    vms_crash_point("replace-before-exchange");
    if (!vms_device_prepare(engine, work, progress, error) ||
        !exchange_all(engine, operation, progress, error) ||
        !vms_power_wait_off(engine, operation->vm_uuid, error))
        return FALSE;
    vms_crash_point("replace-before-define");
    if (!vms_metadata_configure(engine, operation, FALSE, error) ||
        !vms_power_wait_off(engine, operation->vm_uuid, error) ||
        !vms_host_entries_put(engine, operation, error))
        return FALSE;
    /* Last of all: it fits the old disks, and does not come back. */
    if ((request->flags & VMSNAP_RESTORE_DROP_MANAGED_SAVE) != 0 &&
        !vms_hypervisor_drop_managed_save(hv, operation->vm_uuid, error))
        return FALSE;
    vms_crash_point("replace-before-commit");
    return TRUE;
}

static gboolean
stop(VmsEngine *engine, VmsWork *work, const VmsRestoreRequest *request, VmsProgress *progress,
     GError **error)
{
    if (!was_on(work->operation))
        return TRUE;
    vms_progress_enter(progress, VMSNAP_STAGE_STOPPING);
    return vms_journal_advance(engine, work, VMS_JOURNAL_STOPPING, error) &&
           vms_late_forget(engine, work->operation->vm_uuid, error) &&
           vms_power_stop(engine, work->operation->vm_uuid, request, progress, error);
}

/* Back after a failure: the first error is what the caller hears, one on the way back is its
 * cause, and makes the outcome uncertain. */
static gboolean
go_back(VmsEngine *engine, VmsWork *work, VmsProgress *progress, GPtrArray **holds, GError *failed,
        GError **error)
{
    GError *worse = NULL;

    vms_progress_enter(progress, VMSNAP_STAGE_ROLLING_BACK);
    if (vms_error_get_code(failed) == VMSNAP_E_UNCERTAIN || back(engine, work, holds, &worse)) {
        g_propagate_error(error, failed);
        return FALSE;
    }
    return vms_journal_stay(failed, worse, error);
}

/* Only a VM that is off for certain can be given its old disks again. One whose start was answered
 * by a failure and that runs all the same was started. */
static gboolean
start_new(VmsEngine *engine, const VmsWork *work, GError **error)
{
    const VmsOperation *operation = work->operation;
    VmsInstance now = { .domain_id = -1 };
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    GError *failed = NULL;

    if (is_gone(engine, operation) ||
        vms_power_ensure_on(engine, operation->vm_uuid, operation->start_paused, &failed))
        return TRUE;
    if (!vms_hypervisor_read_state(engine->drivers->hypervisor, work->operation->vm_uuid, &state,
                                   &now, NULL))
        return vms_journal_leave(failed, error);
    if (now.domain_id >= 0) {
        g_error_free(failed);
        return TRUE;
    }
    g_propagate_error(error, failed);
    return FALSE;
}

static gboolean
commit_and_start(VmsEngine *engine, VmsWork *work, gint64 stopped_us, VmsProgress *progress,
                 GPtrArray **holds, GError **error)
{
    work->operation->journal = VMS_JOURNAL_COMMITTED;
    if (!vms_journal_commit(engine, work, error))
        return FALSE;
    vms_crash_point("replace-after-commit");
    g_clear_pointer(holds, g_ptr_array_unref);
    if (!work->operation->start_after)
        return TRUE;
    vms_progress_enter(progress, VMSNAP_STAGE_RESTARTING);
    work->operation->downtime_us = vms_clock_monotonic_us() - stopped_us;
    return start_new(engine, work, error);
}

gboolean
vms_replace_run(VmsEngine *engine, VmsWork *work, const VmsRestoreRequest *request,
                VmsProgress *progress, GError **error)
{
    g_autoptr(GPtrArray) holds = NULL;
    GError *failed = NULL;
    gint64 stopped_us;

    if (!check_next_free(engine, work->operation, error) ||
        !vms_device_make_folders(engine, work->operation, error) ||
        !vms_host_entries_note(engine, work->operation, error))
        return FALSE;
    if (!stop(engine, work, request, progress, &failed))
        return go_back(engine, work, progress, &holds, failed, error);
    stopped_us = vms_clock_monotonic_us();
    vms_progress_enter(progress, VMSNAP_STAGE_EXCHANGING);
    if (!put_in_place(engine, work, request, progress, &holds, &failed) ||
        !commit_and_start(engine, work, stopped_us, progress, &holds, &failed))
        return go_back(engine, work, progress, &holds, failed, error);
    return TRUE;
}
