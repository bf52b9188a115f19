/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-findings.h"

void
vms_restore_part_free(VmsRestorePart *part)
{
    if (!part)
        return;
    g_free(part->obstacle);
    g_free(part->fault);
    g_free(part);
}

gboolean
vms_restore_part_is_put(const VmsRestorePart *part)
{
    return part->stored->kind != VMS_PART_SECRET || !part->exists;
}

/* An NVRAM that the VM does not name is another's, or nobody's. The TPM's state is found by the
 * VM's UUID: it is this VM's, whether it has a TPM now or not. */
static gboolean
is_foreign(const VmsRestoreFindings *self, const VmsRestorePart *part)
{
    const VmsVm *vm = self->input->vm;

    return vm && part->exists && part->stored->kind == VMS_PART_NVRAM &&
           g_strcmp0(vm->nvram, part->stored->source) != 0;
}

/* FALSE when its place is somebody else's. */
static gboolean
find_owner(const VmsRestoreFindings *self, const VmsRestorePart *part)
{
    const char *kind = vms_part_kind_name(part->stored->kind);
    const char *path = part->stored->source;
    g_autofree char *holder = NULL;
    VmsFileUser user;

    if (part->stored->kind != VMS_PART_SECRET &&
        vms_inventory_find_user(self->input->inventory, self->input->snapshot->vm_uuid, path,
                                &part->file, &user))
        holder = vms_holder_describe(&user.holder);
    if (holder)
        vms_restore_held(vms_restore_found(self, kind, path, "AttachedElsewhere",
                                           "'%s' is the %s of %s", path, kind, holder),
                         "%s", holder);
    else if (part->obstacle)
        vms_restore_found(self, kind, path, "ForeignFile", "%s", part->obstacle);
    else if (is_foreign(self, part))
        vms_restore_found(self, kind, path, "ForeignFile",
                          "'%s' stands where the NVRAM belongs, but the VM does not refer to it",
                          path);
    else
        return TRUE;
    return FALSE;
}

static VmsResourceStatus
status_of(const VmsRestorePart *part)
{
    if (!part->exists)
        return VMS_RESOURCE_NEW;
    return part->stored->kind == VMS_PART_SECRET ? VMS_RESOURCE_READY : VMS_RESOURCE_REPLACED;
}

static void
find_part(const VmsRestoreFindings *self, const VmsRestorePart *part)
{
    const char *kind = vms_part_kind_name(part->stored->kind);
    const char *path = part->stored->source;

    /* A Secret that is there as it was needs nothing. */
    if (part->fault && !part->same)
        vms_restore_found(self, kind, path, "Lost", "%s", part->fault);
    if (!find_owner(self, part))
        return;
    if (part->stored->kind == VMS_PART_SECRET && part->exists && !part->same)
        vms_restore_found(self, kind, path, "SecretDiffers",
                          "'%s' is there with other content than the snapshot has", path);
    else
        vms_restore_touches(self, kind, path, status_of(part));
}

void
vms_restore_find_parts(const VmsRestoreFindings *self)
{
    const GPtrArray *parts = self->input->parts;

    for (guint i = 0; parts && i < parts->len; i++)
        find_part(self, parts->pdata[i]);
}

void
vms_restore_list_parts(VmsPlan *plan, const VmsRestoreInput *input)
{
    for (guint i = 0; input->parts && i < input->parts->len; i++) {
        const VmsRestorePart *part = input->parts->pdata[i];
        g_autofree char *name =
            g_strdup_printf("exchange-%s", vms_part_kind_word(part->stored->kind));

        if (vms_restore_part_is_put(part))
            g_ptr_array_add(plan->steps, vms_step_new(name, TRUE));
    }
}

/* What is written while the VM runs tells nothing but which file it is; a TPM's not even that. */
static void
hash_place(GChecksum *sum, const VmsRestorePart *part, gboolean still)
{
    gboolean moving = !still && part->stored->kind != VMS_PART_SECRET;
    gboolean renewed = !still && vms_part_is_renewed(part->stored->kind);
    g_autofree char *text =
        g_strdup_printf("%s %d %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT "\n",
                        part->stored->source, part->exists, renewed ? 0 : part->file.ino,
                        moving ? 0 : part->file.size, moving ? 0 : part->file.mtime_us);

    g_checksum_update(sum, (const guchar *)text, -1);
}

void
vms_restore_hash_parts(GChecksum *sum, const VmsRestoreInput *input, gboolean still)
{
    for (guint i = 0; input->parts && i < input->parts->len; i++)
        hash_place(sum, input->parts->pdata[i], still);
}
