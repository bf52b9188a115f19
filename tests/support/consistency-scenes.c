/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/consistency-scenes.h"

#include "base/error.h"
#include "model/image.h"
#include "model/snapshot.h"

#include <criterion/criterion.h>

Scene
scene_new(void)
{
    Scene scene = { vms_vm_new("3c1f6f2e-0000-4000-8000-000000000001", "web"), vms_evidence_new() };

    g_ptr_array_add(scene.e->disks, vms_disk_facts_new("vda", 4096, FALSE));
    return scene;
}

void
scene_clear(Scene *scene)
{
    vms_vm_free(scene->vm);
    vms_evidence_free(scene->e);
}

/* ---- the perfect cases ---- */

static VmsDisk *
add_live_disk(VmsVm *vm, const char *target)
{
    VmsDisk *disk = vms_disk_new(target);

    if (!vm->live_disks)
        vm->live_disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_disk_free);
    g_ptr_array_add(vm->live_disks, disk);
    return disk;
}

static void
add_fs(Scene *scene, const char *mountpoint, const char *type, const char *name)
{
    VmsGuestFs *fs = vms_guest_fs_new(mountpoint, type, name);

    g_ptr_array_add(fs->disks, g_strdup("vda"));
    g_ptr_array_add(scene->e->filesystems, fs);
}

static VmsFsState *
add_state(Scene *scene, const char *type, VmsFsClean clean)
{
    VmsFsState *state = vms_fs_state_new("vda", 1 << 20, type, clean);

    state->partition = scene->e->fs_states->len + 1;
    g_ptr_array_add(scene->e->fs_states, state);
    return state;
}

/* Running, with an agent, and one disk with one ext4 that was written to. */
void
scene_running(Scene *scene)
{
    VmsEvidence *e = scene->e;

    scene->vm->state = VMSNAP_VM_RUNNING;
    scene->vm->domain_id = 7;
    scene->vm->has_agent_channel = TRUE;
    scene->vm->agent_connected = TRUE;
    add_live_disk(scene->vm, "vda");
    e->before = e->after = (VmsInstance){ 7, { 4711, 99 } };
    add_fs(scene, "/", "ext4", "vda1");
    add_state(scene, "ext4", VMS_FS_CLEAN);
    e->frozen_count = e->thawed_count = 1;
    e->times = (VmsTimes){ .freeze_sent = 10,
                           .freeze_acked = 20,
                           .cut_start = 30,
                           .cut_end = 40,
                           .thaw_sent = 50,
                           .thaw_acked = 60 };
}

void
scene_off(Scene *scene)
{
    scene->vm->state = VMSNAP_VM_OFF;
    scene->vm->domain_id = -1;
    g_free(scene->vm->state_reason);
    scene->vm->state_reason = g_strdup("shutdown");
    add_state(scene, "ext4", VMS_FS_CLEAN);
}

static VmsDiskFacts *
facts(const Scene *scene)
{
    return g_ptr_array_index(scene->e->disks, 0);
}

static void
off_because(Scene *scene, const char *reason)
{
    scene_off(scene);
    g_free(scene->vm->state_reason);
    scene->vm->state_reason = g_strdup(reason);
}

/* ---- rows: off ---- */

void
scene_off_destroyed(Scene *scene)
{
    off_because(scene, "destroyed");
}

void
scene_off_unknown(Scene *scene)
{
    off_because(scene, "unknown");
}

void
scene_off_opaque(Scene *scene)
{
    scene_off(scene);
    add_state(scene, "opaque:crypto_LUKS", VMS_FS_UNKNOWN);
    add_state(scene, "opaque:LVM2_member", VMS_FS_UNKNOWN);
    add_state(scene, "xfs", VMS_FS_UNKNOWN);
}

void
scene_off_open_elsewhere(Scene *scene)
{
    scene_off(scene);
    facts(scene)->open = TRUE;
}

void
scene_off_started_meanwhile(Scene *scene)
{
    scene_off(scene);
    scene->e->after.domain_id = 9;
}

void
scene_off_crashed(Scene *scene)
{
    off_because(scene, "crashed");
}

void
scene_panicked(Scene *scene)
{
    scene_running(scene);
    scene->vm->state = VMSNAP_VM_CRASHED;
}

void
scene_suspended_by_guest(Scene *scene)
{
    scene_running(scene);
    scene->vm->state = VMSNAP_VM_PMSUSPENDED;
}

void
scene_saved(Scene *scene)
{
    scene_off(scene);
    scene->vm->managed_save = TRUE;
}

void
scene_off_dirty(Scene *scene)
{
    scene_off(scene);
    add_state(scene, "btrfs", VMS_FS_NEEDS_REPLAY);
}

/* ---- rows: a freeze that is proven ---- */

