/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/freeze.h"
#include "engine/lease.h"
#include "model/name.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Freezes by themselves: the engine over a VM made of numbers, with the real guard's watch. */

static EngineBench *
running_bench(void)
{
    EngineBench *bench = engine_bench_new();

    bench->world->state = VMSNAP_VM_RUNNING;
    bench->world->domain_id = 7;
    bench->engine.self_guard = FALSE;
    bench->engine.guard_path = (char *)VMS_FAKE_GUARD;
    bench->engine.uri = bench->world_path;
    return bench;
}

static VmsFrozenVm *
freeze(EngineBench *bench, const VmsFreezeRequest *request)
{
    g_autofree char *uuid = vms_name_new_uuid();
    VmsFrozenVm *frozen = NULL;

    g_clear_error(&bench->error);
    vms_engine_freeze(&bench->engine, uuid, FAKE_UUID, request, NULL, &frozen, &bench->error);
    return frozen;
}

static VmsFrozenVm *
thaw(EngineBench *bench)
{
    VmsFrozenVm *frozen = NULL;

    g_clear_error(&bench->error);
    vms_engine_thaw(&bench->engine, FAKE_UUID, NULL, &frozen, &bench->error);
    return frozen;
}

static const char *
reason_of(const EngineBench *bench)
{
    return bench->error ? vms_error_get_reason(bench->error) : "none";
}

static VmsLease *
lease_of(const EngineBench *bench)
{
    VmsLease *lease = NULL;

    return vms_lease_read(bench->engine.state_dir, FAKE_UUID, &lease, NULL) ? lease : NULL;
}

static gboolean
is_clean(const EngineBench *bench)
{
    g_autoptr(VmsLease) lease = lease_of(bench);

    return !lease && bench->world->frozen == 0;
}

static gboolean
gets_clean(const EngineBench *bench, int within_ms)
{
    for (int i = 0; i < within_ms && !is_clean(bench); i++)
        vms_clock_sleep_us(1000);
    return is_clean(bench);
}

static void
expect_json(VmsFrozenVm *frozen, const char *part)
{
    const char *json = vms_frozen_vm_get_json(frozen);

    cr_assert(strstr(json, part), "%s lacks %s", json, part);
}

static void
end(VmsFrozenVm *frozen)
{
    g_autoptr(GError) error = NULL;

    cr_assert(vms_frozen_vm_end(frozen, NULL, &error), "%s", error ? error->message : "");
}

static VmsProcessId
guard_of(const EngineBench *bench)
{
    g_autoptr(VmsLease) lease = lease_of(bench);
    VmsProcessId none = { 0 };

    return lease && lease->freeze ? lease->guard : none;
}

/* ---- attached ---- */

Test(freeze, is_held_until_it_is_ended_and_proven_then)
{
    g_autoptr(EngineBench) bench = running_bench();
    const VmsFreezeRequest request = { 0 };
    g_autoptr(VmsFrozenVm) frozen = freeze(bench, &request);

    cr_assert(frozen, "%s", bench->error ? bench->error->message : "");
    cr_assert_eq(bench->world->frozen, 2);
    expect_json(frozen, "\"state\":\"frozen\"");
    expect_json(frozen, "\"proven\":null");
    end(frozen);
    cr_assert(is_clean(bench));
    cr_assert(vms_frozen_vm_is_proven(frozen), "%s", vms_frozen_vm_get_json(frozen));
    expect_json(frozen, "\"proven\":true");
    end(frozen); /* once more: the same is told */
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "the guard is reaped");
}

Test(freeze, keeps_others_out_and_says_who_and_until_when)
{
    g_autoptr(EngineBench) bench = running_bench();
    const VmsFreezeRequest request = { 0 };
    g_autoptr(VmsFrozenVm) frozen = freeze(bench, &request);
    g_autofree char *pid = g_strdup_printf("process %d", getpid());

    cr_assert_null(freeze(bench, &request));
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_BUSY);
    cr_assert(strstr(bench->error->message, pid), "%s", bench->error->message);
    cr_assert(strstr(bench->error->message, vms_frozen_vm_get_uuid(frozen)));
    cr_assert(strstr(bench->error->message, "until 20"), "%s", bench->error->message);
    cr_assert_null(thaw(bench), "a living owner's is not ended by others");
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_BUSY);
    cr_assert_eq(bench->world->frozen, 2);
    end(frozen);
    cr_assert(vms_frozen_vm_is_proven(frozen));
}

