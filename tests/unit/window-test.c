/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "plan/consistency.h"
#include "support/window-bench.h"

#include <criterion/criterion.h>
#include <string.h>

/* One window over a fake VM: the order of its calls, and what is left when one fails. */

static void
expect_log(const Bench *bench, const char *log)
{
    cr_assert_str_eq(bench->world->log, log, "%s", bench->world->log);
}

static vmsnap_grade
grade_of(const Bench *bench)
{
    g_autoptr(VmsVerdict) verdict = NULL;

    g_ptr_array_set_size(bench->evidence->disks, 0);
    g_ptr_array_add(bench->evidence->disks, vms_disk_facts_new("vda", 1, FALSE));
    verdict = vms_consistency_judge(bench->evidence);
    return verdict->grade;
}

static gboolean
warned(const Bench *bench, const char *text)
{
    for (guint i = 0; i < bench->evidence->warnings->len; i++)
        if (strstr(bench->evidence->warnings->pdata[i], text))
            return TRUE;
    return FALSE;
}

static void
expect_refusal(Bench *bench, int code, const char *reason)
{
    cr_assert_not(bench_run(bench));
    cr_assert_eq(vms_error_get_code(bench->error), code, "%s", bench->error->message);
    cr_assert_str_eq(vms_error_get_reason(bench->error), reason, "%s", bench->error->message);
    cr_assert_null(bench->watch);
}

Test(window, freezes_suspends_cuts_resumes_and_thaws_in_this_order)
{
    g_autoptr(Bench) bench = bench_new();
    const VmsTimes *t;

    cr_assert(bench_run(bench), "%s", bench->error ? bench->error->message : "");
    expect_log(bench, "state ping is-frozen info list freeze suspend cut resume thaw state ");
    cr_assert(bench_is_clean(bench));
    cr_assert_null(bench->watch);
    cr_assert_eq(bench->evidence->frozen_count, 2);
    cr_assert_eq(bench->evidence->thawed_count, 2);
    cr_assert_eq(bench->evidence->guard, VMS_GUARD_SELF);
    cr_assert_eq(grade_of(bench), VMSNAP_GRADE_FROZEN);
    t = &bench->evidence->times;
    cr_assert(0 < t->freeze_sent && t->freeze_sent <= t->freeze_acked);
    cr_assert(t->freeze_acked <= t->suspend_sent && t->suspend_sent <= t->suspended);
    cr_assert(t->suspended <= t->cut_start && t->cut_start <= t->cut_end);
    cr_assert(t->cut_end <= t->resumed && t->resumed <= t->thaw_sent);
    cr_assert(t->thaw_sent <= t->thaw_acked);
}

Test(window, without_suspend_only_the_guest_is_asked)
{
    g_autoptr(Bench) bench = bench_new();

    bench->window.suspend = FALSE;
    cr_assert(bench_run(bench));
    expect_log(bench, "state ping is-frozen info list freeze cut thaw state ");
    cr_assert_eq(grade_of(bench), VMSNAP_GRADE_FROZEN);
}

Test(window, skip_never_asks_the_guest)
{
    g_autoptr(Bench) bench = bench_new();

    bench->window.policy = VMSNAP_CONSISTENCY_SKIP;
    cr_assert(bench_run(bench));
    expect_log(bench, "state suspend cut resume state ");
    cr_assert(bench_is_clean(bench));
    cr_assert_eq(grade_of(bench), VMSNAP_GRADE_CRASH);
    cr_assert_eq(bench->evidence->warnings->len, 0);
}

Test(window, a_paused_vm_is_cut_as_it_stands)
{
    g_autoptr(Bench) bench = bench_new();

    bench->world->state = VMSNAP_VM_PAUSED;
    expect_refusal(bench, VMSNAP_E_INCONSISTENT, "PotentiallyInconsistent");
    expect_log(bench, "");
    bench->window.policy = VMSNAP_CONSISTENCY_PREFER;
    cr_assert(bench_run(bench));
    expect_log(bench, "state cut state ");
    cr_assert_eq(bench->world->state, VMSNAP_VM_PAUSED, "it was not us who paused it");
    cr_assert_not(bench_has_lease(bench));
}

Test(window, a_vm_that_is_off_is_only_cut)
{
    g_autoptr(Bench) bench = bench_new();

    bench->world->state = VMSNAP_VM_OFF;
    bench->world->domain_id = -1;
    cr_assert(bench_run(bench));
    expect_log(bench, "state cut state ");
    cr_assert_eq(grade_of(bench), VMSNAP_GRADE_OFFLINE);
}

