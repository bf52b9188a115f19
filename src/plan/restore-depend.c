/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-findings.h"

static void
find_images(const VmsRestoreFindings *self)
{
    for (guint i = 0; i < self->input->missing->len; i++) {
        const char *path = self->input->missing->pdata[i];

        vms_restore_found(self, "VirtualImage", path, "ImageMissing", "image '%s' is not there",
                          path);
    }
}

void
vms_restore_find_depends(const VmsRestoreFindings *self)
{
    find_images(self);
}
