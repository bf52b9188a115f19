/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/manifest.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"
#include "engine/layout.h"
#include "engine/lock.h"
#include "engine/own-file.h"
#include "engine/store.h"
#include "record/record.h"

#include <string.h>
#include <unistd.h>

#define MANIFEST_LIMIT ((guint64)24 * 1024 * 1024)

/* ---- writing ---- */

static gboolean
write_as(int dir, const VmsSnapshot *snapshot, const char *name, GError **error)
{
    g_autofree char *text = vms_record_write_snapshot(snapshot);
    g_auto(VmsFd) fd = vms_sys_create_file(dir, name, 0600, error);

    return fd >= 0 && vms_sys_write(fd, text, strlen(text), error) &&
           vms_sys_sync(fd, name, error) && vms_sys_sync(dir, name, error);
}

gboolean
vms_manifest_write(const VmsSnapshot *snapshot, GError **error)
{
    g_auto(VmsFd) dir = VMS_FD_NONE;

    if (snapshot->folders->len == 0)
        return TRUE;
    dir = vms_sys_open_dir(snapshot->folders->pdata[0], error);
    return dir >= 0 && write_as(dir, snapshot, VMS_LAYOUT_MANIFEST, error);
}

/* Under a name of its own first. What died on the way is written over, and goes with the snapshot.
 */
static gboolean
renew(const VmsSnapshot *snapshot, GError **error)
{
    const char *next = VMS_LAYOUT_MANIFEST_NEXT;
    g_auto(VmsFd) dir = vms_sys_open_dir(snapshot->folders->pdata[0], error);

    return dir >= 0 && vms_sys_unlink(dir, next, error) && write_as(dir, snapshot, next, error) &&
           vms_sys_exchange(dir, next, dir, VMS_LAYOUT_MANIFEST, error) &&
           vms_sys_sync(dir, next, error) && vms_sys_unlink(dir, next, error);
}

gboolean
vms_manifest_renew(VmsEngine *engine, const char *snapshot_uuid, GError **error)
{
    g_autofree char *name = vms_lock_name_snapshot(snapshot_uuid);
    g_autoptr(VmsSnapshot) snapshot = NULL;
    g_autoptr(VmsLock) lock = NULL;

    /* Alone: two would write one file. Who deletes it has the lock until that is on record. */
    if (!vms_lock_take(engine->runtime_dir, name, NULL, 0, NULL, &lock, error) ||
        !vms_store_load_snapshot(engine->drivers->catalog, snapshot_uuid, &snapshot, NULL, error))
        return FALSE;
    return snapshot->phase != VMSNAP_SNAPSHOT_READY || snapshot->folders->len == 0 ||
           !vms_own_is_folder(engine, snapshot->folders->pdata[0], snapshot->uuid) ||
           renew(snapshot, error);
}

/* ---- reading ---- */

static gboolean
wrong(const char *what, GError **error)
{
    return vms_refuse(error, VMSNAP_E_IO, "DamagedRecord", "snapshot.json: %s", what);
}

/* What is in it is defined and started at a restore. */
static gboolean
check_owner(const char *path, const VmsFileId *file, GError **error)
{
    if ((file->uid == 0 || file->uid == geteuid()) && (file->mode & 022) == 0)
        return TRUE;
    return vms_refuse(error, VMSNAP_E_PERMISSION, "UnsafeFile",
                      "'%s' could have been written by others (owner %u, mode %04o)", path,
                      file->uid, file->mode);
}

static gboolean
check_file(const VmsSnapshot *snapshot, const char *path, GHashTable *names, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);

    if (!vms_own_is_place(path, snapshot->uuid) ||
        !g_ptr_array_find_with_equal_func(snapshot->folders, folder, g_str_equal, NULL))
        return wrong("a file is in no folder of its own", error);
    return g_hash_table_add(names, g_path_get_basename(path)) ||
           wrong("two files have one name", error);
}

static gboolean
check_disk(const VmsSnapshotDisk *disk, GError **error)
{
    if (!disk->name || !disk->source || !disk->origin || !disk->origin->format)
        return wrong("a disk is not described", error);
    return (disk->image && disk->image->format && !disk->image->block_device) ||
           wrong("a disk has no image", error);
}

static gboolean
check_files(const VmsSnapshot *snapshot, GError **error)
{
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];

        if (!check_disk(disk, error) || !check_file(snapshot, disk->image->path, names, error))
            return FALSE;
    }
    for (guint i = 0; i < snapshot->parts->len; i++) {
        const VmsPart *part = snapshot->parts->pdata[i];

        if (!check_file(snapshot, part->stored, names, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_subject(const VmsSnapshot *snapshot, GError **error)
{
    gboolean told = snapshot->subject == VMSNAP_SNAPSHOT_KIND_DISK
                        ? snapshot->disk && snapshot->disks->len == 1
                        : snapshot->vm_uuid && snapshot->vm_name && snapshot->disks->len > 0 &&
                              (snapshot->inactive_xml || snapshot->live_xml);

    return told || wrong("what it is of is not described", error);
}

static gboolean
check_snapshot(VmsEngine *engine, const char *folder, const VmsSnapshot *snapshot, GError **error)
{
    g_autofree char *name = g_path_get_basename(folder);

    if (strcmp(snapshot->uuid, name) != 0)
        return wrong("it is of another UUID than its folder", error);
    if (snapshot->phase != VMSNAP_SNAPSHOT_READY)
        return wrong("it is of a snapshot that was not complete", error);
    if (snapshot->folders->len == 0)
        return wrong("it names no folder", error);
    for (guint i = 0; i < snapshot->folders->len; i++) {
        if (!vms_own_is_folder(engine, snapshot->folders->pdata[i], snapshot->uuid))
            return wrong("it names a folder that is no snapshot's", error);
    }
    return check_subject(snapshot, error) && check_files(snapshot, error);
}

gboolean
vms_manifest_read(VmsEngine *engine, const char *folder, VmsSnapshot **ret_snapshot, GError **error)
{
    g_autofree char *path = vms_layout_manifest(folder);
    g_autofree char *text = NULL;
    g_autoptr(VmsSnapshot) snapshot = NULL;
    g_autoptr(GBytes) bytes = NULL;
    const char *data;
    VmsFileId file = { 0 };
    gsize size = 0;

    if (!vms_volume_read_whole(engine->drivers->volume, path, MANIFEST_LIMIT, &bytes, &file,
                               error) ||
        !check_owner(path, &file, error))
        return FALSE;
    data = g_bytes_get_data(bytes, &size);
    if (size == 0 || memchr(data, 0, size))
        return wrong("it is no text", error);
    text = g_strndup(data, size);
    snapshot = vms_record_read_snapshot(text, error);
    if (!snapshot || !check_snapshot(engine, folder, snapshot, error))
        return FALSE;
    *ret_snapshot = g_steal_pointer(&snapshot);
    return TRUE;
}