static void
expect_thawed_at_deadline(EngineBench *bench)
{
    const VmsFreezeRequest request = { .hold_ms = 300 };
    gint64 begun = vms_clock_monotonic_us();
    g_autoptr(VmsFrozenVm) frozen = freeze(bench, &request);

    cr_assert(frozen, "%s", bench->error ? bench->error->message : "");
    for (int i = 0; i < 3000 && bench->world->frozen; i++)
        vms_clock_sleep_us(1000);
    cr_assert_eq(bench->world->frozen, 0);
    cr_assert_lt(bench->world->thawed_us - begun, 1500 * 1000);
    bench->world->frozen = 1; /* somebody else's, later: none of ours */
    vms_clock_sleep_us(1200 * 1000);
    cr_assert_eq(bench->world->frozen, 1, "once it is over it is over: %s", bench->world->log);
    bench->world->frozen = 0;
    end(frozen);
    cr_assert_not(vms_frozen_vm_is_proven(frozen));
    expect_json(frozen, "\"reason\":\"ThawedEarly\"");
    cr_assert(is_clean(bench));
}

Test(freeze, is_thawed_by_its_guard_at_the_deadline)
{
    g_autoptr(EngineBench) bench = running_bench();

    expect_thawed_at_deadline(bench);
}

Test(freeze, is_thawed_by_our_own_thread_where_the_context_answers_for_it)
{
    g_autoptr(EngineBench) bench = running_bench();

    bench->engine.self_guard = TRUE;
    expect_thawed_at_deadline(bench);
}

Test(freeze, is_thawed_when_its_holder_lets_go)
{
    g_autoptr(EngineBench) bench = running_bench();
    const VmsFreezeRequest request = { 0 };
    VmsFrozenVm *frozen = freeze(bench, &request);

    vms_frozen_vm_drop(frozen);
    cr_assert(vms_frozen_vm_is_ended(frozen));
    vms_frozen_vm_unref(frozen);
    cr_assert(gets_clean(bench, 2000), "%s", bench->world->log);
    bench->engine.self_guard = TRUE;
    frozen = freeze(bench, &request);
    vms_frozen_vm_drop(frozen);
    cr_assert(is_clean(bench), "at once where nobody else can do it");
    expect_json(frozen, "\"proven\":true");
    vms_frozen_vm_unref(frozen);
}

Test(freeze, is_thawed_when_its_holder_is_killed)
{
    g_autoptr(EngineBench) bench = running_bench();
    const VmsFreezeRequest request = { 0 };
    pid_t owner = fork();

    if (owner == 0) {
        freeze(bench, &request);
        raise(SIGKILL);
    }
    waitpid(owner, NULL, 0);
    cr_assert(gets_clean(bench, 2000), "%s", bench->world->log);
    cr_assert(strstr(bench->world->log, "thaw"));
}

/* ---- what cannot be frozen ---- */

static void
expect_refusal(EngineBench *bench, int code, const char *reason)
{
    const VmsFreezeRequest request = { 0 };

    cr_assert_null(freeze(bench, &request));
    cr_assert_eq(vms_error_get_code(bench->error), code, "%s", bench->error->message);
    cr_assert_str_eq(reason_of(bench), reason);
    cr_assert_not(strstr(bench->world->log, "thaw"), "%s", bench->world->log);
}

Test(freeze, needs_a_vm_that_runs)
{
    g_autoptr(EngineBench) bench = running_bench();

    bench->world->state = VMSNAP_VM_PAUSED;
    expect_refusal(bench, VMSNAP_E_INCONSISTENT, "PotentiallyInconsistent");
    bench->world->state = VMSNAP_VM_OFF;
    bench->world->domain_id = -1;
    expect_refusal(bench, VMSNAP_E_UNSUPPORTED, "NotRunning");
}

Test(freeze, of_somebody_else_is_neither_taken_nor_ended)
{
    g_autoptr(EngineBench) bench = running_bench();

    bench->world->frozen = 2;
    expect_refusal(bench, VMSNAP_E_AGENT, "FreezeFailed");
    cr_assert_null(thaw(bench));
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_NOT_FOUND);
    cr_assert_str_eq(reason_of(bench), "NotFrozen");
    cr_assert_eq(bench->world->frozen, 2);
}

