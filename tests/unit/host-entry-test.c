/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <sys/wait.h>
#include <unistd.h>

/* The host entry of a VM whose address is kept: it is there when the VM is as the snapshot was, and
 * else not, unless it was there before; whatever fails or dies on the way. */

enum { MOST_CALLS = 400 };

typedef enum { RESTORE, UNDO, DELETE } Kind;

typedef struct {
    Kind kind;
    gboolean existed; /* somebody's entry, before all else */
    EngineBench *bench;
    char *snapshot;
    char *restore;
} Trial;

static void
expect_ok(EngineBench *bench, gboolean ok, const char *what)
{
    cr_assert(ok, "%s: %s", what, bench->error ? bench->error->message : "no error");
}

static void
begin(Trial *trial)
{
    EngineBench *bench = engine_bench_new();

    trial->bench = bench;
    bench->world->network = TRUE;
    bench->world->entry = trial->existed;
    expect_ok(bench, engine_bench_snapshot(bench, &trial->snapshot), "snapshot");
    engine_bench_write(bench, '2');
    if (trial->kind != RESTORE)
        expect_ok(bench, engine_bench_restore(bench, trial->snapshot, &trial->restore), "restore");
}

static void
end(Trial *trial)
{
    g_clear_pointer(&trial->bench, engine_bench_free);
    g_clear_pointer(&trial->snapshot, g_free);
    g_clear_pointer(&trial->restore, g_free);
}

static gboolean
run(Trial *trial)
{
    switch (trial->kind) {
    case RESTORE:
        return engine_bench_restore(trial->bench, trial->snapshot, NULL);
    case DELETE:
        return engine_bench_delete(trial->bench, trial->snapshot);
    case UNDO:
        break;
    }
    return engine_bench_undo(trial->bench, trial->restore);
}

/* A delete that was begun is finished; what was not leaves the restored VM its entry. */
static void
expect_settled(const Trial *trial, const char *when, int number)
{
    const FakeWorld *world = trial->bench->world;
    char time = engine_bench_time(trial->bench);
    int entry = time == '1' || trial->existed;

    cr_assert_neq(time, 'x', "%s at %d", when, number);
    cr_assert_eq(engine_bench_open_operations(trial->bench), 0, "%s at %d", when, number);
    if (trial->kind == DELETE && !trial->existed)
        return;
    cr_assert_eq(world->entry, entry, "%s at %d: time %c, entry %d: %s", when, number, time,
                 (int)world->entry, world->log);
}

Test(host_entry, comes_with_a_restore_and_goes_with_its_undo)
{
    for (int existed = 0; existed < 2; existed++) {
        Trial trial = { .kind = UNDO, .existed = existed };

        begin(&trial);
        cr_assert_eq(trial.bench->world->entry, 1);
        expect_ok(trial.bench, run(&trial), "undo");
        cr_assert_eq(trial.bench->world->entry, existed);
        expect_ok(trial.bench, engine_bench_delete(trial.bench, trial.snapshot), "delete");
        cr_assert_eq(trial.bench->world->entry, existed);
        end(&trial);
    }
}

Test(host_entry, goes_with_the_snapshot)
{
    for (int existed = 0; existed < 2; existed++) {
        Trial trial = { .kind = DELETE, .existed = existed };

        begin(&trial);
        expect_ok(trial.bench, run(&trial), "delete");
        cr_assert_eq(trial.bench->world->entry, existed);
        end(&trial);
    }
}

Test(host_entry, of_somebody_after_ours_was_undone_is_not_ours)
{
    Trial trial = { .kind = UNDO };

    begin(&trial);
    expect_ok(trial.bench, run(&trial), "undo");
    trial.bench->world->entry = 1;
    expect_ok(trial.bench, engine_bench_restore(trial.bench, trial.snapshot, NULL), "restore");
    expect_ok(trial.bench, engine_bench_delete(trial.bench, trial.snapshot), "delete");
    cr_assert_eq(trial.bench->world->entry, 1);
    end(&trial);
}

static void
fail_each_call(Kind kind, gboolean existed, FakeFailure failure)
{
    gboolean hit = TRUE;

    for (int number = 1; hit && number < MOST_CALLS; number = engine_bench_next(number)) {
        Trial trial = { .kind = kind, .existed = existed };
        int failed = 0;

        begin(&trial);
        engine_bench_arm(trial.bench, number, failure);
        if (!run(&trial) && vms_error_get_code(trial.bench->error) == VMSNAP_E_UNCERTAIN) {
            cr_assert_geq(engine_bench_recover(trial.bench, &failed), 0);
            cr_assert_eq(failed, 0, "call %d: %s", number, trial.bench->world->log);
        }
        hit = engine_bench_was_hit(trial.bench);
        expect_settled(&trial, "failed", number);
        end(&trial);
    }
}

Test(host_entry, is_right_whichever_call_fails, .timeout = 110)
{
    for (int kind = RESTORE; kind <= DELETE; kind++) {
        fail_each_call((Kind)kind, FALSE, FAKE_REFUSE);
        fail_each_call((Kind)kind, FALSE, FAKE_LOSE);
        fail_each_call((Kind)kind, TRUE, FAKE_REFUSE);
    }
}

/* TRUE if the child died of it. */
static gboolean
die_at(Trial *trial, int number)
{
    int status = 0;
    pid_t child;

    engine_bench_close(trial->bench);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        engine_bench_open(trial->bench);
#ifdef VMS_CRASH_POINTS
        vms_crash_arm((guint64)number, 0);
#else
        engine_bench_arm(trial->bench, number, FAKE_KILL);
#endif
        run(trial);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    engine_bench_arm(trial->bench, 0, FAKE_REFUSE);
    engine_bench_open(trial->bench);
    return WIFSIGNALED(status);
}

static void
die_at_each_point(Kind kind, gboolean existed)
{
    gboolean died = TRUE;

    for (int number = 1; died && number < MOST_CALLS; number = engine_bench_next(number)) {
        Trial trial = { .kind = kind, .existed = existed };
        int failed = 0;

        begin(&trial);
        died = die_at(&trial, number);
        cr_assert_geq(engine_bench_recover(trial.bench, &failed), 0);
        cr_assert_eq(failed, 0, "point %d: %s", number, trial.bench->world->log);
        expect_settled(&trial, "died", number);
        cr_assert_eq(engine_bench_recover(trial.bench, NULL), 0, "point %d", number);
        end(&trial);
    }
    cr_assert_not(died, "more places to die than were tried");
}

Test(host_entry, of_a_restore_that_died_anywhere, .timeout = 110)
{
    die_at_each_point(RESTORE, FALSE);
    die_at_each_point(RESTORE, TRUE);
}

Test(host_entry, of_an_undo_that_died_anywhere, .timeout = 110)
{
    die_at_each_point(UNDO, FALSE);
}

Test(host_entry, of_a_delete_that_died_anywhere, .timeout = 110)
{
    die_at_each_point(DELETE, FALSE);
    die_at_each_point(DELETE, TRUE);
}
