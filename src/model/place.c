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
