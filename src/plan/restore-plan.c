/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-plan.h"

#include "plan/restore-findings.h"

void
vms_restore_disk_free(VmsRestoreDisk *disk)
{
    if (!disk)
        return;
    g_free(disk->path);
    g_free(disk->image_fault);
    g_free(disk->obstacle);
    vms_image_use_clear(&disk->use);
    vms_place_info_clear(&disk->place);
    g_free(disk);
}

gboolean
vms_restore_keeps_format(const VmsRestoreDisk *disk)
{
    return g_strcmp0(disk->stored->image->format, disk->stored->origin->format) == 0;
}

guint64
vms_restore_space(const VmsRestoreDisk *disk)
{
    guint64 slack = 16 * (guint64)1024 * 1024;

    if (disk->place.reflink == VMS_REFLINK_YES && vms_restore_keeps_format(disk))
        return slack;
    return disk->stored->image->file.allocated + disk->stored->origin->virtual_size / 2048 + slack;
}

gboolean
vms_restore_starts(const VmsRestoreInput *input)
{
    return input->vm && vms_vm_is_active(input->vm) &&
           (input->flags & VMSNAP_RESTORE_NO_START) == 0;
}

/* ---- steps and hash ---- */

static void
add_step(VmsPlan *plan, gboolean reversible, const char *name, const char *object)
{
    g_autofree char *text = object ? g_strdup_printf("%s %s", name, object) : g_strdup(name);

    g_ptr_array_add(plan->steps, vms_step_new(text, reversible));
}

static void
list_steps(VmsPlan *plan, const VmsRestoreInput *input)
{
    gboolean active = input->vm && vms_vm_is_active(input->vm);

    for (guint i = 0; i < input->disks->len; i++) {
        const VmsRestoreDisk *disk = input->disks->pdata[i];

        add_step(plan, TRUE, "prepare-disk", disk->stored->target);
    }
    if (active)
        add_step(plan, TRUE, "stop-vm", NULL);
    for (guint i = 0; i < input->disks->len; i++) {
        const VmsRestoreDisk *disk = input->disks->pdata[i];

        add_step(plan, TRUE, "exchange-disk", disk->stored->target);
    }
    vms_restore_list_parts(plan, input);
    add_step(plan, TRUE, "define-vm", NULL);
    if (input->vm && input->vm->managed_save)
        add_step(plan, FALSE, "drop-managed-save", NULL);
    if (vms_restore_starts(input))
        add_step(plan, TRUE, "start-vm", NULL);
}

static void
hash_text(GChecksum *sum, const char *text)
{
    g_checksum_update(sum, (const guchar *)(text ? text : "-"), -1);
    g_checksum_update(sum, (const guchar *)"\n", 1);
}

static void
hash_file(GChecksum *sum, const VmsFileId *file, gboolean moving)
{
    g_autofree char *text =
        moving ? g_strdup_printf("%" G_GUINT64_FORMAT, file->ino)
               : g_strdup_printf("%" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT,
                                 file->ino, file->size, file->mtime_us);

    hash_text(sum, text);
}

/* Over what decided. A disk that the running VM writes changes size and time all along: there
 * only the file itself counts. Free space counts through its finding alone, without figures. */
static void
make_hash(VmsPlan *plan, const VmsRestoreInput *input)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    gboolean active = input->vm && vms_vm_is_active(input->vm);
    g_autofree char *flags = g_strdup_printf("%u", input->flags);

    hash_text(sum, input->snapshot->uuid);
    hash_text(sum, input->snapshot->inactive_xml);
    hash_text(sum, input->vm ? input->vm->uuid : NULL);
    hash_text(sum, input->vm ? input->vm->inactive_xml : NULL);
    hash_text(sum, flags);
    for (guint i = 0; i < input->disks->len; i++) {
        const VmsRestoreDisk *disk = input->disks->pdata[i];

        hash_text(sum, disk->path);
        hash_file(sum, &disk->file, active);
        hash_file(sum, &disk->image, FALSE);
    }
    vms_restore_hash_parts(sum, input);
    for (guint i = 0; i < plan->findings->len; i++) {
        const VmsFinding *finding = plan->findings->pdata[i];

        if (!finding->reason)
            continue;
        hash_text(sum, finding->kind);
        hash_text(sum, finding->name);
        hash_text(sum, finding->reason);
    }
    plan->hash = g_strdup(g_checksum_get_string(sum));
}

VmsPlan *
vms_restore_make_plan(const VmsRestoreInput *input)
{
    VmsPlan *plan = vms_plan_new("restore");
    const VmsRestoreFindings findings = { .plan = plan, .input = input };

    plan->vm_uuid = g_strdup(input->vm ? input->vm->uuid : NULL);
    plan->vm_name = g_strdup(input->vm ? input->vm->name : input->asked);
    plan->snapshot_uuid = g_strdup(input->snapshot->uuid);
    plan->snapshot_name = g_strdup(input->snapshot->name);
    vms_restore_find_vm(&findings);
    vms_restore_find_snapshot(&findings);
    vms_restore_find_disks(&findings);
    vms_restore_find_parts(&findings);
    vms_restore_find_identity(&findings);
    vms_restore_find_depends(&findings);
    list_steps(plan, input);
    if (input->vm && vms_vm_is_active(input->vm))
        plan->expected_downtime_us = G_USEC_PER_SEC;
    make_hash(plan, input);
    return plan;
}
