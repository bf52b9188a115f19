/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-findings.h"

static void
find_macs(const VmsRestoreFindings *self)
{
    const VmsSnapshot *snapshot = self->input->snapshot;

    for (guint i = 0; i < snapshot->macs->len; i++) {
        const char *mac = snapshot->macs->pdata[i];
        g_autofree char *holder = NULL;
        VmsHolder other;

        if (!vms_inventory_find_mac(self->input->inventory, snapshot->vm_uuid, mac, &other))
            continue;
        holder = vms_holder_describe(&other);
        vms_restore_held(vms_restore_found(self, "MACAddress", mac, "MACInUse",
                                           "MAC address %s is held by %s", mac, holder),
                         "%s", holder);
    }
}

void
vms_restore_find_identity(const VmsRestoreFindings *self)
{
    find_macs(self);
    vms_restore_find_addresses(self);
}
