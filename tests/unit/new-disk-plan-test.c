/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "plan/new-disk-plan.h"

#include <criterion/criterion.h>

#define MIB (1024ULL * 1024)

/* What is made of a snapshot's image, and what stands in its way: every row by itself. */

typedef struct {
    VmsSnapshot *snapshot;
    VmsSnapshotDisk *stored;
    VmsNewDiskInput input;
} Scene;

/* A Ready raw image of 100 MiB, 10 MiB of it written, beside plenty of room that can clone. */
static Scene
scene_new(const char *format)
{
    Scene scene = { .snapshot = vms_snapshot_new("aaaaaaaa-0000-4000-8000-000000000001", "daily") };
    VmsSnapshotDisk *disk = vms_snapshot_disk_new("vda");

    disk->origin = vms_image_new("/disks/a.img", format);
    disk->origin->virtual_size = 100 * MIB;
    disk->image = vms_image_new("/disks/.vmsnap/x/vda.img", format);
    disk->image->virtual_size = 100 * MIB;
    g_ptr_array_add(scene.snapshot->disks, disk);
    scene.snapshot->phase = VMSNAP_SNAPSHOT_READY;
    scene.stored = disk;
    scene.input =
        (VmsNewDiskInput){ .snapshot = scene.snapshot,
                           .stored = disk,
                           .path = "/new/b.img",
                           .image = { .ino = 7, .allocated = 10 * MIB },
                           .place = { .reflink = VMS_REFLINK_YES, .free_bytes = 1000 * MIB } };
    return scene;
}

static void
scene_clear(Scene *scene)
{
    vms_new_disk_input_clear(&scene->input);
    vms_snapshot_free(scene->snapshot);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scene, scene_clear)

static VmsNewDiskChoice
must_choose(const Scene *scene)
{
    VmsNewDiskChoice choice;
    g_autoptr(GError) error = NULL;

    cr_assert(vms_new_disk_choose(&scene->input, &choice, &error), "%s",
              error ? error->message : "");
    return choice;
}

static void
expect_refused(const Scene *scene, int code, const char *reason)
{
    VmsNewDiskChoice choice;
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_new_disk_choose(&scene->input, &choice, &error));
    cr_assert_eq(vms_error_get_code(error), code, "%s", error->message);
    if (reason)
        cr_assert_str_eq(vms_error_get_reason(error), reason);
}

/* ---- what will be made ---- */

typedef struct {
    const char *from;
    const char *to;
    vmsnap_new_disk_method method;
    VmsReflink reflink;
    VmsNewDiskWay way;
    gboolean may_copy;
} Way;

