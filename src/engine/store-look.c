/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/store-look.h"

#include "base/error.h"
#include "model/name.h"

static gboolean
is_damage(const GError *error)
{
    return g_strcmp0(vms_error_get_reason(error), "DamagedRecord") == 0;
}

static const char *
reason_of(const GError *wrong)
{
    return is_damage(wrong) ? "Damaged" : vms_error_get_reason(wrong);
}

/* Nothing of its text is believed. */
static VmsSnapshot *
stand_in_for_snapshot(const VmsRecord *record, vmsnap_snapshot_kind subject, const GError *wrong)
{
    gboolean named = record->name && vms_name_check_snapshot(record->name, NULL);
    VmsSnapshot *snapshot = vms_snapshot_new(record->id, named ? record->name : record->id);

    snapshot->subject = subject;
    snapshot->phase = VMSNAP_SNAPSHOT_FAILED;
    snapshot->created_us = record->created_us;
    vms_conditions_set(snapshot->conditions,
                       vms_condition_new(vms_snapshot_ready_type(snapshot), VMS_CONDITION_FALSE,
                                         reason_of(wrong), wrong->message, record->created_us));
    return snapshot;
}

static VmsOperation *
stand_in_for_operation(const VmsRecord *record, const GError *wrong)
{
    VmsOperation *operation = vms_operation_new(record->id, "unknown");

    operation->phase = VMSNAP_OPERATION_FAILED;
    operation->created_us = record->created_us;
    operation->error_code = vms_error_get_code(wrong);
    operation->error_reason = g_strdup(reason_of(wrong));
    operation->error_message = g_strdup(wrong->message);
    vms_conditions_set(operation->conditions,
                       vms_condition_new("Completed", VMS_CONDITION_FALSE, reason_of(wrong),
                                         wrong->message, record->created_us));
    return operation;
}

gboolean
vms_store_look_at_snapshots(VmsCatalog *catalog, vmsnap_snapshot_kind subject,
                            GPtrArray **ret_snapshots, GError **error)
{
    g_autoptr(GPtrArray) records = NULL;
    GPtrArray *found;

    if (!vms_catalog_list(catalog, vms_store_kind_of(subject), &records, error))
        return FALSE;
    found = g_ptr_array_new_with_free_func((GDestroyNotify)vms_snapshot_free);
    for (guint i = 0; i < records->len; i++) {
        const VmsRecord *record = records->pdata[i];
        g_autoptr(GError) wrong = NULL;
        VmsSnapshot *snapshot = vms_store_read_snapshot(record, &wrong);

        g_ptr_array_add(found, snapshot ? snapshot : stand_in_for_snapshot(record, subject, wrong));
    }
    *ret_snapshots = found;
    return TRUE;
}

gboolean
vms_store_look_at_operations(VmsCatalog *catalog, GPtrArray **ret_operations, GError **error)
{
    g_autoptr(GPtrArray) records = NULL;
    GPtrArray *found;

    if (!vms_catalog_list(catalog, VMS_STORE_OPERATION, &records, error))
        return FALSE;
    found = g_ptr_array_new_with_free_func((GDestroyNotify)vms_operation_free);
    for (guint i = 0; i < records->len; i++) {
        const VmsRecord *record = records->pdata[i];
        g_autoptr(GError) wrong = NULL;
        VmsOperation *operation = vms_store_read_operation(record, &wrong);

        g_ptr_array_add(found, operation ? operation : stand_in_for_operation(record, wrong));
    }
    *ret_operations = found;
    return TRUE;
}

static gboolean
get_damaged(VmsCatalog *catalog, vmsnap_snapshot_kind subject, const char *name_or_uuid,
            VmsSnapshot **ret_snapshot, guint64 *ret_version, GError **error)
{
    const char *kind = vms_store_kind_of(subject);
    g_autofree char *id = g_ascii_strdown(name_or_uuid, -1);
    g_autoptr(VmsRecord) record = NULL;
    g_autoptr(VmsSnapshot) whole = NULL;
    g_autoptr(GError) wrong = NULL;

    if (vms_name_is_uuid(name_or_uuid)
            ? !vms_catalog_get(catalog, kind, id, &record, error)
            : !vms_catalog_find(catalog, kind, name_or_uuid, &record, error))
        return FALSE;
    whole = vms_store_read_snapshot(record, &wrong);
    if (whole)
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "the record of %s is whole", name_or_uuid);
    if (!is_damage(wrong)) {
        g_propagate_error(error, g_steal_pointer(&wrong));
        return FALSE;
    }
    *ret_snapshot = stand_in_for_snapshot(record, subject, wrong);
    if (ret_version)
        *ret_version = record->version;
    return TRUE;
}

gboolean
vms_store_look_for_snapshot(VmsCatalog *catalog, vmsnap_snapshot_kind subject,
                            const char *name_or_uuid, VmsSnapshot **ret_snapshot, GError **error)
{
    g_autoptr(GError) failed = NULL;

    if (vms_store_find_snapshot(catalog, subject, name_or_uuid, ret_snapshot, NULL, &failed))
        return TRUE;
    if (is_damage(failed) && get_damaged(catalog, subject, name_or_uuid, ret_snapshot, NULL, NULL))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

gboolean
vms_store_load_damaged(VmsCatalog *catalog, const char *uuid, VmsSnapshot **ret_snapshot,
                       guint64 *ret_version, GError **error)
{
    return get_damaged(catalog, VMSNAP_SNAPSHOT_KIND_VM, uuid, ret_snapshot, ret_version, NULL) ||
           get_damaged(catalog, VMSNAP_SNAPSHOT_KIND_DISK, uuid, ret_snapshot, ret_version, error);
}
