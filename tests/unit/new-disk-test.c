/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/store.h"
#include "model/name.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* New disks and images from a snapshot, and what is left when a call fails or the process dies
 * before it: at their name stands nothing, or all of it. */

enum { MOST_CALLS = 300, SIZE = 65536, GROWN = 2 * SIZE };

typedef struct {
    EngineBench *bench;
    char *snapshot;
    char *path;
    char *sum;
    int extra; /* files before */
} Trial;

static Trial
trial_new(void)
{
    Trial trial = { .bench = engine_bench_new() };

    trial.path = g_build_filename(trial.bench->folder, "disks", "new.raw", NULL);
    trial.sum = g_strconcat(trial.path, ".sha256", NULL);
    cr_assert(engine_bench_snapshot(trial.bench, &trial.snapshot));
    engine_bench_write(trial.bench, '2');
    trial.extra = engine_bench_extra_files(trial.bench);
    return trial;
}

static void
trial_clear(Trial *trial)
{
    engine_bench_free(trial->bench);
    g_free(trial->snapshot);
    g_free(trial->path);
    g_free(trial->sum);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Trial, trial_clear)

static gboolean
make(Trial *trial, const VmsNewDiskRequest *asked)
{
    g_autofree char *operation = vms_name_new_uuid();
    VmsNewDiskRequest request = *asked;

    request.to = request.to ? request.to : trial->path;
    request.target = (char *)"vdb";
    g_clear_error(&trial->bench->error);
    return vms_engine_new_disk(&trial->bench->engine, operation, trial->snapshot, &request,
                               &trial->bench->progress, &trial->bench->error);
}

static void
must_make(Trial *trial, const VmsNewDiskRequest *asked)
{
    cr_assert(make(trial, asked), "%s", trial->bench->error->message);
}

static void
expect_refused(Trial *trial, const VmsNewDiskRequest *asked, int code, const char *reason)
{
    cr_assert_not(make(trial, asked));
    cr_assert_eq(vms_error_get_code(trial->bench->error), code, "%s", trial->bench->error->message);
    if (reason)
        cr_assert_str_eq(vms_error_get_reason(trial->bench->error), reason);
    cr_assert_eq(engine_bench_open_operations(trial->bench), 0);
}

static char
time_of(const char *path)
{
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text[0] : '-';
}

static struct stat
stat_of(const char *path)
{
    struct stat st = { 0 };

    (void)lstat(path, &st);
    return st;
}

static const VmsNewDiskRequest plain = { 0 };
static const VmsNewDiskRequest image = { .flags = VMSNAP_NEW_DISK_IMAGE };
static const VmsNewDiskRequest grown = { .size = GROWN, .method = VMSNAP_NEW_DISK_FULL };

/* ---- what is made ---- */

Test(new_disk, it_holds_what_the_disk_held_then)
{
    g_auto(Trial) trial = trial_new();

    must_make(&trial, &plain);
    cr_assert_eq(time_of(trial.path), '1');
    cr_assert_eq(stat_of(trial.path).st_size, SIZE);
    cr_assert_eq(stat_of(trial.path).st_mode & 07777, 0600);
    cr_assert_eq(engine_bench_extra_files(trial.bench), trial.extra + 1);
    cr_assert_eq(engine_bench_time(trial.bench), '2', "the VM's disks are none of its business");
}

Test(new_disk, an_image_is_read_only_and_has_its_digest)
{
    g_auto(Trial) trial = trial_new();
    g_autofree char *text = NULL;
    g_autofree char *sha256 = NULL;

    must_make(&trial, &image);
    cr_assert_eq(stat_of(trial.path).st_mode & 07777, 0400);
    cr_assert(g_file_get_contents(trial.sum, &text, NULL, NULL));
    cr_assert(
        vms_volume_digest(trial.bench->engine.drivers->volume, trial.path, NULL, &sha256, NULL));
    cr_assert(g_str_has_prefix(text, sha256));
    cr_assert(g_str_has_suffix(text, "  new.raw\n"));
}

Test(new_disk, it_may_be_larger_and_keep_its_owner)
{
    g_auto(Trial) trial = trial_new();
    const VmsNewDiskRequest asked = { .size = GROWN, .flags = VMSNAP_NEW_DISK_KEEP_OWNER };

    must_make(&trial, &asked);
    cr_assert_eq(stat_of(trial.path).st_size, GROWN);
    cr_assert_eq(stat_of(trial.path).st_mode & 07777, 0600);
}

