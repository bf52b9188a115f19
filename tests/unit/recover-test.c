/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "engine/journal.h"
#include "engine/lease.h"
#include "engine/lock.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>

/* Leases that were left: whose they are decides who may let go. */

#define OPERATION "aaaaaaaa-0000-4000-8000-000000000001"

/* The VM stands frozen and suspended under a lease of this process. */
static void
hold(EngineBench *bench, const char *uri)
{
    g_autoptr(VmsLease) lease = vms_lease_new(uri, FAKE_UUID, OPERATION);

    bench->world->domain_id = 7;
    bench->world->pid = 4711;
    bench->world->state = VMSNAP_VM_PAUSED;
    bench->world->frozen = 2;
    lease->instance = (VmsInstance){ .domain_id = 7, .process = { .pid = 4711 } };
    lease->owner = vms_process_self();
    g_free(lease->boot_id);
    lease->boot_id = g_strdup(bench->engine.boot_id);
    lease->freezes = TRUE;
    lease->suspends = TRUE;
    lease->deadline_us = vms_clock_boottime_us();
    cr_assert(vms_lease_write(bench->engine.state_dir, lease, NULL));
}

static gboolean
has_lease(const EngineBench *bench)
{
    g_autoptr(VmsLease) lease = NULL;

    return vms_lease_read(bench->engine.state_dir, FAKE_UUID, &lease, NULL);
}

Test(recover, a_lease_its_living_owner_gave_up_is_released)
{
    g_autoptr(EngineBench) bench = engine_bench_new();

    hold(bench, bench->engine.uri);
    cr_assert_eq(engine_bench_recover(bench, NULL), 1);
    cr_assert_eq(bench->world->frozen, 0, "%s", bench->world->log);
    cr_assert_eq(bench->world->state, VMSNAP_VM_RUNNING);
    cr_assert_not(has_lease(bench));
    cr_assert_eq(engine_bench_recover(bench, NULL), 0);
}

Test(recover, an_open_window_is_never_thawed)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *name = vms_lock_name_window(FAKE_UUID);
    g_autoptr(VmsLock) lock = NULL;

    hold(bench, bench->engine.uri);
    cr_assert(vms_lock_take(bench->engine.runtime_dir, name, "another", 0, NULL, &lock, NULL));
    cr_assert_eq(engine_bench_recover(bench, NULL), 0);
    cr_assert_eq(bench->world->frozen, 2);
    cr_assert(has_lease(bench));
}

Test(recover, another_connection_does_not_know_whether_a_vm_is_frozen)
{
    g_autoptr(EngineBench) bench = engine_bench_new();

    hold(bench, "qemu:///session");
    cr_assert_geq(engine_bench_recover(bench, NULL), 0);
    cr_assert_eq(bench->world->frozen, 2);
    cr_assert(has_lease(bench), "who can thaw it must still find it");
}

Test(recover, without_a_hypervisor_leases_stay)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    VmsHypervisor *hv = bench->engine.drivers->hypervisor;

    hold(bench, bench->engine.uri);
    bench->engine.drivers->hypervisor = NULL;
    cr_assert_geq(engine_bench_recover(bench, NULL), 0);
    bench->engine.drivers->hypervisor = hv;
    cr_assert(has_lease(bench));
}

/* ---- snapshots of one VM side by side ---- */

static VmsLock *
share(EngineBench *bench, const char *operation)
{
    g_autofree char *name = vms_lock_name_vm(FAKE_UUID);
    VmsLock *lock = NULL;

    cr_assert(vms_lock_share(bench->engine.runtime_dir, name, operation, 0, NULL, &lock, NULL));
    return lock;
}

/* One that was begun and never ended. */
static void
leave_snapshot(EngineBench *bench)
{
    g_auto(VmsWork) work = { 0 };

    work.operation = vms_journal_new(&bench->engine, OPERATION, "snapshot");
    work.operation->vm_uuid = g_strdup(FAKE_UUID);
    work.operation->vm_name = g_strdup("web");
    cr_assert(vms_store_save(bench->engine.drivers->catalog, &work, NULL));
}

Test(recover, a_snapshot_is_rolled_back_while_another_is_at_work)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autoptr(VmsLock) other = share(bench, "aaaaaaaa-0000-4000-8000-000000000002");

    leave_snapshot(bench);
    cr_assert_eq(engine_bench_open_operations(bench), 1);
    cr_assert_eq(engine_bench_recover(bench, NULL), 1);
    cr_assert_eq(engine_bench_open_operations(bench), 0);
}

Test(recover, a_snapshot_at_work_is_left_alone)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autoptr(VmsLock) its = share(bench, OPERATION);

    leave_snapshot(bench);
    cr_assert_eq(engine_bench_recover(bench, NULL), 0);
    cr_assert_eq(engine_bench_open_operations(bench), 1);
}

Test(recover, nothing_is_rolled_back_while_disks_are_replaced)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *name = vms_lock_name_vm(FAKE_UUID);
    g_autoptr(VmsLock) lock = NULL;

    leave_snapshot(bench);
    cr_assert(vms_lock_take(bench->engine.runtime_dir, name, "restore", 0, NULL, &lock, NULL));
    cr_assert_eq(engine_bench_recover(bench, NULL), 0);
    cr_assert_eq(engine_bench_open_operations(bench), 1);
}
