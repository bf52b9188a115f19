/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/lock.h"
#include "engine/store-look.h"
#include "support/engine-bench.h"

#include <criterion/criterion.h>
#include <string.h>

/* Records that somebody's hand or a bad disk changed, in a real catalog. */

static void
expect_ok(EngineBench *bench, gboolean ok, const char *what)
{
    cr_assert(ok, "%s: %s", what, bench->error ? bench->error->message : "no error");
}

/* A snapshot of the VM and one of a disk. */
static EngineBench *
prepare(char **ret_vm, char **ret_disk)
{
    EngineBench *bench = engine_bench_new();

    expect_ok(bench, engine_bench_snapshot(bench, ret_vm), "snapshot");
    expect_ok(bench, engine_bench_disk_snapshot(bench, "vda", ret_disk), "disk snapshot");
    return bench;
}

/* The text of a record, @was replaced by @is; @was NULL: all of it. */
static void
edit(EngineBench *bench, const char *kind, const char *id, const char *was, const char *is)
{
    VmsCatalog *catalog = bench->engine.drivers->catalog;
    g_autoptr(VmsRecord) record = NULL;
    g_autofree char *text = NULL;
    VmsChange change;

    cr_assert(vms_catalog_get(catalog, kind, id, &record, NULL));
    if (was) {
        g_auto(GStrv) parts = g_strsplit(record->text, was, 2);

        cr_assert_eq(g_strv_length(parts), 2, "no '%s' in %s", was, record->text);
        text = g_strjoin(is, parts[0], parts[1], NULL);
    } else {
        text = g_strdup(is);
    }
    change = (VmsChange){ kind, id, record->name, record->version, record->created_us, text };
    cr_assert(vms_catalog_apply(catalog, &change, 1, NULL));
}

static GPtrArray *
list(EngineBench *bench, vmsnap_snapshot_kind kind)
{
    GPtrArray *found = NULL;

    cr_assert(vms_engine_list_snapshots(&bench->engine, kind, NULL, &found, NULL));
    return found;
}

static void
expect_stand_in(const VmsSnapshot *snapshot, const char *uuid, const char *reason)
{
    const VmsCondition *condition;

    cr_assert_str_eq(snapshot->uuid, uuid);
    cr_assert_eq(snapshot->phase, VMSNAP_SNAPSHOT_FAILED);
    cr_assert_eq(snapshot->conditions->len, 1);
    condition = snapshot->conditions->pdata[0];
    cr_assert_str_eq(condition->reason, reason);
    cr_assert_not_null(strstr(condition->message, "stored"), "%s", condition->message);
}

