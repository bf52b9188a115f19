/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"
#include "model/image.h"

#include <glib.h>

/* Port: files of a guest, read from its disk while that is at rest.
 *
 * Adapter: adapter/extfs. Any thread. */

typedef struct VmsGuestDisk VmsGuestDisk;

typedef struct {
    /* What the ext2, ext3 and ext4 file systems of @image say of the machine (VmsLeftover*); @macs:
     * its MAC addresses, ended by NULL. Nobody may be writing to the image; nothing is mounted, no
     * journal replayed. Every byte is the guest's, so it is read in a process of its own, @program,
     * under limits and as nobody. What cannot be read of it is missing in the answer; an error is
     * when there is none. */
    gboolean (*look)(VmsGuestDisk *guest, const char *program, const VmsImage *image,
                     const char *const *macs, VmsProgress *progress, GPtrArray **ret_leftovers,
                     GError **error);
    void (*free)(VmsGuestDisk *guest);
} VmsGuestDiskOps;

struct VmsGuestDisk {
    const VmsGuestDiskOps *ops;
};

gboolean vms_guest_disk_look(VmsGuestDisk *guest, const char *program, const VmsImage *image,
                             const char *const *macs, VmsProgress *progress,
                             GPtrArray **ret_leftovers, GError **error);
void vms_guest_disk_free(VmsGuestDisk *guest);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsGuestDisk, vms_guest_disk_free)
