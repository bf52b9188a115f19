/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/image.h"
#include "plan/consistency.h"

#include <criterion/criterion.h>

/* A VM's snapshot and those of its disks, taken in the same window, never disagree. */

enum { ROUNDS = 4000, MOST_DISKS = 5 };

static const char *const targets[MOST_DISKS] = { "vda", "vdb", "vdc", "vdd", "vde" };

/* VMS_SEED repeats a run that failed. */
static GRand *
seeded(void)
{
    const char *given = g_getenv("VMS_SEED");
    guint32 seed = given ? (guint32)g_ascii_strtoull(given, NULL, 10) : g_random_int();

    cr_log_info("VMS_SEED=%u", seed);
    return g_rand_new_with_seed(seed);
}

static gboolean
rarely(GRand *rand)
{
    return g_rand_int_range(rand, 0, 8) == 0;
}

/* What is known of one disk, and of the file system on it. */
static void
add_disk(GRand *rand, VmsEvidence *evidence, const char *target)
{
    static const char *const types[] = { "ext4", "xfs", "vfat", "zfs_member", "swap", "iso9660" };
    const char *type = types[rarely(rand) ? g_rand_int_range(rand, 0, 6) : 0];
    VmsFsClean clean = rarely(rand) ? (VmsFsClean)g_rand_int_range(rand, 0, 3) : VMS_FS_CLEAN;

    g_ptr_array_add(evidence->disks,
                    vms_disk_facts_new(target, g_rand_int_range(rand, -1, 2), rarely(rand)));
    g_ptr_array_add(evidence->fs_states, vms_fs_state_new(target, 0, type, clean));
    if (!rarely(rand)) {
        VmsGuestFs *fs = vms_guest_fs_new(target, type, target);

        fs->unmapped = rarely(rand);
        g_ptr_array_add(fs->disks, g_strdup(target));
        g_ptr_array_add(evidence->filesystems, fs);
    }
}

static void
freeze(GRand *rand, VmsEvidence *evidence)
{
    evidence->before = (VmsInstance){ .domain_id = 7, .process = { .pid = 4711 } };
    evidence->after = evidence->before;
    evidence->after.domain_id += rarely(rand);
    evidence->state_before = rarely(rand) ? VMSNAP_VM_PAUSED : VMSNAP_VM_RUNNING;
    evidence->frozen_count = rarely(rand) ? 0 : (int)evidence->filesystems->len;
    evidence->thawed_count = evidence->frozen_count - rarely(rand);
    evidence->frozen_before = rarely(rand);
    evidence->overdue = rarely(rand);
    evidence->guard = VMS_GUARD_PROCESS;
    evidence->times = (VmsTimes){ .freeze_sent = 1,
                                  .freeze_acked = 2,
                                  .cut_start = 3,
                                  .cut_end = 4,
                                  .thaw_sent = rarely(rand) ? 3 : 5,
                                  .thaw_acked = 6 };
}

static VmsEvidence *
random_evidence(GRand *rand, int disks)
{
    VmsEvidence *evidence = vms_evidence_new();

    for (int i = 0; i < disks; i++)
        add_disk(rand, evidence, targets[i]);
    if (g_rand_boolean(rand)) {
        freeze(rand, evidence);
        return evidence;
    }
    evidence->state_before = VMSNAP_VM_OFF;
    evidence->state_reason = g_strdup(rarely(rand) ? "crashed" : "shutdown");
    evidence->managed_save = rarely(rand);
    return evidence;
}

static gboolean
is_consistent(vmsnap_grade grade)
{
    return grade == VMSNAP_GRADE_OFFLINE || grade == VMSNAP_GRADE_FROZEN;
}

/* The grade that a snapshot of this disk alone would have got. */
static vmsnap_grade
grade_alone(VmsEvidence *evidence, guint index)
{
    g_autoptr(GPtrArray) all = evidence->disks;
    g_autoptr(VmsVerdict) verdict = NULL;
    vmsnap_grade grade;

    evidence->disks = g_ptr_array_new();
    g_ptr_array_add(evidence->disks, all->pdata[index]);
    verdict = vms_consistency_judge(evidence);
    grade = verdict->grade;
    g_ptr_array_unref(evidence->disks);
    evidence->disks = g_steal_pointer(&all);
    return grade;
}

Test(consistency, a_vm_is_as_consistent_as_all_of_its_disks)
{
    GRand *rand = seeded();
    int consistent = 0;

    for (int round = 0; round < ROUNDS; round++) {
        int disks = g_rand_int_range(rand, 1, MOST_DISKS + 1);
        g_autoptr(VmsEvidence) evidence = random_evidence(rand, disks);
        g_autoptr(VmsVerdict) verdict = vms_consistency_judge(evidence);
        gboolean each = TRUE;

        for (guint i = 0; i < evidence->disks->len; i++) {
            cr_assert_eq(verdict->grades[i], grade_alone(evidence, i), "round %d, disk %u", round,
                         i);
            each = each && is_consistent(verdict->grades[i]);
        }
        cr_assert_eq(is_consistent(verdict->grade), each, "round %d", round);
        consistent += each;
    }
    cr_assert(consistent > ROUNDS / 20 && consistent < ROUNDS, "%d of %d", consistent, ROUNDS);
    g_rand_free(rand);
}
