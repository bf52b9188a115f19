/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/store.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Snapshots of single disks, of a VM and of none, and what is left when a call of theirs fails or
 * their process dies before it. */

enum { MOST_CALLS = 400, MADE = 2 /* the image, its manifest */ };

/* A file beside the VM's disks that no VM has. */
static char *
make_disk(const EngineBench *bench, const char *name)
{
    char *path = g_build_filename(bench->folder, "disks", name, NULL);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    cr_assert(fd >= 0 && ftruncate(fd, 65536) == 0);
    close(fd);
    return path;
}

static VmsSnapshot *
must_take(EngineBench *bench, const char *disk)
{
    g_autofree char *uuid = NULL;
    VmsSnapshot *snapshot = NULL;

    cr_assert(engine_bench_disk_snapshot(bench, disk, &uuid), "%s",
              bench->error ? bench->error->message : "no error");
    cr_assert(vms_engine_load_snapshot(&bench->engine, uuid, &snapshot, NULL));
    return snapshot;
}

static void
expect_refused(EngineBench *bench, const char *disk, int code, const char *reason)
{
    cr_assert_not(engine_bench_disk_snapshot(bench, disk, NULL));
    cr_assert_eq(vms_error_get_code(bench->error), code, "%s", bench->error->message);
    cr_assert_str_eq(vms_error_get_reason(bench->error), reason);
}

Test(disk, a_disk_of_a_vm_is_taken_without_its_vm)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autoptr(VmsSnapshot) disk = must_take(bench, "vdb");
    const VmsSnapshotDisk *image = disk->disks->pdata[0];

    cr_assert_eq(engine_bench_extra_files(bench), MADE);
    cr_assert_eq(disk->subject, VMSNAP_SNAPSHOT_KIND_DISK);
    cr_assert_eq(disk->disks->len, 1);
    cr_assert_str_eq(image->name, "web/vdb");
    cr_assert_str_eq(disk->vm_uuid, FAKE_UUID);
    cr_assert_eq(disk->grade, VMSNAP_GRADE_OFFLINE);
    cr_assert_not(disk->partial, "the other disks are not missed");
    cr_assert_null(disk->inactive_xml);
    cr_assert_eq(disk->parts->len, 0);
    cr_assert(engine_bench_snapshot(bench, NULL), "a VM's snapshot may have the same name");
    cr_assert(engine_bench_delete(bench, disk->uuid));
}

Test(disk, a_disk_of_no_vm_is_offline)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *path = make_disk(bench, "x.raw");
    g_autoptr(VmsSnapshot) disk = must_take(bench, path);

    cr_assert_null(disk->vm_uuid);
    cr_assert_str_eq(disk->disk, path);
    cr_assert_eq(disk->grade, VMSNAP_GRADE_OFFLINE);
    cr_assert(disk->evidence->detached);
    cr_assert_not(disk->evidence->unasked);
    cr_assert(engine_bench_delete(bench, disk->uuid));
    cr_assert_eq(engine_bench_extra_files(bench), 1);
}

Test(disk, a_file_that_a_vm_refers_to_is_no_free_disk)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *path = make_disk(bench, "x.raw");

    expect_refused(bench, bench->world->disks[0], VMSNAP_E_IN_USE, "AttachedElsewhere");
    g_strlcpy(bench->world->other, path, sizeof(bench->world->other));
    expect_refused(bench, path, VMSNAP_E_IN_USE, "AttachedElsewhere");
    expect_refused(bench, bench->world->nvram, VMSNAP_E_IN_USE, "InUse");
}

Test(disk, what_is_open_for_writing_is_busy)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *path = make_disk(bench, "x.raw");
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    expect_refused(bench, path, VMSNAP_E_BUSY, "OpenElsewhere");
    close(fd);
    vms_snapshot_free(must_take(bench, path));
}

Test(disk, a_path_is_found_as_the_disk_of_its_vm)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *path = make_disk(bench, "x.raw");
    g_autoptr(VmsDiskInfo) own = NULL;
    g_autoptr(VmsDiskInfo) by_name = NULL;
    g_autoptr(VmsDiskInfo) running = NULL;
    g_autoptr(VmsDiskInfo) none = NULL;

    cr_assert(vms_engine_find_disk(&bench->engine, bench->world->disks[1], NULL, &own, NULL));
    cr_assert_str_eq(own->name, "web/vdb");
    cr_assert_eq(own->virtual_size, 65536);
    cr_assert(vms_engine_find_disk(&bench->engine, "web/vdb", "raw", &by_name, NULL));
    cr_assert_str_eq(by_name->path, own->path);
    g_strlcpy(bench->world->other, bench->world->disks[1], sizeof(bench->world->other));
    bench->world->domain_id = 7;
    bench->world->state = VMSNAP_VM_RUNNING;
    cr_assert(vms_engine_find_disk(&bench->engine, bench->world->disks[1], NULL, &running, NULL));
    cr_assert_str_eq(running->name, "web/vdb", "the one that runs, of two VMs that have it");
    cr_assert(vms_engine_find_disk(&bench->engine, path, NULL, &none, NULL));
    cr_assert_str_eq(none->name, path);
    cr_assert_null(none->vm_uuid);
}

static void
expect_no_disk(EngineBench *bench, const char *name, const char *format, int code)
{
    g_autoptr(VmsDiskInfo) found = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_engine_find_disk(&bench->engine, name, format, &found, &error), "%s", name);
    cr_assert_eq(vms_error_get_code(error), code, "%s: %s", name, error->message);
}

