/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/acts.h"
#include "engine/engine.h"
#include "engine/journal.h"
#include "engine/lock.h"
#include "engine/own-file.h"
#include "engine/store.h"
#include "model/name.h"
#include "record/salvage.h"

#include <string.h>

#include <vmsnap/job.h>

/* The record of an operation that cannot be read stops whatever changes something: what the
 * operation did, and whether it has ended, nobody knows. A person who looked may drop it. Nothing
 * is done about what it may have left; as much as the text still says is told. */

typedef struct {
    VmsEngine *engine;
    VmsRecord *record;
    char *type; /* these as far as they can be made out; NULL: not */
    char *phase;
    char *vm_uuid;
    char *vm_name;
    char *disk;
    GPtrArray *paths;
    VmsActs acts;
} Dropping;

static void
dropping_clear(Dropping *self)
{
    g_clear_pointer(&self->record, vms_record_free);
    g_free(self->type);
    g_free(self->phase);
    g_free(self->vm_uuid);
    g_free(self->vm_name);
    g_free(self->disk);
    g_clear_pointer(&self->paths, g_ptr_array_unref);
    vms_acts_clear(&self->acts);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Dropping, dropping_clear)

static gboolean
load(Dropping *self, const char *operation_id, GError **error)
{
    g_autofree char *lower = g_ascii_strdown(operation_id, -1);
    const char *text;

    /* An id that was damaged is no UUID any more. */
    if (!vms_catalog_get(self->engine->drivers->catalog, VMS_STORE_OPERATION,
                         vms_name_is_uuid(operation_id) ? lower : operation_id, &self->record,
                         error))
        return FALSE;
    text = self->record->text ? self->record->text : "";
    self->type = vms_salvage_text(text, "type");
    self->phase = vms_salvage_text(text, "phase");
    self->vm_uuid = vms_salvage_text(text, "vm_uuid");
    self->vm_name = vms_salvage_text(text, "vm_name");
    self->disk = vms_salvage_text(text, "disk");
    self->paths = vms_salvage_paths(text);
    return TRUE;
}

/* What is wrong with it, or a refusal. */
static gboolean
check_damaged(const Dropping *self, gboolean newer, GError **ret_wrong, GError **error)
{
    g_autoptr(GError) wrong = NULL;
    g_autoptr(VmsOperation) operation = vms_store_read_operation(self->record, &wrong);

    if (operation)
        return vms_refuse(error, VMSNAP_E_CONFLICT, "NotDamaged", "operation %s can be read%s",
                          self->record->id,
                          vms_operation_is_open(operation) ? ": recover brings it to its end" : "");
    if (!newer && g_strcmp0(vms_error_get_reason(wrong), "NewerSchema") == 0) {
        g_propagate_error(error, g_steal_pointer(&wrong));
        return FALSE;
    }
    *ret_wrong = g_steal_pointer(&wrong);
    return TRUE;
}

/* If somebody is at work on its VM or disk, it may be this operation. Without a name there is
 * nothing to ask. */
static gboolean
take_lock(const Dropping *self, VmsProgress *progress, VmsLock **ret_lock, GError **error)
{
    const char *folder = self->engine->runtime_dir;
    g_autofree char *name = NULL;

    if (self->vm_uuid && vms_name_is_uuid(self->vm_uuid))
        name = vms_lock_name_vm(self->vm_uuid);
    else if (self->disk && vms_name_check_path(self->disk, NULL))
        name = vms_lock_name_disk(self->disk);
    return !name || vms_lock_take(folder, name, NULL, 0, progress, ret_lock, error);
}

static void
tell_files(Dropping *self, VmsOperation *operation)
{
    for (guint i = 0; i < self->paths->len; i++) {
        const char *path = self->paths->pdata[i];
        g_autofree char *object = NULL;
        VmsFinding *kept;

        if (!vms_own_is_there(self->engine, path))
            continue;
        object = g_strdup_printf("file %s", path);
        kept = vms_finding_new_reason("VirtualImage", path, VMSNAP_SEVERITY_WARNING, "Damaged",
                                      "the record that named it is gone; it stays");
        kept->status = VMS_RESOURCE_KEPT;
        g_ptr_array_add(operation->resources, kept);
        vms_acts_tell(&self->acts, object, "kept", "the record names it; whose it is is not known");
    }
}

static char *
describe(const Dropping *self, const GError *wrong)
{
    gint64 days = (vms_clock_realtime_us() - self->record->created_us) / G_USEC_PER_SEC / 86400;

    return g_strdup_printf("its record is dropped: type %s, phase %s, VM %s, %" G_GINT64_FORMAT
                           " days old; it could not be read: %s",
                           self->type ? self->type : "unknown",
                           self->phase ? self->phase : "unknown",
                           self->vm_name ? self->vm_name : "unknown", MAX(days, 0), wrong->message);
}

/* The record goes and the one that tells of it comes, in one batch. */
static gboolean
replace_record(const Dropping *self, VmsWork *work, GError **error)
{
    const VmsChange gone = { .kind = VMS_STORE_OPERATION,
                             .id = self->record->id,
                             .expected = self->record->version,
                             .created_us = self->record->created_us };

    return vms_store_save_and_drop(self->engine->drivers->catalog, work, &gone, error);
}

gboolean
vms_engine_drop_record(VmsEngine *engine, const char *operation_id, gboolean newer,
                       VmsProgress *progress, GPtrArray **ret_acts, GError **error)
{
    g_auto(Dropping) self = { .engine = engine };
    g_auto(VmsWork) work = { 0 };
    g_autofree char *uuid = vms_name_new_uuid();
    g_autofree char *object = g_strdup_printf("operation %s", operation_id);
    g_autofree char *message = NULL;
    g_autoptr(GError) wrong = NULL;
    g_autoptr(VmsLock) lock = NULL;

    if (engine->read_only)
        return vms_fail(error, VMSNAP_E_PERMISSION, "the context is read-only");
    vms_acts_init(&self.acts, engine->log, "drop");
    vms_progress_enter(progress, VMSNAP_STAGE_SURVEYING);
    if (!load(&self, operation_id, error) || !check_damaged(&self, newer, &wrong, error) ||
        !take_lock(&self, progress, &lock, error))
        return FALSE;
    message = describe(&self, wrong);
    work.operation = vms_journal_new(engine, uuid, "drop");
    tell_files(&self, work.operation);
    vms_journal_complete(work.operation, message);
    if (!replace_record(&self, &work, error))
        return FALSE;
    vms_acts_tell(&self.acts, object, "dropped", message);
    return vms_acts_end(&self.acts, "the records could not be dropped", ret_acts, error);
}
