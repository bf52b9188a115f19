/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/lock.h"
#include "engine/store.h"
#include "model/name.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmsnap/clone.h>

/* Clones of a VM and of its snapshot, and what is left when a call fails or the process dies before
 * it: all of the clone, or nothing; and then the same clone can be made. */

enum { MOST_CALLS = 400, FILES = 5 }; /* two disks, NVRAM, TPM state, a Secret */

/* What is cloned. */
typedef enum { OFF, RUNNING, STORED } Source;

typedef struct {
    EngineBench *bench;
    char *snapshot; /* NULL: the VM itself is cloned */
    int extra;      /* files before */
    int snapshots;  /* records before */
    char *before;   /* what is in each of these files */
} Trial;

/* As libvirt would write it, behind what tells of its time. */
static void
configure(FakeWorld *world, char time)
{
    g_snprintf(
        world->xml, sizeof(world->xml),
        "%c<domain><name>web</name><uuid>" FAKE_UUID "</uuid><os><nvram>%s</nvram></os>"
        "<devices><disk type='file' device='disk'><source file='%s'/><target dev='vda'/>"
        "</disk><disk type='file' device='disk'><source file='%s'/><target dev='vdb'/></disk>"
        "<disk type='file' device='cdrom'><source file='%s'/><target dev='sda'/></disk>"
        "<interface type='user'><mac address='" FAKE_MAC "'/></interface></devices></domain>",
        time, world->nvram, world->disks[0], world->disks[1], world->seed);
}

static int
count_snapshots(EngineBench *bench)
{
    g_autoptr(GPtrArray) all = NULL;

    cr_assert(vms_store_list_snapshots(bench->engine.drivers->catalog, VMSNAP_SNAPSHOT_KIND_VM,
                                       &all, NULL));
    return (int)all->len;
}

static void
start(EngineBench *bench)
{
    cr_assert(vms_hypervisor_start(bench->engine.drivers->hypervisor, FAKE_UUID, FALSE, NULL));
    bench->world->pieces = 1; /* its disks can be cloned while it runs */
}

static void
add_digests(const char *path, GString *digests)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    g_autofree char *data = NULL;
    g_autofree char *digest = NULL;
    const char *name;
    gsize size = 0;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        add_digests(child, digests);
    }
    if (dir || !g_file_get_contents(path, &data, &size, NULL))
        return;
    digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)data, size);
    g_string_append_printf(digests, "%s %s\n", digest, path);
}

/* Whatever stands beside the machine and its snapshots, in lines that can be compared. */
static char *
list_digests(const EngineBench *bench)
{
    static const char *const folders[] = { "disks", "nvram", "tpm", "media" };
    GString *digests = g_string_new(NULL);

    for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = g_build_filename(bench->folder, folders[i], NULL);

        add_digests(path, digests);
    }
    return g_string_free(digests, FALSE);
}

/* Every line of @before is still there. */
static gboolean
is_kept(const char *before, const char *now)
{
    g_auto(GStrv) lines = g_strsplit(before, "\n", -1);

    for (guint i = 0; lines[i]; i++) {
        if (!strstr(now, lines[i]))
            return FALSE;
    }
    return TRUE;
}

/* Takes @name. */
static gboolean
is_free(const EngineBench *bench, char *name)
{
    g_autofree char *own = name;
    g_autoptr(VmsLock) lock = NULL;

    return vms_lock_take(bench->engine.runtime_dir, name, "test", 0, NULL, &lock, NULL);
}

static void
expect_untouched(const Trial *trial, int number)
{
    const EngineBench *bench = trial->bench;
    g_autofree char *now = list_digests(bench);

    cr_assert(is_kept(trial->before, now), "point %d: the source was changed", number);
    cr_assert(is_free(bench, vms_lock_name_vm(FAKE_UUID)), "point %d", number);
    cr_assert(is_free(bench, vms_lock_name_new_vm("copy")), "point %d", number);
    if (trial->snapshot)
        cr_assert(is_free(bench, vms_lock_name_snapshot(trial->snapshot)), "point %d", number);
}

