/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-plan.h"

#include <string.h>

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

static VmsFinding *
add(VmsPlan *plan, VmsFinding *finding, VmsAct strict, VmsAct best_effort)
{
    finding->strict = strict;
    finding->best_effort = best_effort;
    g_ptr_array_add(plan->findings, finding);
    return finding;
}

static void
add_conflict(VmsPlan *plan, const char *kind, const char *name, const char *reason,
             const char *message)
{
    add(plan, vms_finding_new_reason(kind, name, VMSNAP_SEVERITY_CONFLICT, reason, "%s", message),
        VMS_ACT_REFUSE, VMS_ACT_REFUSE);
}

/* ---- the VM ---- */

static void
find_vm(VmsPlan *plan, const VmsRestoreInput *input)
{
    const VmsSnapshot *snapshot = input->snapshot;
    g_autofree char *text = NULL;

    if (!input->vm) {
        text = g_strdup_printf("there is no VM '%s'", input->asked);
        add_conflict(plan, "VirtualMachine", input->asked, "NotFound", text);
    } else if (strcmp(input->vm->uuid, snapshot->vm_uuid) != 0) {
        text = g_strdup_printf("VM %s has UUID %s, the snapshot is of %s", input->vm->name,
                               input->vm->uuid, snapshot->vm_uuid);
        add_conflict(plan, "VirtualMachine", input->vm->name, "IdentityMismatch", text);
    } else if (!input->vm->persistent) {
        text = g_strdup_printf("VM %s is transient: it has no configuration to restore",
                               input->vm->name);
        add_conflict(plan, "VirtualMachine", input->vm->name, "Transient", text);
    } else {
        if (g_strcmp0(input->vm->name, snapshot->vm_name) != 0) { /* it cannot be defined so */
            text = g_strdup_printf("VM %s was renamed, the snapshot is of %s", input->vm->name,
                                   snapshot->vm_name);
            add_conflict(plan, "VirtualMachine", input->vm->name, "IdentityMismatch", text);
        }
        add(plan, vms_finding_new("VirtualMachine", input->vm->name, VMS_RESOURCE_REPLACED),
            VMS_ACT_PROCEED, VMS_ACT_PROCEED);
    }
}

static void
find_vm_state(VmsPlan *plan, const VmsRestoreInput *input)
{
    const VmsVm *vm = input->vm;
    gboolean drop = (input->flags & VMSNAP_RESTORE_DROP_MANAGED_SAVE) != 0;

    if (vm->job || vm->migrating)
        add_conflict(plan, "VirtualMachine", vm->name, "Busy", "a job or migration runs on the VM");
    if (vm->managed_save && drop)
        add(plan,
            vms_finding_new_reason("VirtualMachine", vm->name, VMSNAP_SEVERITY_WARNING,
                                   "ManagedSave", "the managed save image will be dropped"),
            VMS_ACT_PROCEED, VMS_ACT_PROCEED);
    else if (vm->managed_save)
        add_conflict(plan, "VirtualMachine", vm->name, "ManagedSave",
                     "a managed save image would resume old memory on restored disks");
    if (vm->checkpoints > 0 || vm->snapshots > 0)
        add_conflict(plan, "VirtualMachine", vm->name, "MetadataDropped",
                     "libvirt checkpoints or snapshots of the VM would no longer fit its disks");
}

/* ---- the snapshot ---- */

static void
find_snapshot(VmsPlan *plan, const VmsRestoreInput *input)
{
    const VmsSnapshot *snapshot = input->snapshot;

    if (snapshot->phase != VMSNAP_SNAPSHOT_READY)
        add_conflict(plan, "VirtualMachineSnapshot", snapshot->name, "NotReady",
                     "the snapshot is not Ready");
    if (snapshot->partial && (input->flags & VMSNAP_RESTORE_ALLOW_PARTIAL) == 0)
        add_conflict(plan, "VirtualMachineSnapshot", snapshot->name, "Partial",
                     "the snapshot is partial and that was not allowed");
    if (!snapshot->inactive_xml)
        add_conflict(plan, "VirtualMachineSnapshot", snapshot->name, "Transient",
                     "the snapshot is of a transient VM: it has no configuration to restore");
}

/* ---- disks ---- */