void
scene_bind_mount(Scene *scene)
{
    scene_running(scene);
    add_fs(scene, "/srv", "ext4", "vda1");
}

void
scene_read_only_by_type(Scene *scene)
{
    scene_running(scene);
    add_fs(scene, "/cd", "iso9660", "vda2");
    add_fs(scene, "/snap", "squashfs", "vda3");
    add_fs(scene, "/ro", "erofs", "vda4");
}

void
scene_efi_partition(Scene *scene)
{
    scene_running(scene);
    add_fs(scene, "/boot/efi", "vfat", "vda2");
    add_state(scene, "vfat", VMS_FS_NEEDS_REPLAY)->efi = TRUE;
}

void
scene_efi_partition_elsewhere(Scene *scene)
{
    scene_running(scene);
    add_fs(scene, "/mnt/esp", "vfat", "vda2");
    add_state(scene, "vfat", VMS_FS_NEEDS_REPLAY)->efi = TRUE;
}

void
scene_swap_beside(Scene *scene)
{
    scene_running(scene);
    add_state(scene, "swap", VMS_FS_UNKNOWN);
}

void
scene_unwritten_vfat(Scene *scene)
{
    scene_running(scene);
    add_fs(scene, "/data", "vfat", "vda2");
    facts(scene)->writes = 0;
}

void
scene_accepted_vfat(Scene *scene)
{
    scene_running(scene);
    add_fs(scene, "/data", "vfat", "vda2");
    g_ptr_array_add(scene->e->accepted, g_strdup("/data"));
}

void
scene_accepted_disk(Scene *scene)
{
    scene_running(scene);
    add_fs(scene, "/data", "vfat", "vda2");
    add_state(scene, "opaque:zfs_member", VMS_FS_UNKNOWN);
    g_ptr_array_add(scene->e->accepted, g_strdup("vda"));
}

void
scene_accepted_raw_disk(Scene *scene)
{
    scene_running(scene);
    g_ptr_array_set_size(scene->e->filesystems, 0);
    g_ptr_array_set_size(scene->e->fs_states, 0);
    g_ptr_array_add(scene->e->accepted, g_strdup("vda"));
}

void
scene_windows_in_time(Scene *scene)
{
    scene_running(scene);
    scene->e->windows = TRUE;
    scene->e->times.thaw_acked = scene->e->times.freeze_acked + 10 * G_USEC_PER_SEC - 1;
}

/* ---- rows: a freeze that is not ---- */

void
scene_written_vfat(Scene *scene)
{
    scene_running(scene);
    add_fs(scene, "/data", "vfat", "vda2");
}

void
scene_vfat_called_efi(Scene *scene)
{
    scene_running(scene);
    add_fs(scene, "/boot/efi", "vfat", "vda2");
    add_state(scene, "vfat", VMS_FS_NEEDS_REPLAY); /* the table knows better */
}

void
scene_unknown_writes(Scene *scene)
{
    scene_written_vfat(scene);
    facts(scene)->writes = -1;
}

void
scene_accepted_another(Scene *scene)
{
    scene_written_vfat(scene);
    g_ptr_array_add(scene->e->accepted, g_strdup("/other"));
}

void
scene_raw_disk(Scene *scene)
{
    scene_running(scene);
    g_ptr_array_set_size(scene->e->filesystems, 0);
    g_ptr_array_set_size(scene->e->fs_states, 0);
}

void
scene_zfs(Scene *scene)
{
    scene_running(scene);
    add_state(scene, "opaque:zfs_member", VMS_FS_UNKNOWN);
}

void
scene_one_not_frozen(Scene *scene)
{
    scene_running(scene);
    add_fs(scene, "/home", "xfs", "vda2");
}

void
scene_frozen_but_dirty(Scene *scene)
{
    scene_running(scene);
    add_state(scene, "ext4", VMS_FS_NEEDS_REPLAY);
}

void
scene_accepted_but_dirty(Scene *scene)
{
    scene_frozen_but_dirty(scene);
    g_ptr_array_add(scene->e->accepted, g_strdup("vda"));
    g_ptr_array_add(scene->e->accepted, g_strdup("/"));
}

void
scene_cut_before_freeze(Scene *scene)
{
    scene_running(scene);
    scene->e->times.cut_start = 19;
}

void
scene_cut_after_thaw(Scene *scene)
{
    scene_running(scene);
    scene->e->times.cut_end = 51;
}

void
scene_another_instance(Scene *scene)
{
    scene_running(scene);
    scene->e->after.process.start++;
}

void
scene_shared_with_running(Scene *scene)
{
    scene_running(scene);
    facts(scene)->open = TRUE;
}

/* ---- rows: no freeze ---- */

void
scene_freeze_fails(Scene *scene)
{
    scene_running(scene);
    scene->e->frozen_count = scene->e->thawed_count = -1;
    scene->e->freeze_error = g_strdup("guest-fsfreeze-freeze: hook failed");
}

