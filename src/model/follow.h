/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/inventory.h"

#include <glib.h>

/* How names of files follow when a VM gets another name. Pure. */

/* A folder that may have to be made, because the old one is named after the source. */
typedef struct {
    char *path;
    char *like; /* whose owner and mode it is to have */
} VmsNewFolder;

typedef struct {
    const char *source;            /* the VM's name */
    const char *name;              /* its new one */
    const VmsInventory *inventory; /* whose folders are whose; NULL: not known */
} VmsFollow;

VmsNewFolder *vms_new_folder_new(const char *path, const char *like);
void vms_new_folder_free(VmsNewFolder *folder);

/* @base with the new name wherever the old one stands in it as a word; where it does not, the new
 * name and @base. */
char *vms_follow_name(const VmsFollow *follow, const char *base);
/* @folder, or where it is the VM's own, because it or one it lies in is named after it and nobody
 * else has a file there, one that is named after the new one: then it is added to @folders
 * (VmsNewFolder*; NULL: nobody asks), outermost first, each once. No folder of the host's own
 * making is ever a VM's. */
char *vms_follow_folder(const VmsFollow *follow, const char *folder, GPtrArray *folders);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsNewFolder, vms_new_folder_free)
