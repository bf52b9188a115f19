/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-plan.h"

#include <criterion/criterion.h>

#define VM_UUID "11111111-1111-4111-8111-111111111111"
#define OTHER_UUID "22222222-2222-4222-8222-222222222222"
#define MIB (1024 * (guint64)1024)

/* VM web, off, one disk vda, and a Ready snapshot of it: nothing stands against a restore. */
typedef struct {
    VmsSnapshot *snapshot;
    VmsInventory *inventory;
    VmsVm *vm; /* owned by the inventory, as is the next */
    VmsVm *other;
    VmsRestoreDisk *disk;
    VmsRestoreInput input;
} Case;

static void
case_clear(Case *self)
{
    vms_snapshot_free(self->snapshot);
    vms_inventory_free(self->inventory);
    g_ptr_array_unref(self->input.disks);
    g_ptr_array_unref(self->input.bases);
    g_ptr_array_unref(self->input.later);
    vms_needs_free(self->input.needs);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Case, case_clear)

static VmsVm *
add_vm(GPtrArray *vms, const char *uuid, const char *name, const char *path)
{
    VmsVm *vm = vms_vm_new(uuid, name);
    VmsDisk *disk = vms_disk_new("vda");

    vm->persistent = TRUE;
    vm->state = VMSNAP_VM_OFF;
    vm->inactive_xml = g_strdup_printf("<domain><name>%s</name></domain>", name);
    disk->source = VMS_SOURCE_FILE;
    disk->path = g_strdup(path);
    g_ptr_array_add(vm->disks, disk);
    g_ptr_array_add(vms, vm);
    return vm;
}

static void
case_init(Case *self)
{
    GPtrArray *vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);
    VmsSnapshotDisk *stored = vms_snapshot_disk_new("vda");

    self->vm = add_vm(vms, VM_UUID, "web", "/srv/web.qcow2");
    self->other = add_vm(vms, OTHER_UUID, "db", "/srv/db.qcow2");
    self->inventory = vms_inventory_new(vms);
    self->snapshot = vms_snapshot_new("33333333-3333-4333-8333-333333333333", "daily");
    self->snapshot->vm_uuid = g_strdup(VM_UUID);
    self->snapshot->vm_name = g_strdup("web");
    self->snapshot->phase = VMSNAP_SNAPSHOT_READY;
    self->snapshot->inactive_xml = g_strdup("<domain/>");
    stored->name = g_strdup("web/vda");
    stored->source = g_strdup("/srv/web.qcow2");
    stored->origin = vms_image_new("/srv/web.qcow2", "qcow2");
    stored->image = vms_image_new("/srv/.vmsnap/x/vda.qcow2", "qcow2");
    stored->image->file.allocated = 10 * MIB;
    g_ptr_array_add(self->snapshot->disks, stored);
    self->disk = g_new0(VmsRestoreDisk, 1);
    self->disk->stored = stored;
    self->disk->path = g_strdup("/srv/web.qcow2");
    self->disk->referenced = TRUE;
    self->disk->exists = TRUE;
    self->disk->file.ino = 7;
    self->disk->place.free_bytes = 1000 * MIB;
    self->input.snapshot = self->snapshot;
    self->input.inventory = self->inventory;
    self->input.vm = self->vm;
    self->input.asked = "web";
    self->input.disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_restore_disk_free);
    self->input.bases = g_ptr_array_new_with_free_func((GDestroyNotify)vms_restore_base_free);
    self->input.later = g_ptr_array_new_with_free_func(g_free);
    self->input.needs = vms_needs_new();
    g_ptr_array_add(self->input.disks, self->disk);
}

static const VmsFinding *
find(const VmsPlan *plan, const char *reason)
{
    for (guint i = 0; i < plan->findings->len; i++) {
        const VmsFinding *finding = plan->findings->pdata[i];

        if (g_strcmp0(finding->reason, reason) == 0)
            return finding;
    }
    return NULL;
}

static VmsAct
strict_act(const VmsPlan *plan, const char *reason)
{
    const VmsFinding *finding = find(plan, reason);

    cr_assert_not_null(finding, "no finding %s", reason);
    return finding ? finding->strict : VMS_ACT_REFUSE;
}

