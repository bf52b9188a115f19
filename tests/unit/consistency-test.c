/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "model/image.h"
#include "plan/consistency.h"

#include <criterion/criterion.h>

/* The table of consistency, row by row: before the cut, and judged after it. */

/* ---- before ---- */

static VmsVm *
running_vm(void)
{
    VmsVm *vm = vms_vm_new("3c1f6f2e-0000-4000-8000-000000000001", "web");

    vm->state = VMSNAP_VM_RUNNING;
    vm->domain_id = 7;
    vm->has_agent_channel = TRUE;
    vm->agent_connected = TRUE;
    return vm;
}

#define REFUSED (-1)

static void
expect_before(const VmsVm *vm, vmsnap_consistency_policy policy, int wish, const char *reason)
{
    g_autoptr(GError) error = NULL;
    VmsFreezeWish got = VMS_FREEZE_MUST;
    gboolean ok = vms_consistency_before(vm, policy, &got, NULL, &error);

    if (wish == REFUSED) {
        cr_assert_not(ok, "policy %d should refuse", policy);
        cr_assert_str_eq(vms_error_get_reason(error), reason);
        return;
    }
    cr_assert(ok, "policy %d: %s", policy, error ? error->message : "");
    cr_assert_eq((int)got, wish, "policy %d: wish %d", policy, got);
}

/* Expected wishes under require, prefer and skip; @reason is that of the refusals. */
static void
expect_row(const VmsVm *vm, int require, int prefer, int skip, const char *reason)
{
    expect_before(vm, VMSNAP_CONSISTENCY_REQUIRE, require, reason);
    expect_before(vm, VMSNAP_CONSISTENCY_PREFER, prefer, reason);
    expect_before(vm, VMSNAP_CONSISTENCY_SKIP, skip, reason);
}

Test(before, a_running_vm_with_an_agent_is_frozen_as_the_policy_says)
{
    g_autoptr(VmsVm) vm = running_vm();

    expect_row(vm, VMS_FREEZE_MUST, VMS_FREEZE_IF_POSSIBLE, VMS_FREEZE_NOT, NULL);
}

Test(before, a_missing_or_silent_agent_refuses_only_require)
{
    g_autoptr(VmsVm) vm = running_vm();

    vm->agent_connected = FALSE;
    expect_row(vm, REFUSED, VMS_FREEZE_NOT, VMS_FREEZE_NOT, "AgentNotReady");
    vm->has_agent_channel = FALSE;
    expect_row(vm, REFUSED, VMS_FREEZE_NOT, VMS_FREEZE_NOT, "AgentNotReady");
}

Test(before, an_off_vm_needs_no_agent)
{
    g_autoptr(VmsVm) vm = running_vm();

    vm->state = VMSNAP_VM_OFF;
    vm->domain_id = -1;
    vm->agent_connected = FALSE;
    expect_row(vm, VMS_FREEZE_NOT, VMS_FREEZE_NOT, VMS_FREEZE_NOT, NULL);
}

Test(before, crashed_suspended_saved_and_paused_refuse_require_and_are_not_asked)
{
    const vmsnap_vm_state states[] = { VMSNAP_VM_CRASHED, VMSNAP_VM_PMSUSPENDED, VMSNAP_VM_PAUSED,
                                       VMSNAP_VM_STOPPING, VMSNAP_VM_UNKNOWN };
    g_autoptr(VmsVm) vm = running_vm();

    for (gsize i = 0; i < G_N_ELEMENTS(states); i++) {
        vm->state = states[i];
        expect_row(vm, REFUSED, VMS_FREEZE_NOT, VMS_FREEZE_NOT, "PotentiallyInconsistent");
    }
    vm->state = VMSNAP_VM_OFF;
    vm->managed_save = TRUE;
    expect_row(vm, REFUSED, VMS_FREEZE_NOT, VMS_FREEZE_NOT, "PotentiallyInconsistent");
    vm->managed_save = FALSE;
    vm->state_reason = g_strdup("crashed");
    expect_row(vm, REFUSED, VMS_FREEZE_NOT, VMS_FREEZE_NOT, "PotentiallyInconsistent");
}

