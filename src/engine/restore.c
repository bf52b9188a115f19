/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/engine.h"
#include "engine/finish.h"
#include "engine/host-entry.h"
#include "engine/journal.h"
#include "engine/layout.h"
#include "engine/lock.h"
#include "engine/replace-device.h"
#include "engine/replace.h"
#include "engine/restore-act.h"
#include "engine/restore-parts.h"
#include "engine/restore-survey.h"
#include "engine/survey.h"
#include "model/name.h"
#include "plan/generation.h"
#include "plan/restore-xml.h"

#include <vmsnap/job.h>

/* One restore being run. */
typedef struct {
    VmsEngine *engine;
    const VmsRestoreRequest *request;
    VmsProgress *progress;
    VmsRestoreSurvey *survey;
    VmsPlan *plan;
    VmsWork work; /* the operation only */
} Restoring;

static void
restoring_clear(Restoring *self)
{
    vms_restore_survey_free(self->survey);
    vms_plan_unref(self->plan);
    vms_work_clear(&self->work);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Restoring, restoring_clear)

gboolean
vms_engine_plan_restore(VmsEngine *engine, const char *snapshot_uuid, const char *vm,
                        const VmsRestoreRequest *request, VmsPlan **ret_plan, GError **error)
{
    g_autoptr(VmsRestoreSurvey) survey = NULL;

    if (!vms_engine_check_acting(engine, FALSE, error) ||
        !vms_restore_survey(engine, snapshot_uuid, vm, request, &survey, error))
        return FALSE;
    *ret_plan = vms_restore_make_plan(&survey->input);
    (*ret_plan)->asked = g_strdup(vm);
    (*ret_plan)->request = *request;
    return TRUE;
}

static gboolean
check_plan(const Restoring *self, const VmsRestoreOrder *order, GError **error)
{
    if (!vms_plan_still_holds(order->hash, order->identity, self->plan))
        return vms_fail(error, VMSNAP_E_PLAN_STALE, "what the plan was made from has changed");
    return vms_restore_check_findings(self->plan, order->mode, error);
}

/* What the VM says of the file that stands there; NULL if it says nothing that we know. */
static char *
find_format(const VmsVm *vm, const char *path)
{
    for (guint i = 0; i < vm->disks->len; i++) {
        const VmsDisk *disk = vm->disks->pdata[i];

        if (g_strcmp0(disk->path, path) == 0 &&
            (g_strcmp0(disk->format, "raw") == 0 || g_strcmp0(disk->format, "qcow2") == 0))
            return g_strdup(disk->format);
    }
    return NULL;
}

/* A device gets what the snapshot holds, without a copy of that in between. */
static void
plan_rewrite(VmsExchange *item, const VmsRestoreDisk *disk)
{
    item->source = g_strdup(disk->stored->image->path);
    item->new_file = disk->file;
    item->old_file = (VmsFileId){ 0 };
}

static void
plan_exchange(VmsOperation *operation, const VmsVm *vm, const VmsRestoreDisk *disk)
{
    g_autofree char *folder = vms_layout_folder(disk->folder, operation->uuid);
    g_autofree char *next =
        vms_layout_image(folder, disk->stored->target, disk->stored->origin->format);
    VmsExchange *item = vms_exchange_new(disk->stored->target, disk->path, next);

    item->existed = disk->exists;
    item->old_file = disk->file;
    item->old_format = find_format(vm, disk->path);
    if (vms_restore_rewrites(disk))
        plan_rewrite(item, disk);
    g_ptr_array_add(operation->exchanges, item);
    g_ptr_array_add(operation->files, g_strdup(next));
    if (!g_ptr_array_find_with_equal_func(operation->folders, folder, g_str_equal, NULL))
        g_ptr_array_add(operation->folders, g_strdup(folder));
}

static void
copy_plan(VmsOperation *operation, const VmsPlan *plan)
{
    vms_journal_note_plan(operation, plan);
    operation->expected_downtime_us = plan->expected_downtime_us;
    vms_restore_note_findings(operation, plan);
}

static guint64
bytes_of_disk(const VmsRestoreDisk *disk)
{
    const VmsImage *image = disk->stored->image;

    if (vms_restore_rewrites(disk)) /* while the VM is off: it counts by itself */
        return 0;
    return vms_restore_keeps_format(disk) ? image->file.size : image->virtual_size;
}

