/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image-state.h"

#include "base/error.h"

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
vms_image_state_check(VmsEngine *engine, const VmsSnapshotDisk *disk, VmsFileId *ret_file,
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
