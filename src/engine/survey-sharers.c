/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/inventory.h"
#include "engine/survey.h"

#include <string.h>

void
vms_sharer_free(VmsSharer *sharer)
{
    g_free(sharer->uuid);
    g_free(sharer->name);
    g_free(sharer);
}

static gboolean
is_companion(const VmsSurveyDisk *self, const char *vm_uuid)
{
    for (guint i = 0; i < self->companions->len; i++) {
        if (strcmp(((const VmsSharer *)self->companions->pdata[i])->uuid, vm_uuid) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
add_sharer(VmsSurveyDisk *self, const VmsHolder *vm, const VmsGroup *group)
{
    VmsSharer *sharer;

    if (!group || !vms_group_has_vm(group, vm->uuid)) {
        if (!self->sharer)
            self->sharer = g_strdup(vm->name);
        return;
    }
    if (is_companion(self, vm->uuid)) /* live and configured */
        return;
    sharer = g_new0(VmsSharer, 1);
    sharer->uuid = g_strdup(vm->uuid);
    sharer->name = g_strdup(vm->name);
    g_ptr_array_add(self->companions, sharer);
}

/* All VMs are looked through only for disks that are marked as shared: QEMU lets no other be open
 * twice. */
gboolean
vms_survey_find_sharers(VmsEngine *engine, const VmsVm *vm, const VmsGroup *group,
                        VmsSurveyDisk *self, GError **error)
{
    g_autoptr(VmsInventory) inventory = NULL;
    g_autoptr(GArray) users = NULL;

    if (!self->disk->shareable)
        return TRUE;
    if (!vms_inventory_collect(engine, &inventory, error))
        return FALSE;
    users = vms_inventory_list_users(inventory, NULL, &self->image->file);
    for (guint i = 0; i < users->len; i++) {
        const VmsFileUser *user = &g_array_index(users, VmsFileUser, i);

        if (user->holder.active && g_strcmp0(user->holder.uuid, vm->uuid) != 0)
            add_sharer(self, &user->holder, group);
    }
    return TRUE;
}

gboolean
vms_survey_check_sharers(const VmsSurvey *survey, GError **error)
{
    for (guint i = 0; i < survey->disks->len; i++) {
        const VmsSurveyDisk *disk = survey->disks->pdata[i];

        if (disk->sharer)
            return vms_refuse(error, VMSNAP_E_INCONSISTENT, "PotentiallyInconsistent",
                              "disk %s is shared with VM %s, which runs: one freeze proves "
                              "nothing about what the other writes, a group of both does",
                              disk->name, disk->sharer);
    }
    return TRUE;
}