Test(new_disk, nothing_is_overwritten)
{
    g_auto(Trial) trial = trial_new();
    g_autofree char *folder = g_path_get_dirname(trial.path);
    VmsNewDiskRequest asked = { .to = folder };

    expect_refused(&trial, &asked, VMSNAP_E_EXISTS, "NameTaken");
    asked.to = trial.bench->world->disks[0];
    expect_refused(&trial, &asked, VMSNAP_E_EXISTS, "NameTaken");
    cr_assert_eq(symlink("nowhere", trial.path), 0);
    expect_refused(&trial, &plain, VMSNAP_E_EXISTS, "NameTaken");
    cr_assert_eq(unlink(trial.path), 0);
    cr_assert_eq(symlink("nowhere", trial.sum), 0);
    expect_refused(&trial, &image, VMSNAP_E_EXISTS, "NameTaken");
    must_make(&trial, &plain);
}

Test(new_disk, what_cannot_be_is_refused)
{
    g_auto(Trial) trial = trial_new();
    const VmsNewDiskRequest small = { .size = SIZE - 1 };
    VmsNewDiskRequest asked = { .to = (char *)"/no/such/folder/x" };

    expect_refused(&trial, &small, VMSNAP_E_INVALID, "TooSmall");
    expect_refused(&trial, &asked, VMSNAP_E_NOT_FOUND, "FolderMissing");
    asked.to = (char *)"x.raw";
    expect_refused(&trial, &asked, VMSNAP_E_INVALID, NULL);
    asked.to = (char *)"pool/../x";
    expect_refused(&trial, &asked, VMSNAP_E_INVALID, NULL);
    asked.to = (char *)"/tmp/../x";
    expect_refused(&trial, &asked, VMSNAP_E_INVALID, NULL);
    cr_assert_eq(engine_bench_extra_files(trial.bench), trial.extra);
}

Test(new_disk, a_changed_image_is_lost)
{
    g_auto(Trial) trial = trial_new();
    g_autoptr(VmsSnapshot) snapshot = NULL;
    const VmsSnapshotDisk *disk;

    cr_assert(vms_engine_load_snapshot(&trial.bench->engine, trial.snapshot, &snapshot, NULL));
    disk = vms_snapshot_find_disk(snapshot, "vdb");
    cr_assert_eq(truncate(disk->image->path, SIZE / 2), 0);
    expect_refused(&trial, &plain, VMSNAP_E_LOST, "Lost");
}

Test(new_disk, a_volume_is_made_in_its_pool)
{
    g_auto(Trial) trial = trial_new();
    const VmsNewDiskRequest asked = { .to = (char *)"pool/new.raw" };

    must_make(&trial, &asked);
    cr_assert_eq(time_of(trial.path), '1');
    cr_assert(strstr(trial.bench->world->log, "refresh-pool"));
}

Test(new_disk, a_whole_one_does_not_keep_its_snapshot)
{
    g_auto(Trial) trial = trial_new();

    must_make(&trial, &plain);
    cr_assert(engine_bench_delete(trial.bench, trial.snapshot), "a copy needs it no more");
    expect_refused(&trial, &plain, VMSNAP_E_NOT_FOUND, NULL);
}

/* ---- failures and death ---- */

static gboolean
is_image(const VmsNewDiskRequest *asked)
{
    return (asked->flags & VMSNAP_NEW_DISK_IMAGE) != 0;
}

/* It is there as a whole, or nothing is; then it can be made. */
static void
expect_settled(Trial *trial, const VmsNewDiskRequest *asked, int number)
{
    EngineBench *bench = trial->bench;
    gboolean there = stat_of(trial->path).st_ino != 0;
    int files = there ? 1 + is_image(asked) : 0;

    cr_assert_eq(engine_bench_extra_files(bench), trial->extra + files, "call %d: %d files, not %d",
                 number, engine_bench_extra_files(bench), trial->extra + files);
    cr_assert_eq(engine_bench_open_operations(bench), 0, "call %d", number);
    if (!there)
        must_make(trial, asked);
    cr_assert_eq(stat_of(trial->path).st_size, asked->size ? GROWN : SIZE, "call %d", number);
    cr_assert_eq(time_of(trial->path), '1', "call %d", number);
    cr_assert_eq(stat_of(trial->sum).st_ino != 0, is_image(asked), "call %d", number);
}

