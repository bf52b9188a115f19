/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/store.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whole operations of a VM that is off or running, and what is left when a call of theirs fails or
 * their process dies before it. */

enum { MOST_CALLS = 400 };

/* What libvirt notes of the disks of time '2', and of those a restore put there. */
#define OLD_METADATA "snapshot:a snapshot:b checkpoint:c "
#define NEW_METADATA "checkpoint:c checkpoint:d "

static void
expect_ok(EngineBench *bench, gboolean ok, const char *what)
{
    cr_assert(ok, "%s: %s", what, bench->error ? bench->error->message : "no error");
}

static void
run_machine(EngineBench *bench)
{
    bench->world->state = VMSNAP_VM_RUNNING;
    bench->world->domain_id = 7;
}

/* A snapshot of time '1' of a VM that is at '2' now. */
static char *
prepare(EngineBench *bench, gboolean running)
{
    char *snapshot = NULL;

    expect_ok(bench, engine_bench_snapshot(bench, &snapshot), "snapshot");
    engine_bench_write(bench, '2');
    g_strlcpy(bench->world->metadata, OLD_METADATA, sizeof bench->world->metadata);
    if (running)
        run_machine(bench);
    return snapshot;
}

Test(engine, a_snapshot_restored_undone_and_deleted_leaves_nothing)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = prepare(bench, FALSE);
    g_autofree char *restore = NULL;

    expect_ok(bench, engine_bench_restore(bench, snapshot, &restore), "restore");
    cr_assert_eq(engine_bench_time(bench), '1');
    expect_ok(bench, engine_bench_undo(bench, restore), "undo");
    cr_assert_eq(engine_bench_time(bench), '2');
    expect_ok(bench, engine_bench_delete(bench, snapshot), "delete");
    cr_assert_eq(engine_bench_extra_files(bench), 0);
    cr_assert_eq(engine_bench_open_operations(bench), 0);
    cr_assert_eq(bench->world->state, VMSNAP_VM_OFF);
}

Test(engine, a_running_vm_runs_again_after_restore_and_undo)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = prepare(bench, TRUE);
    g_autofree char *restore = NULL;

    expect_ok(bench, engine_bench_restore(bench, snapshot, &restore), "restore");
    cr_assert_eq(bench->world->state, VMSNAP_VM_RUNNING);
    cr_assert_eq(engine_bench_time(bench), '1');
    expect_ok(bench, engine_bench_undo(bench, restore), "undo");
    cr_assert_eq(bench->world->state, VMSNAP_VM_RUNNING);
    cr_assert_eq(engine_bench_time(bench), '2');
    cr_assert_eq(bench->world->torn_starts, 0);
}

/* ---- one operation and how it may end ---- */

typedef enum { SNAPSHOT, DELETE, RESTORE, UNDO, DROP } Kind;

typedef struct {
    EngineBench *bench;
    Kind kind;
    gboolean running;
    char *snapshot;
    char *restore;
    int extra; /* files before */
} Trial;

static void
trial_begin(Trial *trial)
{
    EngineBench *bench = engine_bench_new();

    trial->bench = bench;
    if (trial->kind != SNAPSHOT)
        trial->snapshot = prepare(bench, trial->running);
    if (trial->kind == UNDO || trial->kind == DROP)
        expect_ok(bench, engine_bench_restore(bench, trial->snapshot, &trial->restore), "restore");
    if (trial->kind == UNDO)
        g_strlcpy(bench->world->metadata, NEW_METADATA, sizeof bench->world->metadata);
    trial->extra = engine_bench_extra_files(bench);
}

/* That of the disks that stand there. */
static const char *
metadata_of(const Trial *trial, char time)
{
    if (time == '2')
        return OLD_METADATA;
    return trial->kind == UNDO ? NEW_METADATA : "";
}

static void
trial_end(Trial *trial)
{
    g_clear_pointer(&trial->bench, engine_bench_free);
    g_clear_pointer(&trial->snapshot, g_free);
    g_clear_pointer(&trial->restore, g_free);
}

