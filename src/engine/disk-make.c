/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/disk-make.h"

#include "base/error.h"
#include "engine/image-state.h"

#include <string.h>
#include <unistd.h>

enum { DISK_MODE = 0600 };

static gboolean
fill(const VmsDiskMaking *self, VmsTransfer *transfer, GError **error)
{
    if (self->choice->way == VMS_NEW_DISK_COPY)
        return vms_transfer_copy(transfer, self->progress, error);
    if (!self->choice->may_copy)
        return vms_transfer_clone(transfer, error);
    return vms_transfer_clone(transfer, NULL) || vms_transfer_copy(transfer, self->progress, error);
}

static gboolean
make_copy(const VmsDiskMaking *self, GError **error)
{
    const VmsNewDisk *made = self->made;
    g_autoptr(VmsTransfer) transfer = NULL;

    return vms_volume_open_transfer(self->engine->drivers->volume, made->base, made->next,
                                    &transfer, error) &&
           fill(self, transfer, error) && vms_transfer_finish(transfer, DISK_MODE, NULL, error);
}

static gboolean
make_overlay(const VmsDiskMaking *self, GError **error)
{
    const VmsNewDisk *made = self->made;
    g_autoptr(VmsImage) base = vms_image_copy(self->stored->image);

    base->virtual_size = made->virtual_size;
    return vms_volume_make_overlay(self->engine->drivers->volume, made->next, base, 0, geteuid(),
                                   getegid(), error);
}

/* Cluster size and version as the disk had them, if it was of that format. */
static gboolean
make_converted(const VmsDiskMaking *self, GError **error)
{
    const VmsSnapshotDisk *stored = self->stored;
    const VmsNewDisk *made = self->made;
    const VmsImage *like =
        stored->origin && !g_strcmp0(stored->origin->format, made->format) ? stored->origin : NULL;
    g_autoptr(GError) failed = NULL;

    if (vms_volume_convert(self->engine->drivers->volume, stored->image, made->next, like,
                           made->format, self->progress, &failed))
        return TRUE;
    if (strstr(failed->message, "No space left"))
        return vms_refuse(error, VMSNAP_E_NO_SPACE, "OutOfSpace", "%s", failed->message);
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
make_contents(const VmsDiskMaking *self, GError **error)
{
    switch (self->choice->way) {
    case VMS_NEW_DISK_OVERLAY:
        return make_overlay(self, error);
    case VMS_NEW_DISK_CONVERT:
        return make_converted(self, error);
    case VMS_NEW_DISK_CLONE:
    case VMS_NEW_DISK_COPY:
        break;
    }
    return make_copy(self, error);
}

static gboolean
grow(const VmsDiskMaking *self, GError **error)
{
    const VmsNewDisk *made = self->made;

    return !self->choice->grows || vms_volume_grow(self->engine->drivers->volume, made->next,
                                                   made->format, made->virtual_size, error);
}

/* ---- checking it ---- */

static gboolean
check_header(const VmsDiskMaking *self, const VmsImage *now, GError **error)
{
    const VmsNewDisk *made = self->made;
    const char *backing = made->way == VMS_NEW_DISK_OVERLAY ? made->base : NULL;

    if (now->virtual_size >= made->virtual_size && g_strcmp0(now->backing, backing) == 0)
        return TRUE;
    return vms_fail(error, VMSNAP_E_IO,
                    "the new image '%s' is not what it should be: %" G_GUINT64_FORMAT
                    " bytes for %" G_GUINT64_FORMAT ", over '%s'",
                    made->next, now->virtual_size, made->virtual_size,
                    now->backing ? now->backing : "nothing");
}

/* A disk whose partition table, or the copy at its end, did not come along is none. Of an image
 * with layers below it the bytes are not all its own. */
static gboolean
check_ends(const VmsDiskMaking *self, const VmsImage *now, GError **error)
{
    const VmsImage *image = self->stored->image;
    gboolean same = FALSE;

    if (self->choice->way == VMS_NEW_DISK_OVERLAY || image->backing)
        return TRUE;
    if (!vms_media_same_ends(self->engine->drivers->media, image, now, &same, error))
        return FALSE;
    return same ||
           vms_fail(error, VMSNAP_E_IO,
                    "the new image '%s' does not begin and end as the snapshot's does", now->path);
}

static gboolean
check_made(const VmsDiskMaking *self, GError **error)
{
    VmsNewDisk *made = self->made;
    g_autoptr(VmsImage) now = NULL;
    VmsFileId still = { 0 };

    if (!vms_volume_inspect(self->engine->drivers->volume, made->next, made->format, &now, error) ||
        !check_header(self, now, error) || !check_ends(self, now, error) ||
        !vms_image_state_check(self->engine, self->stored, &still, error))
        return FALSE;
    made->virtual_size = now->virtual_size;
    return TRUE;
}

guint64
vms_disk_make_bytes(const VmsImage *image, const VmsNewDiskChoice *choice)
{
    if (choice->way == VMS_NEW_DISK_CONVERT)
        return image->virtual_size;
    return choice->way == VMS_NEW_DISK_COPY ? image->file.size : 0;
}

gboolean
vms_disk_make(const VmsDiskMaking *making, GError **error)
{
    return make_contents(making, error) && grow(making, error) && check_made(making, error);
}
