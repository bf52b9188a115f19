/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "port/copier.h"

gboolean
vms_copier_copy(VmsCopier *copier, const char *socket, const char *name, int target_fd,
                VmsProgress *progress, GError **error)
{
    return copier->ops->copy(copier, socket, name, target_fd, progress, error);
}

void
vms_copier_free(VmsCopier *copier)
{
    if (copier)
        copier->ops->free(copier);
}