/* Who has the file open besides the VM's own QEMU; NULL: nobody. */
static const char *
find_stranger(const VmsRestoreInput *input, const VmsRestoreDisk *disk)
{
    g_autofree char *own = g_strdup_printf("process %" G_GINT64_FORMAT " ", input->qemu_pid);
    gboolean running = input->vm && vms_vm_is_active(input->vm);

    for (guint i = 0; disk->use.holders && i < disk->use.holders->len; i++) {
        const char *holder = disk->use.holders->pdata[i];

        if (!running || input->qemu_pid == 0 || !g_str_has_prefix(holder, own))
            return holder;
    }
    return !running && (disk->use.writer || disk->use.reader) ? "an unknown process" : NULL;
}

static void
find_disk_users(VmsPlan *plan, const VmsRestoreInput *input, const VmsRestoreDisk *disk)
{
    const char *stranger = find_stranger(input, disk);
    const VmsFileUser *user = vms_inventory_find_user(input->inventory, input->snapshot->vm_uuid,
                                                      disk->path, &disk->file);
    VmsFinding *finding;

    if (user) {
        finding = vms_finding_new_reason(
            "VirtualDisk", disk->stored->name, VMSNAP_SEVERITY_CONFLICT,
            user->backing ? "BackingOfOther" : "AttachedElsewhere",
            user->backing ? "'%s' is a backing file of VM %s" : "'%s' is attached to VM %s",
            disk->path, user->vm->name);
        finding->holder = g_strdup_printf("VM %s", user->vm->name);
        add(plan, finding, VMS_ACT_REFUSE, VMS_ACT_REFUSE);
    }
    if (!stranger)
        return;
    finding = vms_finding_new_reason("VirtualDisk", disk->stored->name, VMSNAP_SEVERITY_CONFLICT,
                                     "OpenElsewhere", "'%s' is open in %s", disk->path, stranger);
    finding->holder = g_strdup(stranger);
    add(plan, finding, VMS_ACT_REFUSE, VMS_ACT_REFUSE);
}

static void
find_disk(VmsPlan *plan, const VmsRestoreInput *input, const VmsRestoreDisk *disk)
{
    g_autofree char *text = NULL;

    if (disk->image_fault)
        add_conflict(plan, "VirtualDisk", disk->stored->name, "Lost", disk->image_fault);
    if (disk->obstacle)
        add_conflict(plan, "VirtualDisk", disk->stored->name, "ForeignFile", disk->obstacle);
    if (disk->exists && !disk->referenced) {
        text = g_strdup_printf("'%s' stands where the disk belongs, but the VM does not refer to "
                               "it",
                               disk->path);
        add_conflict(plan, "VirtualDisk", disk->stored->name, "ForeignFile", text);
    }
    find_disk_users(plan, input, disk);
    add(plan,
        vms_finding_new("VirtualDisk", disk->stored->name,
                        disk->exists ? VMS_RESOURCE_REPLACED : VMS_RESOURCE_NEW),
        VMS_ACT_PROCEED, VMS_ACT_PROCEED);
}

/* Disks the VM has now and the snapshot does not know: their files stay. */
static void
find_extra_disks(VmsPlan *plan, const VmsRestoreInput *input)
{
    for (guint i = 0; i < input->vm->disks->len; i++) {
        const VmsDisk *disk = input->vm->disks->pdata[i];
        g_autofree char *name = NULL;
        VmsFinding *finding;

        if (!vms_disk_is_owned(disk) || vms_snapshot_find_disk(input->snapshot, disk->target))
            continue;
        name = g_strdup_printf("%s/%s", input->vm->name, disk->target);
        finding = vms_finding_new_reason("VirtualDisk", name, VMSNAP_SEVERITY_WARNING, "Kept",
                                         "disk %s is not in the snapshot: its data stays as it "
                                         "is",
                                         disk->target);
        finding->status = VMS_RESOURCE_KEPT;
        add(plan, finding, VMS_ACT_PROCEED, VMS_ACT_PROCEED);
    }
}

static void
find_nvram(VmsPlan *plan, const VmsRestoreInput *input)
{
    const VmsSnapshot *snapshot = input->snapshot;
    const char *path = snapshot->nvram_source;
    const VmsFileUser *user;
    g_autofree char *text = NULL;

    if (!snapshot->nvram)
        return;
    user = vms_inventory_find_user(input->inventory, snapshot->vm_uuid, path, &input->nvram);
    if (input->nvram_lost)
        add_conflict(plan, "NVRAM", path, "Lost", "the stored NVRAM is missing");
    if (user) {
        text = g_strdup_printf("'%s' is the NVRAM of VM %s", path, user->vm->name);
        add_conflict(plan, "NVRAM", path, "AttachedElsewhere", text);
    } else if (input->vm && input->nvram.ino != 0 && g_strcmp0(input->vm->nvram, path) != 0) {
        text = g_strdup_printf("'%s' stands where the NVRAM belongs, but the VM does not refer to "
                               "it",
                               path);
        add_conflict(plan, "NVRAM", path, "ForeignFile", text);
    }
}