Test(before, migration_and_foreign_jobs_refuse_every_policy)
{
    g_autoptr(VmsVm) vm = running_vm();
    VmsDisk *disk = vms_disk_new("vda");

    vm->migrating = TRUE;
    expect_row(vm, REFUSED, REFUSED, REFUSED, "Migrating");
    vm->migrating = FALSE;
    vm->job = g_strdup("backup");
    expect_row(vm, REFUSED, REFUSED, REFUSED, "BlockDevicesNotReady");
    g_clear_pointer(&vm->job, g_free);
    disk->busy = TRUE;
    vm->live_disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_disk_free);
    g_ptr_array_add(vm->live_disks, disk);
    expect_row(vm, REFUSED, REFUSED, REFUSED, "BlockDevicesNotReady");
}

Test(before, prefer_says_why_it_goes_without_a_freeze)
{
    g_autoptr(VmsVm) vm = running_vm();
    g_autofree char *why = NULL;
    VmsFreezeWish wish;

    vm->agent_connected = FALSE;
    cr_assert(vms_consistency_before(vm, VMSNAP_CONSISTENCY_PREFER, &wish, &why, NULL));
    cr_assert_str_eq(why, "the guest agent is not connected");
}

Test(before, a_loop_mount_beside_a_bind_mount_would_hang)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func((GDestroyNotify)vms_guest_fs_free);
    g_autofree char *why = NULL;

    g_ptr_array_add(list, vms_guest_fs_new("/", "ext4", "vda1"));
    g_ptr_array_add(list, vms_guest_fs_new("/snap/core", "squashfs", "loop0"));
    g_ptr_array_add(list, vms_guest_fs_new("/srv", "ext4", "vda1"));
    cr_assert_not(vms_consistency_freeze_hangs(list, NULL), "a read-only loop mount is harmless");
    g_ptr_array_add(list, vms_guest_fs_new("/mnt", "ext4", "loop1"));
    cr_assert(vms_consistency_freeze_hangs(list, &why));
    cr_assert(strstr(why, "/mnt"));
    g_ptr_array_remove_index(list, 2);
    cr_assert_not(vms_consistency_freeze_hangs(list, NULL), "no bind mount, no hang");
}

/* ---- judged ---- */

static VmsGuestFs *
add_fs(VmsEvidence *e, const char *mountpoint, const char *type, const char *name, const char *disk)
{
    VmsGuestFs *fs = vms_guest_fs_new(mountpoint, type, name);

    if (disk)
        g_ptr_array_add(fs->disks, g_strdup(disk));
    g_ptr_array_add(e->filesystems, fs);
    return fs;
}

static VmsFsState *
add_state(VmsEvidence *e, const char *disk, const char *type, VmsFsClean clean)
{
    VmsFsState *state = vms_fs_state_new(disk, 1048576, type, clean);

    state->partition = 1;
    g_ptr_array_add(e->fs_states, state);
    return state;
}

/* A perfect window over vda with one ext4. */
static VmsEvidence *
frozen_evidence(void)
{
    VmsEvidence *e = vms_evidence_new();

    add_fs(e, "/", "ext4", "vda1", "vda");
    e->state_before = VMSNAP_VM_RUNNING;
    e->before = e->after = (VmsInstance){ 7, { 4711, 99 } };
    e->frozen_count = e->thawed_count = 1;
    e->times = (VmsTimes){ .freeze_sent = 10,
                           .freeze_acked = 20,
                           .cut_start = 30,
                           .cut_end = 40,
                           .thaw_sent = 50,
                           .thaw_acked = 60 };
    return e;
}

static VmsEvidence *
off_evidence(void)
{
    VmsEvidence *e = vms_evidence_new();

    e->state_before = VMSNAP_VM_OFF;
    e->state_reason = g_strdup("shutdown");
    return e;
}

static void
add_disk(VmsEvidence *e, const char *target, gint64 writes, gboolean open)
{
    g_ptr_array_add(e->disks, vms_disk_facts_new(target, writes, open));
}

static VmsVerdict *
judge(VmsEvidence *e, gint64 writes)
{
    VmsVerdict *verdict;

    g_ptr_array_set_size(e->disks, 0);
    add_disk(e, "vda", writes, FALSE);
    verdict = vms_consistency_judge(e);
    cr_assert_eq(verdict->grades[0], verdict->grade, "one disk: its grade is the snapshot's");
    return verdict;
}

