/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/undo-set.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/finish.h"
#include "engine/in-use.h"
#include "engine/inventory.h"
#include "engine/journal.h"
#include "engine/lock.h"
#include "engine/store-look.h"

#include <string.h>

#include <vmsnap/job.h>

/* Layers of one image that are followed; QEMU itself gives up not much later. */
#define CHAIN_LIMIT 32

gboolean
vms_undo_set_is_kept(const VmsOperation *restore)
{
    return g_strcmp0(restore->type, "restore") == 0 &&
           restore->phase == VMSNAP_OPERATION_COMPLETED && restore->undo_until_us > 0 &&
           !restore->undone;
}

static VmsUndoFile *
read_file(VmsEngine *engine, const VmsExchange *item)
{
    VmsUndoFile *file = vms_undo_file_new(item->target, item->next, item->path);
    g_autoptr(GError) failed = NULL;
    VmsFileId now = { 0 };

    if (!vms_volume_identify(engine->drivers->volume, item->next, &now, &failed)) {
        file->fault = g_strdup(failed->message);
        return file;
    }
    file->allocated = now.allocated;
    if (!vms_file_id_unchanged(&now, &item->old_file))
        file->fault = g_strdup_printf("'%s' was changed", item->next);
    return file;
}

VmsUndoSet *
vms_undo_set_read(VmsEngine *engine, const VmsOperation *restore)
{
    VmsUndoSet *set = vms_undo_set_new(restore->uuid);

    set->vm_uuid = g_strdup(restore->vm_uuid);
    set->vm_name = g_strdup(restore->vm_name);
    set->snapshot = g_strdup(restore->snapshot);
    set->snapshot_name = g_strdup(restore->snapshot_name);
    set->created_us = restore->finished_us;
    set->until_us = restore->undo_until_us;
    set->expired = restore->undo_until_us <= vms_clock_realtime_us();
    for (guint i = 0; i < restore->exchanges->len; i++) {
        const VmsExchange *item = restore->exchanges->pdata[i];
        VmsUndoFile *file;

        if (!item->existed)
            continue;
        file = read_file(engine, item);
        set->allocated += file->allocated;
        set->lost = set->lost || file->fault;
        g_ptr_array_add(set->files, file);
    }
    for (guint i = 0; i < restore->old_metadata->len; i++)
        g_ptr_array_add(set->metadata, vms_metadata_copy(restore->old_metadata->pdata[i]));
    return set;
}

gboolean
vms_engine_list_undo_sets(VmsEngine *engine, GPtrArray **ret_sets, GError **error)
{
    g_autoptr(GPtrArray) operations = NULL;
    GPtrArray *sets;

    if (!vms_store_look_at_operations(engine->drivers->catalog, &operations, error))
        return FALSE;
    sets = g_ptr_array_new_with_free_func((GDestroyNotify)vms_undo_set_free);
    for (guint i = 0; i < operations->len; i++) {
        if (vms_undo_set_is_kept(operations->pdata[i]))
            g_ptr_array_add(sets, vms_undo_set_read(engine, operations->pdata[i]));
    }
    *ret_sets = sets;
    return TRUE;
}

/* ---- who needs what ---- */

/* Path and format of the layer below, as the header has them; FALSE when there is none. Relative
 * names start where the disk stood, not where it is kept. */
static gboolean
step_down(VmsEngine *engine, const char *folder, char **path, char **format)
{
    g_autoptr(VmsImage) image = NULL;

    if (g_strcmp0(*format, "qcow2") != 0 ||
        !vms_volume_inspect(engine->drivers->volume, *path, *format, &image, NULL) ||
        !image->backing)
        return FALSE;
    g_free(*path);
    *path = g_path_is_absolute(image->backing) ? g_strdup(image->backing)
                                               : g_build_filename(folder, image->backing, NULL);
    g_free(*format);
    *format = g_strdup(image->backing_format);
    return TRUE;
}

