/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/store.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* NVRAM, TPM state and Secrets go with the disks, wherever it ends. */

#define MOST_CALLS 400

/* Every fourth place, another fourth each time; with VMS_LONG=1 all of them. */
static int
first_place(void)
{
    return g_strcmp0(g_getenv("VMS_LONG"), "1") == 0 ? 1 : 1 + (int)getppid() % 4;
}

static int
next_place(int number)
{
    return engine_bench_next(number + (g_strcmp0(g_getenv("VMS_LONG"), "1") == 0 ? 0 : 3));
}

typedef enum { SNAPSHOT, DELETE, RESTORE, UNDO } Kind;

typedef struct {
    EngineBench *bench;
    Kind kind;
    gboolean running;
    char *snapshot;
    char *restore;
    int extra; /* files before */
} Trial;

static EngineBench *
new_bench(void)
{
    EngineBench *bench = engine_bench_new();

    engine_bench_add_parts(bench);
    return bench;
}

static void
expect_ok(EngineBench *bench, gboolean done, const char *what)
{
    cr_assert(done, "%s: %s; %s", what, bench->error ? bench->error->message : "no error",
              bench->world->log);
}

/* Taken while it was off at time '1'; now it is time '2', and perhaps it runs. */
static char *
prepare(EngineBench *bench, gboolean running)
{
    char *snapshot = NULL;

    expect_ok(bench, engine_bench_snapshot(bench, &snapshot), "snapshot");
    engine_bench_write(bench, '2');
    if (running) {
        bench->world->state = VMSNAP_VM_RUNNING;
        bench->world->domain_id = 7;
    }
    return snapshot;
}

static VmsSnapshot *
load(EngineBench *bench, const char *uuid)
{
    VmsSnapshot *snapshot = NULL;

    cr_assert(vms_store_load_snapshot(bench->engine.drivers->catalog, uuid, &snapshot, NULL, NULL));
    return snapshot;
}

Test(parts, a_snapshot_holds_them_with_digest_and_mode)
{
    g_autoptr(EngineBench) bench = new_bench();
    g_autofree char *uuid = prepare(bench, FALSE);
    g_autoptr(VmsSnapshot) snapshot = load(bench, uuid);

    cr_assert_eq(snapshot->parts->len, 3);
    cr_assert_not(snapshot->partial);
    cr_assert_eq(snapshot->dependencies->len, 0, "a Secret is none");
    for (guint i = 0; i < snapshot->parts->len; i++) {
        const VmsPart *part = snapshot->parts->pdata[i];
        struct stat st;

        cr_assert_eq(part->kind, (VmsPartKind)i);
        cr_assert_eq(stat(part->stored, &st), 0);
        cr_assert_eq(st.st_mode & 0777, 0600, "%o", st.st_mode);
        cr_assert_eq((guint64)st.st_size, part->file.size);
        cr_assert_eq(strlen(part->sha256), 64);
    }
}

Test(parts, what_was_never_made_makes_a_snapshot_partial)
{
    g_autoptr(EngineBench) bench = new_bench();
    g_autofree char *uuid = NULL;
    g_autoptr(VmsSnapshot) snapshot = NULL;

    cr_assert_eq(g_unlink(bench->world->tpm), 0);
    expect_ok(bench, engine_bench_snapshot(bench, &uuid), "snapshot");
    snapshot = load(bench, uuid);
    cr_assert_eq(snapshot->parts->len, 2);
    cr_assert(snapshot->partial);
    cr_assert_not(engine_bench_restore(bench, uuid, NULL));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "Partial");
}

Test(parts, media_that_other_vms_use_are_an_image)
{
    g_autoptr(EngineBench) bench = new_bench();
    g_autofree char *uuid = NULL;
    g_autoptr(VmsSnapshot) snapshot = NULL;

    g_strlcpy(bench->world->other, bench->world->seed, sizeof(bench->world->other));
    expect_ok(bench, engine_bench_snapshot(bench, &uuid), "snapshot");
    snapshot = load(bench, uuid);
    cr_assert_eq(snapshot->parts->len, 2);
    cr_assert_eq(snapshot->dependencies->len, 1);
}

/* ---- what is found before anything is stopped ---- */

static void
expect_refused(EngineBench *bench, const char *snapshot, const char *reason)
{
    cr_assert_not(engine_bench_restore(bench, snapshot, NULL));
    cr_assert_str_eq(vms_error_get_reason(bench->error), reason, "%s", bench->error->message);
    cr_assert_eq(bench->world->state, VMSNAP_VM_RUNNING);
    cr_assert_eq(engine_bench_time(bench), '2');
    cr_assert_null(strstr(bench->world->log, "stop"));
}