Test(freeze, of_somebody_else_is_ended_by_force)
{
    g_autoptr(EngineBench) bench = running_bench();
    g_autoptr(GPtrArray) acts =
        g_ptr_array_new_with_free_func((GDestroyNotify)vms_recovery_act_free);
    g_autoptr(GError) error = NULL;

    bench->world->frozen = 2;
    cr_assert(vms_engine_force_thaw(&bench->engine, FAKE_UUID, NULL, acts, &error));
    cr_assert_eq(bench->world->frozen, 0);
    cr_assert_eq(acts->len, 1);
}

Test(freeze, refuses_a_disk_that_is_not_there)
{
    g_autoptr(EngineBench) bench = running_bench();
    char *disks[] = { (char *)"vda", (char *)"vdz", NULL };
    const VmsFreezeRequest request = { .disks = disks };

    cr_assert_null(freeze(bench, &request));
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_INVALID);
    cr_assert(is_clean(bench));
}

/* One file system is frozen by somebody else: the agent passes it by and does not count it. */
Test(freeze, that_could_not_be_proven_is_not_held)
{
    g_autoptr(EngineBench) bench = running_bench();
    const VmsFreezeRequest request = { 0 };

    bench->world->missed = 1;
    cr_assert_null(freeze(bench, &request));
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_INCONSISTENT);
    cr_assert(strstr(bench->error->message, "froze 1 of 2"), "%s", bench->error->message);
    cr_assert(is_clean(bench), "%s", bench->world->log);
}

Test(freeze, of_a_vm_that_was_restarted_needs_no_thaw)
{
    g_autoptr(EngineBench) bench = running_bench();
    const VmsFreezeRequest request = { 0 };
    g_autoptr(VmsFrozenVm) frozen = freeze(bench, &request);

    bench->world->domain_id = 8;
    bench->world->frozen = 0;
    end(frozen);
    cr_assert_not(vms_frozen_vm_is_proven(frozen));
    expect_json(frozen, "restarted during the freeze");
    cr_assert_not(strstr(bench->world->log, "thaw"));
    cr_assert(is_clean(bench));
}

/* ---- detached ---- */

static void
freeze_elsewhere(EngineBench *bench, guint hold_ms)
{
    const VmsFreezeRequest request = { .hold_ms = hold_ms, .detached = TRUE };
    int status = 0;
    pid_t child = fork();

    if (child == 0)
        _exit(freeze(bench, &request) ? 0 : 1);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}

Test(freeze, detached_outlives_its_process_and_is_ended_by_another)
{
    g_autoptr(EngineBench) bench = running_bench();
    g_autoptr(VmsFrozenVm) over = NULL;
    VmsProcessId guard;
    g_autofree char *pid = NULL;
    const VmsFreezeRequest request = { 0 };

    freeze_elsewhere(bench, 20000);
    vms_clock_sleep_us(100 * 1000);
    cr_assert_eq(bench->world->frozen, 2);
    guard = guard_of(bench);
    cr_assert(vms_process_alive(&guard));
    pid = g_strdup_printf("process %d", (int)guard.pid);
    cr_assert_null(freeze(bench, &request));
    cr_assert(strstr(bench->error->message, pid), "%s", bench->error->message);
    cr_assert(strstr(bench->error->message, "until 20"), "%s", bench->error->message);
    over = thaw(bench);
    cr_assert(over, "%s", reason_of(bench));
    cr_assert(vms_frozen_vm_is_proven(over), "%s", vms_frozen_vm_get_json(over));
    cr_assert(is_clean(bench));
    cr_assert_not(vms_process_alive(&guard));
    cr_assert_null(thaw(bench));
    cr_assert_str_eq(reason_of(bench), "NotFrozen");
    end(over);
}

Test(freeze, detached_is_thawed_at_its_deadline)
{
    g_autoptr(EngineBench) bench = running_bench();
    gint64 begun = vms_clock_monotonic_us();

    freeze_elsewhere(bench, 400);
    cr_assert(gets_clean(bench, 3000), "%s", bench->world->log);
    cr_assert_lt(bench->world->thawed_us - begun, 1500 * 1000);
    cr_assert_null(thaw(bench));
    cr_assert_str_eq(reason_of(bench), "NotFrozen");
}

