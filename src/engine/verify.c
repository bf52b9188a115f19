/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/engine.h"
#include "engine/image-state.h"
#include "engine/manifest.h"
#include "engine/part-state.h"
#include "engine/store.h"

#include <string.h>

#include <vmsnap/job.h>

static gboolean
verify_disk(VmsEngine *engine, VmsSnapshotDisk *disk, VmsProgress *progress, gboolean *ret_new,
            GError **error)
{
    VmsFileId file = { 0 };
    g_autofree char *sha256 = NULL;

    if (!vms_image_state_look(engine, disk, &file, error))
        return FALSE;
    if (!vms_volume_digest(engine->drivers->volume, disk->image->path, progress, &sha256, error))
        return FALSE;
    if (disk->sha256 && strcmp(disk->sha256, sha256) != 0)
        return vms_refuse(error, VMSNAP_E_LOST, "Lost", "the contents of '%s' changed",
                          disk->image->path);
    *ret_new = *ret_new || !disk->sha256;
    disk->image->file = file; /* that of which the digest is */
    g_free(disk->sha256);
    disk->sha256 = g_steal_pointer(&sha256);
    return TRUE;
}

static guint64
bytes_of(const VmsSnapshot *snapshot)
{
    guint64 bytes = 0;

    for (guint i = 0; i < snapshot->disks->len; i++)
        bytes += ((const VmsSnapshotDisk *)snapshot->disks->pdata[i])->image->file.size;
    return bytes;
}

static gboolean
verify_disks(VmsEngine *engine, VmsSnapshot *snapshot, VmsProgress *progress, gboolean *ret_new,
             GError **error)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        VmsSnapshotDisk *disk = snapshot->disks->pdata[i];

        if (!verify_disk(engine, disk, progress, ret_new, error)) {
            if (error)
                vms_error_set_object(*error, disk->name);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
verify_parts(VmsEngine *engine, const VmsSnapshot *snapshot, GError **error)
{
    for (guint i = 0; i < snapshot->parts->len; i++) {
        const VmsPart *part = snapshot->parts->pdata[i];

        if (!vms_part_state_check(engine, part, TRUE, error)) {
            if (error)
                vms_error_set_object(*error, part->source);
            return FALSE;
        }
    }
    return TRUE;
}

static void
mark_lost(VmsSnapshot *snapshot, const GError *why)
{
    snapshot->phase = VMSNAP_SNAPSHOT_FAILED;
    vms_conditions_set(snapshot->conditions,
                       vms_condition_new(vms_snapshot_ready_type(snapshot), VMS_CONDITION_FALSE,
                                         "Lost", why->message, vms_clock_realtime_us()));
}

/* Digests are worth more where they are needed most, beside the images. The catalog has them. */
static void
renew_manifest(VmsEngine *engine, const VmsSnapshot *snapshot)
{
    g_autoptr(GError) failed = NULL;

    if (!vms_manifest_renew(engine, snapshot->uuid, &failed))
        vms_log(engine->log, VMSNAP_LOG_WARNING, "snapshot.json of %s was not written anew: %s",
                snapshot->name, failed->message);
}

gboolean
vms_engine_verify(VmsEngine *engine, const char *snapshot_uuid, VmsProgress *progress,
                  GError **error)
{
    g_auto(VmsWork) work = { 0 };
    g_autoptr(GError) failed = NULL;
    g_autoptr(GError) unsaved = NULL;
    gboolean digested = FALSE;
    gboolean whole;

    if (!vms_store_load_snapshot(engine->drivers->catalog, snapshot_uuid, &work.snapshot,
                                 &work.snapshot_version, error))
        return FALSE;
    if (work.snapshot->phase != VMSNAP_SNAPSHOT_READY)
        return vms_refuse(error, VMSNAP_E_CONFLICT, "NotReady", "snapshot %s is %s",
                          work.snapshot->name, vms_snapshot_phase_name(work.snapshot->phase));
    vms_progress_enter(progress, VMSNAP_STAGE_COPYING);
    vms_progress_set_total(progress, bytes_of(work.snapshot));
    whole = verify_disks(engine, work.snapshot, progress, &digested, &failed) &&
            verify_parts(engine, work.snapshot, &failed);
    if (!whole && vms_error_get_code(failed) == VMSNAP_E_LOST)
        mark_lost(work.snapshot, failed);
    if ((whole || work.snapshot->phase == VMSNAP_SNAPSHOT_FAILED) && !engine->read_only &&
        !vms_store_save(engine->drivers->catalog, &work, &unsaved)) {
        /* That data is lost is the news, also where it cannot be written down. */
        if (!failed)
            failed = g_steal_pointer(&unsaved);
        else
            vms_error_take_cause(failed, g_steal_pointer(&unsaved));
    }
    if (!failed && digested && !engine->read_only)
        renew_manifest(engine, work.snapshot);
    if (!failed)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}
