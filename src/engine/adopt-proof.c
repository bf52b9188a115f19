/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/adopt-proof.h"

#include "base/error.h"
#include "engine/in-use.h"
#include "engine/layout.h"
#include "engine/own-file.h"
#include "record/record.h"

#include <string.h>
#include <unistd.h>

#define MANIFEST_LIMIT ((guint64)24 * 1024 * 1024)
#define ADOPTED "Adopted"

/* ---- the manifest ---- */

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

/* ---- its files ---- */

typedef struct {
    VmsEngine *engine;
    VmsSnapshot *snapshot;
    gboolean accept_times;
    VmsProgress *progress;
} Proving;

/* What was recorded of a file, and what it is now. */
typedef struct {
    const char *path;
    const char *sha256; /* NULL: not recorded */
    const VmsFileId *then;
    const VmsFileId *now;
    const char *shape; /* what else fits already: "header" */
} Claim;

static gboolean
lost(const char *path, const char *what, GError **error)
{
    return vms_refuse(error, VMSNAP_E_LOST, "Lost", "'%s' is not the recorded file: %s", path,
                      what);
}

/* Some tools bring back whole seconds only. */
static gboolean
same_time(const VmsFileId *now, const VmsFileId *then)
{
    return now->mtime_us == then->mtime_us ||
           (now->mtime_us % G_USEC_PER_SEC == 0 &&
            now->mtime_us / G_USEC_PER_SEC == then->mtime_us / G_USEC_PER_SEC);
}

static gboolean
check_digest(const Proving *self, const Claim *claim, GError **error)
{
    g_autofree char *sha256 = NULL;

    return vms_volume_digest(self->engine->drivers->volume, claim->path, self->progress, &sha256,
                             error) &&
           (strcmp(sha256, claim->sha256) == 0 ||
            lost(claim->path, "its SHA-256 is another", error));
}

/* What it is told by; owned. NULL: it is not the one. */
static char *
prove(const Proving *self, const Claim *claim, GError **error)
{
    if (claim->now->size != claim->then->size) {
        lost(claim->path, "its size is another", error);
        return NULL;
    }
    if (claim->sha256)
        return check_digest(self, claim, error) ? g_strdup("SHA-256") : NULL;
    if (same_time(claim->now, claim->then))
        return g_strdup_printf("size, time%s", claim->shape);
    if (self->accept_times)
        return g_strdup_printf("size%s alone: its time is another", claim->shape);
    vms_refuse(error, VMSNAP_E_LOST, "TimeDiffers",
               "'%s' has another time than recorded, and no digest was: whether it is the recorded "
               "file cannot be told",
               claim->path);
    return NULL;
}

static void
note(const Proving *self, const char *path, const char *by)
{
    VmsFinding *resource = vms_finding_new_reason("VirtualImage", path, VMSNAP_SEVERITY_INFO,
                                                  ADOPTED, "taken for the recorded file by %s", by);

    g_ptr_array_add(self->snapshot->resources, resource);
}

static gboolean
same_header(const VmsImage *now, const VmsImage *then)
{
    return !now->block_device && now->virtual_size == then->virtual_size &&
           now->cluster_size == then->cluster_size && g_strcmp0(now->compat, then->compat) == 0 &&
           g_strcmp0(now->backing, then->backing) == 0;
}

/* Whoever writes to it changes it. */
static gboolean
check_unused(const Proving *self, const char *path, GError **error)
{
    g_auto(VmsImageUse) use = { 0 };

    if (!vms_volume_read_use(self->engine->drivers->volume, path, &use, error))
        return FALSE;
    return !use.writer ||
           vms_in_use_refuse(error, path,
                             use.holders && use.holders->len > 0 ? use.holders->pdata[0]
                                                                 : "another process");
}

static gboolean
prove_image(const Proving *self, const VmsSnapshotDisk *disk, GError **error)
{
    VmsImage *then = disk->image;
    Claim claim = { then->path, disk->sha256, &then->file, NULL, " and header" };
    g_autoptr(VmsImage) now = NULL;
    g_autofree char *by = NULL;

    if (!vms_volume_inspect(self->engine->drivers->volume, then->path, then->format, &now, error) ||
        !check_unused(self, then->path, error))
        return FALSE;
    if (!same_header(now, then))
        return lost(then->path, "its header is another", error);
    claim.now = &now->file;
    by = prove(self, &claim, error);
    if (!by)
        return FALSE;
    then->file = now->file;
    note(self, then->path, by);
    return TRUE;
}

static gboolean
prove_part(const Proving *self, VmsPart *part, GError **error)
{
    VmsFileId now = { 0 };
    const Claim claim = { part->stored, part->sha256, &part->file, &now, "" };
    g_autofree char *by = NULL;

    if (!vms_volume_identify(self->engine->drivers->volume, part->stored, &now, error))
        return FALSE;
    by = prove(self, &claim, error);
    if (!by)
        return FALSE;
    part->file = now;
    note(self, part->stored, by);
    return TRUE;
}

/* Of an earlier time that it was adopted. */
static void
forget_notes(const VmsSnapshot *snapshot)
{
    for (guint i = snapshot->resources->len; i > 0; i--) {
        const VmsFinding *resource = snapshot->resources->pdata[i - 1];

        if (g_strcmp0(resource->reason, ADOPTED) == 0)
            g_ptr_array_remove_index(snapshot->resources, i - 1);
    }
}

gboolean
vms_snapshot_prove(VmsEngine *engine, VmsSnapshot *snapshot, gboolean accept_times,
                   VmsProgress *progress, GError **error)
{
    const Proving self = { engine, snapshot, accept_times, progress };

    forget_notes(snapshot);
    for (guint i = 0; i < snapshot->disks->len; i++) {
        if (!prove_image(&self, snapshot->disks->pdata[i], error))
            return FALSE;
    }
    for (guint i = 0; i < snapshot->parts->len; i++) {
        if (!prove_part(&self, snapshot->parts->pdata[i], error))
            return FALSE;
    }
    return TRUE;
}