static gboolean
trial_run(Trial *trial)
{
    switch (trial->kind) {
    case SNAPSHOT:
        return engine_bench_snapshot(trial->bench, NULL);
    case DELETE:
        return engine_bench_delete(trial->bench, trial->snapshot);
    case RESTORE:
        return engine_bench_restore(trial->bench, trial->snapshot, NULL);
    case DROP:
        return engine_bench_drop(trial->bench, trial->restore);
    case UNDO:
        break;
    }
    return engine_bench_undo(trial->bench, trial->restore);
}

/* Times before and after, and files made by it. */
static char
time_before(const Trial *trial)
{
    return trial->kind == RESTORE || trial->kind == DELETE ? '2' : '1';
}

static char
time_after(const Trial *trial)
{
    return trial->kind == UNDO || trial->kind == DELETE ? '2' : '1';
}

static int
files_after(const Trial *trial)
{
    switch (trial->kind) {
    case SNAPSHOT:
        return trial->extra + 4; /* two disks, NVRAM, manifest */
    case DELETE:
        return 0;
    case RESTORE:
        return trial->extra + 3;
    case UNDO:
    case DROP:
        break;
    }
    return trial->extra - 3;
}

static void
expect_settled(Trial *trial, const char *when, int number)
{
    EngineBench *bench = trial->bench;
    int extra = engine_bench_extra_files(bench);
    char time = engine_bench_time(bench);
    vmsnap_vm_state state = trial->running ? VMSNAP_VM_RUNNING : VMSNAP_VM_OFF;
    gboolean old = time == time_before(trial) && extra == trial->extra;
    gboolean new = time == time_after(trial) && extra == files_after(trial);

    cr_assert(old || new, "%s, call %d: time %c, %d files where there were %d; %s", when, number,
              time, extra, trial->extra, bench->world->log);
    if (!bench->world->gone)
        cr_assert_str_eq(bench->world->metadata, metadata_of(trial, time), "%s, call %d: %s", when,
                         number, bench->world->log);
    cr_assert_eq(engine_bench_open_operations(bench), 0, "%s, call %d: %s", when, number,
                 bench->world->log);
    cr_assert_eq(bench->world->state, state, "%s, call %d: the VM is %s; %s", when, number,
                 vms_vm_state_name((vmsnap_vm_state)bench->world->state), bench->world->log);
    cr_assert_eq(bench->world->torn_starts, 0, "%s, call %d", when, number);
}

/* The n-th call fails, for all n: what is not repaired at once says UNCERTAIN, and recover does. */
static void
fail_each_call(Kind kind, gboolean running, FakeFailure failure)
{
    gboolean hit = TRUE;

    for (int number = 1; hit && number < MOST_CALLS; number = engine_bench_next(number)) {
        Trial trial = { .kind = kind, .running = running };
        int failed = 0;

        trial_begin(&trial);
        engine_bench_arm(trial.bench, number, failure);
        if (!trial_run(&trial) && vms_error_get_code(trial.bench->error) == VMSNAP_E_UNCERTAIN) {
            cr_assert_geq(engine_bench_recover(trial.bench, &failed), 0);
            cr_assert_eq(failed, 0, "call %d: %s", number, trial.bench->world->log);
        }
        hit = engine_bench_was_hit(trial.bench);
        expect_settled(&trial, "failed", number);
        cr_assert_eq(engine_bench_recover(trial.bench, NULL), 0, "call %d", number);
        trial_end(&trial);
    }
}

Test(engine, a_snapshot_whose_nth_call_fails_leaves_no_file)
{
    fail_each_call(SNAPSHOT, FALSE, FAKE_REFUSE);
    fail_each_call(SNAPSHOT, FALSE, FAKE_LOSE);
}

Test(engine, a_delete_whose_nth_call_fails_is_finished_or_undone)
{
    fail_each_call(DELETE, FALSE, FAKE_REFUSE);
    fail_each_call(DELETE, FALSE, FAKE_LOSE);
}

Test(engine, a_restore_whose_nth_call_fails_leaves_the_vm_as_it_was)
{
    fail_each_call(RESTORE, FALSE, FAKE_REFUSE);
    fail_each_call(RESTORE, FALSE, FAKE_LOSE);
}

