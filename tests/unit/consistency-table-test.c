/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/image.h"
#include "support/consistency-scenes.h"

#include <criterion/criterion.h>
#include <string.h>

/* The table of consistency, row for row and cell for cell: what a VM and a cut in this situation
 * come to under require, prefer and skip. A cell is a grade, "REASON!" for a refusal, or "-" where
 * the situation cannot arise under that policy. What each row does to the perfect case stands in
 * the function it names. */

typedef struct {
    const char *situation;
    SceneMaker make;
    const char *require;
    const char *prefer;
    const char *skip;
} Row;

/* ---- the table ---- */

#define PI "PotentiallyInconsistent!"

static const Row table[] = {
    /* situation, how it is made, require, prefer, skip */
    { "VM off: clean", scene_off, "offline", "offline", "offline" },
    { "VM off: destroyed", scene_off_destroyed, "offline", "offline", "offline" },
    { "VM off: reason unknown", scene_off_unknown, "offline", "offline", "offline" },
    { "VM off: opaque contents", scene_off_opaque, "offline", "offline", "offline" },
    { "VM off: image open elsewhere", scene_off_open_elsewhere, PI, "crash", "crash" },
    { "VM off: started meanwhile", scene_off_started_meanwhile, PI, "crash", "crash" },

    { "VM crashed", scene_off_crashed, PI, "crash", "crash" },
    { "VM crashed, QEMU still there", scene_panicked, PI, "crash", "crash" },
    { "VM pmsuspended", scene_suspended_by_guest, PI, "crash", "crash" },
    { "managed save present", scene_saved, PI, "crash", "crash" },
    { "a file system needs replay", scene_off_dirty, PI, "crash", "crash" },

    { "freeze proven", scene_running, "frozen", "frozen", "crash" },
    { "freeze proven: bind mount", scene_bind_mount, "frozen", "frozen", "crash" },
    { "freeze proven: read-only by type", scene_read_only_by_type, "frozen", "frozen", "crash" },
    { "freeze proven: ESP", scene_efi_partition, "frozen", "frozen", "crash" },
    { "freeze proven: ESP elsewhere", scene_efi_partition_elsewhere, "frozen", "frozen", "crash" },
    { "freeze proven: swap", scene_swap_beside, "frozen", "frozen", "crash" },
    { "freeze proven: vfat, not written", scene_unwritten_vfat, "frozen", "frozen", "crash" },
    { "freeze proven: vfat, accepted", scene_accepted_vfat, "frozen", "frozen", "crash" },
    { "freeze proven: disk accepted", scene_accepted_disk, "frozen", "frozen", "crash" },
    { "freeze proven: raw disk accepted", scene_accepted_raw_disk, "frozen", "frozen", "crash" },
    { "freeze proven: Windows in 10 s", scene_windows_in_time, "frozen", "frozen", "crash" },

    { "not proven: vfat written", scene_written_vfat, PI, "crash", "crash" },
    { "not proven: vfat at /boot/efi", scene_vfat_called_efi, PI, "crash", "crash" },
    { "not proven: writes not known", scene_unknown_writes, PI, "crash", "crash" },
    { "not proven: another accepted", scene_accepted_another, PI, "crash", "crash" },
    { "not proven: raw disk written", scene_raw_disk, PI, "crash", "crash" },
    { "not proven: ZFS written", scene_zfs, PI, "crash", "crash" },
    { "not proven: count too small", scene_one_not_frozen, PI, "crash", "crash" },
    { "not proven: image needs replay", scene_frozen_but_dirty, PI, "crash", "crash" },
    { "not proven: that is not accepted", scene_accepted_but_dirty, PI, "crash", "crash" },
    { "not proven: cut before freeze", scene_cut_before_freeze, PI, "crash", "crash" },
    { "not proven: cut after thaw", scene_cut_after_thaw, PI, "crash", "crash" },
    { "not proven: instance changed", scene_another_instance, PI, "crash", "crash" },

    { "freeze fails or times out", scene_freeze_fails, "FreezeFailed!", "crash", "-" },
    { "freeze of nothing", scene_nothing_frozen, "FreezeFailed!", "crash", "-" },

    { "agent absent", scene_no_channel, "AgentNotReady!", "crash", "crash" },
    { "agent not connected", scene_not_connected, "AgentNotReady!", "crash", "crash" },
    { "agent silent", scene_agent_silent, "AgentNotReady!", "crash", "crash" },
    { "fsfreeze disabled", scene_freeze_disabled, "FreezeUnsupported!", "crash", "crash" },

    { "frozen already, not by us", scene_frozen_by_another, "FreezeFailed!", "crash", "crash" },

    { "VM paused", scene_paused, PI, "crash", "crash" },

    { "VM migrating", scene_migrating, "Migrating!", "Migrating!", "Migrating!" },
    { "VM migrating, paused", scene_migrating_paused, "Migrating!", "Migrating!", "Migrating!" },
    { "foreign block job", scene_block_job, "BlockDevicesNotReady!", "BlockDevicesNotReady!",
      "BlockDevicesNotReady!" },
    { "foreign backup job", scene_backup_job, "BlockDevicesNotReady!", "BlockDevicesNotReady!",
      "BlockDevicesNotReady!" },

    { "thawed early: by another", scene_thawed_by_another, "ThawedEarly!", "crash", "-" },
    { "thawed early: not acknowledged", scene_thaw_unacknowledged, "ThawedEarly!", "crash", "-" },
    { "thawed early: over budget", scene_over_budget, "ThawedEarly!", "crash", "-" },
    { "thawed early: VSS 10 s", scene_windows_too_late, "ThawedEarly!", "crash", "-" },
    { "thawed early: VSS says so", scene_windows_thaw_error, "ThawedEarly!", "crash", "-" },

    { "disk shared with a running VM", scene_shared_with_running, PI, "crash", "crash" },
};