Test(freeze, detached_is_no_child_of_ours_and_is_ended_by_its_handle)
{
    g_autoptr(EngineBench) bench = running_bench();
    const VmsFreezeRequest request = { .detached = TRUE };
    g_autoptr(VmsFrozenVm) frozen = freeze(bench, &request);

    cr_assert(frozen, "%s", bench->error ? bench->error->message : "");
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
    end(frozen);
    cr_assert(vms_frozen_vm_is_proven(frozen));
    cr_assert(is_clean(bench));
}

Test(freeze, detached_that_was_over_before_is_not_proven)
{
    g_autoptr(EngineBench) bench = running_bench();
    const VmsFreezeRequest request = { .detached = TRUE, .hold_ms = 200 };
    g_autoptr(VmsFrozenVm) frozen = freeze(bench, &request);

    cr_assert(gets_clean(bench, 3000));
    end(frozen);
    cr_assert_not(vms_frozen_vm_is_proven(frozen));
    expect_json(frozen, "\"reason\":\"ThawedEarly\"");
}

static void
kill_guard(const EngineBench *bench)
{
    const VmsProcessId guard = guard_of(bench);

    cr_assert_gt(guard.pid, 0);
    kill((pid_t)guard.pid, SIGKILL);
    while (vms_process_alive(&guard))
        vms_clock_sleep_us(1000);
}

Test(freeze, without_its_guard_is_still_ended_and_proven)
{
    g_autoptr(EngineBench) bench = running_bench();
    const VmsFreezeRequest request = { 0 };
    g_autoptr(VmsFrozenVm) over = NULL;

    freeze_elsewhere(bench, 20000);
    kill_guard(bench);
    cr_assert_null(freeze(bench, &request), "the lease keeps others out");
    over = thaw(bench);
    cr_assert(over, "%s", reason_of(bench));
    cr_assert(vms_frozen_vm_is_proven(over), "%s", vms_frozen_vm_get_json(over));
    cr_assert(is_clean(bench));
}

Test(freeze, without_its_guard_is_ended_by_recover)
{
    g_autoptr(EngineBench) bench = running_bench();

    freeze_elsewhere(bench, 20000);
    cr_assert_eq(engine_bench_recover(bench, NULL), 0, "it lives: nothing to recover");
    cr_assert_eq(bench->world->frozen, 2);
    kill_guard(bench);
    cr_assert_eq(engine_bench_recover(bench, NULL), 1);
    cr_assert(is_clean(bench), "%s", bench->world->log);
}

#ifdef VMS_CRASH_POINTS
/* Whoever dies at whatever point: the guest is thawed, or held by a guard that lives. */
Test(freeze, detached_is_held_or_undone_wherever_its_process_dies)
{
    g_autoptr(EngineBench) bench = running_bench();
    const VmsFreezeRequest request = { .hold_ms = 20000, .detached = TRUE };
    int status = 0, held = 0, undone = 0;

    engine_bench_close(bench);
    for (guint64 n = 1; !WIFEXITED(status) || n == 1; n++) {
        VmsProcessId guard;
        pid_t child = fork();

        if (child == 0) {
            engine_bench_open(bench);
            vms_crash_arm(n, 0);
            _exit(freeze(bench, &request) ? 0 : 1);
        }
        waitpid(child, &status, 0);
        vms_clock_sleep_us(20 * 1000);
        engine_bench_open(bench);
        guard = guard_of(bench);
        if (vms_process_alive(&guard) && bench->world->frozen) {
            VmsFrozenVm *over = thaw(bench);

            held += over != NULL;
            vms_frozen_vm_unref(over);
        } else {
            undone++;
        }
        if (!gets_clean(bench, 1500)) {
            /* nothing stands by before the guard is armed, nor is anything frozen */
            cr_assert_eq(bench->world->frozen, 0, "point %d", (int)n);
            engine_bench_recover(bench, NULL);
        }
        cr_assert(is_clean(bench), "point %d: %s", (int)n, bench->world->log);
        engine_bench_close(bench);
    }
    cr_assert_eq(status, 0);
    cr_assert_gt(held, 0);
    cr_assert_gt(undone, 10);
    engine_bench_open(bench);
}
#endif
