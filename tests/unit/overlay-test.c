/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A snapshot of a running VM by overlays: every call of it fails, or its process dies, something
 * may happen to the VM, and recover comes. The guest writes '3' as soon as it is thawed: what it
 * wrote must be on the VM's own disks in the end. */

enum { MOST_CALLS = 400, PIECES = 5000 };

typedef enum { NOTHING, GOES_OFF, IS_UNDEFINED, IS_STARTED_AGAIN } Event;

static EngineBench *
new_bench(void)
{
    EngineBench *bench = engine_bench_new();

    bench->world->state = VMSNAP_VM_RUNNING;
    bench->world->domain_id = 7;
    bench->world->pieces = PIECES;
    bench->world->next = '3';
    bench->world->nvram[0] = '\0';
    bench->policy = VMSNAP_CONSISTENCY_PREFER;
    return bench;
}

static char
byte_of(const char *path)
{
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) ? text[0] : '-';
}

static void
expect_home(const EngineBench *bench, const char *when, int number)
{
    const FakeWorld *world = bench->world;
    char wanted = world->written ? (char)world->written : '1';

    for (guint i = 0; i < FAKE_DISKS; i++) {
        cr_assert_eq(world->live[i], 0, "%s %d: %s", when, number, world->log);
        cr_assert_eq(world->configured[i], 0, "%s %d: %s", when, number, world->log);
        cr_assert_eq(byte_of(world->disks[i]), wanted, "%s %d: disk %u holds %c, not %c: %s", when,
                     number, i, byte_of(world->disks[i]), wanted, world->log);
        cr_assert_not(world->overlays[i][0] && access(world->overlays[i], F_OK) == 0, "%s %d: %s",
                      when, number, world->log);
    }
    cr_assert_eq(world->frozen, 0, "%s %d", when, number);
    cr_assert_eq(world->torn_starts, 0, "%s %d", when, number);
}

static void
expect_settled(EngineBench *bench, const char *when, int number)
{
    int extra = engine_bench_extra_files(bench);

    expect_home(bench, when, number);
    cr_assert_eq(engine_bench_open_operations(bench), 0, "%s %d: %s", when, number,
                 bench->world->log);
    /* NVRAM is not the VM's here; two images and the manifest, or nothing */
    cr_assert(extra == 0 || extra == 3, "%s %d: %d files; %s", when, number, extra,
              bench->world->log);
}

Test(overlay, the_snapshot_is_of_the_instant_and_the_vm_goes_on)
{
    g_autoptr(EngineBench) bench = new_bench();
    g_autofree char *uuid = NULL;
    g_autoptr(VmsSnapshot) snapshot = NULL;

    cr_assert(engine_bench_snapshot(bench, &uuid), "%s", bench->error->message);
    expect_settled(bench, "done", 0);
    cr_assert_eq(bench->world->written, '3');
    cr_assert(
        vms_engine_find_snapshot(&bench->engine, VMSNAP_SNAPSHOT_KIND_VM, uuid, &snapshot, NULL));
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];

        cr_assert_eq(byte_of(disk->image->path), '1');
        cr_assert_eq(disk->method, VMSNAP_METHOD_REFLINK);
    }
    cr_assert_not_null(strstr(bench->world->log, "begin-overlays"));
}

static void
fail_each_call(FakeFailure failure)
{
    gboolean hit = TRUE;

    for (int number = 1; hit && number < MOST_CALLS; number = engine_bench_next(number)) {
        g_autoptr(EngineBench) bench = new_bench();
        int failed = 0;

        engine_bench_arm(bench, number, failure);
        if (!engine_bench_snapshot(bench, NULL) &&
            vms_error_get_code(bench->error) == VMSNAP_E_UNCERTAIN) {
            cr_assert_geq(engine_bench_recover(bench, &failed), 0);
            cr_assert_eq(failed, 0, "call %d: %s", number, bench->world->log);
        }
        hit = engine_bench_was_hit(bench);
        engine_bench_recover(bench, NULL); /* a lease that could not be removed */
        expect_settled(bench, "failed at", number);
    }
}

Test(overlay, whichever_call_is_refused_the_vm_comes_home, .timeout = 110)
{
    fail_each_call(FAKE_REFUSE);
}

Test(overlay, whichever_answer_is_lost_the_vm_comes_home, .timeout = 110)
{
    fail_each_call(FAKE_LOSE);
}

/* ---- death ---- */

/* TRUE if the child died on the way. */
static gboolean
die_at(EngineBench *bench, int number)
{
    int status = 0;
    pid_t child;

    engine_bench_close(bench);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        bench->engine.drivers = NULL;
        engine_bench_open(bench);
        engine_bench_arm(bench, number, FAKE_KILL);
        engine_bench_snapshot(bench, NULL);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    engine_bench_arm(bench, 0, FAKE_REFUSE);
    engine_bench_open(bench);
    return WIFSIGNALED(status);
}

static void
happen(FakeWorld *world, Event event)
{
    switch (event) {
    case NOTHING:
        break;
    case IS_UNDEFINED:
        world->gone = TRUE;
        memset((void *)world->configured, 0, sizeof(world->configured));
        fake_machine_go_off(world);
        break;
    case GOES_OFF:
        fake_machine_go_off(world);
        break;
    case IS_STARTED_AGAIN:
        fake_machine_go_off(world);
        world->state = VMSNAP_VM_RUNNING;
        world->domain_id = 8;
        for (guint i = 0; i < FAKE_DISKS; i++)
            world->live[i] = world->configured[i];
        world->next = '4';
        fake_machine_go_on(world);
        break;
    }
}

static void
die_at_each_call(Event event)
{
    gboolean died = TRUE;

    for (int number = 1; died && number < MOST_CALLS; number = engine_bench_next(number)) {
        g_autoptr(EngineBench) bench = new_bench();
        int failed = 0;

        died = die_at(bench, number);
        happen(bench->world, event);
        cr_assert_geq(engine_bench_recover(bench, &failed), 0);
        cr_assert_eq(failed, 0, "call %d: %s; %s", number,
                     bench->error ? bench->error->message : "", bench->world->log);
        expect_settled(bench, "died at", number);
        cr_assert_eq(engine_bench_recover(bench, NULL), 0, "call %d", number);
    }
    cr_assert_not(died, "more places to die than were tried");
}

Test(overlay, wherever_the_owner_dies_the_vm_comes_home, .timeout = 110)
{
    die_at_each_call(NOTHING);
}

Test(overlay, also_when_the_vm_goes_off_then, .timeout = 110)
{
    die_at_each_call(GOES_OFF);
}

Test(overlay, also_when_it_is_started_again_on_the_overlays, .timeout = 110)
{
    die_at_each_call(IS_STARTED_AGAIN);
}

Test(overlay, also_when_it_is_undefined, .timeout = 110)
{
    die_at_each_call(IS_UNDEFINED);
}
