/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/finish.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/host-entry.h"
#include "engine/journal.h"
#include "engine/layout.h"
#include "engine/own-file.h"

#define UNDO_DEFAULT_S (24 * 60 * 60)

void
vms_finish_restore(VmsOperation *operation, const char *message)
{
    gint64 ttl = operation->undo_ttl_s > 0 ? operation->undo_ttl_s : UNDO_DEFAULT_S;

    operation->undo_until_us = vms_clock_realtime_us() + ttl * G_USEC_PER_SEC;
    vms_journal_complete(operation, message);
}

static void
tell_foreign(const VmsEngine *engine, const char *path)
{
    vms_log(engine->log, VMSNAP_LOG_WARNING, "'%s' is not a file of ours and stays", path);
}

/* What devices held before the undo; files are put aside in the restore's own places. */
static gboolean
drop_saved(VmsEngine *engine, const VmsOperation *undo, GError **error)
{
    g_autoptr(GPtrArray) files = vms_own_pick_files(engine, undo);

    return vms_layout_remove(engine, files, undo->folders, error);
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
        char *path = item->source ? item->source : item->next;
        VmsOwn own = VMS_OWN_FOREIGN;

        if (!vms_own_check(engine, path, restore->uuid, NULL, &own, error))
            return FALSE;
        if (own == VMS_OWN_OURS)
            g_ptr_array_add(files, path);
        else if (own == VMS_OWN_FOREIGN)
            tell_foreign(engine, path);
    }
    return vms_layout_remove(engine, files, restore->folders, error) &&
           drop_saved(engine, undo, error);
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
        if (now.ino == item->old_file.ino && vms_own_is_place(item->next, restore->uuid))
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

gboolean
vms_finish_flatten(VmsEngine *engine, VmsWork *work, GError **error)
{
    if (!remove_old_set(engine, work->operation, error))
        return FALSE;
    vms_crash_point("flatten-removed");
    vms_journal_complete(work->operation, "its disks depend on nothing");
    return vms_journal_close(engine, work, error);
}

typedef struct {
    VmsEngine *engine;
    VmsWork *work;
    GPtrArray *files; /* char*: to be removed */
} Deleting;

/* @made NULL: it was not written down. */
static gboolean
sort_file(const Deleting *self, const char *path, const VmsFileId *made, GError **error)
{
    VmsFinding *kept;
    VmsOwn own = VMS_OWN_FOREIGN;

    if (!vms_own_check(self->engine, path, self->work->snapshot->uuid, made, &own, error))
        return FALSE;
    if (own == VMS_OWN_OURS)
        g_ptr_array_add(self->files, g_strdup(path));
    if (own != VMS_OWN_FOREIGN)
        return TRUE;
    tell_foreign(self->engine, path);
    kept = vms_finding_new_reason("VirtualImage", path, VMSNAP_SEVERITY_WARNING, "NotOurs",
                                  "'%s' is not the file that the snapshot made, and stays", path);
    kept->status = VMS_RESOURCE_KEPT;
    g_ptr_array_add(self->work->operation->resources, kept);
    return TRUE;
}

/* Every file a snapshot has that is there and is what it made. */
static gboolean
sort_files(const Deleting *self, GError **error)
{
    const VmsSnapshot *snapshot = self->work->snapshot;

    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsImage *image = ((const VmsSnapshotDisk *)snapshot->disks->pdata[i])->image;

        if (image && !sort_file(self, image->path, &image->file, error))
            return FALSE;
    }
    for (guint i = 0; i < snapshot->parts->len; i++) {
        const VmsPart *part = snapshot->parts->pdata[i];

        if (!sort_file(self, part->stored, &part->file, error))
            return FALSE;
    }
    if (snapshot->folders->len > 0) {
        g_autofree char *manifest = vms_layout_manifest(snapshot->folders->pdata[0]);
        g_autofree char *next =
            g_build_filename(snapshot->folders->pdata[0], VMS_LAYOUT_MANIFEST_NEXT, NULL);

        return sort_file(self, manifest, NULL, error) && sort_file(self, next, NULL, error);
    }
    return TRUE;
}

static gboolean
remove_sorted(const Deleting *self, GError **error)
{
    const VmsSnapshot *snapshot = self->work->snapshot;
    g_autoptr(GPtrArray) folders = g_ptr_array_new();

    for (guint i = 0; i < snapshot->folders->len; i++) {
        if (vms_own_is_folder(self->engine, snapshot->folders->pdata[i], snapshot->uuid))
            g_ptr_array_add(folders, snapshot->folders->pdata[i]);
    }
    return vms_layout_remove(self->engine, self->files, folders, error);
}

gboolean
vms_finish_delete(VmsEngine *engine, VmsWork *work, GError **error)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    const Deleting self = { engine, work, files };

    if (!work->snapshot) { /* another delete was quicker, after a crash of this one */
        vms_journal_complete(work->operation, "the snapshot is gone");
        return vms_store_save(engine->drivers->catalog, work, error);
    }
    if (!vms_host_entries_put(engine, work->operation, error) || !sort_files(&self, error) ||
        !remove_sorted(&self, error))
        return FALSE;
    vms_crash_point("delete-removed");
    vms_journal_complete(work->operation, "the snapshot and its files are gone");
    return vms_store_remove_snapshot(engine->drivers->catalog, work, error);
}
