/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-findings.h"

static void
find_nvram(const VmsRestoreFindings *self)
{
    const VmsRestoreInput *input = self->input;
    const char *path = input->snapshot->nvram_source;
    const VmsFileUser *user;

    if (!input->snapshot->nvram)
        return;
    user = vms_inventory_find_user(input->inventory, input->snapshot->vm_uuid, path, &input->nvram);
    if (input->nvram_lost)
        vms_restore_found(self, "NVRAM", path, "Lost", "the stored NVRAM is missing");
    if (user)
        vms_restore_held(vms_restore_found(self, "NVRAM", path, "AttachedElsewhere",
                                           "'%s' is the NVRAM of VM %s", path, user->vm->name),
                         "VM %s", user->vm->name);
    else if (input->vm && input->nvram.ino != 0 && g_strcmp0(input->vm->nvram, path) != 0)
        vms_restore_found(self, "NVRAM", path, "ForeignFile",
                          "'%s' stands where the NVRAM belongs, but the VM does not refer to it",
                          path);
}

void
vms_restore_find_parts(const VmsRestoreFindings *self)
{
    find_nvram(self);
}
