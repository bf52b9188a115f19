/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/engine.h"
#include "engine/store.h"

/* The quick questions of engine.h that the catalog alone answers. */

gboolean
vms_engine_find_snapshot(VmsEngine *engine, const char *name_or_uuid, VmsSnapshot **ret_snapshot,
                         GError **error)
{
    return vms_store_find_snapshot(engine->drivers->catalog, name_or_uuid, ret_snapshot, NULL,
                                   error);
}

static gboolean
is_of_vm(const VmsSnapshot *snapshot, const char *vm)
{
    return g_strcmp0(snapshot->vm_name, vm) == 0 ||
           (snapshot->vm_uuid && g_ascii_strcasecmp(snapshot->vm_uuid, vm) == 0);
}

gboolean
vms_engine_list_snapshots(VmsEngine *engine, const char *vm, GPtrArray **ret_snapshots,
                          GError **error)
{
    g_autoptr(GPtrArray) found = NULL;

    if (!vms_store_list_snapshots(engine->drivers->catalog, &found, error))
        return FALSE;
    for (guint i = found->len; vm && i > 0; i--) {
        if (!is_of_vm(found->pdata[i - 1], vm))
            g_ptr_array_remove_index(found, i - 1);
    }
    *ret_snapshots = g_steal_pointer(&found);
    return TRUE;
}

gboolean
vms_engine_find_operation(VmsEngine *engine, const char *uuid, VmsOperation **ret_operation,
                          GError **error)
{
    return vms_store_load_operation(engine->drivers->catalog, uuid, ret_operation, NULL, error);
}

gboolean
vms_engine_list_operations(VmsEngine *engine, GPtrArray **ret_operations, GError **error)
{
    return vms_store_list_operations(engine->drivers->catalog, ret_operations, error);
}
