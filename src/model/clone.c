/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/clone.h"

VmsClone *
vms_clone_new(const char *source_uuid, const char *source_name)
{
    VmsClone *clone = g_new0(VmsClone, 1);

    clone->source_uuid = g_strdup(source_uuid);
    clone->source_name = g_strdup(source_name);
    clone->files = g_ptr_array_new_with_free_func((GDestroyNotify)vms_new_disk_free);
    return clone;
}

void
vms_clone_free(VmsClone *clone)
{
    if (!clone)
        return;
    g_free(clone->source_uuid);
    g_free(clone->source_name);
    g_free(clone->temporary);
    g_ptr_array_unref(clone->files);
    g_free(clone);
}
