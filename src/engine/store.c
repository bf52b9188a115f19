/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/store.h"

#include "base/error.h"
#include "model/name.h"
#include "record/record.h"

/* Names are unique within a kind. */
const char *
vms_store_kind_of(vmsnap_snapshot_kind subject)
{
    return subject == VMSNAP_SNAPSHOT_KIND_DISK ? "disk-snapshot" : "snapshot";
}

void
vms_work_clear(VmsWork *work)
{
    g_clear_pointer(&work->snapshot, vms_snapshot_free);
    g_clear_pointer(&work->operation, vms_operation_free);
    work->snapshot_version = 0;
    work->operation_version = 0;
}

/* A record that could not be read again must not be stored: better to fail now, before anything
 * was done, than to have a snapshot nobody can use. */
static gboolean
unreadable(GError *cause, GError **error)
{
    g_autoptr(GError) owned = cause;

    vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NotStorable", "this cannot be recorded: %s",
               owned->message);
    if (error)
        vms_error_take_cause(*error, g_steal_pointer(&owned));
    return FALSE;
}

static gboolean
snapshot_text(const VmsSnapshot *snapshot, char **ret_text, GError **error)
{
    g_autofree char *text = vms_record_write_snapshot(snapshot);
    g_autoptr(GError) cause = NULL;
    g_autoptr(VmsSnapshot) again = vms_record_read_snapshot(text, &cause);

    if (!again)
        return unreadable(g_steal_pointer(&cause), error);
    *ret_text = g_steal_pointer(&text);
    return TRUE;
}

static gboolean
operation_text(const VmsOperation *operation, char **ret_text, GError **error)
{
    g_autofree char *text = vms_record_write_operation(operation);
    g_autoptr(GError) cause = NULL;
    g_autoptr(VmsOperation) again = vms_record_read_operation(text, &cause);

    if (!again)
        return unreadable(g_steal_pointer(&cause), error);
    *ret_text = g_steal_pointer(&text);
    return TRUE;
}

static VmsChange
snapshot_change(const VmsWork *work, const char *text)
{
    const VmsSnapshot *snapshot = work->snapshot;
    gboolean holds = snapshot->phase != VMSNAP_SNAPSHOT_FAILED;

    return (VmsChange){
        .kind = vms_store_kind_of(snapshot->subject),
        .id = snapshot->uuid,
        .name = holds ? snapshot->name : NULL,
        .expected = work->snapshot_version,
        .created_us = snapshot->created_us,
        .text = text,
    };
}

static VmsChange
operation_change(const VmsWork *work, const char *text)
{
    return (VmsChange){
        .kind = VMS_STORE_OPERATION,
        .id = work->operation->uuid,
        .expected = work->operation_version,
        .created_us = work->operation->created_us,
        .text = text,
    };
}

gboolean
vms_store_save_and_drop(VmsCatalog *catalog, VmsWork *work, const VmsChange *gone, GError **error)
{
    g_autofree char *snapshot = NULL;
    g_autofree char *operation = NULL;
    VmsChange changes[3];
    gsize count = 0;

    if (work->snapshot && !snapshot_text(work->snapshot, &snapshot, error))
        return FALSE;
    if (work->operation && !operation_text(work->operation, &operation, error))
        return FALSE;
    if (snapshot)
        changes[count++] = snapshot_change(work, snapshot);
    if (operation)
        changes[count++] = operation_change(work, operation);
    if (gone)
        changes[count++] = *gone;
    if (count > 0 && !vms_catalog_apply(catalog, changes, count, error))
        return FALSE;
    work->snapshot_version += snapshot ? 1 : 0;
    work->operation_version += operation ? 1 : 0;
    return TRUE;
}

gboolean
vms_store_save(VmsCatalog *catalog, VmsWork *work, GError **error)
{
    return vms_store_save_and_drop(catalog, work, NULL, error);
}

gboolean
vms_store_remove_snapshot(VmsCatalog *catalog, VmsWork *work, GError **error)
{
    g_autofree char *operation = NULL;
    VmsChange changes[2];
    gsize count = 0;

    if (!work->snapshot)
        return vms_fail(error, VMSNAP_E_INTERNAL, "no snapshot to remove");
    if (work->operation && !operation_text(work->operation, &operation, error))
        return FALSE;
    changes[count++] = snapshot_change(work, NULL);
    if (operation)
        changes[count++] = operation_change(work, operation);
    if (!vms_catalog_apply(catalog, changes, count, error))
        return FALSE;
    work->snapshot_version = 0;
    work->operation_version += operation ? 1 : 0;
    return TRUE;
}