Test(engine, a_running_vm_runs_whichever_call_of_its_restore_fails, .timeout = 110)
{
    fail_each_call(RESTORE, TRUE, FAKE_REFUSE);
    fail_each_call(RESTORE, TRUE, FAKE_LOSE);
}

Test(engine, an_undo_whose_nth_call_fails_leaves_the_vm_as_it_was)
{
    fail_each_call(UNDO, FALSE, FAKE_REFUSE);
    fail_each_call(UNDO, FALSE, FAKE_LOSE);
}

Test(engine, a_drop_whose_nth_call_fails_is_finished_or_undone)
{
    fail_each_call(DROP, FALSE, FAKE_REFUSE);
    fail_each_call(DROP, FALSE, FAKE_LOSE);
}

/* ---- death ---- */

/* Builds with crash points die between calls of the file system, too: every place there is. */
static void
arm_death(EngineBench *bench, int number)
{
#ifdef VMS_CRASH_POINTS
    (void)bench;
    vms_crash_arm((guint64)number, 0);
#else
    engine_bench_arm(bench, number, FAKE_KILL);
#endif
}

/* TRUE if the child died of the arm. */
static gboolean
run_in_child(Trial *trial, int number, gboolean by_call)
{
    int status = 0;
    pid_t child;

    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        trial->bench->engine.drivers = NULL;
        engine_bench_open(trial->bench);
        if (by_call)
            engine_bench_arm(trial->bench, number, FAKE_KILL);
        else
            arm_death(trial->bench, number);
        trial_run(trial);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status);
}

/* Killed before each call; the repair is done twice. */
static void
die_at_each_call(Kind kind, gboolean running)
{
    gboolean died = TRUE;

    for (int number = 1; died && number < MOST_CALLS; number = engine_bench_next(number)) {
        Trial trial = { .kind = kind, .running = running };
        int failed = 0;

        trial_begin(&trial);
        engine_bench_close(trial.bench);
        died = run_in_child(&trial, number, FALSE);
        engine_bench_arm(trial.bench, 0, FAKE_REFUSE);
        engine_bench_open(trial.bench);
        cr_assert_geq(engine_bench_recover(trial.bench, &failed), 0);
        cr_assert_eq(failed, 0, "call %d: %s", number, trial.bench->world->log);
        expect_settled(&trial, "died", number);
        cr_assert_eq(engine_bench_recover(trial.bench, NULL), 0, "call %d", number);
        trial_end(&trial);
    }
    cr_assert_not(died, "more places to die than were tried");
}

Test(engine, a_snapshot_that_died_anywhere_is_repaired)
{
    die_at_each_call(SNAPSHOT, FALSE);
}

Test(engine, a_delete_that_died_anywhere_is_repaired)
{
    die_at_each_call(DELETE, FALSE);
}

Test(engine, a_restore_that_died_anywhere_is_repaired)
{
    die_at_each_call(RESTORE, FALSE);
}

Test(engine, a_restore_of_a_running_vm_that_died_anywhere_is_repaired, .timeout = 110)
{
    die_at_each_call(RESTORE, TRUE);
}

Test(engine, an_undo_that_died_anywhere_is_repaired)
{
    die_at_each_call(UNDO, FALSE);
}

Test(engine, a_drop_that_died_anywhere_is_repaired)
{
    die_at_each_call(DROP, FALSE);
}

/* ---- what is found by the next one ---- */

/* The trial's operation died before its @number-th call, and nobody recovered. */
static void
leave_dead(Trial *trial, int number)
{
    trial_begin(trial);
    engine_bench_close(trial->bench);
    cr_assert(run_in_child(trial, number, TRUE));
    engine_bench_arm(trial->bench, 0, FAKE_REFUSE);
    engine_bench_open(trial->bench);
    cr_assert_eq(engine_bench_open_operations(trial->bench), 1);
}

/* How many calls a run makes up to and including the first of this name. */
static int
number_of(Kind kind, const char *name)
{
    Trial trial = { .kind = kind };
    g_auto(GStrv) calls = NULL;
    int before;
    int number = 0;

    trial_begin(&trial);
    before = trial.bench->world->logged;
    expect_ok(trial.bench, trial_run(&trial), "trial");
    calls = g_strsplit(trial.bench->world->log + before, " ", -1);
    while (calls[number] && strcmp(calls[number], name) != 0)
        number++;
    cr_assert_not_null(calls[number], "no %s", name);
    trial_end(&trial);
    return number + 1;
}

