/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/lock.h"
#include "plan/consistency.h"
#include "support/asker.h"

#include <criterion/criterion.h>
#include <string.h>

/* Several requests for one VM in one process: who is cut in whose window, and what each hears. */

enum { MOST = 8 };

typedef struct {
    Bench *bench;
    VmsLock *lock; /* of the window: nobody gets one before all wait */
    Asker *askers[MOST];
    int count;
} Crowd;

static char *
name_window(void)
{
    return vms_lock_name_window(FAKE_UUID);
}

static Crowd *
crowd_new(void)
{
    Crowd *crowd = g_new0(Crowd, 1);
    g_autofree char *name = name_window();

    crowd->bench = bench_new();
    cr_assert(vms_lock_take(crowd->bench->folder, name, "holder", 0, NULL, &crowd->lock, NULL));
    return crowd;
}

static void
crowd_free(Crowd *crowd)
{
    for (int i = 0; i < crowd->count; i++)
        asker_free(crowd->askers[i]);
    vms_lock_free(crowd->lock);
    bench_free(crowd->bench);
    g_free(crowd);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Crowd, crowd_free)

static Asker *
add(Crowd *crowd, vmsnap_consistency_policy policy)
{
    Asker *asker = asker_new(crowd->bench, crowd->count, policy);

    crowd->askers[crowd->count++] = asker;
    return asker;
}

static void
drop_overlays(Asker *asker)
{
    cr_assert_not_null(asker->watch);
    cr_assert(vms_watch_release(g_steal_pointer(&asker->watch), NULL));
}

static void
run_after(Crowd *crowd, gulong wait_us)
{
    for (int i = 0; i < crowd->count; i++)
        asker_start(crowd->askers[i]);
    g_usleep(wait_us);
    g_clear_pointer(&crowd->lock, vms_lock_free);
    for (int i = 0; i < crowd->count; i++) {
        asker_join(crowd->askers[i]);
        if (crowd->askers[i]->window.overlays)
            drop_overlays(crowd->askers[i]);
    }
}

/* All ask and wait; then the window may open. */
static void
run(Crowd *crowd)
{
    run_after(crowd, 250000);
}

static void
expect_cut(const Asker *asker, vmsnap_grade grade)
{
    g_autoptr(VmsVerdict) verdict = NULL;

    cr_assert(asker->done, "%s", asker->error ? asker->error->message : "");
    cr_assert(asker->cut);
    g_ptr_array_add(asker->evidence->disks, vms_disk_facts_new("vda", 1, FALSE));
    verdict = vms_consistency_judge(asker->evidence);
    cr_assert_eq(verdict->grade, grade, "%s", verdict->message ? verdict->message : "");
}

static void
expect_failed(const Asker *asker, const char *reason)
{
    cr_assert_not(asker->done);
    cr_assert_str_eq(vms_error_get_reason(asker->error), reason, "%s", asker->error->message);
    cr_assert_null(asker->watch);
}

static void
expect_windows(const Crowd *crowd, int windows)
{
    const Bench *bench = crowd->bench;

    cr_assert_eq(asker_count(bench, "freeze"), windows, "%s", bench->world->log);
    cr_assert_eq(asker_count(bench, "thaw"), windows, "%s", bench->world->log);
    cr_assert_eq(bench->world->frozen, 0);
}

Test(window_together, who_waits_is_cut_in_one_window)
{
    g_autoptr(Crowd) crowd = crowd_new();

    for (int i = 0; i < 5; i++)
        add(crowd, i % 2 ? VMSNAP_CONSISTENCY_PREFER : VMSNAP_CONSISTENCY_REQUIRE);
    run(crowd);
    expect_windows(crowd, 1);
    for (int i = 0; i < 5; i++) {
        const VmsTimes *times = &crowd->askers[i]->evidence->times;

        expect_cut(crowd->askers[i], VMSNAP_GRADE_FROZEN);
        cr_assert_eq(times->freeze_sent, crowd->askers[0]->evidence->times.freeze_sent);
        cr_assert(times->cut_start >= times->suspended && times->cut_end <= times->resumed);
        cr_assert_eq(crowd->askers[i]->evidence->filesystems->len, 2);
    }
    cr_assert(bench_is_clean(crowd->bench));
}

Test(window_together, who_skips_the_freeze_has_a_window_without)
{
    g_autoptr(Crowd) crowd = crowd_new();

    add(crowd, VMSNAP_CONSISTENCY_REQUIRE);
    add(crowd, VMSNAP_CONSISTENCY_SKIP);
    add(crowd, VMSNAP_CONSISTENCY_SKIP);
    run(crowd);
    expect_windows(crowd, 1);
    cr_assert_eq(asker_count(crowd->bench, "suspend"), 2);
    expect_cut(crowd->askers[0], VMSNAP_GRADE_FROZEN);
    expect_cut(crowd->askers[1], VMSNAP_GRADE_CRASH);
    expect_cut(crowd->askers[2], VMSNAP_GRADE_CRASH);
    cr_assert_eq(crowd->askers[1]->evidence->times.freeze_sent, 0);
}