Test(damaged, the_others_are_listed_and_it_stands_among_them)
{
    g_autofree char *vm = NULL;
    g_autofree char *disk = NULL;
    g_autoptr(EngineBench) bench = prepare(&vm, &disk);
    static const struct {
        const char *was, *is;
    } edits[] = {
        { NULL, "" },
        { NULL, "{" },
        { NULL, "[]" },
        { "\"schema\":1", "\"schema\":\"x\"" },
        { NULL, "{\"schema\":1}" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_autoptr(VmsRecord) before = NULL;
        g_autoptr(GPtrArray) damaged = NULL;
        g_autoptr(GPtrArray) whole = NULL;
        g_autoptr(VmsSnapshot) found = NULL;

        cr_assert(vms_catalog_get(bench->engine.drivers->catalog, "snapshot", vm, &before, NULL));
        edit(bench, "snapshot", vm, edits[i].was, edits[i].is);
        damaged = list(bench, VMSNAP_SNAPSHOT_KIND_VM);
        cr_assert_eq(damaged->len, 1);
        expect_stand_in(damaged->pdata[0], vm, "Damaged");
        whole = list(bench, VMSNAP_SNAPSHOT_KIND_DISK);
        cr_assert_eq(whole->len, 1);
        cr_assert_eq(((const VmsSnapshot *)whole->pdata[0])->phase, VMSNAP_SNAPSHOT_READY);
        cr_assert(vms_engine_find_snapshot(&bench->engine, VMSNAP_SNAPSHOT_KIND_VM, "daily", &found,
                                           NULL));
        expect_stand_in(found, vm, "Damaged");
        edit(bench, "snapshot", vm, NULL, before->text);
    }
}

/* Well-formed, and nothing that could be used. */
Test(damaged, a_record_that_contradicts_itself_is_no_better)
{
    g_autofree char *vm = NULL;
    g_autofree char *disk = NULL;
    g_autoptr(EngineBench) bench = prepare(&vm, &disk);
    g_autoptr(VmsRecord) record = NULL;
    g_autoptr(GPtrArray) found = NULL;

    edit(bench, "snapshot", vm, vm, disk);
    found = list(bench, VMSNAP_SNAPSHOT_KIND_VM);
    expect_stand_in(found->pdata[0], vm, "Damaged");
    cr_assert_not(engine_bench_restore(bench, vm, NULL));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "DamagedRecord");
    /* All of it of another kind. */
    cr_assert(
        vms_catalog_get(bench->engine.drivers->catalog, "disk-snapshot", disk, &record, NULL));
    edit(bench, "snapshot", vm, NULL, record->text);
    g_clear_pointer(&found, g_ptr_array_unref);
    found = list(bench, VMSNAP_SNAPSHOT_KIND_VM);
    expect_stand_in(found->pdata[0], vm, "Damaged");
}

Test(damaged, a_disk_that_lost_its_image_in_the_record_is_found)
{
    g_autofree char *vm = NULL;
    g_autofree char *disk = NULL;
    g_autoptr(EngineBench) bench = prepare(&vm, &disk);
    g_autoptr(GPtrArray) found = NULL;

    edit(bench, "disk-snapshot", disk, "\"image\":{", "\"other\":{");
    found = list(bench, VMSNAP_SNAPSHOT_KIND_DISK);
    expect_stand_in(found->pdata[0], disk, "Damaged");
    cr_assert_not(vms_engine_verify(&bench->engine, disk, &bench->progress, NULL));
}

Test(damaged, dropping_it_takes_the_record_alone)
{
    g_autofree char *vm = NULL;
    g_autofree char *disk = NULL;
    g_autoptr(EngineBench) bench = prepare(&vm, &disk);
    g_autoptr(GPtrArray) left = NULL;
    g_autoptr(GPtrArray) operations = NULL;
    const VmsOperation *last;
    int files = engine_bench_extra_files(bench);

    edit(bench, "snapshot", vm, NULL, "{}");
    cr_assert_eq(engine_bench_collect(bench, TRUE, "removed"), -1, "it might need anything");
    expect_ok(bench, engine_bench_delete(bench, vm), "delete");
    cr_assert_eq(engine_bench_extra_files(bench), files);
    left = list(bench, VMSNAP_SNAPSHOT_KIND_VM);
    cr_assert_eq(left->len, 0);
    cr_assert(vms_engine_list_operations(&bench->engine, &operations, NULL));
    last = operations->pdata[operations->len - 1];
    cr_assert_str_eq(last->type, "delete");
    cr_assert_eq(last->phase, VMSNAP_OPERATION_COMPLETED);
    cr_assert_eq(last->resources->len, 1);
    cr_assert_eq(engine_bench_collect(bench, FALSE, "removed"), 0);
    cr_assert_eq(engine_bench_extra_files(bench), files, "what it had may be all there is");
    expect_ok(bench, engine_bench_snapshot(bench, NULL), "its name is free");
}

