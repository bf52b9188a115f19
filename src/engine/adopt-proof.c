/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/adopt-proof.h"

#include "base/error.h"
#include "engine/in-use.h"

#include <string.h>

#define ADOPTED "Adopted"

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