void
scene_nothing_frozen(Scene *scene)
{
    scene_running(scene);
    scene->e->frozen_count = scene->e->thawed_count = 0;
}

void
scene_no_channel(Scene *scene)
{
    scene_running(scene);
    scene->vm->has_agent_channel = FALSE;
}

void
scene_not_connected(Scene *scene)
{
    scene_running(scene);
    scene->vm->agent_connected = FALSE;
}

void
scene_agent_silent(Scene *scene)
{
    scene_freeze_fails(scene);
    scene->e->freeze_reason = g_strdup("AgentNotReady");
}

void
scene_freeze_disabled(Scene *scene)
{
    scene_freeze_fails(scene);
    scene->e->freeze_reason = g_strdup("FreezeUnsupported");
}

void
scene_frozen_by_another(Scene *scene)
{
    scene_freeze_fails(scene);
    scene->e->frozen_before = TRUE;
}

void
scene_paused(Scene *scene)
{
    scene_running(scene);
    scene->vm->state = VMSNAP_VM_PAUSED;
}

void
scene_migrating(Scene *scene)
{
    scene_running(scene);
    scene->vm->migrating = TRUE;
}

void
scene_migrating_paused(Scene *scene)
{
    scene_paused(scene);
    scene->vm->migrating = TRUE;
}

void
scene_block_job(Scene *scene)
{
    scene_running(scene);
    ((VmsDisk *)scene->vm->live_disks->pdata[0])->busy = TRUE;
}

void
scene_backup_job(Scene *scene)
{
    scene_running(scene);
    scene->vm->job = g_strdup("backup");
}

void
scene_thawed_by_another(Scene *scene)
{
    scene_running(scene);
    scene->e->thawed_count = 0;
}

void
scene_thaw_unacknowledged(Scene *scene)
{
    scene_running(scene);
    scene->e->times.thaw_acked = 0;
}

void
scene_over_budget(Scene *scene)
{
    scene_running(scene);
    scene->e->overdue = TRUE;
}

void
scene_windows_too_late(Scene *scene)
{
    scene_running(scene);
    scene->e->windows = TRUE;
    scene->e->times.thaw_acked = scene->e->times.freeze_acked + 10 * G_USEC_PER_SEC;
}

void
scene_windows_thaw_error(Scene *scene)
{
    scene_running(scene);
    scene->e->windows = TRUE;
    scene->e->thaw_failed = TRUE;
}

/* ---- what a cell comes to ---- */

static void
go_without_freeze(VmsEvidence *e)
{
    e->frozen_count = e->thawed_count = -1;
    e->times = (VmsTimes){ .cut_start = 30, .cut_end = 40 };
}

/* The window notes what state it found, as the survey saw it. */
void
scene_note_state(const Scene *scene)
{
    scene->e->state_before = scene->vm->state;
    scene->e->state_reason = g_strdup(scene->vm->state_reason);
    scene->e->managed_save = scene->vm->managed_save;
}

char *
scene_judge(const Scene *scene, vmsnap_consistency_policy policy)
{
    g_autoptr(VmsVerdict) verdict = vms_consistency_judge(scene->e);
    g_autoptr(GError) error = NULL;

    cr_assert_eq(verdict->grades[0], verdict->grade, "one disk: its grade is the snapshot's");
    cr_assert_eq(verdict->message == NULL, verdict->grade != VMSNAP_GRADE_CRASH);
    if (!vms_verdict_check(verdict, policy, &error)) {
        cr_assert_str_eq(error->message, verdict->message);
        return g_strconcat(vms_error_get_reason(error), "!", NULL);
    }
    if (verdict->reason)
        cr_assert_eq(verdict->grade, VMSNAP_GRADE_CRASH);
    return g_strdup(vms_grade_name(verdict->grade));
}

char *
scene_cell(SceneMaker make, vmsnap_consistency_policy policy)
{
    g_auto(Scene) scene = scene_new();
    const VmsVm *vm = scene.vm;
    g_autoptr(GError) error = NULL;
    VmsFreezeWish wish = VMS_FREEZE_NOT;

    make(&scene);
    if (!vms_consistency_before(vm, policy, &wish, NULL, &error))
        return g_strconcat(vms_error_get_reason(error), "!", NULL);
    scene_note_state(&scene);
    if (wish == VMS_FREEZE_NOT)
        go_without_freeze(scene.e);
    cr_assert(wish == VMS_FREEZE_NOT || policy != VMSNAP_CONSISTENCY_SKIP, "skip never asks");
    cr_assert(wish == VMS_FREEZE_NOT || vm->state == VMSNAP_VM_RUNNING, "only what runs is asked");
    return scene_judge(&scene, policy);
}
