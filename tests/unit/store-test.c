/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/memory/catalog.h"
#include "base/error.h"
#include "engine/engine.h"
#include "engine/store.h"
#include "model/name.h"

#include <criterion/criterion.h>

static VmsCatalog *catalog;

static void
open_catalog(void)
{
    catalog = vms_memory_catalog_new();
}

static void
close_catalog(void)
{
    vms_catalog_free(catalog);
}

TestSuite(store, .init = open_catalog, .fini = close_catalog);

static VmsWork
new_work(const char *name, gint64 created_us)
{
    g_autofree char *uuid = vms_name_new_uuid();
    g_autofree char *operation = vms_name_new_uuid();
    VmsWork work = { .snapshot = vms_snapshot_new(uuid, name),
                     .operation = vms_operation_new(operation, "snapshot") };

    work.snapshot->phase = VMSNAP_SNAPSHOT_IN_PROGRESS;
    work.snapshot->vm_name = g_strdup("web");
    work.snapshot->vm_uuid = g_strdup("0b1e5d6c-0000-4000-8000-000000000001");
    work.snapshot->created_us = created_us;
    work.operation->created_us = created_us;
    return work;
}

static void
must_save(VmsWork *work)
{
    g_autoptr(GError) error = NULL;

    cr_assert(vms_store_save(catalog, work, &error), "%s", error ? error->message : "");
}

static void
must_find(const char *name, const char *uuid)
{
    g_autoptr(VmsSnapshot) found = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert(vms_store_find_snapshot(catalog, VMSNAP_SNAPSHOT_KIND_VM, name, &found, NULL, &error),
              "%s", error ? error->message : "");
    cr_assert_str_eq(found->uuid, uuid);
}

Test(store, versions_follow_each_save)
{
    g_auto(VmsWork) work = new_work("nightly", 1);
    g_autoptr(VmsSnapshot) snapshot = NULL;
    g_autoptr(VmsOperation) operation = NULL;
    guint64 version = 0;

    must_save(&work);
    must_save(&work);
    cr_assert_eq(work.snapshot_version, 2);
    cr_assert(vms_store_load_snapshot(catalog, work.snapshot->uuid, &snapshot, &version, NULL));
    cr_assert_eq(version, 2);
    cr_assert(vms_store_load_operation(catalog, work.operation->uuid, &operation, &version, NULL));
    cr_assert_eq(version, 2);
    cr_assert_str_eq(operation->type, "snapshot");
}

Test(store, nobody_overwrites_what_he_has_not_seen)
{
    g_auto(VmsWork) work = new_work("nightly", 1);
    g_auto(VmsWork) other = { 0 };
    g_autoptr(GError) error = NULL;

    must_save(&work);
    cr_assert(vms_store_load_snapshot(catalog, work.snapshot->uuid, &other.snapshot,
                                      &other.snapshot_version, NULL));
    must_save(&other);
    cr_assert_not(vms_store_save(catalog, &work, &error));
    cr_assert_str_eq(vms_error_get_reason(error), "RecordChanged");
    cr_assert_eq(work.snapshot_version, 1);
    cr_assert_eq(work.operation_version, 1);
}

Test(store, a_taken_name_is_refused_with_nothing_written)
{
    g_auto(VmsWork) work = new_work("nightly", 1);
    g_auto(VmsWork) other = new_work("nightly", 2);
    g_autoptr(VmsOperation) operation = NULL;
    g_autoptr(GError) error = NULL;

    must_save(&work);
    cr_assert_not(vms_store_save(catalog, &other, &error));
    cr_assert_eq(error->code, VMSNAP_E_EXISTS);
    cr_assert_str_eq(vms_error_get_object(error), "nightly");
    cr_assert_not(vms_store_load_operation(catalog, other.operation->uuid, &operation, NULL, NULL));
}

Test(store, a_name_is_unique_within_a_kind)
{
    g_auto(VmsWork) vm = new_work("nightly", 1);
    g_auto(VmsWork) disk = new_work("nightly", 2);
    g_autoptr(VmsSnapshot) found = NULL;
    g_autoptr(VmsSnapshot) by_uuid = NULL;
    g_autoptr(VmsSnapshot) none = NULL;
    g_autoptr(GPtrArray) all = NULL;

    disk.snapshot->subject = VMSNAP_SNAPSHOT_KIND_DISK;
    must_save(&vm);
    cr_assert(vms_store_check_free(catalog, VMSNAP_SNAPSHOT_KIND_DISK, "nightly", NULL));
    must_save(&disk);
    cr_assert_not(vms_store_check_free(catalog, VMSNAP_SNAPSHOT_KIND_DISK, "nightly", NULL));
    must_find("nightly", vm.snapshot->uuid);
    cr_assert(
        vms_store_find_snapshot(catalog, VMSNAP_SNAPSHOT_KIND_DISK, "nightly", &found, NULL, NULL));
    cr_assert_str_eq(found->uuid, disk.snapshot->uuid);
    cr_assert(vms_store_load_snapshot(catalog, disk.snapshot->uuid, &by_uuid, NULL, NULL));
    cr_assert_not(vms_store_find_snapshot(catalog, VMSNAP_SNAPSHOT_KIND_VM, disk.snapshot->uuid,
                                          &none, NULL, NULL));
    cr_assert(vms_store_list_snapshots(catalog, VMSNAP_SNAPSHOT_KIND_DISK, &all, NULL));
    cr_assert_eq(all->len, 1);
}