Test(window, a_silent_agent_refuses_require_and_warns_prefer)
{
    g_autoptr(Bench) bench = bench_new();

    bench->world->silent = TRUE;
    expect_refusal(bench, VMSNAP_E_AGENT, "AgentNotReady");
    cr_assert(bench_is_clean(bench));
    bench->window.policy = VMSNAP_CONSISTENCY_PREFER;
    cr_assert(bench_run(bench));
    cr_assert_str_eq(bench->evidence->freeze_reason, "AgentNotReady");
    cr_assert_not(strstr(bench->world->log, "freeze "));
    cr_assert_eq(grade_of(bench), VMSNAP_GRADE_CRASH);
}

Test(window, an_agent_that_may_not_freeze_is_told_apart)
{
    g_autoptr(Bench) bench = bench_new();

    bench->world->can_freeze = FALSE;
    expect_refusal(bench, VMSNAP_E_AGENT, "FreezeUnsupported");
    bench->window.policy = VMSNAP_CONSISTENCY_PREFER;
    cr_assert(bench_run(bench));
    cr_assert_str_eq(bench->evidence->freeze_reason, "FreezeUnsupported");
}

Test(window, a_guest_frozen_by_another_is_never_thawed)
{
    g_autoptr(Bench) bench = bench_new();

    bench->world->frozen = 1;
    expect_refusal(bench, VMSNAP_E_AGENT, "FreezeFailed");
    bench->window.policy = VMSNAP_CONSISTENCY_PREFER;
    cr_assert(bench_run(bench));
    cr_assert_eq(bench->world->frozen, 1);
    cr_assert_not(strstr(bench->world->log, "thaw"));
    cr_assert(bench->evidence->frozen_before);
    cr_assert_eq(grade_of(bench), VMSNAP_GRADE_CRASH);
}

Test(window, a_guest_frozen_by_another_meanwhile_is_never_thawed)
{
    g_autoptr(Bench) bench = bench_new();

    bench->world->frozen_by_other = TRUE;
    expect_refusal(bench, VMSNAP_E_AGENT, "FreezeFailed");
    cr_assert_not(strstr(bench->world->log, "thaw"));
    cr_assert_not(bench_has_lease(bench));
}

/* The call of this name is the n-th. */
static int
number_of(const char *log, const char *name)
{
    g_auto(GStrv) calls = g_strsplit(log, " ", -1);
    int n = 0;

    for (int i = 0; calls[i]; i++) {
        n += strcmp(calls[i], "cut") != 0; /* the test's own, not counted */
        if (strcmp(calls[i], name) == 0)
            return n;
    }
    cr_assert_fail("no call %s in %s", name, log);
    return 0;
}

static void
fail_call(Bench *bench, const char *name, FakeFailure failure)
{
    int n = number_of("state ping is-frozen info list freeze suspend cut resume thaw state ", name);

    bench->world->calls = 0;
    bench->world->fail_first = bench->world->fail_last = n;
    bench->world->failure = failure;
}

Test(window, a_failed_freeze_is_thawed_and_refused_under_require)
{
    for (int failure = FAKE_REFUSE; failure <= FAKE_LOSE; failure++) {
        g_autoptr(Bench) bench = bench_new();

        fail_call(bench, "freeze", (FakeFailure)failure);
        expect_refusal(bench, VMSNAP_E_AGENT, "FreezeFailed");
        cr_assert(strstr(bench->error->message, "made to fail: freeze"));
        cr_assert_eq(vms_error_get_frozen(bench->error), VMSNAP_FROZEN_NO);
        cr_assert_not(strstr(bench->world->log, "cut"));
        cr_assert(strstr(bench->world->log, "thaw"));
        cr_assert(bench_is_clean(bench));
    }
}

Test(window, a_failed_freeze_is_thawed_and_cut_live_under_prefer)
{
    for (int failure = FAKE_REFUSE; failure <= FAKE_LOSE; failure++) {
        g_autoptr(Bench) bench = bench_new();
        const char *thaw;

        bench->window.policy = VMSNAP_CONSISTENCY_PREFER;
        fail_call(bench, "freeze", (FakeFailure)failure);
        cr_assert(bench_run(bench));
        cr_assert_str_eq(bench->evidence->freeze_reason, "FreezeFailed");
        thaw = strstr(bench->world->log, "thaw");
        cr_assert(thaw && strstr(thaw, "cut"), "the cut comes after the thaw");
        cr_assert(bench_is_clean(bench));
        cr_assert_eq(grade_of(bench), VMSNAP_GRADE_CRASH);
        cr_assert_not_null(bench->evidence->freeze_error);
    }
}

Test(window, no_file_system_frozen_is_a_failed_freeze)
{
    g_autoptr(Bench) bench = bench_new();

    bench->world->filesystems = 0;
    expect_refusal(bench, VMSNAP_E_AGENT, "FreezeFailed");
    cr_assert(strstr(bench->world->log, "thaw"), "hooks may have run");
    cr_assert(bench_is_clean(bench));
}