Test(window_together, who_puts_overlays_is_alone_until_they_are_gone)
{
    g_autoptr(Crowd) crowd = crowd_new();

    add(crowd, VMSNAP_CONSISTENCY_REQUIRE)->window.overlays = TRUE;
    add(crowd, VMSNAP_CONSISTENCY_REQUIRE);
    add(crowd, VMSNAP_CONSISTENCY_REQUIRE);
    run(crowd);
    expect_windows(crowd, 2);
    for (int i = 0; i < 3; i++)
        expect_cut(crowd->askers[i], VMSNAP_GRADE_FROZEN);
}

Test(window_together, a_failed_cut_fails_no_other)
{
    g_autoptr(Crowd) crowd = crowd_new();

    for (int i = 0; i < 3; i++)
        add(crowd, VMSNAP_CONSISTENCY_REQUIRE);
    crowd->askers[0]->cut_fails = TRUE;
    run(crowd);
    expect_windows(crowd, 1);
    expect_failed(crowd->askers[0], "NO_SPACE");
    expect_cut(crowd->askers[1], VMSNAP_GRADE_FROZEN);
    expect_cut(crowd->askers[2], VMSNAP_GRADE_FROZEN);
}

Test(window_together, a_failed_freeze_fails_who_must_have_it)
{
    g_autoptr(Crowd) crowd = crowd_new();

    add(crowd, VMSNAP_CONSISTENCY_REQUIRE);
    add(crowd, VMSNAP_CONSISTENCY_PREFER);
    add(crowd, VMSNAP_CONSISTENCY_REQUIRE);
    crowd->bench->world->fail_first = crowd->bench->world->fail_last = 7; /* freeze */
    run(crowd);
    expect_failed(crowd->askers[0], "FreezeFailed");
    expect_failed(crowd->askers[2], "FreezeFailed");
    cr_assert_not(crowd->askers[0]->cut);
    expect_cut(crowd->askers[1], VMSNAP_GRADE_CRASH);
    cr_assert_not_null(crowd->askers[1]->evidence->freeze_error);
    cr_assert(bench_is_clean(crowd->bench));
}

Test(window_together, a_deaf_guest_refuses_who_must_freeze)
{
    g_autoptr(Crowd) crowd = crowd_new();

    add(crowd, VMSNAP_CONSISTENCY_PREFER);
    add(crowd, VMSNAP_CONSISTENCY_REQUIRE);
    crowd->bench->world->can_freeze = FALSE;
    run(crowd);
    expect_windows(crowd, 0);
    expect_failed(crowd->askers[1], "FreezeUnsupported");
    expect_cut(crowd->askers[0], VMSNAP_GRADE_CRASH);
}

Test(window_together, who_was_planned_for_another_state_is_refused)
{
    g_autoptr(Crowd) crowd = crowd_new();

    for (int i = 0; i < 3; i++)
        add(crowd, VMSNAP_CONSISTENCY_REQUIRE);
    crowd->askers[0]->vm->domain_id = 6;
    run(crowd);
    expect_windows(crowd, 1);
    expect_failed(crowd->askers[0], "StateChanged");
    expect_cut(crowd->askers[1], VMSNAP_GRADE_FROZEN);
    expect_cut(crowd->askers[2], VMSNAP_GRADE_FROZEN);
}

Test(window_together, who_was_planned_for_other_disks_is_refused)
{
    g_autoptr(Crowd) crowd = crowd_new();

    for (int i = 0; i < 2; i++)
        add(crowd, VMSNAP_CONSISTENCY_REQUIRE);
    g_ptr_array_add(crowd->askers[0]->vm->disks, vms_disk_new("vdc")); /* detached since */
    run(crowd);
    expect_failed(crowd->askers[0], "StateChanged");
    expect_cut(crowd->askers[1], VMSNAP_GRADE_FROZEN);
}

Test(window_together, who_gives_up_takes_nobody_along)
{
    g_autoptr(Crowd) crowd = crowd_new();

    for (int i = 0; i < 4; i++)
        add(crowd, VMSNAP_CONSISTENCY_REQUIRE);
    vms_progress_cancel(&crowd->askers[0]->progress); /* the first leads */
    crowd->askers[1]->window.wait_ms = 0;
    run(crowd);
    expect_windows(crowd, 1);
    expect_failed(crowd->askers[0], "Cancelled");
    expect_failed(crowd->askers[1], "Locked");
    cr_assert(strstr(crowd->askers[1]->error->message, "(operation holder)"), "%s",
              crowd->askers[1]->error->message);
    expect_cut(crowd->askers[2], VMSNAP_GRADE_FROZEN);
    expect_cut(crowd->askers[3], VMSNAP_GRADE_FROZEN);
}

