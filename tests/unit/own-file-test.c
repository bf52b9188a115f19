/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/own-file.h"
#include "engine/store.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a record names and is not ours stays, whatever is removed. */

#define OTHER_UUID "11111111-2222-4333-8444-555555555555"

static void
expect_ok(EngineBench *bench, gboolean ok, const char *what)
{
    cr_assert(ok, "%s: %s", what, bench->error ? bench->error->message : "no error");
}

static char *
take(EngineBench *bench)
{
    char *snapshot = NULL;

    expect_ok(bench, engine_bench_snapshot(bench, &snapshot), "snapshot");
    return snapshot;
}

/* As somebody with an editor would. */
static void
rename_image(EngineBench *bench, const char *uuid, const char *path)
{
    g_auto(VmsWork) work = { 0 };
    VmsSnapshotDisk *disk;

    cr_assert(vms_store_load_snapshot(bench->engine.drivers->catalog, uuid, &work.snapshot,
                                      &work.snapshot_version, NULL));
    disk = work.snapshot->disks->pdata[0];
    g_free(disk->image->path);
    disk->image->path = g_strdup(path);
    cr_assert(vms_store_save(bench->engine.drivers->catalog, &work, NULL));
}

static char *
image_path(EngineBench *bench, const char *uuid)
{
    g_autoptr(VmsSnapshot) snapshot = NULL;

    cr_assert(vms_store_load_snapshot(bench->engine.drivers->catalog, uuid, &snapshot, NULL, NULL));
    return g_strdup(((const VmsSnapshotDisk *)snapshot->disks->pdata[0])->image->path);
}

static gboolean
is_there(const char *path)
{
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

/* The delete came to its end and says what it left. */
static void
expect_told(EngineBench *bench, const char *path)
{
    g_autoptr(GPtrArray) operations = NULL;
    guint told = 0;

    cr_assert(vms_store_list_operations(bench->engine.drivers->catalog, &operations, NULL));
    for (guint i = 0; i < operations->len; i++) {
        const VmsOperation *operation = operations->pdata[i];

        for (guint j = 0; strcmp(operation->type, "delete") == 0 && j < operation->resources->len;
             j++) {
            const VmsFinding *finding = operation->resources->pdata[j];

            told += g_strcmp0(finding->reason, "NotOurs") == 0 && strcmp(finding->name, path) == 0;
        }
    }
    cr_assert_eq(told, 1, "%s", path);
    cr_assert_eq(engine_bench_open_operations(bench), 0);
}

Test(own_file, another_machines_disk_in_a_record_stays)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = take(bench);
    g_autofree char *other = g_build_filename(bench->folder, "other.raw", NULL);

    cr_assert(g_file_set_contents(other, "theirs", -1, NULL));
    rename_image(bench, snapshot, other);
    expect_ok(bench, engine_bench_delete(bench, snapshot), "delete");
    cr_assert(is_there(other));
    expect_told(bench, other);
}

/* Not even where its VM would say that it is in use. */
Test(own_file, the_disk_of_the_vm_itself_in_a_record_stays)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = take(bench);
    g_autofree char *disk = g_strdup(bench->world->disks[0]);

    cr_assert(is_there(disk));
    rename_image(bench, snapshot, disk);
    expect_ok(bench, engine_bench_delete(bench, snapshot), "delete");
    cr_assert_eq(engine_bench_time(bench), '1');
    expect_told(bench, disk);
}

Test(own_file, an_image_of_another_snapshot_stays)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = take(bench);
    g_autofree char *second = NULL;
    g_autofree char *image = NULL;

    expect_ok(bench, engine_bench_disk_snapshot(bench, "vda", &second), "disk snapshot");
    image = image_path(bench, second);
    rename_image(bench, snapshot, image);
    expect_ok(bench, engine_bench_delete(bench, snapshot), "delete");
    cr_assert(is_there(image));
    expect_ok(bench, engine_bench_delete(bench, second), "delete");
    cr_assert_not(is_there(image));
}

Test(own_file, another_file_under_the_images_name_stays)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = take(bench);
    g_autofree char *image = image_path(bench, snapshot);
    g_autofree char *aside = g_strconcat(bench->folder, "/aside", NULL);

    cr_assert_eq(rename(image, aside), 0); /* its inode stays taken */
    cr_assert(g_file_set_contents(image, "theirs", -1, NULL));
    expect_ok(bench, engine_bench_delete(bench, snapshot), "delete");
    cr_assert(is_there(image));
    expect_told(bench, image);
}

Test(own_file, a_store_that_was_moved_is_still_ours)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = take(bench);
    g_autofree char *image = image_path(bench, snapshot);
    g_autofree char *aside = g_strconcat(bench->folder, "/aside", NULL);
    g_autofree char *content = NULL;
    struct timespec times[2];
    struct stat st;
    gsize size = 0;

    cr_assert_eq(rename(image, aside), 0);
    cr_assert(g_file_get_contents(aside, &content, &size, NULL));
    cr_assert(g_file_set_contents(image, content, (gssize)size, NULL));
    cr_assert_eq(stat(aside, &st), 0);
    times[0] = st.st_atim;
    times[1] = st.st_mtim;
    cr_assert_eq(utimensat(-1, image, times, 0), 0);
    expect_ok(bench, engine_bench_delete(bench, snapshot), "delete");
    cr_assert_not(is_there(image));
}

