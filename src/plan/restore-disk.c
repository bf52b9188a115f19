/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-findings.h"

#define KIND "VirtualDisk"

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
find_bases(const VmsRestoreFindings *self, const VmsRestoreDisk *disk)
{
    for (guint i = 0; self->input->bases && i < self->input->bases->len; i++) {
        const VmsRestoreBase *base = self->input->bases->pdata[i];

        if (g_strcmp0(base->path, disk->path) != 0 && !vms_file_id_same(&base->file, &disk->file))
            continue;
        vms_restore_held(vms_restore_found(self, KIND, disk->stored->name, "BackingOfOther",
                                           "'%s' is a backing file of %s", disk->path,
                                           base->holder),
                         "%s", base->holder);
        return;
    }
}

static void
find_users(const VmsRestoreFindings *self, const VmsRestoreDisk *disk)
{
    const VmsRestoreInput *input = self->input;
    const char *name = disk->stored->name;
    const char *stranger = find_stranger(input, disk);
    VmsFileUser user;

    if (vms_inventory_find_user(input->inventory, input->snapshot->vm_uuid, disk->path, &disk->file,
                                &user)) {
        g_autofree char *holder = vms_holder_describe(&user.holder);
        const char *reason = user.backing ? "BackingOfOther" : "AttachedElsewhere";
        const char *how = user.backing ? "a backing file of" : "attached to";

        vms_restore_held(
            vms_restore_found(self, KIND, name, reason, "'%s' is %s %s", disk->path, how, holder),
            "%s", holder);
    }
    if (stranger)
        vms_restore_held(vms_restore_found(self, KIND, name, "OpenElsewhere", "'%s' is open in %s",
                                           disk->path, stranger),
                         "%s", stranger);
}

/* File systems of the network have no exchange of two names, and without it a crash could leave a
 * disk without a file. */
static gboolean
lacks_exchange(const char *fs_type)
{
    static const char *const types[] = { "nfs", "cifs", "smb2", "9p", "exfat", NULL };

    return fs_type && g_strv_contains(types, fs_type);
}

/* What lies behind the old end of a device that has grown is made zeros, as of a file that grows: a
 * second partition table there would tell of a disk that is gone. */
static void
find_size(const VmsRestoreFindings *self, const VmsRestoreDisk *disk)
{
    const char *name = disk->stored->name;
    guint64 wanted = disk->stored->image->file.size;
    guint64 now = disk->file.size;

    if (now < wanted)
        vms_restore_found(self, KIND, name, "TargetTooSmall",
                          "'%s' has %" G_GUINT64_FORMAT " bytes, the snapshot's disk has "
                          "%" G_GUINT64_FORMAT,
                          disk->path, now, wanted);
    else if (now > wanted)
        vms_restore_found(self, KIND, name, "TargetLarger",
                          "'%s' has grown since: its last %" G_GUINT64_FORMAT
                          " bytes are made zeros",
                          disk->path, now - wanted);
}

static void
find_device(const VmsRestoreFindings *self, const VmsRestoreDisk *disk)
{
    const char *name = disk->stored->name;

    if (!vms_restore_keeps_format(disk))
        vms_restore_found(self, KIND, name, "TargetUnsupported",
                          "block device '%s' held a %s image, the snapshot is %s: it is not "
                          "converted in place",
                          disk->path, disk->stored->origin->format, disk->stored->image->format);
    else if (!disk->exists)
        vms_restore_found(self, KIND, name, "TargetMissing", "there is no block device '%s'",
                          disk->path);
    else if (!disk->device)
        vms_restore_found(self, KIND, name, "TargetUnsupported",
                          "'%s' was a block device and is a file now", disk->path);
    else
        find_size(self, disk);
}

static void
find_target(const VmsRestoreFindings *self, const VmsRestoreDisk *disk)
{
    const char *name = disk->stored->name;

    if (vms_restore_rewrites(disk))
        find_device(self, disk);
    else if (disk->device)
        vms_restore_found(self, KIND, name, "TargetUnsupported",
                          "'%s' is a block device, and was a file: no file can take its place",
                          disk->path);
    else if (lacks_exchange(disk->place.fs_type))
        vms_restore_found(self, KIND, name, "TargetUnsupported",
                          "'%s' lies on %s, which cannot exchange two files", disk->path,
                          disk->place.fs_type);
}