Test(parts, a_stored_part_that_is_gone_or_changed_is_lost)
{
    for (guint i = 0; i < 6; i++) {
        g_autoptr(EngineBench) bench = new_bench();
        g_autofree char *uuid = prepare(bench, TRUE);
        g_autoptr(VmsSnapshot) snapshot = load(bench, uuid);
        const VmsPart *part = snapshot->parts->pdata[i / 2];

        if (i % 2) {
            cr_assert(g_file_set_contents(part->stored, "other", -1, NULL));
            cr_assert_eq(truncate(part->stored, (off_t)part->file.size), 0);
        } else {
            cr_assert_eq(g_unlink(part->stored), 0);
        }
        expect_refused(bench, uuid, "Lost");
        cr_assert_not(vms_engine_verify(&bench->engine, uuid, &bench->progress, NULL));
        g_clear_pointer(&snapshot, vms_snapshot_free);
        snapshot = load(bench, uuid);
        cr_assert_eq(snapshot->phase, VMSNAP_SNAPSHOT_FAILED);
    }
}

Test(parts, a_secret_with_other_content_is_never_overwritten)
{
    g_autoptr(EngineBench) bench = new_bench();
    g_autofree char *uuid = prepare(bench, TRUE);

    cr_assert(g_file_set_contents(bench->world->seed, "mine", -1, NULL));
    cr_assert_not(engine_bench_restore(bench, uuid, NULL));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "SecretDiffers");
    cr_assert_eq(bench->world->state, VMSNAP_VM_RUNNING);
}

/* It needs not even the stored one. */
Test(parts, a_secret_that_is_there_stays)
{
    g_autoptr(EngineBench) bench = new_bench();
    g_autofree char *uuid = NULL;
    g_autofree char *restore = NULL;
    g_autoptr(VmsSnapshot) snapshot = NULL;
    struct stat before;
    struct stat after;

    expect_ok(bench, engine_bench_snapshot(bench, &uuid), "snapshot");
    snapshot = load(bench, uuid);
    cr_assert_eq(g_unlink(((const VmsPart *)snapshot->parts->pdata[2])->stored), 0);
    cr_assert_eq(stat(bench->world->seed, &before), 0);
    expect_ok(bench, engine_bench_restore(bench, uuid, &restore), "restore");
    expect_ok(bench, engine_bench_undo(bench, restore), "undo");
    cr_assert_eq(stat(bench->world->seed, &after), 0);
    cr_assert_eq(before.st_ino, after.st_ino);
}

/* libvirt forgets it with the VM's definition. */
Test(parts, a_folder_that_is_gone_is_made_and_goes_again)
{
    g_autoptr(EngineBench) bench = new_bench();
    g_autofree char *uuid = prepare(bench, FALSE);
    g_autofree char *own = g_path_get_dirname(bench->world->tpm);
    g_autofree char *above = g_path_get_dirname(own);
    g_autofree char *restore = NULL;

    cr_assert_eq(g_unlink(bench->world->tpm), 0);
    cr_assert_eq(g_rmdir(own), 0);
    cr_assert_eq(g_rmdir(above), 0);
    expect_ok(bench, engine_bench_restore(bench, uuid, &restore), "restore");
    cr_assert_eq(engine_bench_time(bench), '1');
    expect_ok(bench, engine_bench_undo(bench, restore), "undo");
    cr_assert_neq(access(own, F_OK), 0);
}

/* Started between restore and undo: the emulator has put another file there. */
Test(parts, undo_takes_a_renewed_state_out)
{
    g_autoptr(EngineBench) bench = new_bench();
    g_autofree char *uuid = prepare(bench, TRUE);
    g_autofree char *restore = NULL;

    expect_ok(bench, engine_bench_restore(bench, uuid, &restore), "restore");
    cr_assert_eq(engine_bench_time(bench), '1');
    expect_ok(bench, engine_bench_undo(bench, restore), "undo");
    cr_assert_eq(engine_bench_time(bench), '2');
    cr_assert_eq(bench->world->state, VMSNAP_VM_RUNNING);
}

/* ---- death and failure anywhere ---- */

static void
trial_begin(Trial *trial)
{
    EngineBench *bench = new_bench();

    trial->bench = bench;
    if (trial->kind != SNAPSHOT)
        trial->snapshot = prepare(bench, trial->running);
    if (trial->kind == UNDO)
        expect_ok(bench, engine_bench_restore(bench, trial->snapshot, &trial->restore), "restore");
    trial->extra = engine_bench_extra_files(bench);
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
    case UNDO:
        break;
    }
    return engine_bench_undo(trial->bench, trial->restore);
}

static int
files_after(const Trial *trial)
{
    switch (trial->kind) {
    case SNAPSHOT:
        return trial->extra + 6; /* two disks, three parts, manifest */
    case DELETE:
        return 0;
    case RESTORE:
        return trial->extra + 4; /* the Secret replaces nothing */
    case UNDO:
        break;
    }
    return trial->extra - 4;
}

