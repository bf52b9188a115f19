/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/guard.h"
#include "plan/consistency.h"
#include "support/window-bench.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The guard as a process of its own: the real watch over a fake VM. */

static Bench *
guarded_bench(void)
{
    Bench *bench = bench_new();

    bench->engine.self_guard = FALSE;
    bench->engine.guard_path = (char *)VMS_FAKE_GUARD;
    return bench;
}

static gboolean
comes_true(gboolean (*is_true)(const Bench *bench), const Bench *bench, int within_ms)
{
    for (int i = 0; i < within_ms; i++) {
        if (is_true(bench))
            return TRUE;
        vms_clock_sleep_us(1000);
    }
    return FALSE;
}

static pid_t
guard_pid(const Bench *bench)
{
    g_autoptr(VmsLease) lease = NULL;

    return vms_lease_read(bench->folder, FAKE_UUID, &lease, NULL) ? (pid_t)lease->guard.pid : 0;
}

static gboolean
is_gone(pid_t pid)
{
    char state = 0;
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", pid);
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return TRUE;
    return sscanf(strrchr(text, ')') + 1, " %c", &state) == 1 && state == 'Z';
}

static gboolean
goes(pid_t pid, int within_ms)
{
    for (int i = 0; i < within_ms && !is_gone(pid); i++)
        vms_clock_sleep_us(1000);
    return is_gone(pid);
}

/* What the owner does in the middle of the cut. */
static void
die(void)
{
    raise(SIGKILL);
}

static void (*cut_act)(void);

static gboolean
cut_and(void *data, GError **error)
{
    (void)data;
    (void)error;
    cut_act();
    return TRUE;
}

/* Runs the window in a process of its own that does @act in the cut; waits for its end. */
static void
run_owner(Bench *bench, void (*act)(void))
{
    pid_t owner;

    cut_act = act;
    owner = fork();
    if (owner == 0) {
        bench->window.cut = cut_and;
        bench_run(bench);
        _exit(0);
    }
    cr_assert_gt(owner, 0);
    waitpid(owner, NULL, 0);
}

Test(guard, goes_when_it_is_dismissed_and_did_nothing)
{
    g_autoptr(Bench) bench = guarded_bench();

    cr_assert(bench_run(bench), "%s", bench->error ? bench->error->message : "");
    cr_assert_str_eq(bench->world->log,
                     "state ping is-frozen info list freeze suspend cut resume thaw state ");
    cr_assert_eq(bench->evidence->guard, VMS_GUARD_PROCESS);
    cr_assert(bench->evidence->guard_shares_cgroup);
    cr_assert(bench_is_clean(bench));
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "it is reaped");
}

Test(guard, thaws_when_its_owner_is_killed)
{
    g_autoptr(Bench) bench = guarded_bench();
    gint64 killed_us;

    run_owner(bench, die);
    killed_us = vms_clock_monotonic_us();
    cr_assert(comes_true(bench_is_clean, bench, 3000), "%s", bench->world->log);
    cr_assert_lt(bench->world->thawed_us - killed_us, 250000);
}

/* Holds everything its parent had open, and lives on. */
static void
fork_and_die(void)
{
    if (fork() == 0) {
        vms_clock_sleep_us(2 * G_USEC_PER_SEC);
        _exit(0);
    }
    raise(SIGKILL);
}

Test(guard, sees_the_death_of_an_owner_whose_child_lives_on)
{
    g_autoptr(Bench) bench = guarded_bench();
    gint64 killed_us;

    run_owner(bench, fork_and_die);
    killed_us = vms_clock_monotonic_us();
    cr_assert(comes_true(bench_is_clean, bench, 1500), "%s", bench->world->log);
    cr_assert_lt(bench->world->thawed_us - killed_us, 250000);
}

static void
leave(void)
{
    _exit(3);
}

Test(guard, takes_an_exit_for_a_death)
{
    g_autoptr(Bench) bench = guarded_bench();

    run_owner(bench, leave);
    cr_assert(comes_true(bench_is_clean, bench, 3000), "%s", bench->world->log);
}

/* ---- what happens to the guard while the cut lasts ---- */

static gboolean
cut_with(void *data, GError **error)
{
    Bench *bench = data;
    pid_t pid = guard_pid(bench);

    (void)error;
    cr_assert_gt(pid, 0, "the lease names the guard before the freeze");
    cr_assert_neq(getsid(pid), getsid(0), "a session of its own");
    kill(pid, SIGTERM);
    kill(pid, SIGHUP);
    kill(pid, SIGINT);
    vms_clock_sleep_us(20000);
    cr_assert_not(is_gone(pid));
    return TRUE;
}

