/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/acts.h"
#include "engine/engine.h"
#include "engine/in-use.h"
#include "engine/inventory.h"
#include "engine/journal.h"
#include "engine/layout.h"
#include "engine/lock.h"
#include "engine/undo-set.h"
#include "model/name.h"

#include <string.h>

#include <vmsnap/job.h>

/* Collecting: undo sets whose time is over, and files that finished operations of this catalog
 * left. What no record knows may be the only copy of something, of another catalog perhaps: it is
 * told and stays. */

typedef struct {
    VmsEngine *engine;
    VmsProgress *progress;
    gboolean dry;
    VmsActs acts;
    GPtrArray *operations; /* VmsOperation* */
    GHashTable *needed;    /* UUIDs whose folders hold what somebody needs */
    GHashTable *deleted;   /* UUIDs of snapshots that were deleted */
    GHashTable *known;     /* UUIDs of all records, and of what they are about */
    VmsInventory *inventory;
} Collecting;

static void
collecting_clear(Collecting *self)
{
    vms_acts_clear(&self->acts);
    g_clear_pointer(&self->operations, g_ptr_array_unref);
    g_clear_pointer(&self->needed, g_hash_table_unref);
    g_clear_pointer(&self->deleted, g_hash_table_unref);
    g_clear_pointer(&self->known, g_hash_table_unref);
    g_clear_pointer(&self->inventory, vms_inventory_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Collecting, collecting_clear)

/* ---- what there is ---- */

static void
add_uuid(GHashTable *set, const char *uuid)
{
    if (uuid)
        g_hash_table_add(set, g_strdup(uuid));
}

static void
sort_operation(const Collecting *self, const VmsOperation *operation)
{
    add_uuid(self->known, operation->uuid);
    add_uuid(self->known, operation->snapshot);
    if (vms_operation_is_open(operation)) {
        add_uuid(self->needed, operation->uuid);
        add_uuid(self->needed, operation->snapshot);
    } else if (vms_undo_set_is_kept(operation)) {
        add_uuid(self->needed, operation->uuid);
    } else if (strcmp(operation->type, "delete") == 0 &&
               operation->phase == VMSNAP_OPERATION_COMPLETED) {
        add_uuid(self->deleted, operation->snapshot);
    }
}

static gboolean
add_snapshots(const Collecting *self, vmsnap_snapshot_kind kind, GError **error)
{
    g_autoptr(GPtrArray) snapshots = NULL;

    if (!vms_store_list_snapshots(self->engine->drivers->catalog, kind, &snapshots, error))
        return FALSE;
    for (guint i = 0; i < snapshots->len; i++) {
        const VmsSnapshot *snapshot = snapshots->pdata[i];

        add_uuid(self->known, snapshot->uuid);
        add_uuid(self->needed, snapshot->uuid);
    }
    return TRUE;
}

static gboolean
read_all(Collecting *self, GError **error)
{
    if (!vms_store_list_operations(self->engine->drivers->catalog, &self->operations, error))
        return FALSE;
    for (guint i = 0; i < self->operations->len; i++)
        sort_operation(self, self->operations->pdata[i]);
    if (!add_snapshots(self, VMSNAP_SNAPSHOT_KIND_VM, error) ||
        !add_snapshots(self, VMSNAP_SNAPSHOT_KIND_DISK, error))
        return FALSE;
    return !self->engine->drivers->hypervisor ||
           vms_inventory_collect(self->engine, &self->inventory, error);
}

/* ---- undo sets ---- */

static void
collect_set(Collecting *self, const VmsOperation *restore)
{
    g_autoptr(VmsUndoSet) set = vms_undo_set_read(self->engine, restore);
    g_autofree char *object = g_strdup_printf("undo set %s (VM %s)", set->operation, set->vm_name);
    g_autofree char *message = g_strdup_printf("%" G_GUINT64_FORMAT " bytes", set->allocated);
    g_autofree char *uuid = vms_name_new_uuid();
    GError *failed = NULL;

    if (!set->expired)
        return;
    if (self->dry)
        vms_acts_tell(&self->acts, object, "would-drop", message);
    else if (vms_engine_drop_undo(self->engine, uuid, set->operation, self->progress, &failed))
        vms_acts_tell(&self->acts, object, "dropped", message);
    else
        vms_acts_tell_left(&self->acts, object, failed);
}

/* ---- what finished operations left ---- */

/* Nothing of what it made is there on purpose. */
static gboolean
is_over(const Collecting *self, const VmsOperation *operation)
{
    if (vms_operation_is_open(operation) || operation->overlays->len > 0)
        return FALSE;
    if (strcmp(operation->type, "restore") == 0)
        return !vms_undo_set_is_kept(operation);
    if (!vms_operation_takes_snapshot(operation) || !operation->snapshot ||
        g_hash_table_contains(self->needed, operation->snapshot))
        return FALSE;
    return operation->phase != VMSNAP_OPERATION_COMPLETED ||
           g_hash_table_contains(self->deleted, operation->snapshot);
}

/* <somewhere>/.vmsnap/<its UUID>, or that of its snapshot. */
static gboolean
is_own_folder(const VmsOperation *operation, const char *folder)
{
    g_autofree char *name = g_path_get_basename(folder);
    g_autofree char *parent = g_path_get_dirname(folder);

    return g_str_has_suffix(parent, "/.vmsnap") &&
           (g_strcmp0(name, operation->uuid) == 0 || g_strcmp0(name, operation->snapshot) == 0);
}

/* A file it made under this name, as far as its record tells. */
static gboolean
is_own_file(const Collecting *self, const VmsOperation *operation, const char *path)
{
    VmsFileId now = { 0 };

    if (!vms_volume_identify(self->engine->drivers->volume, path, &now, NULL))
        return FALSE; /* not even a file */
    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];

        if (strcmp(item->next, path) == 0)
            return now.ino == item->old_file.ino || now.ino == item->new_file.ino;
    }
    return g_ptr_array_find_with_equal_func(operation->files, path, g_str_equal, NULL) ||
           vms_layout_is_manifest(path);
}