/* The finding is there, dry-run calls it a conflict, strict and best-effort refuse. */
static void
expect_conflict(const Case *self, const char *reason)
{
    g_autoptr(VmsPlan) plan = vms_restore_make_plan(&self->input);
    const VmsFinding *finding = find(plan, reason);

    cr_assert_not_null(finding, "no finding %s", reason);
    if (!finding)
        return;
    cr_assert_eq(finding->severity, VMSNAP_SEVERITY_CONFLICT);
    cr_assert_eq(finding->strict, VMS_ACT_REFUSE);
    cr_assert_eq(finding->best_effort, VMS_ACT_REFUSE);
    cr_assert_geq(vms_plan_count_conflicts(plan, VMSNAP_MODE_STRICT), 1);
    cr_assert_geq(vms_plan_count_conflicts(plan, VMSNAP_MODE_DRY_RUN), 1);
}

Test(restore_plan, nothing_stands_against_a_clean_restore)
{
    g_auto(Case) self = { 0 };
    g_autoptr(VmsPlan) plan = NULL;

    case_init(&self);
    plan = vms_restore_make_plan(&self.input);
    cr_assert_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_DRY_RUN), 0);
    cr_assert_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_STRICT), 0);
    cr_assert_gt(plan->steps->len, 0);
    cr_assert_not_null(plan->hash);
}

Test(restore_plan, missing_vm)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.input.vm = NULL;
    expect_conflict(&self, "NotFound");
}

Test(restore_plan, same_name_with_another_uuid)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.input.vm = self.other;
    expect_conflict(&self, "IdentityMismatch");
}

Test(restore_plan, transient_vm)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.vm->persistent = FALSE;
    expect_conflict(&self, "Transient");
}

Test(restore_plan, snapshot_not_ready_lost_or_partial)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.snapshot->phase = VMSNAP_SNAPSHOT_FAILED;
    self.snapshot->partial = TRUE;
    self.disk->image_fault = g_strdup("it is gone");
    expect_conflict(&self, "NotReady");
    expect_conflict(&self, "Partial");
    expect_conflict(&self, "Lost");
}

Test(restore_plan, partial_passes_when_allowed)
{
    g_auto(Case) self = { 0 };
    g_autoptr(VmsPlan) plan = NULL;

    case_init(&self);
    self.snapshot->partial = TRUE;
    self.input.flags = VMSNAP_RESTORE_ALLOW_PARTIAL;
    plan = vms_restore_make_plan(&self.input);
    cr_assert_eq(strict_act(plan, "Partial"), VMS_ACT_PROCEED);
    cr_assert_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_DRY_RUN), 0);
}

Test(restore_plan, disk_attached_to_another_vm)
{
    g_auto(Case) self = { 0 };
    VmsFileId strange = { .dev = 1, .ino = 8 };

    case_init(&self);
    vms_inventory_add_file(self.inventory, 1, "/srv/web.qcow2", &strange, VMS_FILE_DISK);
    expect_conflict(&self, "AttachedElsewhere");
}

Test(restore_plan, disk_attached_under_another_name_of_the_same_file)
{
    g_auto(Case) self = { 0 };
    VmsFileId same = { .dev = 1, .ino = 7 };

    case_init(&self);
    self.disk->file = same;
    vms_inventory_add_file(self.inventory, 1, "/srv/hard-link.qcow2", &same, VMS_FILE_DISK);
    expect_conflict(&self, "AttachedElsewhere");
}

Test(restore_plan, disk_is_a_backing_file_of_another_vm)
{
    g_auto(Case) self = { 0 };
    VmsFileId id = { .dev = 1, .ino = 9 };

    case_init(&self);
    vms_inventory_add_file(self.inventory, 1, "/srv/web.qcow2", &id, VMS_FILE_BACKING);
    expect_conflict(&self, "BackingOfOther");
}

Test(restore_plan, disk_open_in_another_process)
{
    g_auto(Case) self = { 0 };
    g_autoptr(VmsPlan) plan = NULL;

    case_init(&self);
    self.disk->use.holders = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(self.disk->use.holders, g_strdup("process 4711 (qemu-nbd)"));
    expect_conflict(&self, "OpenElsewhere");
    self.vm->domain_id = 3;
    self.input.qemu_pid = 4711;
    plan = vms_restore_make_plan(&self.input);
    cr_assert_null(find(plan, "OpenElsewhere"), "its own QEMU is no stranger");
    self.input.qemu_pid = 471;
    expect_conflict(&self, "OpenElsewhere");
}

Test(restore_plan, locked_disk_of_a_vm_that_is_off_is_open_elsewhere)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.disk->use.writer = TRUE;
    expect_conflict(&self, "OpenElsewhere");
}

Test(restore_plan, foreign_file_at_the_disks_path)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.disk->referenced = FALSE;
    expect_conflict(&self, "ForeignFile");
}

