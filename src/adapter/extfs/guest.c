/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/extfs/guest.h"

#include "base/error.h"
#include "base/process.h"
#include "model/leftover.h"

#include <string.h>

enum { LIMIT_MS = 20000 };

static gboolean
take_lines(const char *text, GPtrArray *leftovers, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (gsize i = 0; lines[i]; i++) {
        VmsLeftover *leftover;

        if (lines[i][0] == '\0' || leftovers->len >= VMS_LEFTOVERS_MAX)
            continue;
        leftover = vms_leftover_parse(lines[i]);
        if (!leftover)
            return vms_fail(error, VMSNAP_E_IO, "what was read of the guest makes no sense");
        g_ptr_array_add(leftovers, leftover);
    }
    return TRUE;
}

static gboolean
guest_look(VmsGuestDisk *guest, const char *program, const VmsImage *image, const char *const *macs,
           VmsProgress *progress, GPtrArray **ret_leftovers, GError **error)
{
    const VmsProcessLimits limits = { .limit_ms = LIMIT_MS, .own = TRUE, .progress = progress };
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GPtrArray) leftovers =
        g_ptr_array_new_with_free_func((GDestroyNotify)vms_leftover_free);
    g_autofree char *text = NULL;

    (void)guest;
    g_ptr_array_add(argv, (gpointer)program);
    g_ptr_array_add(argv, image->path);
    g_ptr_array_add(argv, image->format);
    for (gsize i = 0; macs && macs[i]; i++)
        g_ptr_array_add(argv, (gpointer)macs[i]);
    g_ptr_array_add(argv, NULL);
    if (!vms_process_run((const char *const *)argv->pdata, &limits, &text, error) ||
        !take_lines(text, leftovers, error))
        return FALSE;
    *ret_leftovers = g_steal_pointer(&leftovers);
    return TRUE;
}

static void
guest_free(VmsGuestDisk *guest)
{
    g_free(guest);
}

VmsGuestDisk *
vms_extfs_guest_new(void)
{
    static const VmsGuestDiskOps ops = { .look = guest_look, .free = guest_free };
    VmsGuestDisk *guest = g_new0(VmsGuestDisk, 1);

    guest->ops = &ops;
    return guest;
}