static Trial
trial_new(Source source)
{
    Trial trial = { .bench = engine_bench_new() };

    engine_bench_add_parts(trial.bench);
    configure(trial.bench->world, '1');
    if (source == STORED)
        cr_assert(engine_bench_snapshot(trial.bench, &trial.snapshot));
    if (source == RUNNING)
        start(trial.bench);
    trial.extra = engine_bench_extra_files(trial.bench);
    trial.snapshots = count_snapshots(trial.bench);
    trial.before = list_digests(trial.bench);
    return trial;
}

static void
trial_clear(Trial *trial)
{
    engine_bench_free(trial->bench);
    g_free(trial->snapshot);
    g_free(trial->before);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Trial, trial_clear)

static gboolean
make_as(Trial *trial, const VmsCloneRequest *request, vmsnap_mode mode)
{
    EngineBench *bench = trial->bench;
    g_autofree char *operation = vms_name_new_uuid();
    g_autoptr(VmsPlan) plan = NULL;
    const VmsCloneSource source = { .vm_uuid = trial->snapshot ? NULL : FAKE_UUID,
                                    .snapshot_uuid = trial->snapshot };

    g_clear_error(&bench->error);
    return vms_engine_plan_clone(&bench->engine, &source, request, &plan, &bench->error) &&
           vms_engine_clone(&bench->engine, operation, plan, mode, &bench->progress, &bench->error);
}

static gboolean
make(Trial *trial)
{
    const VmsCloneRequest request = { .name = (char *)"copy" };

    return make_as(trial, &request, VMSNAP_MODE_STRICT);
}

static void
must_make(Trial *trial)
{
    cr_assert(make(trial), "%s", trial->bench->error->message);
}

static char
time_of(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text[0] : '-';
}

static void
expect_whole(const Trial *trial, int number)
{
    const EngineBench *bench = trial->bench;
    g_autofree char *disks = g_build_filename(bench->folder, "disks", NULL);
    g_autofree char *nvram = g_build_filename(bench->folder, "nvram", NULL);

    cr_assert_eq(time_of(disks, "copy-vda.raw"), '1', "point %d", number);
    cr_assert_eq(time_of(disks, "copy-vdb.raw"), '1', "point %d", number);
    cr_assert_eq(time_of(nvram, "copy.fd"), '1', "point %d", number);
    cr_assert(strstr(bench->world->clone, "<name>copy</name>"), "point %d", number);
    cr_assert_null(strstr(bench->world->clone, FAKE_UUID), "point %d", number);
    cr_assert_null(strstr(bench->world->clone, FAKE_MAC), "point %d", number);
}

/* It is there as a whole, or nothing is; then it can be made. */
static void
expect_settled(Trial *trial, int number)
{
    EngineBench *bench = trial->bench;
    gboolean there = bench->world->clone[0] != '\0';

    cr_assert_eq(engine_bench_extra_files(bench), trial->extra + (there ? FILES : 0),
                 "point %d: %d files, not %d", number, engine_bench_extra_files(bench),
                 trial->extra + (there ? FILES : 0));
    cr_assert_eq(engine_bench_open_operations(bench), 0, "point %d", number);
    cr_assert_eq(bench->world->frozen, 0, "point %d", number);
    cr_assert_eq(count_snapshots(bench), trial->snapshots, "point %d", number);
    expect_untouched(trial, number);
    if (!there)
        must_make(trial);
    expect_whole(trial, number);
}

/* ---- what is made ---- */

Test(clone, a_vm_that_is_off_is_copied_whole)
{
    g_auto(Trial) trial = trial_new(OFF);

    must_make(&trial);
    expect_settled(&trial, 0);
    cr_assert_eq(engine_bench_time(trial.bench), '1', "the source is none of its business");
}

Test(clone, a_snapshot_is_cloned_as_it_was_and_its_vm_may_be_gone)
{
    g_auto(Trial) trial = trial_new(STORED);

    engine_bench_write(trial.bench, '2');
    trial.extra = engine_bench_extra_files(trial.bench);
    g_free(trial.before);
    trial.before = list_digests(trial.bench);
    trial.bench->world->gone = TRUE;
    must_make(&trial);
    expect_settled(&trial, 0);
}