Test(disk, what_is_no_disk_is_told)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *named = make_disk(bench, "x.qcow2");
    g_autofree char *link = g_build_filename(bench->folder, "disks", "link.raw", NULL);
    VmsHypervisor *hv = bench->engine.drivers->hypervisor;

    cr_assert_eq(symlink("x.qcow2", link), 0);
    expect_no_disk(bench, "web", NULL, VMSNAP_E_INVALID);
    expect_no_disk(bench, "web/", NULL, VMSNAP_E_INVALID);
    expect_no_disk(bench, "/", NULL, VMSNAP_E_INVALID);
    expect_no_disk(bench, "web/vda/x", NULL, VMSNAP_E_INVALID);
    expect_no_disk(bench, "web/vdz", NULL, VMSNAP_E_NOT_FOUND);
    expect_no_disk(bench, "/no/such/file", NULL, VMSNAP_E_NOT_FOUND);
    expect_no_disk(bench, "web/vda", "qcow2", VMSNAP_E_INVALID);
    expect_no_disk(bench, named, NULL, VMSNAP_E_UNSUPPORTED);
    expect_no_disk(bench, link, NULL, VMSNAP_E_UNSUPPORTED);
    expect_no_disk(bench, "/dev/null", NULL, VMSNAP_E_UNSUPPORTED);
    bench->engine.drivers->hypervisor = NULL;
    expect_no_disk(bench, "web/vda", NULL, VMSNAP_E_UNSUPPORTED);
    bench->engine.drivers->hypervisor = hv;
}

Test(disk, without_a_hypervisor_the_evidence_says_so)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *path = make_disk(bench, "x.raw");
    VmsHypervisor *hv = g_steal_pointer(&bench->engine.drivers->hypervisor);
    g_autoptr(VmsSnapshot) disk = must_take(bench, path);

    cr_assert(disk->evidence->unasked);
    cr_assert_eq(disk->evidence->warnings->len, 1);
    cr_assert(engine_bench_delete(bench, disk->uuid));
    bench->engine.drivers->hypervisor = hv;
}

/* ---- failures and death ---- */

typedef struct {
    EngineBench *bench;
    gboolean detached;
    char *disk;
    int extra; /* files before */
} Trial;

static void
trial_begin(Trial *trial)
{
    trial->bench = engine_bench_new();
    trial->disk = trial->detached ? make_disk(trial->bench, "x.raw") : g_strdup("vda");
    trial->extra = engine_bench_extra_files(trial->bench);
}

static void
trial_end(Trial *trial)
{
    g_clear_pointer(&trial->bench, engine_bench_free);
    g_clear_pointer(&trial->disk, g_free);
}

/* It is there as a whole, or not at all; then it can be taken, or deleted. */
static void
expect_settled(Trial *trial, int number)
{
    EngineBench *bench = trial->bench;
    int extra = engine_bench_extra_files(bench);
    g_autoptr(VmsSnapshot) left = NULL;
    gboolean found =
        vms_engine_find_snapshot(&bench->engine, VMSNAP_SNAPSHOT_KIND_DISK, "daily", &left, NULL) &&
        left->phase != VMSNAP_SNAPSHOT_FAILED;

    cr_assert_eq(extra, trial->extra + (found ? MADE : 0), "call %d: %d files where there were %d",
                 number, extra, trial->extra);
    cr_assert(!found || left->phase == VMSNAP_SNAPSHOT_READY);
    cr_assert_eq(engine_bench_open_operations(bench), 0, "call %d", number);
    if (!found) {
        g_clear_pointer(&left, vms_snapshot_free);
        left = must_take(bench, trial->disk);
    }
    cr_assert(engine_bench_delete(bench, left->uuid), "call %d: %s", number,
              bench->error ? bench->error->message : "");
    cr_assert_eq(engine_bench_extra_files(bench), trial->extra);
}

static void
fail_each_call(gboolean detached, FakeFailure failure)
{
    gboolean hit = TRUE;

    for (int number = 1; hit && number < MOST_CALLS; number = engine_bench_next(number)) {
        Trial trial = { .detached = detached };

        trial_begin(&trial);
        engine_bench_arm(trial.bench, number, failure);
        if (!engine_bench_disk_snapshot(trial.bench, trial.disk, NULL) &&
            vms_error_get_code(trial.bench->error) == VMSNAP_E_UNCERTAIN)
            cr_assert_geq(engine_bench_recover(trial.bench, NULL), 0);
        hit = engine_bench_was_hit(trial.bench);
        engine_bench_arm(trial.bench, 0, FAKE_REFUSE);
        expect_settled(&trial, number);
        trial_end(&trial);
    }
}

Test(disk, a_snapshot_whose_nth_call_fails_leaves_no_file)
{
    fail_each_call(TRUE, FAKE_REFUSE);
    fail_each_call(TRUE, FAKE_LOSE);
    fail_each_call(FALSE, FAKE_REFUSE);
}

/* Builds with crash points die between calls of the file system, too. TRUE if the child died. */
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
        engine_bench_disk_snapshot(trial->bench, trial->disk, NULL);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status);
}

static void
die_at_each_call(gboolean detached)
{
    gboolean died = TRUE;

    for (int number = 1; died && number < MOST_CALLS; number = engine_bench_next(number)) {
        Trial trial = { .detached = detached };
        int failed = 0;

        trial_begin(&trial);
        engine_bench_close(trial.bench);
        died = run_in_child(&trial, number);
        engine_bench_arm(trial.bench, 0, FAKE_REFUSE);
        engine_bench_open(trial.bench);
        cr_assert_geq(engine_bench_recover(trial.bench, &failed), 0);
        cr_assert_eq(failed, 0, "call %d", number);
        expect_settled(&trial, number);
        trial_end(&trial);
    }
    cr_assert_not(died, "more places to die than were tried");
}

Test(disk, a_snapshot_that_died_anywhere_is_repaired, .timeout = 110)
{
    die_at_each_call(TRUE);
    die_at_each_call(FALSE);
}
