/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/volume.h"

#include "model/vm.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStoragePool, virStoragePoolFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virStorageVol, virStorageVolFree)

static virStorageVolPtr
find_volume(virConnectPtr conn, const char *volume)
{
    g_auto(GStrv) parts = g_strsplit(volume, "/", 2);
    g_autoptr(virStoragePool) pool = NULL;

    if (!parts[0] || !parts[1])
        return NULL;
    pool = virStoragePoolLookupByName(conn, parts[0]);
    return pool ? virStorageVolLookupByName(pool, parts[1]) : NULL;
}

static void
resolve(virConnectPtr conn, VmsDisk *disk)
{
    g_autoptr(virStorageVol) volume = find_volume(conn, disk->volume);
    virStorageVolInfo info = { 0 };

    if (!volume || virStorageVolGetInfo(volume, &info) < 0)
        return;
    if (info.type != VIR_STORAGE_VOL_FILE && info.type != VIR_STORAGE_VOL_BLOCK)
        return;
    disk->path = virStorageVolGetPath(volume);
    if (disk->path)
        disk->source = info.type == VIR_STORAGE_VOL_FILE ? VMS_SOURCE_FILE : VMS_SOURCE_BLOCK;
}

void
vms_volume_resolve(virConnectPtr conn, GPtrArray *disks)
{
    for (guint i = 0; disks && i < disks->len; i++) {
        VmsDisk *disk = disks->pdata[i];

        if (disk->volume && !disk->path)
            resolve(conn, disk);
    }
}
