/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "port/guest.h"

gboolean
vms_guest_disk_look(VmsGuestDisk *guest, const char *program, const VmsImage *image,
                    const char *const *macs, VmsProgress *progress, GPtrArray **ret_leftovers,
                    GError **error)
{
    return guest->ops->look(guest, program, image, macs, progress, ret_leftovers, error);
}

void
vms_guest_disk_free(VmsGuestDisk *guest)
{
    if (guest)
        guest->ops->free(guest);
}