Test(guard, is_not_ended_by_signals_that_end_services)
{
    g_autoptr(Bench) bench = guarded_bench();

    bench->window.cut = cut_with;
    cr_assert(bench_run(bench));
    cr_assert(bench_is_clean(bench));
}

static gboolean
count_descriptors(void *data, GError **error)
{
    Bench *bench = data;
    g_autofree char *path = g_strdup_printf("/proc/%d/fd/9", guard_pid(bench));

    (void)error;
    cr_assert_not(g_file_test(path, G_FILE_TEST_IS_SYMLINK));
    return TRUE;
}

Test(guard, inherits_no_descriptor_of_the_host)
{
    g_autoptr(Bench) bench = guarded_bench();

    cr_assert_eq(dup2(0, 9), 9); /* without CLOEXEC, as hosts have them */
    bench->window.cut = count_descriptors;
    cr_assert(bench_run(bench));
}

Test(guard, starts_for_a_host_without_standard_descriptors)
{
    g_autoptr(Bench) bench = guarded_bench();
    int saved[3];
    gboolean ok;

    for (int i = 0; i < 3; i++)
        saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 20);
    for (int i = 0; i < 3; i++)
        close(i);
    ok = bench_run(bench);
    for (int i = 0; i < 3; i++)
        dup2(saved[i], i);
    cr_assert(ok, "%s", bench->error ? bench->error->message : "");
    cr_assert(bench_is_clean(bench));
}

Test(guard, leaves_no_zombie_when_it_ends_at_once)
{
    g_autoptr(Bench) bench = guarded_bench();

    bench->engine.guard_path = (char *)"/bin/true";
    for (int i = 0; i < 30; i++) {
        g_autoptr(GError) error = NULL;
        VmsGuard *guard = NULL;

        cr_assert_not(vms_guard_start(&bench->engine, FAKE_UUID, -1, FALSE, &guard, &error));
        cr_assert_str_eq(vms_error_get_reason(error), "NoGuard");
    }
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "all are reaped");
}

/* ---- a late owner ---- */

Test(guard, lets_go_for_an_owner_that_is_late)
{
    g_autoptr(Bench) bench = guarded_bench();
    g_autoptr(VmsVerdict) verdict = NULL;

    bench->window.freeze_call_ms = 100;
    bench->window.freeze_budget_ms = 100;
    bench->cut_us = 1600 * 1000;
    bench->window.suspend = FALSE;
    cr_assert(bench_run(bench), "%s", bench->error ? bench->error->message : "");
    cr_assert_lt(bench->world->thawed_us, bench->evidence->times.cut_end,
                 "thawed while the owner was still cutting");
    cr_assert(bench->evidence->overdue);
    cr_assert_eq(bench->evidence->thawed_count, 0);
    verdict = vms_consistency_judge(bench->evidence);
    cr_assert_str_eq(verdict->reason, "ThawedEarly");
    cr_assert(bench_is_clean(bench));
}

/* The owner's thread is stuck beyond its limits, in the freeze call or in the cut: the guest is not
 * frozen for longer, and what was cut is not called consistent. */
static void
expect_thawed_meanwhile(Bench *bench)
{
    g_autoptr(VmsVerdict) verdict = NULL;

    bench->window.freeze_call_ms = 100;
    bench->window.freeze_budget_ms = 100;
    bench->window.suspend = FALSE;
    cr_assert(bench_run(bench), "%s", bench->error ? bench->error->message : "");
    cr_assert_lt(bench->world->thawed_us - bench->evidence->times.freeze_sent, 1500 * 1000);
    cr_assert_eq(bench->evidence->thawed_count, 0);
    verdict = vms_consistency_judge(bench->evidence);
    cr_assert_str_eq(verdict->reason, "ThawedEarly");
    cr_assert(bench_is_clean(bench));
}

Test(guard, lets_go_for_an_owner_that_hangs_in_the_freeze)
{
    g_autoptr(Bench) bench = guarded_bench();

    bench->world->hang_ms = 1800;
    expect_thawed_meanwhile(bench);
}

Test(deadline, lets_go_for_an_owner_that_hangs_in_the_freeze)
{
    g_autoptr(Bench) bench = bench_new();

    bench->world->hang_ms = 1800;
    expect_thawed_meanwhile(bench);
    cr_assert_eq(bench->evidence->guard, VMS_GUARD_SELF);
}

Test(deadline, lets_go_for_an_owner_that_hangs_in_the_cut)
{
    g_autoptr(Bench) bench = bench_new();

    bench->cut_us = 1800 * 1000;
    expect_thawed_meanwhile(bench);
}

