/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-plan.h"

#include "plan/restore-findings.h"
#include "plan/restore-hash.h"

#include <stdarg.h>

void
vms_restore_disk_free(VmsRestoreDisk *disk)
{
    if (!disk)
        return;
    g_free(disk->path);
    g_free(disk->folder);
    g_free(disk->image_fault);
    g_free(disk->obstacle);
    vms_image_use_clear(&disk->use);
    vms_place_info_clear(&disk->place);
    g_free(disk);
}

VmsRestoreBase *
vms_restore_base_new(const char *path, const VmsFileId *file, const char *format, ...)
{
    VmsRestoreBase *base = g_new0(VmsRestoreBase, 1);
    va_list args;

    base->path = g_strdup(path);
    base->file = *file;
    va_start(args, format);
    base->holder = g_strdup_vprintf(format, args);
    va_end(args);
    return base;
}

void
vms_restore_base_free(VmsRestoreBase *base)
{
    if (!base)
        return;
    g_free(base->path);
    g_free(base->holder);
    g_free(base);
}

gboolean
vms_restore_rewrites(const VmsRestoreDisk *disk)
{
    return disk->stored->origin->block_device;
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

    if (vms_restore_rewrites(disk))
        return disk->file.size + slack;
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

/* ---- steps ---- */

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

        if (!vms_restore_rewrites(disk))
            add_step(plan, TRUE, "prepare-disk", disk->stored->target);
    }
    if (active)
        add_step(plan, TRUE, "stop-vm", NULL);
    for (guint i = 0; i < input->disks->len; i++) {
        const VmsRestoreDisk *disk = input->disks->pdata[i];

        if (vms_restore_rewrites(disk)) {
            add_step(plan, TRUE, "save-disk", disk->stored->target);
            add_step(plan, TRUE, "rewrite-disk", disk->stored->target);
        } else {
            add_step(plan, TRUE, "exchange-disk", disk->stored->target);
        }
    }
    vms_restore_list_parts(plan, input);
    add_step(plan, TRUE, "define-vm", NULL);
    vms_restore_list_addresses(plan, input);
    if (input->vm && input->vm->managed_save)
        add_step(plan, FALSE, "drop-managed-save", NULL);
    if (vms_restore_starts(input))
        add_step(plan, TRUE, "start-vm", NULL);
}

/* A device is read and its contents written once to be kept, and once more to be replaced. */
static gint64
expect_downtime(const VmsRestoreInput *input)
{
    guint64 bytes = 0;

    if (!input->vm || !vms_vm_is_active(input->vm))
        return -1;
    for (guint i = 0; i < input->disks->len; i++) {
        const VmsRestoreDisk *disk = input->disks->pdata[i];

        if (vms_restore_rewrites(disk))
            bytes += 2 * disk->file.size;
    }
    return G_USEC_PER_SEC + (gint64)(bytes / VMS_RESTORE_REWRITE_RATE);
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
    plan->expected_downtime_us = expect_downtime(input);
    vms_restore_hash(plan, input);
    return plan;
}
