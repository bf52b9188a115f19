/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/engine.h"
#include "engine/store-look.h"

#include <string.h>

/* The quick questions of engine.h that the catalog alone answers. */

gboolean
vms_engine_find_snapshot(VmsEngine *engine, vmsnap_snapshot_kind subject, const char *name_or_uuid,
                         VmsSnapshot **ret_snapshot, GError **error)
{
    return vms_store_look_for_snapshot(engine->drivers->catalog, subject, name_or_uuid,
                                       ret_snapshot, error);
}

gboolean
vms_engine_load_snapshot(VmsEngine *engine, const char *uuid, VmsSnapshot **ret_snapshot,
                         GError **error)
{
    return vms_store_load_snapshot(engine->drivers->catalog, uuid, ret_snapshot, NULL, error);
}

static gboolean
is_of_vm(const VmsSnapshot *snapshot, const char *vm)
{
    return g_strcmp0(snapshot->vm_name, vm) == 0 ||
           (snapshot->vm_uuid && g_ascii_strcasecmp(snapshot->vm_uuid, vm) == 0);
}

/* By the disk's name, "UUID/TARGET", or the path it had. */
static gboolean
is_of_disk(const VmsSnapshot *snapshot, const char *disk)
{
    const VmsSnapshotDisk *own = snapshot->disks->len > 0 ? snapshot->disks->pdata[0] : NULL;
    const char *slash = strrchr(disk, '/');
    g_autofree char *vm = NULL;

    if (!slash)
        return FALSE;
    if (g_strcmp0(snapshot->disk, disk) == 0 || (own && g_strcmp0(own->source, disk) == 0))
        return TRUE;
    vm = g_strndup(disk, (gsize)(slash - disk));
    return snapshot->vm_uuid && g_ascii_strcasecmp(snapshot->vm_uuid, vm) == 0 &&
           g_str_has_suffix(snapshot->disk ? snapshot->disk : "", slash);
}

gboolean
vms_engine_list_snapshots(VmsEngine *engine, vmsnap_snapshot_kind subject, const char *of,
                          GPtrArray **ret_snapshots, GError **error)
{
    gboolean (*is_wanted)(const VmsSnapshot *, const char *) =
        subject == VMSNAP_SNAPSHOT_KIND_DISK ? is_of_disk : is_of_vm;
    g_autoptr(GPtrArray) found = NULL;

    if (!vms_store_look_at_snapshots(engine->drivers->catalog, subject, &found, error))
        return FALSE;
    for (guint i = found->len; of && i > 0; i--) {
        if (!is_wanted(found->pdata[i - 1], of))
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
    return vms_store_look_at_operations(engine->drivers->catalog, ret_operations, error);
}