/* TRUE when all that is in the folder may go: then @files has it. */
static gboolean
sort_files(const Collecting *self, const VmsOperation *operation, const char *folder,
           const GPtrArray *names, GPtrArray *files, GError **error)
{
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);

        if (!is_own_file(self, operation, path))
            return vms_refuse(error, VMSNAP_E_IN_USE, "ForeignFile",
                              "it holds '%s', which no record knows", path);
        if (!vms_in_use_check_file(self->engine, self->inventory, path, error))
            return FALSE;
        g_ptr_array_add(files, g_steal_pointer(&path));
    }
    return TRUE;
}

static gboolean
remove_folder(const Collecting *self, const VmsOperation *operation, const char *folder,
              const GPtrArray *files, GError **error)
{
    g_autofree char *lock_name = vms_journal_lock_name(operation);
    g_autoptr(GPtrArray) folders = g_ptr_array_new();
    g_autoptr(VmsLock) lock = NULL;

    g_ptr_array_add(folders, (char *)folder);
    return vms_lock_take(self->engine->runtime_dir, lock_name, operation->uuid, 0, self->progress,
                         &lock, error) &&
           vms_layout_remove(self->engine, files, folders, error);
}

static void
collect_folder(Collecting *self, const VmsOperation *operation, const char *folder)
{
    g_autoptr(GPtrArray) names = NULL;
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *object = g_strdup_printf("folder %s", folder);
    g_autofree char *message = NULL;
    GError *failed = NULL;

    if (!is_own_folder(operation, folder) ||
        !vms_volume_list_folder(self->engine->drivers->volume, folder, &names, NULL))
        return;
    message = g_strdup_printf("%u files that operation %s (%s) left", names->len, operation->uuid,
                              operation->type);
    if (!sort_files(self, operation, folder, names, files, &failed) ||
        (!self->dry && !remove_folder(self, operation, folder, files, &failed)))
        vms_acts_tell_left(&self->acts, object, failed);
    else
        vms_acts_tell(&self->acts, object, self->dry ? "would-remove" : "removed", message);
}

