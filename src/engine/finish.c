/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/finish.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/host-entry.h"
#include "engine/journal.h"
#include "engine/layout.h"

#define UNDO_DEFAULT_S (24 * 60 * 60)

void
vms_finish_restore(VmsOperation *operation, const char *message)
{
    gint64 ttl = operation->undo_ttl_s > 0 ? operation->undo_ttl_s : UNDO_DEFAULT_S;

    operation->undo_until_us = vms_clock_realtime_us() + ttl * G_USEC_PER_SEC;
    vms_journal_complete(operation, message);
}

/* The set that the undo took out: the restored disks. The snapshot they came from is still there.
 */
static gboolean
drop_undo_set(VmsEngine *engine, const VmsOperation *undo, const VmsOperation *restore,
              GError **error)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new();

    for (guint i = 0; i < undo->exchanges->len; i++) {
        const VmsExchange *item = undo->exchanges->pdata[i];

        g_ptr_array_add(files, item->next);
    }
    return vms_layout_remove(engine, files, restore->folders, error);
}

gboolean
vms_finish_undo(VmsEngine *engine, VmsWork *work, GError **error)
{
    g_auto(VmsWork) restore = { 0 };

    if (!vms_store_load_operation(engine->drivers->catalog, work->operation->undo_of,
                                  &restore.operation, &restore.operation_version, error) ||
        !drop_undo_set(engine, work->operation, restore.operation, error))
        return FALSE;
    vms_crash_point("undo-dropped");
    restore.operation->undone = TRUE;
    restore.operation->undo_until_us = 0;
    if (!vms_store_save(engine->drivers->catalog, &restore, error))
        return FALSE;
    vms_journal_complete(work->operation, "the VM is as it was before the restore");
    return vms_journal_close(engine, work, error);
}

/* What the restore took out, as far as it is still that: whatever else stands there stays, and the
 * folder with it. */
static gboolean
remove_old_set(VmsEngine *engine, const VmsOperation *restore, GError **error)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new();

    for (guint i = 0; i < restore->exchanges->len; i++) {
        const VmsExchange *item = restore->exchanges->pdata[i];
        VmsFileId now = { 0 };

        if (!vms_volume_identify(engine->drivers->volume, item->next, &now, NULL))
            continue;
        if (now.ino == item->old_file.ino)
            g_ptr_array_add(files, item->next);
        else
            vms_log(engine->log, VMSNAP_LOG_WARNING, "'%s' is another file now and stays",
                    item->next);
    }
    return vms_layout_remove(engine, files, restore->folders, error);
}

gboolean
vms_finish_drop(VmsEngine *engine, VmsWork *work, GError **error)
{
    g_auto(VmsWork) restore = { 0 };

    if (!vms_store_load_operation(engine->drivers->catalog, work->operation->undo_of,
                                  &restore.operation, &restore.operation_version, error) ||
        !remove_old_set(engine, restore.operation, error))
        return FALSE;
    vms_crash_point("drop-removed");
    restore.operation->undone = TRUE;
    restore.operation->undo_until_us = 0;
    if (!vms_store_save(engine->drivers->catalog, &restore, error))
        return FALSE;
    vms_journal_complete(work->operation, "the undo set is gone");
    return vms_journal_close(engine, work, error);
}

/* Names of every file a snapshot has, whether it is still there or not. */
static GPtrArray *
list_files(const VmsSnapshot *snapshot)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];

        g_ptr_array_add(files, g_strdup(disk->image->path));
    }
    for (guint i = 0; i < snapshot->parts->len; i++) {
        const VmsPart *part = snapshot->parts->pdata[i];

        g_ptr_array_add(files, g_strdup(part->stored));
    }
    if (snapshot->folders->len > 0)
        g_ptr_array_add(files, vms_layout_manifest(snapshot->folders->pdata[0]));
    return files;
}

gboolean
vms_finish_delete(VmsEngine *engine, VmsWork *work, GError **error)
{
    g_autoptr(GPtrArray) files = NULL;

    if (!work->snapshot) { /* another delete was quicker, after a crash of this one */
        vms_journal_complete(work->operation, "the snapshot is gone");
        return vms_store_save(engine->drivers->catalog, work, error);
    }
    files = list_files(work->snapshot);
    if (!vms_host_entries_put(engine, work->operation, error) ||
        !vms_layout_remove(engine, files, work->snapshot->folders, error))
        return FALSE;
    vms_crash_point("delete-removed");
    vms_journal_complete(work->operation, "the snapshot and its files are gone");
    return vms_store_remove_snapshot(engine->drivers->catalog, work, error);
}