static void
find_disk(const VmsRestoreFindings *self, const VmsRestoreDisk *disk)
{
    const char *name = disk->stored->name;

    if (disk->image_fault)
        vms_restore_found(self, KIND, name, "Lost", "%s", disk->image_fault);
    if (disk->obstacle)
        vms_restore_found(self, KIND, name, "ForeignFile", "%s", disk->obstacle);
    if (disk->exists && !disk->referenced && !disk->ours)
        vms_restore_found(self, KIND, name, "ForeignFile",
                          "'%s' stands where the disk belongs, but the VM does not refer to it",
                          disk->path);
    find_target(self, disk);
    find_users(self, disk);
    find_bases(self, disk);
    vms_restore_touches(self, KIND, name, disk->exists ? VMS_RESOURCE_REPLACED : VMS_RESOURCE_NEW);
}

/* Disks the VM has now and the snapshot does not know: their files stay. */
static void
find_extra(const VmsRestoreFindings *self)
{
    const VmsVm *vm = self->input->vm;

    for (guint i = 0; i < vm->disks->len; i++) {
        const VmsDisk *disk = vm->disks->pdata[i];
        g_autofree char *name = NULL;

        if (!vms_disk_is_owned(disk) || vms_snapshot_find_disk(self->input->snapshot, disk->target))
            continue;
        name = g_strdup_printf("%s/%s", vm->name, disk->target);
        vms_restore_found(self, KIND, name, "Kept",
                          "disk %s is not in the snapshot: its data stays as it is", disk->target)
            ->status = VMS_RESOURCE_KEPT;
    }
}

/* Disks that the snapshot does not hold, but whose configuration comes back. */
static void
find_left_out(const VmsRestoreFindings *self)
{
    const VmsRestoreInput *input = self->input;
    const VmsSnapshot *snapshot = input->snapshot;

    for (guint i = 0; input->needs && i < input->needs->disks->len; i++) {
        const VmsDisk *disk = input->needs->disks->pdata[i];
        g_autofree char *name = NULL;
        g_autofree char *holder = NULL;
        VmsFileUser user;

        if (!vms_disk_is_owned(disk) || disk->shareable || !disk->path ||
            vms_snapshot_find_disk(snapshot, disk->target))
            continue;
        if (!vms_inventory_find_user(input->inventory, snapshot->vm_uuid, disk->path, NULL,
                                     &user) ||
            user.backing)
            continue;
        holder = vms_holder_describe(&user.holder);
        name = g_strdup_printf("%s/%s", snapshot->vm_name, disk->target);
        vms_restore_held(vms_restore_found(self, KIND, name, "AttachedElsewhere",
                                           "'%s' is attached to %s", disk->path, holder),
                         "%s", holder);
    }
}

/* Disks whose folders show the same figures lie on one file system and share its space. */
static void
find_space(const VmsRestoreFindings *self)
{
    const GPtrArray *disks = self->input->disks;
    VmsPlan *plan = self->plan;

    for (guint i = 0; i < disks->len; i++) {
        const VmsRestoreDisk *first = disks->pdata[i];
        guint64 free_bytes = first->place.free_bytes;
        guint64 needed = 0;

        plan->space_needed += vms_restore_space(first);
        for (guint j = 0; j < disks->len; j++) {
            const VmsRestoreDisk *other = disks->pdata[j];

            if (other->place.free_bytes == free_bytes)
                needed += vms_restore_space(other);
        }
        plan->space_free = i == 0 ? free_bytes : MIN(plan->space_free, free_bytes);
        if (!first->image_fault && needed > free_bytes) /* of a lost image neither is known */
            vms_restore_found(self, KIND, first->stored->name, "OutOfSpace",
                              "%" G_GUINT64_FORMAT
                              " bytes are needed beside '%s', %" G_GUINT64_FORMAT " are free",
                              needed, first->path, free_bytes);
    }
}

void
vms_restore_find_disks(const VmsRestoreFindings *self)
{
    for (guint i = 0; i < self->input->disks->len; i++)
        find_disk(self, self->input->disks->pdata[i]);
    find_left_out(self);
    find_space(self);
    if (self->input->vm)
        find_extra(self);
}
