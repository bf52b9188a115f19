/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/errors.h"

#include <stdlib.h>

typedef struct {
    virStoragePoolPtr *items;
    int count;
} Pools;

typedef struct {
    virStorageVolPtr *items;
    int count;
} Volumes;

static void
pools_clear(Pools *pools)
{
    for (int i = 0; i < pools->count; i++)
        virStoragePoolFree(pools->items[i]);
    free(pools->items);
}

static void
volumes_clear(Volumes *volumes)
{
    for (int i = 0; i < volumes->count; i++)
        virStorageVolFree(volumes->items[i]);
    free(volumes->items);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Pools, pools_clear)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Volumes, volumes_clear)

/* Of a file in a folder the key is the path, and costs no question. */
static void
add_file(GPtrArray *files, const char *pool, virStorageVolPtr volume)
{
    const char *key = virStorageVolGetKey(volume);
    g_autofree char *path = key && key[0] == '/' ? NULL : virStorageVolGetPath(volume);
    const char *at = path ? path : key;

    if (at && at[0] == '/')
        g_ptr_array_add(files, vms_pool_file_new(pool, virStorageVolGetName(volume), at));
}

/* One that goes inactive meanwhile has no files any more. */
static void
add_pool(GPtrArray *files, virStoragePoolPtr pool)
{
    g_auto(Volumes) volumes = { NULL, 0 };

    volumes.count = virStoragePoolListAllVolumes(pool, &volumes.items, 0);
    for (int i = 0; i < volumes.count; i++)
        add_file(files, virStoragePoolGetName(pool), volumes.items[i]);
}

gboolean
vms_libvirt_list_pool_files(VmsHypervisor *hv, GPtrArray **ret_files, GError **error)
{
    g_auto(VmsCall) call = VMS_CALL_NONE;
    g_auto(Pools) pools = { NULL, 0 };
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify)vms_pool_file_free);

    if (!vms_call_begin(&call, ((VmsLibvirt *)hv)->connection, error))
        return FALSE;
    pools.count = virConnectListAllStoragePools(call.conn, &pools.items,
                                                VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE);
    if (pools.count < 0 && !vms_libvirt_last_unsupported())
        return vms_libvirt_fail(error, NULL);
    for (int i = 0; i < pools.count; i++)
        add_pool(files, pools.items[i]);
    *ret_files = g_steal_pointer(&files);
    return TRUE;
}