static gboolean
stands_on(VmsEngine *engine, const VmsExchange *item, const char *wanted, const VmsFileId *file)
{
    g_autofree char *path = g_strdup(item->next);
    g_autofree char *format = g_strdup(item->old_format);
    g_autofree char *folder = g_path_get_dirname(item->path);

    for (guint depth = 0; item->existed && depth < CHAIN_LIMIT; depth++) {
        VmsFileId now = { 0 };

        if (!step_down(engine, folder, &path, &format))
            return FALSE;
        if (strcmp(path, wanted) == 0 ||
            (vms_volume_identify(engine->drivers->volume, path, &now, NULL) &&
             vms_file_id_same(&now, file)))
            return TRUE;
        g_free(folder);
        folder = g_path_get_dirname(path);
    }
    return FALSE;
}

const VmsOperation *
vms_undo_set_find_user(VmsEngine *engine, const GPtrArray *operations, const char *path)
{
    VmsFileId file = { 0 };

    if (!vms_volume_identify(engine->drivers->volume, path, &file, NULL))
        return NULL;
    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *restore = operations->pdata[i];

        if (!vms_undo_set_is_kept(restore))
            continue;
        for (guint j = 0; j < restore->exchanges->len; j++) {
            if (stands_on(engine, restore->exchanges->pdata[j], path, &file))
                return restore;
        }
    }
    return NULL;
}

/* ---- dropping one ---- */

static gboolean
check_unused(VmsEngine *engine, const VmsOperation *restore, GError **error)
{
    g_autoptr(VmsInventory) inventory = NULL;

    if (engine->drivers->hypervisor && !vms_inventory_collect(engine, &inventory, error))
        return FALSE;
    for (guint i = 0; i < restore->exchanges->len; i++) {
        const VmsExchange *item = restore->exchanges->pdata[i];

        if (item->existed && !vms_in_use_check_file(engine, inventory, item->next, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
record_intent(VmsEngine *engine, VmsWork *work, const VmsOperation *restore, const char *uuid,
              GError **error)
{
    work->operation = vms_journal_new(engine, uuid, "delete");
    work->operation->vm_uuid = g_strdup(restore->vm_uuid);
    work->operation->vm_name = g_strdup(restore->vm_name);
    work->operation->undo_of = g_strdup(restore->uuid);
    return vms_journal_advance(engine, work, VMS_JOURNAL_COMMITTED, error);
}

gboolean
vms_engine_drop_undo(VmsEngine *engine, const char *operation_uuid, const char *restore_uuid,
                     VmsProgress *progress, GError **error)
{
    g_auto(VmsWork) work = { 0 };
    g_autoptr(VmsOperation) restore = NULL;
    g_autofree char *lock_name = NULL;
    g_autoptr(VmsLock) lock = NULL;
    GError *failed = NULL;

    if (engine->read_only)
        return vms_fail(error, VMSNAP_E_PERMISSION, "the context is read-only");
    vms_progress_enter(progress, VMSNAP_STAGE_SURVEYING);
    if (!vms_store_load_operation(engine->drivers->catalog, restore_uuid, &restore, NULL, error))
        return FALSE;
    lock_name = vms_journal_lock_name(restore);
    if (!vms_lock_take(engine->runtime_dir, lock_name, operation_uuid, 0, progress, &lock, error))
        return FALSE;
    g_clear_pointer(&restore, vms_operation_free);
    if (!vms_store_load_operation(engine->drivers->catalog, restore_uuid, &restore, NULL, error))
        return FALSE;
    if (!vms_undo_set_is_kept(restore))
        return vms_refuse(error, VMSNAP_E_NOT_FOUND, "NothingToUndo",
                          "operation %s keeps no undo set", restore_uuid);
    if (!vms_journal_check_settled(engine, restore->vm_uuid, error) ||
        !check_unused(engine, restore, error) ||
        !record_intent(engine, &work, restore, operation_uuid, error))
        return FALSE;
    vms_crash_point("drop-recorded");
    vms_progress_enter(progress, VMSNAP_STAGE_FINISHING);
    return vms_finish_drop(engine, &work, &failed) || vms_journal_leave(failed, error);
}