static void
expect_grade(VmsEvidence *e, vmsnap_grade grade, const char *reason)
{
    g_autoptr(VmsVerdict) verdict = judge(e, 5);
    g_autoptr(GError) error = NULL;
    gboolean ok = vms_verdict_check(verdict, VMSNAP_CONSISTENCY_REQUIRE, &error);

    cr_assert_eq(verdict->grade, grade, "grade %d (%s)", verdict->grade,
                 verdict->message ? verdict->message : "");
    cr_assert_str_eq(verdict->reason ? verdict->reason : "", reason ? reason : "");
    cr_assert_eq(ok, grade != VMSNAP_GRADE_CRASH);
    if (!ok)
        cr_assert_str_eq(vms_error_get_reason(error), reason);
    cr_assert(vms_verdict_check(verdict, VMSNAP_CONSISTENCY_PREFER, NULL));
    cr_assert(vms_verdict_check(verdict, VMSNAP_CONSISTENCY_SKIP, NULL));
}

Test(judge, a_vm_that_was_off_is_offline)
{
    g_autoptr(VmsEvidence) e = off_evidence();

    add_state(e, "vda", "ext4", VMS_FS_CLEAN);
    add_state(e, "vda", "opaque:crypto_LUKS", VMS_FS_UNKNOWN);
    add_state(e, "vdb", "ext4", VMS_FS_NEEDS_REPLAY); /* not in the snapshot */
    expect_grade(e, VMSNAP_GRADE_OFFLINE, NULL);
}

Test(judge, an_off_vm_that_crashed_is_saved_or_dirty_is_not)
{
    g_autoptr(VmsEvidence) e = off_evidence();

    e->managed_save = TRUE;
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
    e->managed_save = FALSE;
    g_free(e->state_reason);
    e->state_reason = g_strdup("crashed");
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
    g_free(e->state_reason);
    e->state_reason = g_strdup("unknown");
    expect_grade(e, VMSNAP_GRADE_OFFLINE, NULL);
    add_state(e, "vda", "ext4", VMS_FS_NEEDS_REPLAY);
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
}

Test(judge, an_off_vm_that_was_started_meanwhile_is_not_offline)
{
    g_autoptr(VmsEvidence) e = off_evidence();

    e->after.domain_id = 9;
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
}

Test(judge, an_image_somebody_has_open_is_not_offline)
{
    g_autoptr(VmsEvidence) e = off_evidence();
    g_autoptr(VmsVerdict) verdict = NULL;

    add_disk(e, "vda", -1, FALSE);
    add_disk(e, "vdb", -1, TRUE);
    verdict = vms_consistency_judge(e);
    cr_assert_eq(verdict->grades[0], VMSNAP_GRADE_OFFLINE);
    cr_assert_eq(verdict->grades[1], VMSNAP_GRADE_CRASH);
    cr_assert_eq(verdict->grade, VMSNAP_GRADE_CRASH);
    cr_assert(strstr(verdict->message, "vdb"));
}

Test(judge, a_destroyed_vm_is_offline_with_a_warning)
{
    g_autoptr(VmsEvidence) e = off_evidence();
    g_autoptr(VmsVerdict) verdict = NULL;

    g_free(e->state_reason);
    e->state_reason = g_strdup("destroyed");
    verdict = judge(e, -1);
    cr_assert_eq(verdict->grade, VMSNAP_GRADE_OFFLINE);
    cr_assert_eq(verdict->warnings->len, 1);
    cr_assert(g_str_has_prefix(verdict->warnings->pdata[0], "HardStopped"));
}

Test(judge, a_proven_freeze_is_frozen)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();

    expect_grade(e, VMSNAP_GRADE_FROZEN, NULL);
    add_state(e, "vda", "ext4", VMS_FS_CLEAN);
    add_state(e, "vda", "xfs", VMS_FS_UNKNOWN);
    expect_grade(e, VMSNAP_GRADE_FROZEN, NULL);
}

Test(judge, no_freeze_is_crash)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();

    e->frozen_count = e->thawed_count = -1;
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
    e->state_before = VMSNAP_VM_PAUSED;
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
}

Test(judge, a_failed_freeze_keeps_the_agents_text)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();
    g_autoptr(VmsVerdict) verdict = NULL;

    e->frozen_count = -1;
    e->freeze_error = g_strdup("failed to open /x: Permission denied");
    expect_grade(e, VMSNAP_GRADE_CRASH, "FreezeFailed");
    verdict = judge(e, 0);
    cr_assert(strstr(verdict->message, "failed to open /x: Permission denied"));
}