static guint64
bytes_of(const GPtrArray *disks)
{
    guint64 bytes = 0;

    for (guint i = 0; i < disks->len; i++)
        bytes += bytes_of_disk(disks->pdata[i]);
    return bytes;
}

/* Write down what will be made and replaced, before any of it is. */
static gboolean
record_intent(Restoring *self, const char *uuid, vmsnap_mode mode, GError **error)
{
    const VmsVm *vm = self->survey->input.vm;
    const VmsSnapshot *snapshot = self->survey->snapshot;
    VmsOperation *operation;
    g_autofree char *generation = vms_name_new_uuid();
    g_autofree char *xml = NULL;

    if (!vms_restore_make_xml(self->plan, &self->survey->input, mode, &xml, error))
        return FALSE;
    operation = vms_journal_new(self->engine, uuid, "restore");
    self->work.operation = operation;
    operation->mode = mode;
    operation->undo_ttl_s = self->request->undo_ttl_s;
    operation->vm_uuid = g_strdup(vm->uuid);
    operation->vm_name = g_strdup(vm->name);
    operation->snapshot = g_strdup(snapshot->uuid);
    operation->snapshot_name = g_strdup(snapshot->name);
    operation->old_xml = g_strdup(vm->inactive_xml);
    operation->new_xml = vms_generation_renew(xml, generation);
    operation->power_before = vm->state;
    operation->start_after =
        vms_vm_is_active(vm) && (self->request->flags & VMSNAP_RESTORE_NO_START) == 0;
    operation->start_paused = vm->state == VMSNAP_VM_PAUSED;
    copy_plan(operation, self->plan);
    operation->progress_total = bytes_of(self->survey->input.disks);
    for (guint i = 0; i < self->survey->input.disks->len; i++)
        plan_exchange(operation, vm, self->survey->input.disks->pdata[i]);
    vms_restore_plan_parts(&self->survey->input, operation);
    vms_host_entries_plan_restore(&self->survey->input, operation);
    return vms_device_plan(vm, operation, error) && vms_layout_check(operation->folders, error) &&
           vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARING, error);
}

/* Same bytes: share blocks where that works, else copy. */
static gboolean
make_copy(const Restoring *self, const char *source, VmsExchange *item, GError **error)
{
    g_autoptr(VmsTransfer) transfer = NULL;

    return vms_volume_open_transfer(self->engine->drivers->volume, source, item->next, &transfer,
                                    error) &&
           (vms_transfer_clone(transfer, NULL) ||
            vms_transfer_copy(transfer, self->progress, error)) &&
           vms_transfer_finish(transfer, 0600, &item->new_file, error);
}

/* One that replaces nothing gets owner and mode that the disk had: who reads it need not be root.
 */
static gboolean
make_disk(const Restoring *self, const VmsRestoreDisk *disk, VmsExchange *item, GError **error)
{
    VmsVolume *volume = self->engine->drivers->volume;
    const VmsSnapshotDisk *stored = disk->stored;
    g_autoptr(VmsImage) made = NULL;

    if (vms_restore_keeps_format(disk)) {
        if (!make_copy(self, stored->image->path, item, error))
            return FALSE;
    } else if (!vms_volume_convert(volume, stored->image, item->next, stored->origin,
                                   stored->origin->format, self->progress, error)) {
        return FALSE;
    }
    if (!vms_volume_inspect(volume, item->next, stored->origin->format, &made, error))
        return FALSE;
    if (made->virtual_size < stored->origin->virtual_size || made->backing)
        return vms_fail(error, VMSNAP_E_IO, "the new image of %s is not what it should be",
                        stored->name);
    item->new_file = made->file;
    return disk->exists || vms_volume_adopt(volume, item->next, &stored->origin->file, error);
}

/* How far it is stands in the record after each disk, for those who see nothing else. */
static gboolean
note_made(Restoring *self, const VmsRestoreDisk *disk, GError **error)
{
    self->work.operation->progress_done += bytes_of_disk(disk);
    return vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARING, error);
}