static gboolean
wrong_record(const VmsRecord *record, const char *what, GError **error)
{
    return vms_refuse(error, VMSNAP_E_IO, "DamagedRecord", "stored %s: %s", record->kind, what);
}

/* What the rest of the library takes for granted and no single member tells. */
static gboolean
check_snapshot(const VmsRecord *record, const VmsSnapshot *snapshot, GError **error)
{
    if (g_strcmp0(snapshot->uuid, record->id) != 0)
        return wrong_record(record, "it is of another UUID", error);
    if (g_strcmp0(vms_store_kind_of(snapshot->subject), record->kind) != 0)
        return wrong_record(record, "it is of another kind", error);
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];

        if (snapshot->phase == VMSNAP_SNAPSHOT_READY && (!disk->image || !disk->image->format))
            return wrong_record(record, "a disk has no image", error);
    }
    return TRUE;
}

VmsSnapshot *
vms_store_read_snapshot(const VmsRecord *record, GError **error)
{
    g_autoptr(GError) wrong = NULL;
    g_autoptr(VmsSnapshot) snapshot = vms_record_read_snapshot(record->text, &wrong);

    if (snapshot && check_snapshot(record, snapshot, &wrong))
        return g_steal_pointer(&snapshot);
    vms_error_set_object(wrong, record->id);
    g_propagate_error(error, g_steal_pointer(&wrong));
    return NULL;
}

VmsOperation *
vms_store_read_operation(const VmsRecord *record, GError **error)
{
    g_autoptr(GError) wrong = NULL;
    g_autoptr(VmsOperation) operation = vms_record_read_operation(record->text, &wrong);

    if (operation && (g_strcmp0(operation->uuid, record->id) == 0 ||
                      wrong_record(record, "it is of another UUID", &wrong)))
        return g_steal_pointer(&operation);
    vms_error_set_object(wrong, record->id);
    g_propagate_error(error, g_steal_pointer(&wrong));
    return NULL;
}

static gboolean
give_snapshot(const VmsRecord *record, VmsSnapshot **ret_snapshot, guint64 *ret_version,
              GError **error)
{
    VmsSnapshot *snapshot = vms_store_read_snapshot(record, error);

    if (!snapshot)
        return FALSE;
    *ret_snapshot = snapshot;
    if (ret_version)
        *ret_version = record->version;
    return TRUE;
}

/* A record may name no other: then there is none. */
static char *
id_of(const char *uuid)
{
    return g_ascii_strdown(uuid ? uuid : "", -1);
}

gboolean
vms_store_load_snapshot(VmsCatalog *catalog, const char *uuid, VmsSnapshot **ret_snapshot,
                        guint64 *ret_version, GError **error)
{
    g_autofree char *id = id_of(uuid);
    g_autoptr(VmsRecord) record = NULL;
    g_autoptr(GError) missing = NULL;

    if (!vms_catalog_get(catalog, vms_store_kind_of(VMSNAP_SNAPSHOT_KIND_VM), id, &record,
                         &missing)) {
        if (vms_error_get_code(missing) != VMSNAP_E_NOT_FOUND) {
            g_propagate_error(error, g_steal_pointer(&missing));
            return FALSE;
        }
        if (!vms_catalog_get(catalog, vms_store_kind_of(VMSNAP_SNAPSHOT_KIND_DISK), id, &record,
                             error))
            return FALSE;
    }
    return give_snapshot(record, ret_snapshot, ret_version, error);
}

gboolean
vms_store_load_operation(VmsCatalog *catalog, const char *uuid, VmsOperation **ret_operation,
                         guint64 *ret_version, GError **error)
{
    g_autofree char *id = id_of(uuid);
    g_autoptr(VmsRecord) record = NULL;
    VmsOperation *operation = NULL;

    if (!vms_catalog_get(catalog, VMS_STORE_OPERATION, id, &record, error))
        return FALSE;
    operation = vms_store_read_operation(record, error);
    if (!operation)
        return FALSE;
    *ret_operation = operation;
    if (ret_version)
        *ret_version = record->version;
    return TRUE;
}