/* ---- addresses, images, space ---- */

static void
find_macs(VmsPlan *plan, const VmsRestoreInput *input)
{
    for (guint i = 0; i < input->snapshot->macs->len; i++) {
        const char *mac = input->snapshot->macs->pdata[i];
        const VmsVm *other =
            vms_inventory_find_mac(input->inventory, input->snapshot->vm_uuid, mac);
        VmsFinding *finding;

        if (!other)
            continue;
        finding = vms_finding_new_reason("MACAddress", mac, VMSNAP_SEVERITY_CONFLICT, "MACInUse",
                                         "MAC address %s is held by VM %s", mac, other->name);
        finding->holder = g_strdup_printf("VM %s", other->name);
        add(plan, finding, VMS_ACT_REFUSE, VMS_ACT_REFUSE);
    }
}

static void
find_images(VmsPlan *plan, const VmsRestoreInput *input)
{
    gboolean start =
        input->vm && vms_vm_is_active(input->vm) && (input->flags & VMSNAP_RESTORE_NO_START) == 0;

    for (guint i = 0; i < input->missing->len; i++) {
        const char *path = input->missing->pdata[i];

        add(plan,
            vms_finding_new_reason("VirtualImage", path, VMSNAP_SEVERITY_WARNING, "ImageMissing",
                                   "image '%s' is not there", path),
            start ? VMS_ACT_REFUSE : VMS_ACT_PROCEED, VMS_ACT_REFUSE);
    }
}

/* Disks whose folders show the same figures lie on one file system and share its space. */
static void
find_space(VmsPlan *plan, const VmsRestoreInput *input)
{
    for (guint i = 0; i < input->disks->len; i++) {
        const VmsRestoreDisk *first = input->disks->pdata[i];
        guint64 needed = 0;
        g_autofree char *text = NULL;

        plan->space_needed += vms_restore_space(first);
        for (guint j = 0; j < input->disks->len; j++) {
            const VmsRestoreDisk *other = input->disks->pdata[j];

            if (other->place.free_bytes == first->place.free_bytes)
                needed += vms_restore_space(other);
        }
        plan->space_free =
            i == 0 ? first->place.free_bytes : MIN(plan->space_free, first->place.free_bytes);
        /* Of a lost image neither is known. */
        if (first->image_fault || needed <= first->place.free_bytes)
            continue;
        text = g_strdup_printf("%" G_GUINT64_FORMAT
                               " bytes are needed beside '%s', %" G_GUINT64_FORMAT " are free",
                               needed, first->path, first->place.free_bytes);
        add_conflict(plan, "VirtualDisk", first->stored->name, "OutOfSpace", text);
    }
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
    if (input->snapshot->nvram)
        add_step(plan, TRUE, "exchange-nvram", NULL);
    add_step(plan, TRUE, "define-vm", NULL);
    if (input->vm && input->vm->managed_save)
        add_step(plan, FALSE, "drop-managed-save", NULL);
    if (active && (input->flags & VMSNAP_RESTORE_NO_START) == 0)
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
    hash_file(sum, &input->nvram, active);
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

    plan->vm_uuid = g_strdup(input->vm ? input->vm->uuid : NULL);
    plan->vm_name = g_strdup(input->vm ? input->vm->name : input->asked);
    plan->snapshot_uuid = g_strdup(input->snapshot->uuid);
    plan->snapshot_name = g_strdup(input->snapshot->name);
    find_vm(plan, input);
    find_snapshot(plan, input);
    for (guint i = 0; i < input->disks->len; i++)
        find_disk(plan, input, input->disks->pdata[i]);
    find_nvram(plan, input);
    find_macs(plan, input);
    find_images(plan, input);
    find_space(plan, input);
    if (input->vm) {
        find_vm_state(plan, input);
        find_extra_disks(plan, input);
    }
    list_steps(plan, input);
    if (input->vm && vms_vm_is_active(input->vm))
        plan->expected_downtime_us = G_USEC_PER_SEC;
    make_hash(plan, input);
    return plan;
}
