/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/place.h"

void
vms_place_info_clear(VmsPlaceInfo *info)
{
    g_clear_pointer(&info->fs_type, g_free);
}

void
vms_image_use_clear(VmsImageUse *use)
{
    g_clear_pointer(&use->holders, g_ptr_array_unref);
}

gboolean
vms_place_is_shared(const VmsPlaceInfo *info)
{
    static const char *const types[] = { "nfs",  "cifs", "smb2",   "ceph", "gfs2",   "ocfs2",
                                         "fuse", "9p",   "lustre", "gpfs", "beegfs", NULL };

    return info->fs_type && g_strv_contains(types, info->fs_type);
}