Test(store, a_failed_snapshot_gives_its_name_away)
{
    g_auto(VmsWork) first = new_work("nightly", 1);
    g_auto(VmsWork) second = new_work("nightly", 2);
    g_auto(VmsWork) third = new_work("nightly", 3);

    must_save(&first);
    first.snapshot->phase = VMSNAP_SNAPSHOT_FAILED;
    must_save(&first);
    must_find("nightly", first.snapshot->uuid);
    second.snapshot->phase = VMSNAP_SNAPSHOT_FAILED;
    must_save(&second);
    must_find("nightly", second.snapshot->uuid); /* the newest of the failed */
    must_save(&third);
    must_find("nightly", third.snapshot->uuid); /* the holder */
    must_find(first.snapshot->uuid, first.snapshot->uuid);
}

Test(store, a_uuid_is_found_in_upper_case_too)
{
    g_auto(VmsWork) work = new_work("nightly", 1);
    g_autofree char *upper = g_ascii_strup(work.snapshot->uuid, -1);

    must_save(&work);
    must_find(upper, work.snapshot->uuid);
}

Test(store, what_is_not_there_is_not_found)
{
    g_autoptr(VmsSnapshot) found = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert_not(
        vms_store_find_snapshot(catalog, VMSNAP_SNAPSHOT_KIND_VM, "nightly", &found, NULL, &error));
    cr_assert_eq(error->code, VMSNAP_E_NOT_FOUND);
    cr_assert_str_eq(vms_error_get_object(error), "nightly");
}

Test(store, removal_writes_the_operation_with_it)
{
    g_auto(VmsWork) work = new_work("nightly", 1);
    g_autoptr(VmsSnapshot) gone = NULL;
    g_autoptr(VmsOperation) operation = NULL;

    must_save(&work);
    work.operation->phase = VMSNAP_OPERATION_COMPLETED;
    cr_assert(vms_store_remove_snapshot(catalog, &work, NULL));
    cr_assert_eq(work.snapshot_version, 0);
    cr_assert_eq(work.operation_version, 2);
    cr_assert_not(vms_store_load_snapshot(catalog, work.snapshot->uuid, &gone, NULL, NULL));
    cr_assert(vms_store_load_operation(catalog, work.operation->uuid, &operation, NULL, NULL));
    cr_assert_eq(operation->phase, VMSNAP_OPERATION_COMPLETED);
}

Test(store, what_could_not_be_read_again_is_not_stored)
{
    g_auto(VmsWork) work = new_work("nightly", 1);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) found = NULL;

    g_ptr_array_add(work.snapshot->folders, g_strdup("/srv/../etc"));
    cr_assert_not(vms_store_save(catalog, &work, &error));
    cr_assert_str_eq(vms_error_get_reason(error), "NotStorable");
    cr_assert(vms_store_list_snapshots(catalog, VMSNAP_SNAPSHOT_KIND_VM, &found, NULL));
    cr_assert_eq(found->len, 0);
}

Test(store, a_damaged_record_fails_the_list_and_is_named)
{
    VmsChange change = { .kind = "snapshot", .id = "the-id", .text = "{}" };
    g_autoptr(GPtrArray) found = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert(vms_catalog_apply(catalog, &change, 1, NULL));
    cr_assert_not(vms_store_list_snapshots(catalog, VMSNAP_SNAPSHOT_KIND_VM, &found, &error));
    cr_assert_eq(error->code, VMSNAP_E_IO);
    cr_assert_str_eq(vms_error_get_object(error), "the-id");
}

Test(store, the_engine_lists_by_vm_name_or_uuid)
{
    VmsDrivers drivers = { .catalog = catalog };
    VmsEngine engine = { .drivers = &drivers };
    g_auto(VmsWork) web = new_work("nightly", 2);
    g_auto(VmsWork) db = new_work("weekly", 1);
    g_autoptr(GPtrArray) all = NULL;
    g_autoptr(GPtrArray) by_name = NULL;
    g_autoptr(GPtrArray) by_uuid = NULL;
    g_autoptr(GPtrArray) operations = NULL;

    g_free(db.snapshot->vm_name);
    db.snapshot->vm_name = g_strdup("db");
    must_save(&web);
    must_save(&db);
    cr_assert(vms_engine_list_snapshots(&engine, VMSNAP_SNAPSHOT_KIND_VM, NULL, &all, NULL));
    cr_assert_eq(all->len, 2);
    cr_assert_str_eq(((VmsSnapshot *)all->pdata[0])->name, "weekly");
    cr_assert(vms_engine_list_snapshots(&engine, VMSNAP_SNAPSHOT_KIND_VM, "db", &by_name, NULL));
    cr_assert_eq(by_name->len, 1);
    cr_assert(vms_engine_list_snapshots(&engine, VMSNAP_SNAPSHOT_KIND_VM, web.snapshot->vm_uuid,
                                        &by_uuid, NULL));
    cr_assert_eq(by_uuid->len, 2);
    cr_assert(vms_engine_list_operations(&engine, &operations, NULL));
    cr_assert_eq(operations->len, 2);
}