Test(damaged, what_a_later_version_wrote_is_not_dropped)
{
    g_autofree char *vm = NULL;
    g_autofree char *disk = NULL;
    g_autoptr(EngineBench) bench = prepare(&vm, &disk);
    g_autoptr(GPtrArray) found = NULL;

    edit(bench, "snapshot", vm, "\"schema\":1", "\"schema\":999");
    found = list(bench, VMSNAP_SNAPSHOT_KIND_VM);
    cr_assert_eq(found->len, 1);
    cr_assert_str_eq(
        ((const VmsCondition *)((const VmsSnapshot *)found->pdata[0])->conditions->pdata[0])
            ->reason,
        "NewerSchema");
    cr_assert_not(engine_bench_delete(bench, vm));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "NewerSchema");
}

/* What it did is not known: nobody may change the VM before somebody looked. */
Test(damaged, an_operation_is_listed_and_stops_what_changes)
{
    g_autofree char *vm = NULL;
    g_autofree char *disk = NULL;
    g_autoptr(EngineBench) bench = prepare(&vm, &disk);
    g_autoptr(GPtrArray) operations = NULL;
    const VmsOperation *first = NULL;

    cr_assert(vms_engine_list_operations(&bench->engine, &operations, NULL));
    first = operations->pdata[0];
    edit(bench, "operation", first->uuid, NULL, "{}");
    cr_assert_not(engine_bench_restore(bench, vm, NULL));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "DamagedRecord");
    cr_assert_str_eq(vms_error_get_object(bench->error), first->uuid);
    {
        g_autoptr(GPtrArray) seen = NULL;
        const VmsOperation *damaged;

        cr_assert(vms_engine_list_operations(&bench->engine, &seen, NULL));
        cr_assert_eq(seen->len, operations->len);
        damaged = seen->pdata[0];
        cr_assert_str_eq(damaged->uuid, first->uuid);
        cr_assert_eq(damaged->phase, VMSNAP_OPERATION_FAILED);
        cr_assert_str_eq(damaged->error_reason, "Damaged");
    }
}

/* ---- dropping the record of an operation ---- */

static gboolean
drop(EngineBench *bench, const char *id, gboolean newer, GPtrArray **ret_acts)
{
    g_clear_error(&bench->error);
    return vms_engine_drop_record(&bench->engine, id, newer, &bench->progress, ret_acts,
                                  &bench->error);
}

static char *
first_operation(EngineBench *bench)
{
    g_autoptr(GPtrArray) operations = NULL;

    cr_assert(vms_engine_list_operations(&bench->engine, &operations, NULL));
    return g_strdup(((const VmsOperation *)operations->pdata[0])->uuid);
}

static guint
count_acts(const GPtrArray *acts, const char *act)
{
    guint count = 0;

    for (guint i = 0; i < acts->len; i++)
        count += strcmp(((const VmsRecoveryAct *)acts->pdata[i])->act, act) == 0;
    return count;
}

/* Whatever is wrong with it. */
Test(damaged, the_record_of_an_operation_can_be_dropped)
{
    static const struct {
        const char *was, *is;
    } edits[] = {
        { NULL, "" },
        { NULL, "{}" },
        { "\"schema\":1", "\"schema\":\"x\"" },
        { "\"phase\":\"", "\"phase\":\"no-such-" },
        { "\"uuid\":\"", "\"uuid\":\"x" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_autofree char *vm = NULL;
        g_autofree char *disk = NULL;
        g_autoptr(EngineBench) bench = prepare(&vm, &disk);
        g_autofree char *id = first_operation(bench);
        g_autoptr(GPtrArray) acts = NULL;
        int files = engine_bench_extra_files(bench);

        edit(bench, "operation", id, edits[i].was, edits[i].is);
        cr_assert_not(engine_bench_restore(bench, vm, NULL));
        expect_ok(bench, drop(bench, id, FALSE, &acts), "drop");
        cr_assert_eq(count_acts(acts, "dropped"), 1);
        cr_assert_eq(count_acts(acts, "kept") > 0, edits[i].was != NULL, "what it names is told");
        cr_assert_eq(engine_bench_extra_files(bench), files, "and stays");
        cr_assert_eq(engine_bench_open_operations(bench), 0);
        expect_ok(bench, engine_bench_restore(bench, vm, NULL), "restore");
        cr_assert_not(drop(bench, id, FALSE, &acts), "it is gone");
        cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_NOT_FOUND);
    }
}