Test(restore_plan, something_that_is_no_image_at_the_disks_path)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.disk->exists = FALSE;
    self.disk->obstacle = g_strdup("/srv/web.qcow2 is a symbolic link");
    expect_conflict(&self, "ForeignFile");
}

Test(restore_plan, mac_held_by_another_vm)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    g_ptr_array_add(self.snapshot->macs, g_strdup("52:54:00:aa:bb:cc"));
    vms_inventory_add_claim(self.inventory, 1, VMS_IDENTITY_MAC, "52:54:00:AA:BB:CC");
    expect_conflict(&self, "MACInUse");
}

Test(restore_plan, space_is_counted_over_all_disks_of_a_file_system)
{
    g_auto(Case) self = { 0 };
    VmsRestoreDisk *second = g_new0(VmsRestoreDisk, 1);
    g_autoptr(VmsPlan) plan = NULL;

    case_init(&self);
    self.disk->place.free_bytes = 40 * MIB;
    plan = vms_restore_make_plan(&self.input);
    cr_assert_null(find(plan, "OutOfSpace"));
    *second = (VmsRestoreDisk){ .stored = self.disk->stored,
                                .path = g_strdup("/srv/b.qcow2"),
                                .place = { .free_bytes = 40 * MIB } };
    g_ptr_array_add(self.input.disks, second);
    expect_conflict(&self, "OutOfSpace");
}

Test(restore_plan, busy_vm_and_managed_save)
{
    g_auto(Case) self = { 0 };
    g_autoptr(VmsPlan) plan = NULL;

    case_init(&self);
    self.vm->managed_save = TRUE;
    self.vm->job = g_strdup("backup");
    expect_conflict(&self, "ManagedSave");
    expect_conflict(&self, "Busy");
    self.input.flags = VMSNAP_RESTORE_DROP_MANAGED_SAVE;
    plan = vms_restore_make_plan(&self.input);
    cr_assert_eq(strict_act(plan, "ManagedSave"), VMS_ACT_PROCEED);
}

Test(restore_plan, missing_image_refuses_only_what_would_have_to_start)
{
    g_auto(Case) self = { 0 };
    g_autoptr(VmsPlan) off = NULL;
    g_autoptr(VmsPlan) on = NULL;

    case_init(&self);
    g_ptr_array_add(self.input.needs->lacks,
                    vms_lack_new("VirtualImage", "/srv/install.iso", "it is not there"));
    off = vms_restore_make_plan(&self.input);
    cr_assert_eq(strict_act(off, "ImageMissing"), VMS_ACT_LEAVE_OFF);
    cr_assert_eq(vms_plan_count_conflicts(off, VMSNAP_MODE_DRY_RUN), 0);
    self.vm->domain_id = 1;
    on = vms_restore_make_plan(&self.input);
    cr_assert_eq(strict_act(on, "ImageMissing"), VMS_ACT_REFUSE);
}

Test(restore_plan, hash_follows_what_decided_and_nothing_else)
{
    g_auto(Case) self = { 0 };
    g_autoptr(VmsPlan) first = NULL;
    g_autoptr(VmsPlan) same = NULL;
    g_autoptr(VmsPlan) grown = NULL;

    case_init(&self);
    first = vms_restore_make_plan(&self.input);
    self.disk->place.free_bytes -= MIB;
    same = vms_restore_make_plan(&self.input);
    cr_assert_str_eq(first->hash, same->hash, "free space is checked again, not hashed");
    self.disk->file.mtime_us++;
    grown = vms_restore_make_plan(&self.input);
    cr_assert_str_neq(first->hash, grown->hash);
}

Test(restore_plan, a_running_vm_writing_its_disk_does_not_stale_the_plan)
{
    g_auto(Case) self = { 0 };
    g_autoptr(VmsPlan) before = NULL;
    g_autoptr(VmsPlan) after = NULL;
    g_autoptr(VmsPlan) other = NULL;

    case_init(&self);
    self.vm->domain_id = 1;
    before = vms_restore_make_plan(&self.input);
    self.disk->file.mtime_us++;
    self.disk->file.size += MIB;
    after = vms_restore_make_plan(&self.input);
    cr_assert_str_eq(before->hash, after->hash);
    self.disk->file.ino++;
    other = vms_restore_make_plan(&self.input);
    cr_assert_str_neq(before->hash, other->hash, "another file is another world");
}

Test(restore_plan, a_renamed_vm_is_refused_before_it_is_stopped)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    g_free(self.vm->name);
    self.vm->name = g_strdup("web2");
    expect_conflict(&self, "IdentityMismatch");
}
