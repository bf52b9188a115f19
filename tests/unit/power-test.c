/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/store.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A VM that cannot be started after its disks were exchanged, and one that does not stop. */

static void
run_machine(EngineBench *bench)
{
    bench->world->state = VMSNAP_VM_RUNNING;
    bench->world->domain_id = 7;
}

/* A snapshot of time '1' of a VM that runs and is at '2' now. */
static char *
prepare(EngineBench *bench)
{
    char *snapshot = NULL;

    cr_assert(engine_bench_snapshot(bench, &snapshot));
    engine_bench_write(bench, '2');
    run_machine(bench);
    return snapshot;
}

/* The newest operation. */
static VmsOperation *
last_operation(EngineBench *bench)
{
    g_autoptr(GPtrArray) operations = NULL;
    VmsOperation *last = NULL;

    cr_assert(vms_store_list_operations(bench->engine.drivers->catalog, &operations, NULL));
    cr_assert_gt(operations->len, 0);
    cr_assert(vms_store_load_operation(
        bench->engine.drivers->catalog,
        ((VmsOperation *)operations->pdata[operations->len - 1])->uuid, &last, NULL, NULL));
    return last;
}

static const VmsCondition *
condition_of(const VmsOperation *operation)
{
    for (guint i = 0; i < operation->conditions->len; i++) {
        const VmsCondition *condition = operation->conditions->pdata[i];

        if (strcmp(condition->type, "VirtualMachineReady") == 0)
            return condition;
    }
    return NULL;
}

static void
expect_start_failed(EngineBench *bench, vmsnap_operation_phase phase)
{
    g_autoptr(VmsOperation) operation = last_operation(bench);
    const VmsCondition *condition = condition_of(operation);

    cr_assert_eq(operation->phase, phase);
    cr_assert_not_null(condition);
    if (!condition)
        return;
    cr_assert_eq(condition->status, VMS_CONDITION_FALSE);
    cr_assert_str_eq(condition->reason, "StartFailed");
    cr_assert(strstr(condition->message, "does not know this machine"), "%s", condition->message);
    cr_assert_eq(engine_bench_open_operations(bench), 0);
    cr_assert_eq(engine_bench_recover(bench, NULL), 0, "nothing is left to do");
}

Test(power, a_vm_whose_new_self_does_not_start_gets_its_old_one)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = prepare(bench);
    int extra = engine_bench_extra_files(bench);

    bench->world->dud = FAKE_STARTS_OLD;
    cr_assert_not(engine_bench_restore(bench, snapshot, NULL));
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_HYPERVISOR, "%s",
                 bench->error->message);
    cr_assert_eq(engine_bench_time(bench), '2');
    cr_assert_eq(bench->world->state, VMSNAP_VM_RUNNING);
    cr_assert_eq(engine_bench_extra_files(bench), extra);
    cr_assert_eq(engine_bench_open_operations(bench), 0);
}

Test(power, a_vm_that_never_starts_again_is_left_off_with_its_old_disks)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = prepare(bench);

    bench->world->dud = FAKE_NEVER_STARTS;
    cr_assert_not(engine_bench_restore(bench, snapshot, NULL));
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_HYPERVISOR, "%s",
                 bench->error->message);
    cr_assert_eq(engine_bench_time(bench), '2');
    cr_assert_eq(bench->world->state, VMSNAP_VM_OFF);
    expect_start_failed(bench, VMSNAP_OPERATION_FAILED);
}

Test(power, what_was_committed_ends_though_the_vm_never_starts)
{
    g_autoptr(EngineBench) bench = engine_bench_new();
    g_autofree char *snapshot = prepare(bench);
    int status = 0;
    pid_t child;

    engine_bench_close(bench);
    child = fork();
    if (child == 0) {
        bench->engine.drivers = NULL;
        engine_bench_open(bench);
        bench->world->dud = FAKE_START_KILLS;
        engine_bench_restore(bench, snapshot, NULL);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    engine_bench_open(bench);
    bench->world->dud = FAKE_NEVER_STARTS;
    cr_assert_eq(engine_bench_recover(bench, NULL), 1);
    cr_assert_eq(engine_bench_time(bench), '1');
    cr_assert_eq(bench->world->state, VMSNAP_VM_OFF);
    expect_start_failed(bench, VMSNAP_OPERATION_COMPLETED);
}