static void
collect_left(Collecting *self, const VmsOperation *operation)
{
    for (guint i = 0; is_over(self, operation) && i < operation->folders->len; i++)
        collect_folder(self, operation, operation->folders->pdata[i]);
}

/* ---- what no record knows ---- */

static void
add_place(GHashTable *places, const char *path)
{
    g_autofree char *folder = path ? g_path_get_dirname(path) : NULL;

    if (folder && *folder == '/')
        g_hash_table_add(places, g_build_filename(folder, ".vmsnap", NULL));
}

/* Where folders of ours may be. */
static GHashTable *
find_places(const Collecting *self)
{
    GHashTable *places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < self->operations->len; i++) {
        const VmsOperation *operation = self->operations->pdata[i];

        for (guint j = 0; j < operation->folders->len; j++) {
            g_autofree char *parent = g_path_get_dirname(operation->folders->pdata[j]);

            if (g_str_has_suffix(parent, "/.vmsnap"))
                add_place(places, parent);
        }
    }
    for (guint i = 0; self->inventory && i < self->inventory->vms->len; i++) {
        const VmsVm *vm = self->inventory->vms->pdata[i];

        for (guint j = 0; j < vm->disks->len; j++)
            add_place(places, ((const VmsDisk *)vm->disks->pdata[j])->path);
    }
    return places;
}

static void
tell_unknown(Collecting *self, const char *place, const char *name)
{
    g_autofree char *folder = g_build_filename(place, name, NULL);
    g_autofree char *manifest = vms_layout_manifest(folder);
    g_autofree char *object = g_strdup_printf("folder %s", folder);
    VmsFileId file = { 0 };

    if (!vms_name_is_uuid(name) || g_hash_table_contains(self->known, name))
        return;
    vms_acts_tell(&self->acts, object, "kept",
                  vms_volume_identify(self->engine->drivers->volume, manifest, &file, NULL)
                      ? "no record knows this snapshot; adopting it by its snapshot.json makes one"
                      : "no record knows it");
}

static void
tell_all_unknown(Collecting *self)
{
    g_autoptr(GHashTable) places = find_places(self);
    g_autoptr(GList) sorted = g_list_sort(g_hash_table_get_keys(places), (GCompareFunc)strcmp);

    for (const GList *at = sorted; at; at = at->next) {
        g_autoptr(GPtrArray) names = NULL;

        if (!vms_volume_list_folder(self->engine->drivers->volume, at->data, &names, NULL))
            continue;
        for (guint i = 0; i < names->len; i++)
            tell_unknown(self, at->data, names->pdata[i]);
    }
}

gboolean
vms_engine_collect(VmsEngine *engine, gboolean dry, VmsProgress *progress, GPtrArray **ret_acts,
                   GError **error)
{
    g_auto(Collecting) self = { .engine = engine, .progress = progress, .dry = dry };

    if (engine->read_only && !dry)
        return vms_fail(error, VMSNAP_E_PERMISSION, "the context is read-only");
    vms_progress_enter(progress, VMSNAP_STAGE_SURVEYING);
    vms_acts_init(&self.acts, engine->log, "gc");
    self.needed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self.deleted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self.known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!read_all(&self, error))
        return FALSE;
    vms_progress_enter(progress, VMSNAP_STAGE_FINISHING);
    for (guint i = 0; i < self.operations->len && vms_progress_check(progress, NULL); i++) {
        const VmsOperation *operation = self.operations->pdata[i];

        if (vms_undo_set_is_kept(operation))
            collect_set(&self, operation);
        else
            collect_left(&self, operation);
    }
    tell_all_unknown(&self);
    return vms_acts_end(&self.acts, "what is to be collected could not be", ret_acts, error) &&
           vms_progress_check(progress, error);
}
