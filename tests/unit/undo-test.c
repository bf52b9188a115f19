/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/store.h"
#include "model/undo-set.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What restores keep: how long, what it is worth, and who may take it away. */

static void
expect_ok(EngineBench *bench, gboolean ok, const char *what)
{
    cr_assert(ok, "%s: %s", what, bench->error ? bench->error->message : "no error");
}

/* A VM that is off was restored from time '2' to '1'. */
static char *
restore(EngineBench *bench, char **ret_snapshot)
{
    g_autofree char *snapshot = NULL;
    char *uuid = NULL;

    expect_ok(bench, engine_bench_snapshot(bench, &snapshot), "snapshot");
    engine_bench_write(bench, '2');
    expect_ok(bench, engine_bench_restore(bench, snapshot, &uuid), "restore");
    if (ret_snapshot)
        *ret_snapshot = g_steal_pointer(&snapshot);
    return uuid;
}

static GPtrArray *
list(EngineBench *bench)
{
    GPtrArray *sets = NULL;

    cr_assert(vms_engine_list_undo_sets(&bench->engine, &sets, NULL));
    return sets;
}

static guint
count(EngineBench *bench)
{
    g_autoptr(GPtrArray) sets = list(bench);

    return sets->len;
}

/* The time of one is over. */
static void
age(EngineBench *bench, const char *uuid)
{
    g_auto(VmsWork) work = { 0 };

    cr_assert(vms_store_load_operation(bench->engine.drivers->catalog, uuid, &work.operation,
                                       &work.operation_version, NULL));
    work.operation->undo_until_us = 1;
    cr_assert(vms_store_save(bench->engine.drivers->catalog, &work, NULL));
}

static char *
kept_file(EngineBench *bench, const char *uuid, const char *name)
{
    return g_build_filename(bench->folder, "disks", ".vmsnap", uuid, name, NULL);
}

Test(undo, a_set_tells_what_it_keeps_and_what_it_takes)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *uuid = restore(bench, NULL);
    g_autoptr(GPtrArray) sets = list(bench);
    const VmsUndoSet *set;

    cr_assert_eq(sets->len, 1);
    set = sets->pdata[0];
    cr_assert_str_eq(set->operation, uuid);
    cr_assert_str_eq(set->vm_name, "web");
    cr_assert_eq(set->files->len, 3, "two disks and NVRAM");
    cr_assert_gt(set->allocated, 0);
    cr_assert_eq(vms_undo_set_state(set), VMSNAP_UNDO_KEPT);
}

Test(undo, the_time_asked_for_is_the_time_kept_whoever_finishes)
{
    for (int by_recover = 0; by_recover < 2; by_recover++) {
        g_autoptr(EngineBench) bench = engine_bench_new();
        g_autofree char *snapshot = NULL;
        g_autofree char *uuid = NULL;
        g_autoptr(GPtrArray) sets = NULL;
        const VmsUndoSet *set;
        gint64 now = g_get_real_time();

        bench->undo_ttl_s = 100;
        expect_ok(bench, engine_bench_snapshot(bench, &snapshot), "snapshot");
        if (by_recover) { /* the last record is not written */
            g_autoptr(EngineBench) other = engine_bench_new();
            g_autofree char *theirs = NULL;
            int before;
            int applies = 0;
            g_auto(GStrv) calls = NULL;

            expect_ok(other, engine_bench_snapshot(other, &theirs), "snapshot");
            before = other->world->logged;
            expect_ok(other, engine_bench_restore(other, theirs, NULL), "restore");
            calls = g_strsplit(g_strchomp(other->world->log + before), " ", -1);
            applies = (int)g_strv_length(calls);
            engine_bench_arm(bench, applies, FAKE_REFUSE);
            cr_assert_not(engine_bench_restore(bench, snapshot, &uuid));
            cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_UNCERTAIN);
            cr_assert_eq(engine_bench_recover(bench, NULL), 1);
        } else {
            expect_ok(bench, engine_bench_restore(bench, snapshot, &uuid), "restore");
        }
        sets = list(bench);
        cr_assert_eq(sets->len, 1);
        set = sets->pdata[0];
        cr_assert_geq(set->until_us, now + 100 * G_USEC_PER_SEC);
        cr_assert_lt(set->until_us, now + 200 * G_USEC_PER_SEC);
    }
}

Test(undo, a_set_dropped_is_gone_and_cannot_be_undone)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = NULL;
    g_autofree char *uuid = restore(bench, &snapshot);

    expect_ok(bench, engine_bench_drop(bench, uuid), "drop");
    cr_assert_eq(count(bench), 0);
    cr_assert_eq(engine_bench_extra_files(bench), 4, "only the snapshot's");
    cr_assert_eq(engine_bench_time(bench), '1');
    cr_assert_not(engine_bench_undo(bench, uuid));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "NothingToUndo");
    cr_assert_not(engine_bench_drop(bench, uuid));
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_NOT_FOUND);
}