/* Its agent freezes; what is cut is gone afterwards. */
Test(clone, a_vm_that_runs_is_cloned_through_a_snapshot_of_its_own)
{
    g_auto(Trial) trial = trial_new(RUNNING);

    must_make(&trial);
    expect_settled(&trial, 0);
    cr_assert(strstr(trial.bench->world->log, "freeze"));
}

Test(clone, a_dry_run_changes_nothing)
{
    g_auto(Trial) trial = trial_new(OFF);
    const VmsCloneRequest request = { .name = (char *)"copy" };
    const VmsCloneSource source = { .vm_uuid = FAKE_UUID };
    g_autoptr(VmsPlan) plan = NULL;
    VmsEngine *engine = &trial.bench->engine;
    g_autofree char *log = NULL;

    trial.bench->world->logged = 0;
    memset(trial.bench->world->log, 0, sizeof(trial.bench->world->log));
    cr_assert(vms_engine_plan_clone(engine, &source, &request, &plan, NULL));
    cr_assert_eq(vms_plan_count_conflicts(plan, VMSNAP_MODE_STRICT), 0);
    log = g_strdup(trial.bench->world->log);
    cr_assert_str_eq(log, "find-vm list-vms list-vms ", "%s", log);
    cr_assert_eq(engine_bench_extra_files(trial.bench), trial.extra);
}

Test(clone, one_that_is_cancelled_leaves_nothing)
{
    g_auto(Trial) trial = trial_new(OFF);

    vms_progress_cancel(&trial.bench->progress);
    cr_assert_not(make(&trial));
    cr_assert_eq(vms_error_get_code(trial.bench->error), VMSNAP_E_CANCELLED);
    cr_assert_eq(trial.bench->world->clone[0], 0);
    vms_progress_init(&trial.bench->progress);
    expect_settled(&trial, 0);
}

Test(clone, a_policy_that_is_inherited_starts_it_with_the_host)
{
    g_auto(Trial) trial = trial_new(OFF);
    const VmsCloneRequest request = { .name = (char *)"copy",
                                      .run_policy = VMSNAP_RUN_POLICY_INHERIT };

    trial.bench->world->autostart = TRUE;
    cr_assert(make_as(&trial, &request, VMSNAP_MODE_STRICT));
    cr_assert(strstr(trial.bench->world->log, "define set-autostart"));
    cr_assert_null(strstr(trial.bench->world->log, " start "), "the source is off");
}

/* ---- failures and death ---- */

/* Runs that are slow take fewer. */
static int
next(int number, int stride)
{
    return engine_bench_next(number) + stride - 1;
}

enum { EVER = 100000 };

/* Calls from the @number-th fail, so many of them. TRUE if there is such a call. */
static gboolean
fail_from(Source source, int number, int count, FakeFailure failure)
{
    g_auto(Trial) trial = trial_new(source);
    EngineBench *bench = trial.bench;
    gboolean uncertain;
    gboolean hit;

    engine_bench_arm(bench, number, failure);
    bench->world->fail_last = bench->world->fail_first + count - 1;
    uncertain = !make(&trial) && vms_error_get_code(bench->error) == VMSNAP_E_UNCERTAIN;
    hit = engine_bench_was_hit(bench);
    engine_bench_arm(bench, 0, FAKE_REFUSE);
    if (uncertain)
        cr_assert_geq(engine_bench_recover(bench, NULL), 0);
    expect_settled(&trial, number);
    return hit;
}

static void
fail_calls(Source source, int stride, int count, FakeFailure failure)
{
    gboolean hit = TRUE;

    for (int number = 1; hit && number < MOST_CALLS; number = next(number, stride))
        hit = fail_from(source, number, count, failure);
    cr_assert_not(hit);
}

Test(clone, one_whose_nth_call_fails_leaves_nothing, .timeout = 110)
{
    fail_calls(OFF, 1, 1, FAKE_REFUSE);
    fail_calls(STORED, 2, 1, FAKE_LOSE);
    fail_calls(RUNNING, 5, 1, FAKE_LOSE);
}