static void
fail_each_call(const VmsNewDiskRequest *asked, FakeFailure failure)
{
    gboolean hit = TRUE;

    for (int number = 1; hit && number < MOST_CALLS; number = engine_bench_next(number)) {
        g_auto(Trial) trial = trial_new();

        engine_bench_arm(trial.bench, number, failure);
        if (!make(&trial, asked) && vms_error_get_code(trial.bench->error) == VMSNAP_E_UNCERTAIN) {
            hit = engine_bench_was_hit(trial.bench);
            engine_bench_arm(trial.bench, 0, FAKE_REFUSE);
            cr_assert_geq(engine_bench_recover(trial.bench, NULL), 0);
        } else {
            hit = engine_bench_was_hit(trial.bench);
        }
        engine_bench_arm(trial.bench, 0, FAKE_REFUSE);
        expect_settled(&trial, asked, number);
    }
    cr_assert_not(hit);
}

Test(new_disk, one_whose_nth_call_fails_leaves_nothing, .timeout = 110)
{
    fail_each_call(&image, FAKE_REFUSE);
    fail_each_call(&image, FAKE_LOSE);
    fail_each_call(&grown, FAKE_REFUSE);
    fail_each_call(&grown, FAKE_LOSE);
}

/* Builds with crash points die between calls of the file system, too. */
static gboolean
dies(Trial *trial, const VmsNewDiskRequest *asked, int number, gboolean recovering)
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
            (void)make(trial, asked);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    engine_bench_arm(trial->bench, 0, FAKE_REFUSE);
    return WIFSIGNALED(status);
}

/* Death at the @first point, then recovery that dies at its @second (0: it does not). TRUE if
 * there is such a point. */
static gboolean
die_twice(const VmsNewDiskRequest *asked, int first, int second, gboolean *ret_second)
{
    g_auto(Trial) trial = trial_new();
    int failed = 0;
    gboolean died;

    engine_bench_close(trial.bench);
    died = dies(&trial, asked, first, FALSE);
    *ret_second = second > 0 && dies(&trial, asked, second, TRUE);
    engine_bench_open(trial.bench);
    cr_assert_geq(engine_bench_recover(trial.bench, &failed), 0);
    cr_assert_eq(failed, 0, "points %d, %d", first, second);
    expect_settled(&trial, asked, first);
    return died;
}

static int
die_at_each_call(const VmsNewDiskRequest *asked, int step)
{
    gboolean died = TRUE;
    gboolean again;
    int pairs = 0;

    for (int first = 1; died && first < MOST_CALLS; first++) {
        died = die_twice(asked, first, 0, &again);
        again = died && first % step == 0;
        for (int second = 1; again && second < MOST_CALLS; second++, pairs++)
            (void)die_twice(asked, first, second, &again);
    }
    cr_assert_not(died, "more places to die than were tried");
    return pairs;
}

Test(new_disk, one_that_died_anywhere_is_repaired, .timeout = 110)
{
    cr_assert_gt(die_at_each_call(&image, 5), 0);
    (void)die_at_each_call(&grown, MOST_CALLS);
}

/* ---- linked ---- */

/* Overlays are no qcow2 here: only that nobody deletes what an open operation needs. */
Test(new_disk, an_unfinished_linked_disk_keeps_its_snapshot)
{
    g_auto(Trial) trial = trial_new();
    g_auto(VmsWork) work = { 0 };

    work.operation = vms_operation_new("aaaaaaaa-0000-4000-8000-000000000001", "disk-restore");
    work.operation->phase = VMSNAP_OPERATION_IN_PROGRESS;
    work.operation->snapshot = g_strdup(trial.snapshot);
    work.operation->made = vms_new_disk_new(trial.path);
    work.operation->made->next = g_strconcat(trial.path, ".next", NULL);
    work.operation->made->base = g_strdup(trial.path);
    work.operation->made->format = g_strdup("qcow2");
    work.operation->made->way = VMS_NEW_DISK_OVERLAY;
    cr_assert(vms_store_save(trial.bench->engine.drivers->catalog, &work, NULL));
    cr_assert_not(engine_bench_delete(trial.bench, trial.snapshot));
    cr_assert_eq(vms_error_get_code(trial.bench->error), VMSNAP_E_IN_USE);
}