Test(damaged, what_can_still_be_made_out_is_told)
{
    g_autofree char *vm = NULL;
    g_autofree char *disk = NULL;
    g_autoptr(EngineBench) bench = prepare(&vm, &disk);
    g_autofree char *id = first_operation(bench);
    g_autoptr(GPtrArray) acts = NULL;
    g_autoptr(GPtrArray) operations = NULL;
    const VmsOperation *told;
    const VmsRecoveryAct *last;

    edit(bench, "operation", id, "\"journal\":\"", "\"journal\":\"x");
    expect_ok(bench, drop(bench, id, FALSE, &acts), "drop");
    last = acts->pdata[acts->len - 1];
    cr_assert_not_null(strstr(last->object, id));
    cr_assert_not_null(strstr(last->message, "type snapshot"), "%s", last->message);
    cr_assert_not_null(strstr(last->message, "VM web"), "%s", last->message);
    cr_assert(vms_engine_list_operations(&bench->engine, &operations, NULL));
    told = operations->pdata[operations->len - 1];
    cr_assert_str_eq(told->type, "drop");
    cr_assert_eq(told->phase, VMSNAP_OPERATION_COMPLETED);
    cr_assert_eq(told->resources->len, count_acts(acts, "kept"));
    cr_assert_eq(engine_bench_collect(bench, FALSE, "removed"), 0, "gc takes nothing of it");
}

Test(damaged, an_operation_that_can_be_read_is_not_dropped)
{
    g_autofree char *vm = NULL;
    g_autofree char *disk = NULL;
    g_autoptr(EngineBench) bench = prepare(&vm, &disk);
    g_autofree char *id = first_operation(bench);
    g_autoptr(GPtrArray) acts = NULL;

    cr_assert_not(drop(bench, id, TRUE, &acts));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "NotDamaged");
    edit(bench, "operation", id, "\"phase\":\"Completed\"", "\"phase\":\"InProgress\"");
    cr_assert_not(drop(bench, id, TRUE, &acts));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "NotDamaged");
    cr_assert_not_null(strstr(bench->error->message, "recover"));
}

Test(damaged, what_a_later_version_did_is_dropped_only_when_asked_to)
{
    g_autofree char *vm = NULL;
    g_autofree char *disk = NULL;
    g_autoptr(EngineBench) bench = prepare(&vm, &disk);
    g_autofree char *id = first_operation(bench);
    g_autoptr(GPtrArray) acts = NULL;

    edit(bench, "operation", id, "\"schema\":1", "\"schema\":999");
    cr_assert_not(drop(bench, id, FALSE, &acts));
    cr_assert_str_eq(vms_error_get_reason(bench->error), "NewerSchema");
    expect_ok(bench, drop(bench, id, TRUE, &acts), "drop");
}

Test(damaged, it_is_not_dropped_while_somebody_is_at_work_on_its_vm)
{
    g_autofree char *vm = NULL;
    g_autofree char *disk = NULL;
    g_autoptr(EngineBench) bench = prepare(&vm, &disk);
    g_autofree char *id = first_operation(bench);
    g_autofree char *name = vms_lock_name_vm(FAKE_UUID);
    g_autoptr(GPtrArray) acts = NULL;
    g_autoptr(VmsLock) lock = NULL;

    edit(bench, "operation", id, "\"journal\":\"", "\"journal\":\"x");
    cr_assert(vms_lock_take(bench->engine.runtime_dir, name, "other", 0, NULL, &lock, NULL));
    cr_assert_not(drop(bench, id, FALSE, &acts));
    cr_assert_eq(vms_error_get_code(bench->error), VMSNAP_E_BUSY);
    g_clear_pointer(&lock, vms_lock_free);
    expect_ok(bench, drop(bench, id, FALSE, &acts), "drop");
}