Test(judge, zero_frozen_file_systems_are_no_freeze)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();

    e->frozen_count = e->thawed_count = 0;
    expect_grade(e, VMSNAP_GRADE_CRASH, "FreezeFailed");
}

Test(judge, a_guest_frozen_by_somebody_else_is_not_ours)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();

    e->frozen_before = TRUE;
    expect_grade(e, VMSNAP_GRADE_CRASH, "FreezeFailed");
}

Test(judge, every_sign_of_an_early_thaw_counts)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();

    e->thawed_count = 0; /* a foreign thaw, or a reset */
    expect_grade(e, VMSNAP_GRADE_CRASH, "ThawedEarly");
    e->thawed_count = -1;
    e->thaw_failed = TRUE;
    expect_grade(e, VMSNAP_GRADE_CRASH, "ThawedEarly");
    e->thawed_count = 1;
    expect_grade(e, VMSNAP_GRADE_CRASH, "ThawedEarly");
    e->thaw_failed = FALSE;
    e->overdue = TRUE;
    expect_grade(e, VMSNAP_GRADE_CRASH, "ThawedEarly");
    e->overdue = FALSE;
    e->times.thaw_acked = 0;
    expect_grade(e, VMSNAP_GRADE_CRASH, "ThawedEarly");
}

Test(judge, windows_holds_a_freeze_for_less_than_ten_seconds)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();

    e->times.thaw_acked = e->times.freeze_acked + 10 * G_USEC_PER_SEC;
    expect_grade(e, VMSNAP_GRADE_FROZEN, NULL);
    e->windows = TRUE;
    expect_grade(e, VMSNAP_GRADE_CRASH, "ThawedEarly");
    e->times.thaw_acked--;
    expect_grade(e, VMSNAP_GRADE_FROZEN, NULL);
}

Test(judge, the_cut_lies_between_freeze_and_thaw)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();

    e->times.cut_start = e->times.freeze_acked - 1;
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
    e->times.cut_start = 30;
    e->times.cut_end = e->times.thaw_sent + 1;
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
    e->times.cut_end = 40;
    e->times.freeze_acked = 0;
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
}

Test(judge, the_instance_is_the_same_before_and_after)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();

    e->after.process.start++;
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
    e->after.process.start--;
    e->after.domain_id++;
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
}

Test(judge, entries_of_one_device_count_once)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();

    add_fs(e, "/srv/bind", "ext4", "vda1", "vda");
    expect_grade(e, VMSNAP_GRADE_FROZEN, NULL);
    add_fs(e, "/home", "xfs", "vda2", "vda");
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
    e->frozen_count = e->thawed_count = 2;
    expect_grade(e, VMSNAP_GRADE_FROZEN, NULL);
}

Test(judge, what_carries_no_state_is_an_exception)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();
    g_autoptr(VmsVerdict) verdict = NULL;
    VmsFsState *esp;

    add_fs(e, "/boot/efi", "vfat", "vda15", "vda");
    add_fs(e, "/media/cd", "iso9660", "vda3", "vda");
    add_fs(e, "/snap/x", "squashfs", "vda4", "vda");
    add_fs(e, "/ro", "erofs", "vda5", "vda");
    esp = add_state(e, "vda", "vfat", VMS_FS_NEEDS_REPLAY); /* mounted: its dirty bit is set */
    esp->partition = 15;
    esp->efi = TRUE;
    add_state(e, "vda", "swap", VMS_FS_UNKNOWN);
    verdict = judge(e, 100);
    cr_assert_eq(verdict->grade, VMSNAP_GRADE_FROZEN);
    cr_assert_eq(verdict->exceptions->len, 4);
    cr_assert(strstr(verdict->exceptions->pdata[0], "/boot/efi"));
}

Test(judge, a_vfat_data_disk_counts_when_it_was_written_to)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();
    g_autoptr(VmsVerdict) written = NULL;
    g_autoptr(VmsVerdict) still = NULL;
    g_autoptr(VmsVerdict) unknown = NULL;

    add_fs(e, "/data", "vfat", "vda2", "vda");
    written = judge(e, 1);
    cr_assert_eq(written->grade, VMSNAP_GRADE_CRASH);
    cr_assert(strstr(written->message, "/data"));
    still = judge(e, 0);
    cr_assert_eq(still->grade, VMSNAP_GRADE_FROZEN);
    cr_assert_eq(still->exceptions->len, 1);
    unknown = judge(e, -1);
    cr_assert_eq(unknown->grade, VMSNAP_GRADE_CRASH);
}