Test(deadline, lets_a_vm_run_whose_cut_hangs)
{
    g_autoptr(Bench) bench = bench_new();

    bench->window.freeze_call_ms = 100;
    bench->window.freeze_budget_ms = 100;
    bench->cut_us = 1800 * 1000;
    cr_assert_not(bench_run(bench), "clones of two instants are no snapshot");
    cr_assert_str_eq(vms_error_get_reason(bench->error), "ThawedEarly");
    cr_assert(strstr(bench->world->log, "cut state resume "), "%s", bench->world->log);
    cr_assert(bench_is_clean(bench));
}

Test(guard, leaves_the_job_of_a_late_owner_alone)
{
    g_autoptr(Bench) bench = guarded_bench();

    bench->window.freeze_call_ms = 100;
    bench->window.freeze_budget_ms = 100;
    bench->window.backup_socket = "/run/x/sock";
    bench->cut_us = 1400 * 1000;
    bench->window.suspend = FALSE;
    cr_assert(bench_run(bench));
    cr_assert_eq(bench->world->job, VMS_JOB_BACKUP);
    bench->world->job = VMS_JOB_NONE;
    cr_assert(vms_watch_release(g_steal_pointer(&bench->watch), NULL));
    cr_assert(bench_is_clean(bench));
}

/* ---- a job that goes on ---- */

Test(guard, ends_the_job_of_an_owner_that_died_after_the_window)
{
    g_autoptr(Bench) bench = guarded_bench();
    pid_t owner = fork();

    bench->window.backup_socket = "/run/x/sock";
    if (owner == 0) {
        bench_run(bench);
        bench->world->frozen = 1; /* somebody else's: not ours to thaw */
        bench->world->state = VMSNAP_VM_PAUSED;
        raise(SIGKILL);
    }
    waitpid(owner, NULL, 0);
    for (int i = 0; i < 3000 && bench_has_lease(bench); i++)
        vms_clock_sleep_us(1000);
    cr_assert_not(bench_has_lease(bench));
    cr_assert_eq(bench->world->job, VMS_JOB_NONE);
    cr_assert_eq(bench->world->frozen, 1);
    cr_assert_eq(bench->world->state, VMSNAP_VM_PAUSED);
}

Test(guard, ends_an_abandoned_job)
{
    g_autoptr(Bench) bench = guarded_bench();

    bench->window.backup_socket = "/run/x/sock";
    cr_assert(bench_run(bench));
    vms_watch_abandon(g_steal_pointer(&bench->watch));
    cr_assert(comes_true(bench_is_clean, bench, 3000));
}

Test(guard, leaves_a_foreign_job_alone)
{
    g_autoptr(Bench) bench = guarded_bench();

    bench->window.backup_socket = "/run/x/ours";
    bench->world->job = VMS_JOB_BACKUP;
    g_strlcpy(bench->world->job_socket, "/run/x/theirs", sizeof(bench->world->job_socket));
    run_owner(bench, die);
    for (int i = 0; i < 3000 && bench_has_lease(bench); i++)
        vms_clock_sleep_us(1000);
    cr_assert_not(bench_has_lease(bench));
    cr_assert_eq(bench->world->job, VMS_JOB_BACKUP);
}

/* ---- the VM behind it ---- */

static FakeWorld *killers_world;

static void
restart_vm_and_die(void)
{
    killers_world->domain_id = 8;
    killers_world->state = VMSNAP_VM_RUNNING;
    raise(SIGKILL);
}

Test(guard, never_touches_another_instance)
{
    g_autoptr(Bench) bench = guarded_bench();

    killers_world = bench->world;
    run_owner(bench, restart_vm_and_die);
    for (int i = 0; i < 3000 && bench_has_lease(bench); i++)
        vms_clock_sleep_us(1000);
    cr_assert_not(bench_has_lease(bench));
    cr_assert_eq(bench->world->frozen, 2);
    cr_assert_not(strstr(bench->world->log, "thaw"));
}

static void
hide_pid_and_die(void)
{
    killers_world->pid = 0;
    raise(SIGKILL);
}

Test(guard, thaws_an_instance_whose_process_it_cannot_see)
{
    g_autoptr(Bench) bench = guarded_bench();

    killers_world = bench->world;
    run_owner(bench, hide_pid_and_die);
    cr_assert(comes_true(bench_is_clean, bench, 3000));
}

static void
restart_hidden_and_die(void)
{
    killers_world->pid = 0;
    restart_vm_and_die();
}

Test(guard, knows_another_instance_by_its_id_alone)
{
    g_autoptr(Bench) bench = guarded_bench();

    killers_world = bench->world;
    run_owner(bench, restart_hidden_and_die);
    for (int i = 0; i < 3000 && bench_has_lease(bench); i++)
        vms_clock_sleep_us(1000);
    cr_assert_eq(bench->world->frozen, 2);
}