Test(new_disk_plan, the_way_follows_format_method_and_file_system)
{
    static const Way ways[] = {
        { "raw", NULL, VMSNAP_NEW_DISK_AUTO, VMS_REFLINK_YES, VMS_NEW_DISK_CLONE, TRUE },
        { "raw", NULL, VMSNAP_NEW_DISK_AUTO, VMS_REFLINK_MAYBE, VMS_NEW_DISK_CLONE, TRUE },
        { "raw", NULL, VMSNAP_NEW_DISK_AUTO, VMS_REFLINK_NO, VMS_NEW_DISK_COPY, TRUE },
        { "qcow2", NULL, VMSNAP_NEW_DISK_AUTO, VMS_REFLINK_YES, VMS_NEW_DISK_CLONE, TRUE },
        { "raw", "qcow2", VMSNAP_NEW_DISK_AUTO, VMS_REFLINK_YES, VMS_NEW_DISK_CONVERT, TRUE },
        { "qcow2", "raw", VMSNAP_NEW_DISK_FULL, VMS_REFLINK_YES, VMS_NEW_DISK_CONVERT, FALSE },
        { "raw", NULL, VMSNAP_NEW_DISK_FULL, VMS_REFLINK_YES, VMS_NEW_DISK_COPY, FALSE },
        { "raw", NULL, VMSNAP_NEW_DISK_REFLINK, VMS_REFLINK_YES, VMS_NEW_DISK_CLONE, FALSE },
        { "raw", NULL, VMSNAP_NEW_DISK_LINKED, VMS_REFLINK_NO, VMS_NEW_DISK_OVERLAY, FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
        g_auto(Scene) scene = scene_new(ways[i].from);
        VmsNewDiskChoice choice;

        scene.input.format = ways[i].to;
        scene.input.method = ways[i].method;
        scene.input.place.reflink = ways[i].reflink;
        choice = must_choose(&scene);
        cr_expect_eq(choice.way, ways[i].way, "row %zu: %s", i, vms_new_disk_way_name(choice.way));
        cr_expect_eq(choice.may_copy, ways[i].may_copy, "row %zu", i);
        cr_expect_eq(choice.size, 100 * MIB);
        cr_expect_not(choice.grows);
    }
}

Test(new_disk_plan, a_linked_disk_is_qcow2_of_a_raw_image)
{
    g_auto(Scene) scene = scene_new("raw");

    scene.input.method = VMSNAP_NEW_DISK_LINKED;
    scene.input.size = 200 * MIB;
    cr_assert_str_eq(must_choose(&scene).format, "qcow2");
    cr_assert_eq(must_choose(&scene).size, 200 * MIB);
    cr_assert_not(must_choose(&scene).grows, "it is made so large");
    scene.input.format = "raw";
    expect_refused(&scene, VMSNAP_E_INVALID, NULL);
    scene.input.format = NULL;
    scene.input.flags = VMSNAP_NEW_DISK_IMAGE;
    expect_refused(&scene, VMSNAP_E_INVALID, NULL);
}

Test(new_disk_plan, the_recorded_source_format_counts_not_that_of_the_copy)
{
    g_auto(Scene) scene = scene_new("qcow2");

    g_free(scene.stored->image->format);
    scene.stored->image->format = g_strdup("raw"); /* a backup job's */
    cr_assert_str_eq(must_choose(&scene).format, "qcow2");
    cr_assert_eq(must_choose(&scene).way, VMS_NEW_DISK_CONVERT);
    scene.input.method = VMSNAP_NEW_DISK_REFLINK;
    expect_refused(&scene, VMSNAP_E_INVALID, "ReflinkUnsupported");
    scene.input.method = VMSNAP_NEW_DISK_AUTO;
    scene.input.format = "vmdk";
    expect_refused(&scene, VMSNAP_E_UNSUPPORTED, "FormatUnsupported");
}

Test(new_disk_plan, what_depends_on_other_layers_is_flattened)
{
    g_auto(Scene) scene = scene_new("qcow2");

    scene.stored->image->internal_snapshots = 1;
    cr_assert_eq(must_choose(&scene).way, VMS_NEW_DISK_CLONE, "a disk keeps them");
    scene.input.size = 200 * MIB;
    cr_assert_eq(must_choose(&scene).way, VMS_NEW_DISK_CONVERT, "with them it cannot grow");
    scene.input.size = 0;
    scene.input.flags = VMSNAP_NEW_DISK_IMAGE;
    cr_assert_eq(must_choose(&scene).way, VMS_NEW_DISK_CONVERT);
    scene.stored->image->internal_snapshots = 0;
    cr_assert_eq(must_choose(&scene).way, VMS_NEW_DISK_CLONE);
    scene.stored->image->backing = g_strdup("/disks/base.qcow2");
    cr_assert_eq(must_choose(&scene).way, VMS_NEW_DISK_CONVERT);
}

Test(new_disk_plan, it_is_never_smaller_than_the_disk_was)
{
    g_auto(Scene) scene = scene_new("raw");

    scene.stored->origin->virtual_size = 100 * MIB - 100; /* the copy has whole sectors */
    cr_assert_eq(must_choose(&scene).size, 100 * MIB);
    scene.input.size = 100 * MIB - 101;
    expect_refused(&scene, VMSNAP_E_INVALID, "TooSmall");
    scene.input.size = 100 * MIB - 100;
    cr_assert_eq(must_choose(&scene).size, 100 * MIB);
    cr_assert_not(must_choose(&scene).grows);
    scene.input.size = 100 * MIB + 1;
    cr_assert_eq(must_choose(&scene).size, 100 * MIB + 512, "whole sectors");
    cr_assert(must_choose(&scene).grows);
    scene.input.size = G_MAXUINT64;
    expect_refused(&scene, VMSNAP_E_INVALID, NULL);
}

Test(new_disk_plan, both_sizes_are_told_when_it_is_too_small)
{
    g_auto(Scene) scene = scene_new("raw");
    VmsNewDiskChoice choice;
    g_autoptr(GError) error = NULL;

    scene.input.size = 5000;
    cr_assert_not(vms_new_disk_choose(&scene.input, &choice, &error));
    cr_assert(strstr(error->message, "5000") && strstr(error->message, "104857600"), "%s",
              error->message);
}

/* ---- what stands in its way ---- */

static void
expect_finding(const Scene *scene, int code, const char *reason)
{
    VmsNewDiskChoice choice = must_choose(scene);
    g_autoptr(VmsPlan) plan = vms_new_disk_make_plan(&scene->input, &choice);
    g_autoptr(GError) error = NULL;

    cr_assert_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_DRY_RUN), 1, "%s", reason);
    cr_assert_not(vms_new_disk_check_plan(plan, &error));
    cr_assert_eq(vms_error_get_code(error), code, "%s: %s", reason, error->message);
    cr_assert_str_eq(vms_error_get_reason(error), reason);
}

