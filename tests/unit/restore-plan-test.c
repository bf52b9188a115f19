/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/restore-case.h"

#include <criterion/criterion.h>

#define MIB RESTORE_CASE_MIB

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
expect_conflict(const RestoreCase *self, const char *reason)
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
    g_auto(RestoreCase) self = { 0 };
    g_autoptr(VmsPlan) plan = NULL;

    restore_case_init(&self);
    plan = vms_restore_make_plan(&self.input);
    cr_assert_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_DRY_RUN), 0);
    cr_assert_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_STRICT), 0);
    cr_assert_gt(plan->steps->len, 0);
    cr_assert_not_null(plan->hash);
}

Test(restore_plan, missing_vm)
{
    g_auto(RestoreCase) self = { 0 };

    restore_case_init(&self);
    self.input.vm = NULL;
    expect_conflict(&self, "NotFound");
}

Test(restore_plan, same_name_with_another_uuid)
{
    g_auto(RestoreCase) self = { 0 };

    restore_case_init(&self);
    self.input.vm = self.other;
    expect_conflict(&self, "IdentityMismatch");
}

Test(restore_plan, transient_vm)
{
    g_auto(RestoreCase) self = { 0 };

    restore_case_init(&self);
    self.vm->persistent = FALSE;
    expect_conflict(&self, "Transient");
}

Test(restore_plan, snapshot_not_ready_lost_or_partial)
{
    g_auto(RestoreCase) self = { 0 };

    restore_case_init(&self);
    self.snapshot->phase = VMSNAP_SNAPSHOT_FAILED;
    self.snapshot->partial = TRUE;
    self.disk->image_fault = g_strdup("it is gone");
    expect_conflict(&self, "NotReady");
    expect_conflict(&self, "Partial");
    expect_conflict(&self, "Lost");
}

Test(restore_plan, partial_passes_when_allowed)
{
    g_auto(RestoreCase) self = { 0 };
    g_autoptr(VmsPlan) plan = NULL;

    restore_case_init(&self);
    self.snapshot->partial = TRUE;
    self.input.flags = VMSNAP_RESTORE_ALLOW_PARTIAL;
    plan = vms_restore_make_plan(&self.input);
    cr_assert_eq(strict_act(plan, "Partial"), VMS_ACT_PROCEED);
    cr_assert_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_DRY_RUN), 0);
}

Test(restore_plan, disk_attached_to_another_vm)
{
    g_auto(RestoreCase) self = { 0 };
    VmsFileId strange = { .dev = 1, .ino = 8 };

    restore_case_init(&self);
    vms_inventory_add_file(self.inventory, 1, "/srv/web.qcow2", &strange, VMS_FILE_DISK);
    expect_conflict(&self, "AttachedElsewhere");
}

Test(restore_plan, disk_attached_under_another_name_of_the_same_file)
{
    g_auto(RestoreCase) self = { 0 };
    VmsFileId same = { .dev = 1, .ino = 7 };

    restore_case_init(&self);
    self.disk->file = same;
    vms_inventory_add_file(self.inventory, 1, "/srv/hard-link.qcow2", &same, VMS_FILE_DISK);
    expect_conflict(&self, "AttachedElsewhere");
}

Test(restore_plan, disk_is_a_backing_file_of_another_vm)
{
    g_auto(RestoreCase) self = { 0 };
    VmsFileId id = { .dev = 1, .ino = 9 };

    restore_case_init(&self);
    vms_inventory_add_file(self.inventory, 1, "/srv/web.qcow2", &id, VMS_FILE_BACKING);
    expect_conflict(&self, "BackingOfOther");
}

Test(restore_plan, disk_open_in_another_process)
{
    g_auto(RestoreCase) self = { 0 };
    g_autoptr(VmsPlan) plan = NULL;

    restore_case_init(&self);
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
    g_auto(RestoreCase) self = { 0 };

    restore_case_init(&self);
    self.disk->use.writer = TRUE;
    expect_conflict(&self, "OpenElsewhere");
}

Test(restore_plan, foreign_file_at_the_disks_path)
{
    g_auto(RestoreCase) self = { 0 };

    restore_case_init(&self);
    self.disk->referenced = FALSE;
    expect_conflict(&self, "ForeignFile");
}

Test(restore_plan, something_that_is_no_image_at_the_disks_path)
{
    g_auto(RestoreCase) self = { 0 };

    restore_case_init(&self);
    self.disk->exists = FALSE;
    self.disk->obstacle = g_strdup("/srv/web.qcow2 is a symbolic link");
    expect_conflict(&self, "ForeignFile");
}

Test(restore_plan, mac_held_by_another_vm)
{
    g_auto(RestoreCase) self = { 0 };

    restore_case_init(&self);
    g_ptr_array_add(self.snapshot->macs, g_strdup("52:54:00:aa:bb:cc"));
    vms_inventory_add_claim(self.inventory, 1, VMS_IDENTITY_MAC, "52:54:00:AA:BB:CC");
    expect_conflict(&self, "MACInUse");
}

Test(restore_plan, space_is_counted_over_all_disks_of_a_file_system)
{
    g_auto(RestoreCase) self = { 0 };
    VmsRestoreDisk *second = g_new0(VmsRestoreDisk, 1);
    g_autoptr(VmsPlan) plan = NULL;

    restore_case_init(&self);
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
    g_auto(RestoreCase) self = { 0 };
    g_autoptr(VmsPlan) plan = NULL;

    restore_case_init(&self);
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
    g_auto(RestoreCase) self = { 0 };
    g_autoptr(VmsPlan) off = NULL;
    g_autoptr(VmsPlan) on = NULL;

    restore_case_init(&self);
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
    g_auto(RestoreCase) self = { 0 };
    g_autoptr(VmsPlan) first = NULL;
    g_autoptr(VmsPlan) same = NULL;
    g_autoptr(VmsPlan) grown = NULL;

    restore_case_init(&self);
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
    g_auto(RestoreCase) self = { 0 };
    g_autoptr(VmsPlan) before = NULL;
    g_autoptr(VmsPlan) after = NULL;
    g_autoptr(VmsPlan) other = NULL;

    restore_case_init(&self);
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
    g_auto(RestoreCase) self = { 0 };

    restore_case_init(&self);
    g_free(self.vm->name);
    self.vm->name = g_strdup("web2");
    expect_conflict(&self, "IdentityMismatch");
}
