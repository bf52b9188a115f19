/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"

#include <glib.h>

/* Port: copying an export that a hypervisor serves (a pull backup job) into a file.
 *
 * Adapter: adapter/nbd. Any thread, several at a time. */

typedef struct VmsCopier VmsCopier;

typedef struct {
    /* Copy export @name served on UNIX socket @socket into @target_fd, an empty file that gets the
     * export's size: only allocated, non-zero areas are read, the rest stays holes. Several
     * connections where the server allows. Cancellation ends it within a second. @progress grows by
     * the export's size in all. */
    gboolean (*copy)(VmsCopier *copier, const char *socket, const char *name, int target_fd,
                     VmsProgress *progress, GError **error);
    void (*free)(VmsCopier *copier);
} VmsCopierOps;

struct VmsCopier {
    const VmsCopierOps *ops;
};

gboolean vms_copier_copy(VmsCopier *copier, const char *socket, const char *name, int target_fd,
                         VmsProgress *progress, GError **error);
void vms_copier_free(VmsCopier *copier);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsCopier, vms_copier_free)