Test(own_file, nothing_behind_a_link_is_removed)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = take(bench);
    g_autofree char *image = image_path(bench, snapshot);
    g_autofree char *folder = g_path_get_dirname(image);
    g_autofree char *aside = g_strconcat(bench->folder, "/aside", NULL);

    cr_assert_eq(rename(folder, aside), 0);
    cr_assert_eq(symlink(aside, folder), 0);
    expect_ok(bench, engine_bench_delete(bench, snapshot), "delete");
    cr_assert(is_there(image));
    expect_told(bench, image);
    cr_assert_eq(unlink(folder), 0);
    cr_assert_eq(rename(aside, folder), 0);
}

Test(own_file, a_link_in_the_images_place_stays)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = take(bench);
    g_autofree char *image = image_path(bench, snapshot);
    g_autofree char *aside = g_strconcat(bench->folder, "/aside", NULL);

    cr_assert_eq(rename(image, aside), 0);
    cr_assert_eq(symlink(aside, image), 0);
    expect_ok(bench, engine_bench_delete(bench, snapshot), "delete");
    cr_assert(is_there(image));
    expect_told(bench, image);
}

/* Also where the delete fails at any of its calls and is finished by another, or by recover. */
Test(own_file, what_is_anothers_stays_whoever_finishes_the_delete)
{
    gboolean hit = TRUE;

    for (int number = 1; hit; number++) {
        g_autoptr(EngineBench) bench = engine_bench_new();
        g_autofree char *snapshot = take(bench);
        g_autofree char *other = g_build_filename(bench->folder, "other.raw", NULL);

        cr_assert(g_file_set_contents(other, "theirs", -1, NULL));
        rename_image(bench, snapshot, other);
        engine_bench_arm(bench, number, FAKE_REFUSE);
        (void)engine_bench_delete(bench, snapshot);
        hit = engine_bench_was_hit(bench);
        engine_bench_arm(bench, 0, FAKE_REFUSE);
        if (number % 2)
            (void)engine_bench_delete(bench, snapshot);
        cr_assert_geq(engine_bench_recover(bench, NULL), 0);
        cr_assert_eq(engine_bench_open_operations(bench), 0, "call %d", number);
        cr_assert(is_there(other), "call %d", number);
    }
}

/* An edited record of a restore: neither dropping its undo set nor undoing it takes the file. */
Test(own_file, a_foreign_file_in_an_undo_set_stays)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = take(bench);
    g_autofree char *other = g_build_filename(bench->folder, "other.raw", NULL);
    g_autofree char *restore = NULL;
    g_auto(VmsWork) work = { 0 };
    VmsExchange *item;
    struct stat st;

    cr_assert(g_file_set_contents(other, "theirs", -1, NULL));
    cr_assert_eq(stat(other, &st), 0);
    expect_ok(bench, engine_bench_restore(bench, snapshot, &restore), "restore");
    cr_assert(vms_store_load_operation(bench->engine.drivers->catalog, restore, &work.operation,
                                       &work.operation_version, NULL));
    item = work.operation->exchanges->pdata[0];
    g_free(item->next);
    item->next = g_strdup(other);
    item->old_file.ino = st.st_ino;
    cr_assert(vms_store_save(bench->engine.drivers->catalog, &work, NULL));
    expect_ok(bench, engine_bench_drop(bench, restore), "drop");
    cr_assert(is_there(other));
}

/* An edited record of what died: recover takes what was made, and nothing else. */
Test(own_file, recover_removes_no_file_outside_the_operations_folders)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *other = g_build_filename(bench->folder, "other.raw", NULL);
    g_autofree char *snapshot = take(bench);
    g_autofree char *uuid = NULL;
    g_auto(VmsWork) work = { 0 };
    g_autoptr(GPtrArray) operations = NULL;

    cr_assert(g_file_set_contents(other, "theirs", -1, NULL));
    cr_assert(vms_store_list_operations(bench->engine.drivers->catalog, &operations, NULL));
    uuid = g_strdup(((const VmsOperation *)operations->pdata[0])->uuid);
    cr_assert(vms_store_load_operation(bench->engine.drivers->catalog, uuid, &work.operation,
                                       &work.operation_version, NULL));
    work.operation->phase = VMSNAP_OPERATION_IN_PROGRESS;
    work.operation->owner.pid = 0;
    g_ptr_array_add(work.operation->files, g_strdup(other));
    cr_assert(vms_store_save(bench->engine.drivers->catalog, &work, NULL));
    cr_assert_eq(engine_bench_recover(bench, NULL), 1);
    cr_assert_eq(engine_bench_open_operations(bench), 0);
    cr_assert_eq(engine_bench_extra_files(bench), 0, "what it made is gone");
    cr_assert(is_there(other));
    cr_assert_not_null(snapshot);
}

Test(own_file, only_a_file_in_a_folder_named_after_it_is_in_place)
{
    cr_assert(vms_own_is_place("/a/.vmsnap/" OTHER_UUID "/vda.raw", OTHER_UUID));
    cr_assert_not(vms_own_is_place("/a/.vmsnap/" OTHER_UUID "/b/vda.raw", OTHER_UUID));
    cr_assert_not(vms_own_is_place("/a/.vmsnap/" OTHER_UUID "/vda.raw", "other"));
    cr_assert_not(vms_own_is_place("/a/vmsnap/" OTHER_UUID "/vda.raw", OTHER_UUID));
    cr_assert_not(vms_own_is_place("a/.vmsnap/" OTHER_UUID "/vda.raw", OTHER_UUID));
    cr_assert_not(vms_own_is_place("/a/.vmsnap/" OTHER_UUID "/", OTHER_UUID));
    cr_assert_not(vms_own_is_place("/etc/passwd", OTHER_UUID));
    cr_assert_not(vms_own_is_place("/", OTHER_UUID));
}
