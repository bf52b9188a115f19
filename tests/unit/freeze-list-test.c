/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/consistency.h"
#include "plan/freeze-list.h"

#include <criterion/criterion.h>
#include <string.h>

/* Which file systems a freeze takes when only some disks are cut, and how it is judged. */

static VmsGuestFs *
add_fs(GPtrArray *list, const char *mountpoint, const char *type, const char *name,
       const char *disk)
{
    VmsGuestFs *fs = vms_guest_fs_new(mountpoint, type, name);

    if (disk)
        g_ptr_array_add(fs->disks, g_strdup(disk));
    g_ptr_array_add(list, fs);
    return fs;
}

/* A root on vda, data on vdb, and what no freeze takes. */
static GPtrArray *
guest(void)
{
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)vms_guest_fs_free);

    add_fs(list, "/", "ext4", "vda1", "vda");
    add_fs(list, "/boot/efi", "vfat", "vda15", "vda");
    add_fs(list, "/data", "xfs", "vdb1", "vdb");
    add_fs(list, "/cd", "iso9660", "sr0", "sda");
    return list;
}

static void
expect(const GPtrArray *filesystems, const char *targets, const char *wanted)
{
    g_auto(GStrv) names = g_strsplit(targets, " ", -1);
    g_autoptr(GPtrArray) list = vms_freeze_list_choose(filesystems, (const char *const *)names);
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; list && i < list->len; i++)
        g_string_append_printf(text, "%s%s", i ? " " : "", (char *)g_ptr_array_index(list, i));
    cr_assert_str_eq(text->str, wanted, "%s: %s", targets, text->str);
}

Test(freeze_list, only_what_lies_on_the_disks_that_are_cut)
{
    g_autoptr(GPtrArray) list = guest();

    expect(list, "vdb", "/data");
    expect(list, "vda", "/");
    expect(list, "vda vdb", ""); /* all: an ordinary freeze */
    expect(list, "vdb vdc", "/data");
}

Test(freeze_list, a_file_system_over_several_disks_lies_on_each)
{
    g_autoptr(GPtrArray) list = guest();
    VmsGuestFs *fs = add_fs(list, "/pool", "btrfs", "dm-3", "vdb");

    g_ptr_array_add(fs->disks, g_strdup("vdc"));
    expect(list, "vdc", "/pool");
    expect(list, "vdb", "/data /pool");
}

Test(freeze_list, several_mounts_of_one_file_system_are_one)
{
    g_autoptr(GPtrArray) list = guest();

    add_fs(list, "/srv/bind", "xfs", "vdb1", "vdb");
    expect(list, "vdb", "/data");
}

Test(freeze_list, a_stranger_is_frozen_too)
{
    g_autoptr(GPtrArray) list = guest();

    add_fs(list, "/odd", "oddfs", "vdb2", "vdb");
    expect(list, "vdb", "/data /odd");
}

Test(freeze_list, nothing_to_freeze_on_the_disks_freezes_all)
{
    g_autoptr(GPtrArray) list = guest();

    expect(list, "vdz", "");
    expect(list, "sda", "");
}

Test(freeze_list, what_cannot_be_placed_freezes_all)
{
    g_autoptr(GPtrArray) unmapped = guest();
    g_autoptr(GPtrArray) loop = guest();

    add_fs(unmapped, "/x", "ext4", "sdq1", "vdb")->unmapped = TRUE;
    expect(unmapped, "vdb", "");
    add_fs(loop, "/mnt/loop", "ext4", "loop0", NULL);
    expect(loop, "vdb", "");
}

Test(freeze_list, a_mount_point_that_may_name_another_freezes_all)
{
    g_autoptr(GPtrArray) hidden = guest();
    g_autoptr(GPtrArray) odd = guest();
    g_autoptr(GPtrArray) drive = guest();

    add_fs(hidden, "/data", "ext4", "vda2", "vda"); /* one over the other */
    expect(hidden, "vdb", "");
    add_fs(odd, "/new\\nline", "ext4", "vdb2", "vdb");
    expect(odd, "vdb", "");
    add_fs(drive, "System Reserved", "NTFS", "\\\\?\\Volume{1}\\", "vda");
    expect(drive, "vdb", "");
}

/* ---- judged ---- */

static VmsEvidence *
frozen_part(int count)
{
    VmsEvidence *e = vms_evidence_new();

    g_ptr_array_unref(e->filesystems);
    e->filesystems = guest();
    g_ptr_array_add(e->freeze_list, g_strdup("/data"));
    e->state_before = VMSNAP_VM_RUNNING;
    e->before = e->after = (VmsInstance){ 7, { 4711, 99 } };
    e->frozen_count = e->thawed_count = count;
    e->times = (VmsTimes){ .freeze_sent = 10,
                           .freeze_acked = 20,
                           .cut_start = 30,
                           .cut_end = 40,
                           .thaw_sent = 50,
                           .thaw_acked = 60 };
    return e;
}

static void
expect_grade(VmsEvidence *e, const char *target, vmsnap_grade grade, const char *about)
{
    g_autoptr(VmsVerdict) verdict = NULL;
    const char *message;

    g_ptr_array_set_size(e->disks, 0);
    g_ptr_array_add(e->disks, vms_disk_facts_new(target, 5, FALSE));
    verdict = vms_consistency_judge(e);
    message = verdict->message ? verdict->message : "";

    cr_assert_eq(verdict->grade, grade, "%s: %s", target, message);
    cr_assert(strstr(message, about), "%s", message);
}

Test(freeze_list, the_count_is_of_the_list)
{
    g_autoptr(VmsEvidence) one = frozen_part(1);
    g_autoptr(VmsEvidence) two = frozen_part(1);

    expect_grade(one, "vdb", VMSNAP_GRADE_FROZEN, "");
    add_fs(two->filesystems, "/data/2", "ext4", "vdb2", "vdb");
    g_ptr_array_add(two->freeze_list, g_strdup("/data/2"));
    expect_grade(two, "vdb", VMSNAP_GRADE_CRASH, "froze 1 of 2");
    two->frozen_count = two->thawed_count = 2;
    expect_grade(two, "vdb", VMSNAP_GRADE_FROZEN, "");
}

Test(freeze_list, a_mount_point_that_was_none_is_no_freeze)
{
    g_autoptr(VmsEvidence) none = frozen_part(0);

    expect_grade(none, "vdb", VMSNAP_GRADE_CRASH, "froze no file system");
}

Test(freeze_list, what_was_not_asked_for_is_not_frozen)
{
    g_autoptr(VmsEvidence) e = frozen_part(1);

    expect_grade(e, "vda", VMSNAP_GRADE_CRASH, "was not among those to be frozen: /");
    /* a count that would fit is no excuse */
    e->frozen_count = e->thawed_count = 9;
    expect_grade(e, "vda", VMSNAP_GRADE_CRASH, "was not among those to be frozen: /");
}