Test(new_disk_plan, each_obstacle_has_its_code)
{
    g_auto(Scene) unready = scene_new("raw");
    g_auto(Scene) lost = scene_new("raw");
    g_auto(Scene) homeless = scene_new("raw");
    g_auto(Scene) taken = scene_new("raw");
    g_auto(Scene) full = scene_new("raw");
    g_auto(Scene) unlike = scene_new("raw");

    unready.snapshot->phase = VMSNAP_SNAPSHOT_IN_PROGRESS;
    unready.input.image_fault = g_strdup("not there yet");
    expect_finding(&unready, VMSNAP_E_CONFLICT, "NotReady");
    lost.input.image_fault = g_strdup("changed");
    expect_finding(&lost, VMSNAP_E_LOST, "Lost");
    homeless.input.folder_fault = g_strdup("no folder");
    expect_finding(&homeless, VMSNAP_E_NOT_FOUND, "FolderMissing");
    taken.input.obstacle = g_strdup("a file");
    expect_finding(&taken, VMSNAP_E_EXISTS, "NameTaken");
    full.input.method = VMSNAP_NEW_DISK_FULL;
    full.input.place.free_bytes = 10 * MIB;
    expect_finding(&full, VMSNAP_E_NO_SPACE, "OutOfSpace");
    unlike.input.method = VMSNAP_NEW_DISK_REFLINK;
    unlike.input.place.reflink = VMS_REFLINK_NO;
    expect_finding(&unlike, VMSNAP_E_UNSUPPORTED, "ReflinkUnsupported");
}

Test(new_disk_plan, shared_blocks_need_little_room)
{
    g_auto(Scene) scene = scene_new("raw");
    VmsNewDiskChoice choice;
    g_autoptr(VmsPlan) plan = NULL;

    scene.input.place.free_bytes = 5 * MIB;
    choice = must_choose(&scene);
    plan = vms_new_disk_make_plan(&scene.input, &choice);
    cr_assert(vms_new_disk_check_plan(plan, NULL));
    cr_assert_eq(plan->steps->len, 3);
}

Test(new_disk_plan, a_vm_that_waits_for_such_a_file_is_told)
{
    g_auto(Scene) scene = scene_new("raw");
    VmsNewDiskChoice choice = must_choose(&scene);
    g_autoptr(VmsPlan) plan = NULL;
    const VmsFinding *finding;

    scene.input.user = g_strdup("VM web");
    plan = vms_new_disk_make_plan(&scene.input, &choice);
    cr_assert(vms_new_disk_check_plan(plan, NULL), "it may be what is wanted");
    finding = plan->findings->pdata[0];
    cr_assert_eq(finding->severity, VMSNAP_SEVERITY_WARNING);
    cr_assert_str_eq(finding->holder, "VM web");
}

Test(new_disk_plan, the_hash_covers_what_was_asked)
{
    g_auto(Scene) scene = scene_new("raw");
    VmsNewDiskChoice choice = must_choose(&scene);
    g_autoptr(VmsPlan) one = vms_new_disk_make_plan(&scene.input, &choice);
    g_autoptr(VmsPlan) other = NULL;
    g_autoptr(VmsPlan) fuller = NULL;

    scene.input.place.free_bytes /= 2;
    fuller = vms_new_disk_make_plan(&scene.input, &choice);
    cr_assert_str_eq(one->hash, fuller->hash);
    choice.size++;
    other = vms_new_disk_make_plan(&scene.input, &choice);
    cr_assert_str_neq(one->hash, other->hash);
}