Test(engine, a_snapshot_of_a_vm_with_an_interrupted_exchange_is_refused)
{
    Trial trial = { .kind = RESTORE };

    leave_dead(&trial, number_of(RESTORE, "exchange") + 2);
    cr_assert_eq(engine_bench_time(trial.bench), 'x', "the second exchange was not made");
    cr_assert_not(engine_bench_snapshot(trial.bench, NULL), "disks of two times are no snapshot");
    cr_assert_str_eq(vms_error_get_reason(trial.bench->error), "Unfinished");
    cr_assert_not(engine_bench_restore(trial.bench, trial.snapshot, NULL));
    cr_assert_str_eq(vms_error_get_reason(trial.bench->error), "Unfinished");
    cr_assert_eq(engine_bench_recover(trial.bench, NULL), 1);
    expect_settled(&trial, "recovered", 0);
    trial_end(&trial);
}

Test(engine, a_delete_repeated_after_a_crash_leaves_nothing_to_stumble_over)
{
    Trial trial = { .kind = DELETE };
    int failed = 0;

    leave_dead(&trial, number_of(DELETE, "remove") + 1);
    expect_ok(trial.bench, engine_bench_delete(trial.bench, trial.snapshot), "delete");
    cr_assert_eq(engine_bench_recover(trial.bench, &failed), 1);
    cr_assert_eq(failed, 0);
    expect_settled(&trial, "recovered", 0);
    trial_end(&trial);
}

Test(engine, a_delete_that_failed_is_uncertain_and_may_be_repeated)
{
    Trial trial = { .kind = DELETE };

    trial_begin(&trial);
    engine_bench_arm(trial.bench, number_of(DELETE, "remove"), FAKE_REFUSE);
    cr_assert_not(trial_run(&trial));
    cr_assert_eq(vms_error_get_code(trial.bench->error), VMSNAP_E_UNCERTAIN);
    expect_ok(trial.bench, trial_run(&trial), "delete again");
    cr_assert_eq(engine_bench_recover(trial.bench, NULL), 1);
    expect_settled(&trial, "recovered", 0);
    trial_end(&trial);
}

/* ---- what others do meanwhile ---- */

Test(engine, a_vm_saved_instead_of_stopped_keeps_its_disks)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = prepare(bench, TRUE);

    bench->world->saves = TRUE;
    cr_assert_not(engine_bench_restore(bench, snapshot, NULL));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "ManagedSave");
    cr_assert_eq(engine_bench_time(bench), '2');
    cr_assert_eq(bench->world->state, VMSNAP_VM_RUNNING);
    cr_assert_eq(bench->world->torn_starts, 0);
}

Test(engine, a_vm_undefined_meanwhile_gets_its_files_back_and_stays_away)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = prepare(bench, TRUE);

    bench->world->vanishes = TRUE;
    cr_assert_not(engine_bench_restore(bench, snapshot, NULL));
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_NOT_FOUND, "%s", bench->error->message);
    cr_assert_eq(engine_bench_time(bench), '2');
    cr_assert_eq(bench->world->gone, 1);
    cr_assert_eq(engine_bench_open_operations(bench), 0);
}

Test(engine, a_vm_undefined_after_a_crash_does_not_stop_recovery)
{
    Trial trial = { .kind = RESTORE };
    int failed = 0;

    leave_dead(&trial, number_of(RESTORE, "exchange") + 2);
    trial.bench->world->gone = TRUE;
    cr_assert_eq(engine_bench_recover(trial.bench, &failed), 1);
    cr_assert_eq(failed, 0);
    expect_settled(&trial, "recovered", 0);
    trial_end(&trial);
}

Test(engine, a_vm_started_on_its_old_disks_after_a_crash_may_go_on)
{
    Trial trial = { .kind = RESTORE };
    int failed = 0;

    leave_dead(&trial, number_of(RESTORE, "adopt"));
    run_machine(trial.bench);
    trial.running = TRUE;
    cr_assert_eq(engine_bench_recover(trial.bench, &failed), 1);
    cr_assert_eq(failed, 0);
    expect_settled(&trial, "recovered", 0);
    trial_end(&trial);
}