Test(undo, a_file_another_vm_uses_is_not_dropped)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *uuid = restore(bench, NULL);
    g_autofree char *file = kept_file(bench, uuid, "vda.raw");

    g_strlcpy(bench->world->other, file, sizeof(bench->world->other));
    cr_assert_not(engine_bench_drop(bench, uuid));
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_IN_USE);
    age(bench, uuid);
    cr_assert_eq(engine_bench_collect(bench, FALSE, "skipped"), 1);
    cr_assert(g_file_test(file, G_FILE_TEST_EXISTS));
}

Test(undo, a_foreign_file_at_a_kept_ones_name_stays)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *uuid = restore(bench, NULL);
    g_autofree char *file = kept_file(bench, uuid, "vda.raw");
    g_autofree char *aside = g_strconcat(bench->folder, "/aside", NULL);
    g_autoptr(GPtrArray) sets = NULL;

    cr_assert_eq(rename(file, aside), 0);
    cr_assert(g_file_set_contents(file, "mine", -1, NULL));
    sets = list(bench);
    cr_assert_eq(vms_undo_set_state(sets->pdata[0]), VMSNAP_UNDO_LOST);
    cr_assert_not(engine_bench_undo(bench, uuid));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "Lost");
    cr_assert_eq(engine_bench_time(bench), '1', "nothing was touched");
    expect_ok(bench, engine_bench_drop(bench, uuid), "drop");
    cr_assert(g_file_test(file, G_FILE_TEST_EXISTS));
}

Test(undo, only_what_is_expired_is_collected_and_only_when_asked)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = NULL;
    g_autofree char *first = restore(bench, &snapshot);
    g_autofree char *second = NULL;

    engine_bench_write(bench, '3');
    expect_ok(bench, engine_bench_restore(bench, snapshot, &second), "restore");
    cr_assert_eq(engine_bench_collect(bench, FALSE, "dropped"), 0);
    age(bench, first);
    cr_assert_eq(engine_bench_recover(bench, NULL), 0);
    cr_assert_eq(count(bench), 2, "recover collects nothing");
    cr_assert_eq(engine_bench_collect(bench, TRUE, "would-drop"), 1);
    cr_assert_eq(count(bench), 2, "a dry run collects nothing");
    cr_assert_eq(engine_bench_collect(bench, FALSE, "dropped"), 1);
    cr_assert_eq(count(bench), 1);
    expect_ok(bench, engine_bench_undo(bench, second), "undo");
    cr_assert_eq(engine_bench_time(bench), '3');
    cr_assert_eq(engine_bench_extra_files(bench), 4);
}

Test(undo, an_expired_set_can_be_brought_back_until_it_is_collected)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *uuid = restore(bench, NULL);

    age(bench, uuid);
    expect_ok(bench, engine_bench_undo(bench, uuid), "undo");
    cr_assert_eq(engine_bench_time(bench), '2');
}

Test(undo, a_restore_over_another_is_undone_before_it)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = NULL;
    g_autofree char *first = restore(bench, &snapshot);
    g_autofree char *second = NULL;

    engine_bench_write(bench, '3');
    expect_ok(bench, engine_bench_restore(bench, snapshot, &second), "restore");
    cr_assert_not(engine_bench_undo(bench, first));
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_PLAN_STALE);
    expect_ok(bench, engine_bench_undo(bench, second), "undo");
    cr_assert_eq(engine_bench_time(bench), '3');
    expect_ok(bench, engine_bench_undo(bench, first), "undo");
    cr_assert_eq(engine_bench_time(bench), '2');
}

Test(undo, what_was_left_beside_a_foreign_file_is_collected_when_that_is_gone)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *uuid = restore(bench, NULL);
    g_autofree char *notes = kept_file(bench, uuid, "notes");

    cr_assert(g_file_set_contents(notes, "mine", -1, NULL));
    expect_ok(bench, engine_bench_drop(bench, uuid), "drop");
    cr_assert_eq(engine_bench_collect(bench, FALSE, "skipped"), 1);
    cr_assert(g_file_test(notes, G_FILE_TEST_EXISTS));
    cr_assert_eq(unlink(notes), 0);
    cr_assert_eq(engine_bench_collect(bench, FALSE, "removed"), 1);
    cr_assert_eq(engine_bench_collect(bench, FALSE, "removed"), 0);
}

Test(undo, a_folder_that_no_record_knows_is_told_and_stays)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *file = kept_file(bench, "aaaaaaaa-0000-4000-8000-00000000000f", "vda.raw");
    g_autofree char *folder = g_path_get_dirname(file);

    cr_assert_eq(g_mkdir_with_parents(folder, 0700), 0);
    cr_assert(g_file_set_contents(file, "whose", -1, NULL));
    cr_assert_eq(engine_bench_collect(bench, FALSE, "kept"), 1);
    cr_assert(g_file_test(file, G_FILE_TEST_EXISTS));
}