/* The newest record that has @name without holding it. */
static gboolean
find_failed(VmsCatalog *catalog, const char *kind, const char *name, VmsSnapshot **ret_snapshot,
            guint64 *ret_version, GError **error)
{
    g_autoptr(GPtrArray) records = NULL;

    if (!vms_catalog_list(catalog, kind, &records, error))
        return FALSE;
    for (guint i = records->len; i > 0; i--) {
        const VmsRecord *record = records->pdata[i - 1];
        g_autoptr(VmsSnapshot) snapshot =
            record->name ? NULL : vms_store_read_snapshot(record, NULL);
        if (!snapshot || g_strcmp0(snapshot->name, name) != 0)
            continue;
        *ret_snapshot = g_steal_pointer(&snapshot);
        if (ret_version)
            *ret_version = record->version;
        return TRUE;
    }
    vms_fail(error, VMSNAP_E_NOT_FOUND, "there is no %s '%s'", kind, name);
    if (error)
        vms_error_set_object(*error, name);
    return FALSE;
}

static gboolean
get_of_kind(VmsCatalog *catalog, const char *kind, const char *uuid, VmsRecord **ret_record,
            GError **error)
{
    g_autofree char *id = id_of(uuid);

    return vms_catalog_get(catalog, kind, id, ret_record, error);
}

gboolean
vms_store_find_snapshot(VmsCatalog *catalog, vmsnap_snapshot_kind subject, const char *name_or_uuid,
                        VmsSnapshot **ret_snapshot, guint64 *ret_version, GError **error)
{
    const char *kind = vms_store_kind_of(subject);
    g_autoptr(VmsRecord) record = NULL;
    g_autoptr(GError) missing = NULL;

    if (vms_name_is_uuid(name_or_uuid))
        return get_of_kind(catalog, kind, name_or_uuid, &record, error) &&
               give_snapshot(record, ret_snapshot, ret_version, error);
    if (vms_catalog_find(catalog, kind, name_or_uuid, &record, &missing))
        return give_snapshot(record, ret_snapshot, ret_version, error);
    if (g_error_matches(missing, VMS_ERROR, VMSNAP_E_NOT_FOUND))
        return find_failed(catalog, kind, name_or_uuid, ret_snapshot, ret_version, error);
    g_propagate_error(error, g_steal_pointer(&missing));
    return FALSE;
}

gboolean
vms_store_check_free(VmsCatalog *catalog, vmsnap_snapshot_kind subject, const char *name,
                     GError **error)
{
    const char *kind = vms_store_kind_of(subject);
    g_autoptr(VmsRecord) record = NULL;
    g_autoptr(GError) missing = NULL;

    if (vms_catalog_find(catalog, kind, name, &record, &missing)) {
        vms_fail(error, VMSNAP_E_EXISTS, "there is a %s %s already", kind, name);
        if (error)
            vms_error_set_object(*error, name);
        return FALSE;
    }
    if (vms_error_get_code(missing) == VMSNAP_E_NOT_FOUND)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&missing));
    return FALSE;
}

gboolean
vms_store_list_snapshots(VmsCatalog *catalog, vmsnap_snapshot_kind subject,
                         GPtrArray **ret_snapshots, GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)vms_snapshot_free);
    g_autoptr(GPtrArray) records = NULL;

    if (!vms_catalog_list(catalog, vms_store_kind_of(subject), &records, error))
        return FALSE;
    for (guint i = 0; i < records->len; i++) {
        VmsSnapshot *snapshot = vms_store_read_snapshot(records->pdata[i], error);
        if (!snapshot)
            return FALSE;
        g_ptr_array_add(found, snapshot);
    }
    *ret_snapshots = g_steal_pointer(&found);
    return TRUE;
}

gboolean
vms_store_list_operations(VmsCatalog *catalog, GPtrArray **ret_operations, GError **error)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func((GDestroyNotify)vms_operation_free);
    g_autoptr(GPtrArray) records = NULL;

    if (!vms_catalog_list(catalog, VMS_STORE_OPERATION, &records, error))
        return FALSE;
    for (guint i = 0; i < records->len; i++) {
        VmsOperation *operation = vms_store_read_operation(records->pdata[i], error);
        if (!operation)
            return FALSE;
        g_ptr_array_add(found, operation);
    }
    *ret_operations = g_steal_pointer(&found);
    return TRUE;
}