Test(window, a_failing_cut_leaves_nothing_behind)
{
    g_autoptr(Bench) bench = bench_new();

    bench->cut_fails = TRUE;
    expect_refusal(bench, VMSNAP_E_NO_SPACE, "NO_SPACE");
    expect_log(bench, "state ping is-frozen info list freeze suspend cut resume thaw ");
    cr_assert(bench_is_clean(bench));
}

Test(window, a_job_that_may_have_begun_is_ended)
{
    g_autoptr(Bench) bench = bench_new();

    bench->window.backup_socket = "/run/x/sock";
    bench->window.suspend = FALSE;
    bench->world->fail_first = bench->world->fail_last = 7;
    bench->world->failure = FAKE_LOSE;
    expect_refusal(bench, VMSNAP_E_HYPERVISOR, "HYPERVISOR");
    expect_log(bench, "state ping is-frozen info list freeze cut begin-backup thaw state "
                      "read-job end-backup ");
    cr_assert(bench_is_clean(bench));
}

Test(window, a_thaw_is_repeated_until_it_is_confirmed)
{
    g_autoptr(Bench) bench = bench_new();

    fail_call(bench, "thaw", FAKE_REFUSE);
    bench->world->fail_last += 1;
    cr_assert(bench_run(bench), "%s", bench->error ? bench->error->message : "");
    cr_assert(bench_is_clean(bench));
    cr_assert(warned(bench, "repeated"));
    cr_assert_eq(grade_of(bench), VMSNAP_GRADE_FROZEN, "it was frozen all the while");
    bench->world->windows = TRUE;
    fail_call(bench, "thaw", FAKE_REFUSE);
    cr_assert(bench_run(bench));
    cr_assert_eq(grade_of(bench), VMSNAP_GRADE_CRASH, "VSS has let go when thaw is an error");
}

Test(window, a_lost_thaw_answer_is_no_proof)
{
    g_autoptr(Bench) bench = bench_new();

    fail_call(bench, "thaw", FAKE_LOSE);
    cr_assert(bench_run(bench));
    cr_assert(bench_is_clean(bench));
    cr_assert_eq(grade_of(bench), VMSNAP_GRADE_CRASH);
}

Test(window, too_long_a_freeze_is_overdue)
{
    g_autoptr(Bench) bench = bench_new();

    bench->window.freeze_budget_ms = 10;
    bench->cut_us = 20000;
    cr_assert(bench_run(bench));
    cr_assert(bench->evidence->overdue);
    cr_assert_eq(grade_of(bench), VMSNAP_GRADE_CRASH);
}

Test(window, a_vm_that_changed_since_the_survey_is_left_alone)
{
    g_autoptr(Bench) bench = bench_new();
    g_autoptr(GError) error = NULL;

    bench->world->domain_id = 8;
    cr_assert_not(
        vms_window_run(&bench->engine, &bench->window, bench->evidence, &bench->watch, &error));
    cr_assert_str_eq(vms_error_get_reason(error), "StateChanged");
    expect_log(bench, "state ");
}

Test(window, an_unsettled_lease_keeps_the_next_window_out)
{
    g_autoptr(Bench) bench = bench_new();

    bench->window.backup_socket = "/run/x/sock";
    cr_assert(bench_run(bench));
    cr_assert_not_null(bench->watch);
    vms_watch_abandon(g_steal_pointer(&bench->watch));
    expect_refusal(bench, VMSNAP_E_BUSY, "MaybeFrozen");
    cr_assert(bench_has_lease(bench));
}

Test(window, what_an_earlier_window_left_frozen_is_no_strangers)
{
    g_autoptr(Bench) bench = bench_new();

    bench->window.backup_socket = "/run/x/sock";
    cr_assert(bench_run(bench));
    vms_watch_abandon(g_steal_pointer(&bench->watch));
    bench->world->frozen = 2;
    expect_refusal(bench, VMSNAP_E_BUSY, "MaybeFrozen");
    cr_assert_not(bench->evidence->frozen_before);
}

Test(window, a_backup_job_is_watched_until_it_is_released)
{
    g_autoptr(Bench) bench = bench_new();
    g_autoptr(VmsLease) lease = NULL;

    bench->window.backup_socket = "/run/x/sock";
    cr_assert(bench_run(bench));
    cr_assert_not_null(bench->watch);
    cr_assert(vms_lease_read(bench->folder, FAKE_UUID, &lease, NULL));
    cr_assert_eq(lease->state, VMS_LEASE_JOB);
    cr_assert_str_eq(lease->backup_socket, "/run/x/sock");
    bench->world->job = VMS_JOB_NONE;
    cr_assert(vms_watch_release(g_steal_pointer(&bench->watch), NULL));
    cr_assert(bench_is_clean(bench));
}