static void
expect_settled(Trial *trial, int number)
{
    EngineBench *bench = trial->bench;
    gboolean back = trial->kind == RESTORE || trial->kind == DELETE;
    gboolean away = trial->kind == UNDO || trial->kind == DELETE;
    int extra = engine_bench_extra_files(bench);
    char time = engine_bench_time(bench);
    gboolean old = time == (back ? '2' : '1') && extra == trial->extra;
    gboolean new = time == (away ? '2' : '1') && extra == files_after(trial);

    cr_assert(old || new, "call %d: time %c, %d files where there were %d; %s", number, time, extra,
              trial->extra, bench->world->log);
    cr_assert_eq(engine_bench_open_operations(bench), 0, "call %d", number);
    cr_assert_eq(bench->world->state, trial->running ? VMSNAP_VM_RUNNING : VMSNAP_VM_OFF,
                 "call %d: %s", number, bench->world->log);
    cr_assert_eq(bench->world->torn_starts, 0, "call %d", number);
}

static void
recover(Trial *trial, int number)
{
    int failed = 0;

    cr_assert_geq(engine_bench_recover(trial->bench, &failed), 0);
    cr_assert_eq(failed, 0, "call %d: %s", number, trial->bench->world->log);
}

static gboolean
run_in_child(Trial *trial, int number)
{
    int status = 0;
    pid_t child = fork();

    cr_assert_geq(child, 0);
    if (child == 0) {
        trial->bench->engine.drivers = NULL;
        engine_bench_open(trial->bench);
#ifdef VMS_CRASH_POINTS
        vms_crash_arm((guint64)number, 0);
#else
        engine_bench_arm(trial->bench, number, FAKE_KILL);
#endif
        trial_run(trial);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status);
}

static void
die_at_each_call(Kind kind, gboolean running)
{
    gboolean died = TRUE;

    for (int number = first_place(); died && number < MOST_CALLS; number = next_place(number)) {
        Trial trial = { .kind = kind, .running = running };

        trial_begin(&trial);
        engine_bench_close(trial.bench);
        died = run_in_child(&trial, number);
        engine_bench_arm(trial.bench, 0, FAKE_REFUSE);
        engine_bench_open(trial.bench);
        recover(&trial, number);
        expect_settled(&trial, number);
        cr_assert_eq(engine_bench_recover(trial.bench, NULL), 0, "call %d", number);
        trial_end(&trial);
    }
    cr_assert_not(died, "more places to die than were tried");
}

static void
fail_each_call(Kind kind, gboolean running, FakeFailure failure)
{
    gboolean hit = TRUE;

    for (int number = first_place(); hit && number < MOST_CALLS; number = next_place(number)) {
        Trial trial = { .kind = kind, .running = running };

        trial_begin(&trial);
        engine_bench_arm(trial.bench, number, failure);
        if (!trial_run(&trial) && vms_error_get_code(trial.bench->error) == VMSNAP_E_UNCERTAIN)
            recover(&trial, number);
        hit = engine_bench_was_hit(trial.bench);
        expect_settled(&trial, number);
        trial_end(&trial);
    }
}

Test(parts, a_snapshot_that_died_anywhere_is_repaired, .timeout = 110)
{
    die_at_each_call(SNAPSHOT, FALSE);
}

Test(parts, a_restore_of_a_running_vm_that_died_anywhere_is_repaired, .timeout = 110)
{
    die_at_each_call(RESTORE, TRUE);
}

Test(parts, an_undo_that_died_anywhere_is_repaired, .timeout = 110)
{
    die_at_each_call(UNDO, TRUE);
}

Test(parts, an_operation_whose_nth_call_fails_leaves_them_as_they_were, .timeout = 110)
{
    fail_each_call(RESTORE, TRUE, FAKE_LOSE);
}

#ifdef VMS_CRASH_POINTS

static void
die_before_define(guint64 count, const char *name)
{
    (void)count;
    if (strcmp(name, "replace-before-define") == 0)
        raise(SIGKILL);
}

static gboolean
run_apart(Trial *trial, void (*run)(Trial *trial, int number), int number)
{
    int status = 0;
    pid_t child = fork();

    cr_assert_geq(child, 0);
    if (child == 0) {
        trial->bench->engine.drivers = NULL;
        engine_bench_open(trial->bench);
        run(trial, number);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status);
}

static void
restore_to_define(Trial *trial, int number)
{
    (void)number;
    vms_crash_hook(die_before_define);
    trial_run(trial);
}

static void
recover_to(Trial *trial, int number)
{
    vms_crash_arm((guint64)number, 0);
    engine_bench_recover(trial->bench, NULL);
}

/* On the way back the VM is started, and its TPM's state renewed, before the way back is over. */
Test(parts, a_recovery_that_died_anywhere_is_repaired, .timeout = 110)
{
    gboolean died = TRUE;

    for (int number = first_place(); died && number < MOST_CALLS; number = next_place(number)) {
        Trial trial = { .kind = RESTORE, .running = TRUE };

        trial_begin(&trial);
        engine_bench_close(trial.bench);
        cr_assert(run_apart(&trial, restore_to_define, 0));
        died = run_apart(&trial, recover_to, number);
        engine_bench_open(trial.bench);
        recover(&trial, number);
        expect_settled(&trial, number);
        cr_assert_eq(engine_bench_time(trial.bench), '2');
        trial_end(&trial);
    }
    cr_assert_not(died, "more places to die than were tried");
}

#endif