static guint
check_cell(const Row *row, vmsnap_consistency_policy policy, const char *wanted)
{
    g_autofree char *got = NULL;

    if (strcmp(wanted, "-") == 0)
        return 0;
    got = scene_cell(row->make, policy);
    cr_expect_str_eq(got, wanted, "%s, policy %u: %s wanted, got %s", row->situation, policy,
                     wanted, got);
    return 1;
}

Test(table, every_cell_of_every_row)
{
    guint cells = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        cells += check_cell(&table[i], VMSNAP_CONSISTENCY_REQUIRE, table[i].require);
        cells += check_cell(&table[i], VMSNAP_CONSISTENCY_PREFER, table[i].prefer);
        cells += check_cell(&table[i], VMSNAP_CONSISTENCY_SKIP, table[i].skip);
    }
    cr_assert_gt(cells, 140);
}

/* ---- every combination of the facts that decide ---- */

static void
spoil_count(VmsEvidence *e)
{
    e->frozen_count = 0;
}

static void
spoil_thaw(VmsEvidence *e)
{
    e->thawed_count--;
}

static void
spoil_ack(VmsEvidence *e)
{
    e->times.thaw_acked = 0;
}

static void
spoil_start(VmsEvidence *e)
{
    e->times.cut_start = 1;
}

static void
spoil_end(VmsEvidence *e)
{
    e->times.cut_end = 55;
}

static void
spoil_budget(VmsEvidence *e)
{
    e->overdue = TRUE;
}

static void
spoil_instance(VmsEvidence *e)
{
    e->after.domain_id = 8;
}

static void
spoil_mount(VmsEvidence *e)
{
    VmsGuestFs *fs = vms_guest_fs_new("/data", "vfat", "vda2");

    g_ptr_array_add(fs->disks, g_strdup("vda"));
    g_ptr_array_add(e->filesystems, fs);
}

static void
spoil_image(VmsEvidence *e)
{
    g_ptr_array_add(e->fs_states, vms_fs_state_new("vda", 0, "ext4", VMS_FS_NEEDS_REPLAY));
}

static void
spoil_sharer(VmsEvidence *e)
{
    ((VmsDiskFacts *)e->disks->pdata[0])->open = TRUE;
}

static void
spoil_before(VmsEvidence *e)
{
    e->frozen_before = TRUE;
}

/* Each alone forbids "frozen"; so does every set of them, and only the empty set does not. */
Test(table, no_set_of_flaws_is_frozen)
{
    void (*const spoilers[])(VmsEvidence *) = { spoil_count,  spoil_thaw,     spoil_ack,
                                                spoil_start,  spoil_end,      spoil_budget,
                                                spoil_mount,  spoil_instance, spoil_image,
                                                spoil_sharer, spoil_before };

    for (guint set = 0; set < 1U << G_N_ELEMENTS(spoilers); set++) {
        g_auto(Scene) scene = scene_new();
        g_autofree char *got = NULL;

        scene_running(&scene);
        scene_note_state(&scene);
        for (guint i = 0; i < G_N_ELEMENTS(spoilers); i++)
            if (set & 1U << i)
                spoilers[i](scene.e);
        got = scene_judge(&scene, VMSNAP_CONSISTENCY_PREFER);
        cr_expect_str_eq(got, set ? "crash" : "frozen", "set %x: %s", set, got);
    }
}

/* What the caller accepts mends what no freeze reaches, and nothing else. */
Test(table, accepting_mends_nothing_else)
{
    static const char *const names[] = { "vda", "/", "/data", "/home" };

    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_auto(Scene) scene = scene_new();
        g_autofree char *before = NULL;
        g_autofree char *after = NULL;
        gboolean mends;

        table[i].make(&scene);
        scene_note_state(&scene);
        before = scene_judge(&scene, VMSNAP_CONSISTENCY_PREFER);
        for (gsize j = 0; j < G_N_ELEMENTS(names); j++)
            g_ptr_array_add(scene.e->accepted, g_strdup(names[j]));
        after = scene_judge(&scene, VMSNAP_CONSISTENCY_PREFER);
        mends = table[i].make == scene_written_vfat || table[i].make == scene_unknown_writes ||
                table[i].make == scene_accepted_another || table[i].make == scene_raw_disk ||
                table[i].make == scene_zfs;
        if (mends)
            cr_expect_str_eq(after, "frozen", "%s", table[i].situation);
        else if (table[i].make != scene_vfat_called_efi)
            cr_expect_str_eq(after, before, "%s", table[i].situation);
    }
}