static gboolean
make_one(Restoring *self, guint index, GError **error)
{
    const GPtrArray *disks = self->survey->input.disks;
    VmsExchange *item = self->work.operation->exchanges->pdata[index];

    if (!vms_progress_check(self->progress, error))
        return FALSE;
    if (index >= disks->len)
        return vms_restore_make_part(self->engine, &self->survey->input, item, self->progress,
                                     error);
    if (item->source)
        return vms_device_check(self->engine, item, error);
    return make_disk(self, disks->pdata[index], item, error) &&
           note_made(self, disks->pdata[index], error);
}

static gboolean
make_all(Restoring *self, GError **error)
{
    VmsOperation *operation = self->work.operation;

    for (guint i = 0; i < operation->folders->len; i++) {
        if (!vms_volume_make_folder(self->engine->drivers->volume, operation->folders->pdata[i],
                                    0711, error))
            return FALSE;
    }
    vms_progress_set_total(self->progress, operation->progress_total);
    for (guint i = 0; i < operation->exchanges->len; i++) {
        if (make_one(self, i, error))
            continue;
        if (error)
            vms_error_set_step(*error, "prepare-disk");
        return FALSE;
    }
    vms_crash_point("restore-made");
    return vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARED, error);
}

static gboolean
complete(Restoring *self, GError **error)
{
    VmsOperation *operation = self->work.operation;

    vms_progress_enter(self->progress, VMSNAP_STAGE_FINISHING);
    vms_finish_restore(operation, "the VM is as the snapshot was; the old set is kept");
    vms_crash_point("restore-complete");
    return vms_journal_close(self->engine, &self->work, error);
}

/* The VM is as it was; what was made for it goes, and the record says why. Takes @why; always
 * FALSE. */
static gboolean
roll_back(Restoring *self, GError *why, GError **error)
{
    VmsOperation *operation = self->work.operation;
    GError *worse = NULL;

    vms_journal_fail(operation, why);
    if (!vms_layout_remove(self->engine, operation->files, operation->folders, &worse) ||
        !vms_journal_commit(self->engine, &self->work, &worse)) {
        vms_log(self->engine->log, VMSNAP_LOG_ERROR, "restore %s was not rolled back whole: %s",
                operation->uuid, worse->message);
        return vms_journal_stay(why, worse, error);
    }
    g_propagate_error(error, why);
    return FALSE;
}

static gboolean
run(Restoring *self, GError **error)
{
    GError *failed = NULL;

    vms_progress_enter(self->progress, VMSNAP_STAGE_PREPARING);
    if (make_all(self, &failed) &&
        vms_replace_run(self->engine, &self->work, self->request, self->progress, &failed))
        return complete(self, error);
    if (vms_error_get_code(failed) != VMSNAP_E_UNCERTAIN)
        return roll_back(self, failed, error);
    g_propagate_error(error, failed);
    return FALSE;
}

gboolean
vms_engine_restore(VmsEngine *engine, const VmsRestoreOrder *order, VmsProgress *progress,
                   GError **error)
{
    g_auto(Restoring) self = { .engine = engine, .request = order->request, .progress = progress };
    g_autoptr(VmsLock) lock = NULL;
    g_autofree char *lock_name = NULL;

    vms_progress_enter(progress, VMSNAP_STAGE_SURVEYING);
    if (!vms_engine_check_acting(engine, TRUE, error) ||
        !vms_restore_survey(engine, order->snapshot_uuid, order->vm, order->request, &self.survey,
                            error))
        return FALSE;
    lock_name = vms_lock_name_vm(self.survey->snapshot->vm_uuid);
    if (!vms_lock_take(engine->runtime_dir, lock_name, order->operation_uuid,
                       order->request->wait_ready_ms, progress, &lock, error))
        return FALSE;
    if (!vms_journal_check_settled(engine, self.survey->snapshot->vm_uuid, error))
        return FALSE;
    g_clear_pointer(&self.survey, vms_restore_survey_free);
    if (!vms_restore_survey(engine, order->snapshot_uuid, order->vm, order->request, &self.survey,
                            error))
        return FALSE;
    self.plan = vms_restore_make_plan(&self.survey->input);
    return check_plan(&self, order, error) &&
           record_intent(&self, order->operation_uuid, order->mode, error) && run(&self, error);
}
