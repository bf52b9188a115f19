/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/engine.h"
#include "engine/finish.h"
#include "engine/host-entry.h"
#include "engine/inventory.h"
#include "engine/journal.h"
#include "engine/layout.h"
#include "engine/lock.h"
#include "engine/replace-device.h"
#include "engine/replace.h"
#include "engine/survey.h"
#include "engine/undo-device.h"
#include "engine/undo-set.h"
#include "model/name.h"
#include "plan/generation.h"

#include <vmsnap/job.h>

static gboolean
check_undoable(const VmsOperation *restore, GError **error)
{
    if (!vms_undo_set_is_kept(restore))
        return vms_refuse(error, VMSNAP_E_NOT_FOUND, "NothingToUndo",
                          "operation %s left nothing to undo", restore->uuid);
    return TRUE;
}

/* The old set must be what the restore put aside: else there is nothing to bring back. */
static gboolean
add_exchange(VmsEngine *engine, VmsOperation *operation, const VmsVm *vm, const VmsExchange *made,
             GError **error)
{
    VmsVolume *volume = engine->drivers->volume;
    VmsExchange *item;

    if (made->source)
        return vms_undo_plan_device(engine, vm, made, operation, error);
    item = vms_exchange_new(made->target, made->path, made->next);
    g_ptr_array_add(operation->exchanges, item);
    item->vanish = !made->existed;
    item->renewed = made->renewed;
    item->existed = vms_volume_identify(volume, item->path, &item->old_file, NULL);
    if (item->existed && !item->renewed && item->old_file.ino != made->new_file.ino)
        return vms_fail(error, VMSNAP_E_PLAN_STALE,
                        "'%s' is not the disk that this restore put there: undo what came later "
                        "first",
                        item->path);
    if (item->vanish)
        return item->existed ||
               vms_fail(error, VMSNAP_E_PLAN_STALE, "'%s' is not there any more", item->path);
    if (!vms_volume_identify(volume, item->next, &item->new_file, NULL) ||
        !vms_file_id_unchanged(&item->new_file, &made->old_file))
        return vms_refuse(error, VMSNAP_E_LOST, "Lost",
                          "the old disk kept at '%s' is missing or was changed", item->next);
    return TRUE;
}

/* Another VM may have been given one of the files since. */
static gboolean
check_attached(VmsEngine *engine, const VmsOperation *operation, GError **error)
{
    g_autoptr(VmsInventory) inventory = NULL;

    if (!vms_inventory_collect(engine, &inventory, error))
        return FALSE;
    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];
        VmsFileUser user;

        if (vms_inventory_find_user(inventory, operation->vm_uuid, item->path, &item->old_file,
                                    &user) ||
            vms_inventory_find_user(inventory, operation->vm_uuid, item->next, &item->new_file,
                                    &user)) {
            g_autofree char *holder = vms_holder_describe(&user.holder);

            return vms_refuse(error, VMSNAP_E_CONFLICT, "AttachedElsewhere", "'%s' is used by %s",
                              user.path, holder);
        }
    }
    return TRUE;
}

static gboolean
record_intent(VmsEngine *engine, VmsWork *work, const VmsOperation *restore, const char *uuid,
              GError **error)
{
    VmsOperation *operation = vms_journal_new(engine, uuid, "undo");
    g_autofree char *generation = vms_name_new_uuid();
    g_autoptr(VmsVm) vm = NULL;

    work->operation = operation;
    if (!vms_hypervisor_find_vm(engine->drivers->hypervisor, restore->vm_uuid, TRUE, &vm, error))
        return FALSE;
    if (vm->managed_save || vm->job)
        return vms_fail(error, VMSNAP_E_BUSY, "VM %s has a managed save image or a running job",
                        vm->name);
    operation->vm_uuid = g_strdup(vm->uuid);
    operation->vm_name = g_strdup(vm->name);
    operation->undo_of = g_strdup(restore->uuid);
    operation->old_xml = g_strdup(vm->inactive_xml);
    operation->new_xml = vms_generation_renew(restore->old_xml, generation);
    operation->power_before = vm->state;
    operation->start_after = vms_vm_is_active(vm);
    operation->start_paused = vm->state == VMSNAP_VM_PAUSED;
    for (guint i = 0; i < restore->exchanges->len; i++) {
        if (!add_exchange(engine, operation, vm, restore->exchanges->pdata[i], error))
            return FALSE;
    }
    vms_host_entries_plan_undo(restore, operation);
    for (guint i = 0; i < restore->old_metadata->len; i++)
        g_ptr_array_add(operation->new_metadata,
                        vms_metadata_copy(restore->old_metadata->pdata[i]));
    return vms_device_plan(vm, operation, error) && check_attached(engine, operation, error) &&
           vms_layout_check(operation->folders, error) &&
           vms_journal_advance(engine, work, VMS_JOURNAL_PREPARED, error);
}

gboolean
vms_engine_undo(VmsEngine *engine, const char *operation_uuid, const char *restore_uuid,
                const VmsRestoreRequest *request, VmsProgress *progress, GError **error)
{
    g_auto(VmsWork) work = { 0 };
    g_autoptr(VmsOperation) restore = NULL;
    g_autofree char *lock_name = NULL;
    g_autoptr(VmsLock) lock = NULL;
    GError *failed = NULL;
    GError *worse = NULL;

    vms_progress_enter(progress, VMSNAP_STAGE_SURVEYING);
    if (!vms_engine_check_acting(engine, TRUE, error) ||
        !vms_store_load_operation(engine->drivers->catalog, restore_uuid, &restore, NULL, error))
        return FALSE;
    lock_name = vms_lock_name_vm(restore->vm_uuid);
    if (!vms_lock_take(engine->runtime_dir, lock_name, operation_uuid, request->wait_ready_ms,
                       progress, &lock, error))
        return FALSE;
    g_clear_pointer(&restore, vms_operation_free);
    if (!vms_store_load_operation(engine->drivers->catalog, restore_uuid, &restore, NULL, error) ||
        !check_undoable(restore, error) ||
        !vms_journal_check_settled(engine, restore->vm_uuid, error) ||
        !record_intent(engine, &work, restore, operation_uuid, error))
        return FALSE;
    if (vms_replace_run(engine, &work, request, progress, &failed))
        return vms_finish_undo(engine, &work, &failed) || vms_journal_leave(failed, error);
    if (vms_error_get_code(failed) != VMSNAP_E_UNCERTAIN) {
        vms_journal_fail(work.operation, failed);
        if (!vms_layout_remove(engine, work.operation->files, work.operation->folders, &worse) ||
            !vms_journal_commit(engine, &work, &worse))
            return vms_journal_stay(failed, worse, error);
    }
    g_propagate_error(error, failed);
    return FALSE;
}