static void
silence_agent_and_die(void)
{
    killers_world->silent = TRUE;
    raise(SIGKILL);
}

Test(guard, goes_on_until_the_agent_answers)
{
    g_autoptr(Bench) bench = guarded_bench();
    pid_t pid;

    killers_world = bench->world;
    run_owner(bench, silence_agent_and_die);
    vms_clock_sleep_us(300000);
    cr_assert_gt(bench->world->frozen, 0);
    cr_assert_eq(bench->world->state, VMSNAP_VM_RUNNING, "it could resume");
    pid = guard_pid(bench);
    cr_assert_gt(pid, 0);
    bench->world->silent = FALSE;
    cr_assert(comes_true(bench_is_clean, bench, 3000));
    cr_assert(goes(pid, 3000));
}

static void
freeze_late_and_die(void)
{
    /* as if the agent woke only now and found a freeze in its channel */
    killers_world->frozen = 0;
    killers_world->silent = TRUE;
    killers_world->late_freeze = 2;
    raise(SIGKILL);
}

Test(guard, undoes_a_freeze_that_comes_late)
{
    g_autoptr(Bench) bench = guarded_bench();

    killers_world = bench->world;
    run_owner(bench, freeze_late_and_die);
    vms_clock_sleep_us(100000);
    bench->world->silent = FALSE;
    cr_assert(comes_true(bench_is_clean, bench, 3000), "%s", bench->world->log);
}

/* The owner died and the guard has thawed for the first time. */
static void
wait_first_thaw(const Bench *bench)
{
    for (int i = 0; i < 3000 && !strstr(bench->world->log, "thaw is-frozen "); i++)
        vms_clock_sleep_us(1000);
}

static void
wait_settled(const Bench *bench)
{
    for (int i = 0; i < 3000 && bench_has_lease(bench); i++)
        vms_clock_sleep_us(1000);
}

/* The daemon had the freeze of the dead owner still in its queue. */
Test(guard, asks_more_than_once_before_it_believes_in_a_thaw)
{
    g_autoptr(Bench) bench = guarded_bench();

    run_owner(bench, die);
    wait_first_thaw(bench);
    bench->world->frozen = 2;
    wait_settled(bench);
    cr_assert(bench_is_clean(bench), "%s", bench->world->log);
}

/* The same with its other calls. */
Test(guard, resumes_after_a_suspend_that_comes_late)
{
    g_autoptr(Bench) bench = guarded_bench();

    run_owner(bench, die);
    wait_first_thaw(bench);
    bench->world->state = VMSNAP_VM_PAUSED;
    wait_settled(bench);
    cr_assert(bench_is_clean(bench), "%s", bench->world->log);
}

Test(guard, ends_a_job_that_begins_late)
{
    g_autoptr(Bench) bench = guarded_bench();

    bench->window.backup_socket = "/run/vmsnap-test.sock";
    run_owner(bench, die);
    wait_first_thaw(bench);
    g_strlcpy(bench->world->job_socket, bench->window.backup_socket,
              sizeof(bench->world->job_socket));
    bench->world->job = VMS_JOB_BACKUP;
    wait_settled(bench);
    cr_assert(bench_is_clean(bench), "%s", bench->world->log);
}

static void
be_saved_and_die(void)
{
    killers_world->managed_save = TRUE;
    killers_world->state = VMSNAP_VM_OFF;
    killers_world->domain_id = -1;
    raise(SIGKILL);
}

/* It is frozen in its image, and again when it runs from that. */
Test(guard, waits_for_a_guest_that_was_saved)
{
    g_autoptr(Bench) bench = guarded_bench();

    killers_world = bench->world;
    run_owner(bench, be_saved_and_die);
    vms_clock_sleep_us(300000);
    cr_assert(bench_has_lease(bench), "%s", bench->world->log);
    cr_assert_not(strstr(bench->world->log, "thaw"), "%s", bench->world->log);
    bench->world->managed_save = FALSE;
    bench->world->restored = TRUE;
    bench->world->domain_id = 99;
    bench->world->state = VMSNAP_VM_RUNNING;
    wait_settled(bench);
    cr_assert(bench_is_clean(bench), "%s", bench->world->log);
}

static void
die_at_once(void)
{
    killers_world->fail_first = killers_world->calls + 1;
    killers_world->fail_last = killers_world->calls + 3;
    raise(SIGKILL);
}

Test(guard, connects_again_when_the_hypervisor_fails)
{
    g_autoptr(Bench) bench = guarded_bench();

    killers_world = bench->world;
    run_owner(bench, die_at_once);
    cr_assert(comes_true(bench_is_clean, bench, 3000), "%s", bench->world->log);
}