Test(engine, an_undo_leaves_a_disk_that_another_vm_was_given)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = prepare(bench, TRUE);
    g_autofree char *restore = NULL;

    expect_ok(bench, engine_bench_restore(bench, snapshot, &restore), "restore");
    g_strlcpy(bench->world->other, bench->world->disks[1], sizeof(bench->world->other));
    cr_assert_not(engine_bench_undo(bench, restore));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "AttachedElsewhere");
    cr_assert_eq(engine_bench_time(bench), '1');
    cr_assert_eq(bench->world->domain_id, 8, "it was not stopped for that");
}

Test(engine, nvram_that_another_vm_was_given_is_not_replaced)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = prepare(bench, FALSE);

    g_strlcpy(bench->world->other, bench->world->nvram, sizeof(bench->world->other));
    cr_assert_not(engine_bench_restore(bench, snapshot, NULL));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "AttachedElsewhere");
    cr_assert_eq(engine_bench_time(bench), '2');
}

Test(engine, a_vm_that_was_never_started_has_no_nvram_to_keep)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autoptr(VmsSnapshot) snapshot = NULL;
    g_autofree char *uuid = NULL;

    cr_assert_eq(unlink(bench->world->nvram), 0);
    expect_ok(bench, engine_bench_snapshot(bench, &uuid), "snapshot");
    cr_assert(vms_engine_load_snapshot(&bench->engine, uuid, &snapshot, NULL));
    cr_assert(snapshot->partial);
    cr_assert_eq(snapshot->parts->len, 0);
}

Test(engine, a_managed_save_is_dropped_only_when_all_else_went_well)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = prepare(bench, FALSE);

    bench->world->managed_save = TRUE;
    bench->restore_flags = VMSNAP_RESTORE_DROP_MANAGED_SAVE;
    engine_bench_arm(bench, number_of(RESTORE, "define"), FAKE_REFUSE);
    cr_assert_not(engine_bench_restore(bench, snapshot, NULL));
    cr_assert_eq(engine_bench_time(bench), '2');
    cr_assert_eq(bench->world->managed_save, 1, "the VM is as it was: %s", bench->world->log);
    engine_bench_arm(bench, 0, FAKE_REFUSE);
    expect_ok(bench, engine_bench_restore(bench, snapshot, NULL), "restore");
    cr_assert_eq(bench->world->managed_save, 0);
}

Test(engine, a_file_of_somebody_else_stays_and_stops_no_delete)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = prepare(bench, FALSE);
    g_autofree char *file =
        g_build_filename(bench->folder, "disks", ".vmsnap", snapshot, "notes", NULL);

    cr_assert(g_file_set_contents(file, "mine", -1, NULL));
    expect_ok(bench, engine_bench_delete(bench, snapshot), "delete");
    cr_assert_eq(engine_bench_extra_files(bench), 1);
    cr_assert(g_file_test(file, G_FILE_TEST_EXISTS));
    cr_assert_eq(engine_bench_open_operations(bench), 0);
}

/* No real machine here can migrate: the row of the table that the system test does not stage. */
Test(engine, a_vm_that_migrates_is_refused_under_every_policy)
{
    g_autoptr(EngineBench) bench = engine_bench_new();

    run_machine(bench);
    bench->world->migrating = TRUE;
    for (guint policy = 0; policy <= VMSNAP_CONSISTENCY_SKIP; policy++) {
        g_autofree char *snapshot = NULL;

        bench->policy = (vmsnap_consistency_policy)policy;
        bench->world->log[0] = '\0';
        bench->world->logged = 0;
        cr_assert_not(engine_bench_snapshot(bench, &snapshot), "policy %u", policy);
        cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_BUSY);
        cr_assert_str_eq(vms_error_get_reason(bench->error), "Migrating");
        cr_assert_null(strstr(bench->world->log, "freeze"), "%s", bench->world->log);
        cr_assert_null(strstr(bench->world->log, "ping"), "%s", bench->world->log);
        cr_assert_eq(engine_bench_extra_files(bench), 0);
        g_clear_error(&bench->error);
    }
}