Test(judge, a_stranger_must_be_among_the_frozen)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();

    add_fs(e, "/new", "newfs", "vda2", "vda");
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
    e->frozen_count = e->thawed_count = 2;
    expect_grade(e, VMSNAP_GRADE_FROZEN, NULL);
}

Test(judge, a_raw_disk_makes_only_itself_crash)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();
    g_autoptr(VmsVerdict) written = NULL;
    g_autoptr(VmsVerdict) still = NULL;

    add_disk(e, "vda", 9, FALSE);
    add_disk(e, "vdb", 9, FALSE);
    written = vms_consistency_judge(e);
    cr_assert_eq(written->grades[0], VMSNAP_GRADE_FROZEN);
    cr_assert_eq(written->grades[1], VMSNAP_GRADE_CRASH);
    cr_assert_eq(written->grade, VMSNAP_GRADE_CRASH);
    cr_assert_str_eq(written->reason, "PotentiallyInconsistent");
    cr_assert(strstr(written->message, "vdb"));
    ((VmsDiskFacts *)e->disks->pdata[1])->writes = 0;
    still = vms_consistency_judge(e);
    cr_assert_eq(still->grade, VMSNAP_GRADE_FROZEN);
    cr_assert_eq(still->exceptions->len, 1);
}

Test(judge, a_bare_disk_at_rest_is_an_exception)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();
    g_autoptr(VmsVerdict) swap = NULL;
    g_autoptr(VmsVerdict) opaque = NULL;

    add_disk(e, "vda", 9, FALSE);
    add_disk(e, "vdb", 9, FALSE);
    add_state(e, "vdb", "swap", VMS_FS_UNKNOWN);
    swap = vms_consistency_judge(e);
    cr_assert_eq(swap->grade, VMSNAP_GRADE_FROZEN);
    add_state(e, "vdb", "opaque:LVM2_member", VMS_FS_UNKNOWN);
    opaque = vms_consistency_judge(e);
    cr_assert_eq(opaque->grade, VMSNAP_GRADE_CRASH);
}

Test(judge, zfs_beside_a_frozen_file_system_counts)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();
    g_autoptr(VmsVerdict) written = NULL;
    g_autoptr(VmsVerdict) still = NULL;

    add_state(e, "vda", "opaque:zfs_member", VMS_FS_UNKNOWN);
    written = judge(e, 3);
    cr_assert_eq(written->grade, VMSNAP_GRADE_CRASH);
    still = judge(e, 0);
    cr_assert_eq(still->grade, VMSNAP_GRADE_FROZEN);
}

Test(judge, a_frozen_disk_that_another_vm_writes_to_is_not_consistent)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();
    g_autoptr(VmsVerdict) verdict = NULL;

    add_disk(e, "vda", 0, TRUE);
    verdict = vms_consistency_judge(e);
    cr_assert_eq(verdict->grade, VMSNAP_GRADE_CRASH);
    cr_assert_str_eq(verdict->reason, "PotentiallyInconsistent");
}

Test(judge, an_image_that_needs_replay_downgrades)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();

    add_state(e, "vdb", "ext4", VMS_FS_NEEDS_REPLAY); /* not in the snapshot */
    expect_grade(e, VMSNAP_GRADE_FROZEN, NULL);
    add_state(e, "vda", "ext4", VMS_FS_NEEDS_REPLAY);
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
}

Test(judge, a_file_system_on_an_unmatched_disk_may_be_anywhere)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();
    VmsGuestFs *fs = add_fs(e, "/data", "vfat", "sdz1", NULL);

    fs->unmapped = TRUE;
    expect_grade(e, VMSNAP_GRADE_CRASH, "PotentiallyInconsistent");
}

Test(judge, storing_a_crash_leaves_a_warning)
{
    g_autoptr(VmsEvidence) e = frozen_evidence();
    g_autoptr(VmsVerdict) verdict = NULL;

    e->thawed_count = 0;
    verdict = judge(e, 5);
    vms_verdict_store(verdict, e);
    cr_assert_eq(e->warnings->len, 1);
    cr_assert(g_str_has_prefix(e->warnings->pdata[0], "ThawedEarly: "));
}
