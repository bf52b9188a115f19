/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image-state.h"

#include "base/error.h"

#include <string.h>

/* What a missing or damaged image gives. That it could not be read now says nothing about it. */
static gboolean
says_lost(const GError *error)
{
    int code = vms_error_get_code(error);

    return code == VMSNAP_E_NOT_FOUND || code == VMSNAP_E_UNSUPPORTED || code == VMSNAP_E_INVALID;
}

/* The inode is no part of it: a store that was moved or restored from tape keeps its contents. */
static gboolean
same_contents(const VmsFileId *now, const VmsFileId *then)
{
    return now->size == then->size && now->mtime_us == then->mtime_us;
}

gboolean
vms_image_state_look(VmsEngine *engine, const VmsSnapshotDisk *disk, VmsFileId *ret_file,
                     GError **error)
{
    g_autoptr(VmsImage) now = NULL;
    g_autoptr(GError) failed = NULL;

    if (!vms_volume_inspect(engine->drivers->volume, disk->image->path, disk->image->format, &now,
                            &failed)) {
        if (!says_lost(failed)) {
            g_propagate_error(error, g_steal_pointer(&failed));
            return FALSE;
        }
        vms_refuse(error, VMSNAP_E_LOST, "Lost", "the image of %s is lost: %s", disk->name,
                   failed->message);
        return FALSE;
    }
    if (!same_contents(&now->file, &disk->image->file) ||
        now->virtual_size != disk->image->virtual_size)
        return vms_refuse(error, VMSNAP_E_LOST, "Lost", "the image '%s' of %s was changed",
                          disk->image->path, disk->name);
    *ret_file = now->file;
    return TRUE;
}

/* No write leaves the time of the inode's last change as it was. */
static gboolean
is_untouched(const VmsFileId *now, const VmsFileId *then)
{
    return now->ino == then->ino && now->ctime_us == then->ctime_us;
}

gboolean
vms_image_state_check(VmsEngine *engine, const VmsSnapshotDisk *disk, VmsFileId *ret_file,
                      GError **error)
{
    const char *path = disk->image->path;
    g_autofree char *sha256 = NULL;
    VmsFileId file = { 0 };

    if (!vms_image_state_look(engine, disk, &file, error))
        return FALSE;
    if (disk->sha256 && !is_untouched(&file, &disk->image->file)) {
        sha256 = vms_digests_read(engine->digests, engine->drivers->volume, path, &file);
        if (!sha256)
            return vms_fail(error, VMSNAP_E_IO, "the image '%s' cannot be read", path);
        if (strcmp(sha256, disk->sha256) != 0)
            return vms_refuse(error, VMSNAP_E_LOST, "Lost",
                              "the image '%s' of %s was changed: its digest is another", path,
                              disk->name);
    }
    *ret_file = file;
    return TRUE;
}