/* What fails on the way back stays for recover. */
Test(clone, one_whose_calls_go_on_failing_leaves_nothing, .timeout = 110)
{
    fail_calls(OFF, 3, 2, FAKE_REFUSE);
    fail_calls(OFF, 3, EVER, FAKE_LOSE);
    fail_calls(RUNNING, 7, EVER, FAKE_REFUSE);
}

/* Builds with crash points die between calls of the file system, too. */
static gboolean
dies(Trial *trial, int number, gboolean recovering)
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
        if (recovering)
            (void)engine_bench_recover(trial->bench, NULL);
        else
            (void)make(trial);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    engine_bench_arm(trial->bench, 0, FAKE_REFUSE);
    return WIFSIGNALED(status);
}

/* Death at the @first point, then recovery that dies at its @second (0: it does not). TRUE if
 * there is such a point. */
static gboolean
die_twice(Source source, int first, int second, gboolean *ret_second)
{
    g_auto(Trial) trial = trial_new(source);
    int failed = 0;
    gboolean died;

    engine_bench_close(trial.bench);
    died = dies(&trial, first, FALSE);
    *ret_second = second > 0 && dies(&trial, second, TRUE);
    engine_bench_open(trial.bench);
    cr_assert_geq(engine_bench_recover(trial.bench, &failed), 0);
    cr_assert_eq(failed, 0, "points %d, %d", first, second);
    expect_settled(&trial, first);
    return died;
}

/* At each of its points, or some: every @stride; every @step with a recovery that dies as well. */
static int
die_at_points(Source source, int stride, int step)
{
    gboolean died = TRUE;
    gboolean again;
    int pairs = 0;

    for (int first = 1; died && first < MOST_CALLS; first = next(first, stride)) {
        died = die_twice(source, first, 0, &again);
        again = died && first % step == 1;
        for (int second = 1; again && second < MOST_CALLS; second = next(second, 1), pairs++)
            (void)die_twice(source, first, second, &again);
    }
    cr_assert_not(died, "more places to die than were tried");
    return pairs;
}

Test(clone, one_that_died_anywhere_is_removed_or_finished, .timeout = 110)
{
    cr_assert_gt(die_at_points(OFF, 2, 80), 0);
    (void)die_at_points(RUNNING, 11, MOST_CALLS);
}

/* An identity that follows from a text is the same again: what is found of it after a crash must be
 * the work of one operation. */
Test(clone, a_seeded_one_waits_until_the_one_that_died_is_recovered)
{
    g_auto(Trial) first = trial_new(OFF);
    g_auto(Trial) trial = trial_new(OFF);
    EngineBench *bench = trial.bench;
    const VmsCloneRequest request = { .name = (char *)"copy", .seed = (char *)"" };
    g_auto(VmsWork) work = { 0 };
    const char *uuid;

    cr_assert(make_as(&first, &request, VMSNAP_MODE_STRICT), "%s", first.bench->error->message);
    uuid = strstr(first.bench->world->clone, "<uuid>") + strlen("<uuid>");
    work.operation = vms_operation_new("aaaaaaaa-0000-4000-8000-000000000001", "clone");
    work.operation->phase = VMSNAP_OPERATION_IN_PROGRESS;
    work.operation->vm_uuid = g_strndup(uuid, strlen(FAKE_UUID));
    work.operation->vm_name = g_strdup("another");
    work.operation->clone = vms_clone_new(FAKE_UUID, "web");
    cr_assert(vms_store_save(bench->engine.drivers->catalog, &work, NULL));
    cr_assert_not(make_as(&trial, &request, VMSNAP_MODE_STRICT));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "Unfinished");
    expect_untouched(&trial, 0);
    cr_assert_eq(engine_bench_recover(bench, NULL), 1);
    cr_assert(make_as(&trial, &request, VMSNAP_MODE_STRICT), "%s", bench->error->message);
    expect_whole(&trial, 0);
}