Test(window_together, one_job_serves_all_and_ends_with_the_last)
{
    g_autoptr(Crowd) crowd = crowd_new();
    g_autofree char *name = name_window();
    VmsLock *lock = NULL;
    Bench *bench = crowd->bench;

    for (int i = 0; i < 3; i++)
        asker_need_job(add(crowd, VMSNAP_CONSISTENCY_REQUIRE));
    crowd->askers[0]->cut_fails = TRUE;
    run(crowd);
    expect_windows(crowd, 1);
    cr_assert_eq(asker_count(bench, "begin-backup"), 1);
    expect_failed(crowd->askers[0], "NO_SPACE");
    cr_assert_str_eq(vms_watch_get_socket(crowd->askers[1]->watch),
                     vms_watch_get_socket(crowd->askers[2]->watch));
    cr_assert(vms_watch_end_job(crowd->askers[1]->watch, NULL));
    cr_assert(vms_watch_release(g_steal_pointer(&crowd->askers[1]->watch), NULL));
    cr_assert_eq(bench->world->job, VMS_JOB_BACKUP, "another still reads it");
    cr_assert_not(vms_lock_take(bench->folder, name, "next", 0, NULL, &lock, NULL));
    cr_assert(vms_watch_end_job(crowd->askers[2]->watch, NULL));
    cr_assert_eq(bench->world->job, VMS_JOB_NONE);
    cr_assert(vms_watch_release(g_steal_pointer(&crowd->askers[2]->watch), NULL));
    cr_assert(bench_is_clean(bench));
    cr_assert(vms_lock_take(bench->folder, name, "next", 0, NULL, &lock, NULL));
    vms_lock_free(lock);
}

Test(window_together, who_abandons_a_job_leaves_it_to_the_others)
{
    g_autoptr(Crowd) crowd = crowd_new();

    for (int i = 0; i < 2; i++)
        asker_need_job(add(crowd, VMSNAP_CONSISTENCY_REQUIRE));
    run(crowd);
    vms_watch_abandon(g_steal_pointer(&crowd->askers[0]->watch));
    cr_assert_eq(crowd->bench->world->job, VMS_JOB_BACKUP);
    cr_assert(vms_watch_end_job(crowd->askers[1]->watch, NULL));
    cr_assert(vms_watch_release(g_steal_pointer(&crowd->askers[1]->watch), NULL));
    cr_assert(bench_is_clean(crowd->bench));
}

Test(window_together, a_job_that_does_not_begin_fails_who_needs_it)
{
    g_autoptr(Crowd) crowd = crowd_new();

    asker_need_job(add(crowd, VMSNAP_CONSISTENCY_REQUIRE));
    add(crowd, VMSNAP_CONSISTENCY_REQUIRE);
    crowd->bench->world->fail_first = crowd->bench->world->fail_last = 9; /* begin-backup */
    run(crowd);
    cr_assert_eq(asker_count(crowd->bench, "begin-backup"), 1, "%s", crowd->bench->world->log);
    expect_failed(crowd->askers[0], "HYPERVISOR");
    expect_cut(crowd->askers[1], VMSNAP_GRADE_FROZEN);
    cr_assert(bench_is_clean(crowd->bench));
}

/* Whichever call fails, nobody is told anything false and the guest ends thawed. */
static gboolean
torture_once(FakeFailure failure, int n)
{
    g_autoptr(Crowd) crowd = crowd_new();
    Bench *bench = crowd->bench;

    for (int i = 0; i < 3; i++)
        add(crowd, i == 1 ? VMSNAP_CONSISTENCY_PREFER : VMSNAP_CONSISTENCY_REQUIRE);
    bench->world->fail_first = bench->world->fail_last = n;
    bench->world->failure = failure;
    run_after(crowd, 20000);
    cr_assert(bench_is_clean(bench), "call %d, failure %d: %s", n, failure, bench->world->log);
    for (int i = 0; i < 3; i++) {
        if (!crowd->askers[i]->done)
            cr_assert_eq(vms_error_get_frozen(crowd->askers[i]->error), VMSNAP_FROZEN_NO);
    }
    return bench->world->calls >= n;
}

Test(window_together, whichever_call_fails_the_guest_is_thawed)
{
    for (int failure = FAKE_REFUSE; failure <= FAKE_LOSE; failure++)
        for (int n = 1; torture_once((FakeFailure)failure, n); n++)
            cr_assert_lt(n, 100);
}
