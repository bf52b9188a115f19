/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/new-disk.h"

#include <glib.h>

/* A new VM that an operation makes from another: what its record says besides the new VM's UUID,
 * name and configuration. It is written down before anything is made. */

typedef struct {
    char *source_uuid; /* the VM it is made from, there or not */
    char *source_name;
    char *temporary;    /* name of a snapshot taken for it, removed when it is done; NULL: none */
    gboolean autostart; /* it is to start with the host */
    GPtrArray *files;   /* VmsNewDisk*: all it will have of its own, disks first */
} VmsClone;

VmsClone *vms_clone_new(const char *source_uuid, const char *source_name);
void vms_clone_free(VmsClone *clone);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsClone, vms_clone_free)
