/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/network.h"

#include <glib.h>

/* One host entry of a network that an operation adds or removes: to its exchanges what a file is.
 */
typedef struct {
    char *network;
    char *mac; /* NULL: by client id */
    char *client_id;
    char *name;
    char *address;
    gboolean existed; /* it stood before: then it is not ours to remove on the way back */
    gboolean vanish;  /* it will not stand afterwards */
} VmsHostChange;

VmsHostChange *vms_host_change_new(const char *network, const VmsHostEntry *entry);
VmsHostChange *vms_host_change_copy(const VmsHostChange *change);
void vms_host_change_free(VmsHostChange *change);
/* The entry itself; its texts are borrowed. */
VmsHostEntry vms_host_change_entry(const VmsHostChange *change);
/* They are about the same entry of the same network. */
gboolean vms_host_change_equal(const VmsHostChange *a, const VmsHostChange *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsHostChange, vms_host_change_free)