Test(window, without_a_guard_nothing_is_held)
{
    g_autoptr(Bench) bench = bench_new();

    bench->engine.self_guard = FALSE;
    expect_refusal(bench, VMSNAP_E_UNSUPPORTED, "NoGuard");
    bench->engine.guard_path = (char *)"/no/such/guard";
    expect_refusal(bench, VMSNAP_E_UNSUPPORTED, "NoGuard");
    bench->engine.guard_path = (char *)"/bin/true";
    expect_refusal(bench, VMSNAP_E_UNSUPPORTED, "NoGuard");
    cr_assert_not(strstr(bench->world->log, "freeze "));
    cr_assert(bench_is_clean(bench));
}

Test(window, a_cancelled_job_does_not_freeze)
{
    g_autoptr(Bench) bench = bench_new();
    VmsProgress progress;

    vms_progress_init(&progress);
    vms_progress_cancel(&progress);
    bench->window.progress = &progress;
    expect_refusal(bench, VMSNAP_E_CANCELLED, "Cancelled");
    cr_assert_not(strstr(bench->world->log, "freeze "));
    cr_assert(bench_is_clean(bench));
}

/* The torture: whichever single call fails, with or without effect, the guest ends thawed and
 * running, no lease is left, and nothing false is called consistent. */
static gboolean
torture_once(vmsnap_consistency_policy policy, FakeFailure failure, int n)
{
    g_autoptr(Bench) bench = bench_new();
    gboolean reached;
    gboolean ok;

    bench->window.policy = policy;
    bench->world->fail_first = bench->world->fail_last = n;
    bench->world->failure = failure;
    ok = bench_run(bench);
    reached = bench->world->calls >= n;
    cr_assert(bench_is_clean(bench), "call %d, policy %d, failure %d: %s", n, policy, failure,
              bench->world->log);
    if (ok && grade_of(bench) == VMSNAP_GRADE_FROZEN)
        cr_assert(bench->evidence->frozen_count == 2 && bench->evidence->thawed_count == 2);
    if (!ok)
        cr_assert_eq(vms_error_get_frozen(bench->error), VMSNAP_FROZEN_NO);
    return reached;
}

Test(window, whichever_call_fails_the_guest_is_thawed)
{
    for (int policy = VMSNAP_CONSISTENCY_REQUIRE; policy <= VMSNAP_CONSISTENCY_SKIP; policy++)
        for (int failure = FAKE_REFUSE; failure <= FAKE_LOSE; failure++)
            for (int n = 1;
                 torture_once((vmsnap_consistency_policy)policy, (FakeFailure)failure, n); n++)
                cr_assert_lt(n, 100);
}

/* Ten seconds of thawing in vain, by design. */
Test(window, an_agent_that_stays_silent_leaves_the_freeze_to_the_guard, .timeout = 60)
{
    g_autoptr(Bench) bench = bench_new();

    fail_call(bench, "freeze", FAKE_LOSE);
    bench->world->fail_last = G_MAXINT32;
    expect_refusal(bench, VMSNAP_E_AGENT, "MaybeFrozen");
    cr_assert_eq(vms_error_get_frozen(bench->error), VMSNAP_FROZEN_UNKNOWN);
    cr_assert(bench_has_lease(bench), "recover must find it");
    cr_assert_not(strstr(bench->world->log, "cut"));
}

Test(window, a_cut_that_outlasts_the_guard_is_none)
{
    g_autoptr(Bench) bench = bench_new();

    bench->window.freeze_call_ms = 1;
    bench->window.freeze_budget_ms = 1;
    bench->cut_us = 1100 * 1000;
    bench->window.policy = VMSNAP_CONSISTENCY_SKIP;
    expect_refusal(bench, VMSNAP_E_TIMEOUT, "Snapshotting");
    cr_assert(bench_is_clean(bench));
}

static gboolean
shut_down(void *data, GError **error)
{
    Bench *bench = data;

    (void)error;
    bench->world->state = VMSNAP_VM_OFF;
    bench->world->domain_id = -1;
    return TRUE;
}

/* It needs no thaw, and nobody waits for one. */
Test(window, a_guest_that_goes_off_while_frozen_is_thawed)
{
    g_autoptr(Bench) bench = bench_new();
    gint64 begun_us = g_get_monotonic_time();

    bench->window.cut = shut_down;
    cr_assert(bench_run(bench), "%s", bench->error ? bench->error->message : "");
    cr_assert_eq(grade_of(bench), VMSNAP_GRADE_CRASH);
    cr_assert_lt(g_get_monotonic_time() - begun_us, 2 * G_USEC_PER_SEC);
    cr_assert_not(bench_has_lease(bench));
}
