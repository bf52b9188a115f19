/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/memory/catalog.h"
#include "adapter/sqlite/catalog.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <pthread.h>

/* Every adapter of the catalog port keeps the same rules: each case runs over all of them. */

typedef struct {
    const char *adapter;
    VmsCatalog *catalog;
    char *dir;
} Place;

static void
open_place(Place *place, const char *adapter)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;

    place->adapter = adapter;
    if (g_str_equal(adapter, "memory")) {
        place->catalog = vms_memory_catalog_new();
        return;
    }
    place->dir = g_dir_make_tmp("vms-catalog-XXXXXX", NULL);
    path = g_build_filename(place->dir, "catalog.db", NULL);
    place->catalog = vms_sqlite_open(path, FALSE, &error);
    cr_assert(place->catalog, "%s", error ? error->message : "");
}

static void
close_place(Place *place)
{
    static const char *const names[] = { "catalog.db", "catalog.db-wal", "catalog.db-shm" };

    vms_catalog_free(place->catalog);
    for (gsize i = 0; place->dir && i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(place->dir, names[i], NULL);
        g_unlink(path);
    }
    if (place->dir)
        g_rmdir(place->dir);
    g_free(place->dir);
}

/* One test per adapter from one body. */
#define CASE(name)                                                                                 \
    static void name(Place *place);                                                                \
    Test(memory_catalog, name)                                                                     \
    {                                                                                              \
        Place place = { 0 };                                                                       \
        open_place(&place, "memory");                                                              \
        name(&place);                                                                              \
        close_place(&place);                                                                       \
    }                                                                                              \
    Test(sqlite_catalog, name)                                                                     \
    {                                                                                              \
        Place place = { 0 };                                                                       \
        open_place(&place, "sqlite");                                                              \
        name(&place);                                                                              \
        close_place(&place);                                                                       \
    }                                                                                              \
    static void name(Place *place)

static VmsChange
snapshot(const char *id, const char *name, guint64 expected, const char *text)
{
    return (VmsChange){ .kind = "snapshot",
                        .id = id,
                        .name = name,
                        .expected = expected,
                        .created_us = 1000,
                        .text = text };
}

static void
must_apply(Place *place, const VmsChange *changes, gsize count)
{
    g_autoptr(GError) error = NULL;

    cr_assert(vms_catalog_apply(place->catalog, changes, count, &error), "%s: %s", place->adapter,
              error ? error->message : "");
}

static void
must_refuse(Place *place, const VmsChange *changes, gsize count, int code, const char *object)
{
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_catalog_apply(place->catalog, changes, count, &error), "%s", place->adapter);
    cr_assert_eq(error->code, code, "%s", error->message);
    cr_assert_str_eq(vms_error_get_object(error), object);
    if (code == VMSNAP_E_BUSY)
        cr_assert_str_eq(vms_error_get_reason(error), "RecordChanged");
}

static void
must_have(Place *place, const char *id, guint64 version, const char *name, const char *text)
{
    g_autoptr(VmsRecord) record = NULL;

    cr_assert(vms_catalog_get(place->catalog, "snapshot", id, &record, NULL), "%s", place->adapter);
    cr_assert_eq(record->version, version);
    cr_assert_eq(record->created_us, 1000);
    cr_assert_str_eq(record->kind, "snapshot");
    cr_assert_str_eq(record->id, id);
    cr_assert_eq(g_strcmp0(record->name, name), 0);
    cr_assert_str_eq(record->text, text);
}

static void
must_lack(Place *place, const char *id)
{
    g_autoptr(VmsRecord) record = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_catalog_get(place->catalog, "snapshot", id, &record, &error));
    cr_assert_eq(error->code, VMSNAP_E_NOT_FOUND);
    cr_assert_null(record);
}

CASE(versions_count_up_from_one)
{
    VmsChange first = snapshot("a", "web", 0, "one");
    VmsChange second = snapshot("a", "web", 1, "two");

    must_lack(place, "a");
    must_apply(place, &first, 1);
    must_have(place, "a", 1, "web", "one");
    must_apply(place, &second, 1);
    must_have(place, "a", 2, "web", "two");
}

CASE(a_stale_version_is_refused)
{
    VmsChange first = snapshot("a", NULL, 0, "one");
    VmsChange stale = snapshot("a", NULL, 7, "two");
    VmsChange missing = snapshot("b", NULL, 1, "two");

    must_apply(place, &first, 1);
    must_refuse(place, &first, 1, VMSNAP_E_BUSY, "a");
    must_refuse(place, &stale, 1, VMSNAP_E_BUSY, "a");
    must_refuse(place, &missing, 1, VMSNAP_E_BUSY, "b");
    must_have(place, "a", 1, NULL, "one");
    must_lack(place, "b");
}

CASE(a_held_name_is_refused)
{
    VmsChange first = snapshot("a", "web", 0, "one");
    VmsChange other = snapshot("b", "web", 0, "two");
    VmsChange third = snapshot("c", "db", 0, "three");
    VmsChange renamed = snapshot("c", "web", 1, "four");

    must_apply(place, &first, 1);
    must_refuse(place, &other, 1, VMSNAP_E_EXISTS, "web");
    must_apply(place, &third, 1);
    must_refuse(place, &renamed, 1, VMSNAP_E_EXISTS, "web");
    must_have(place, "c", 1, "db", "three");
}

CASE(names_are_held_within_a_kind)
{
    VmsChange first = snapshot("a", "web", 0, "one");
    VmsChange other = snapshot("a", "web", 0, "two");

    other.kind = "operation";
    must_apply(place, &first, 1);
    must_apply(place, &other, 1);
    must_have(place, "a", 1, "web", "one");
}

CASE(a_name_given_up_is_free_in_the_same_batch)
{
    VmsChange first = snapshot("a", "web", 0, "one");
    VmsChange batch[] = { snapshot("a", NULL, 1, "failed"), snapshot("b", "web", 0, "two") };
    g_autoptr(VmsRecord) record = NULL;

    must_apply(place, &first, 1);
    must_apply(place, batch, 2);
    cr_assert(vms_catalog_find(place->catalog, "snapshot", "web", &record, NULL));
    cr_assert_str_eq(record->id, "b");
    must_have(place, "a", 2, NULL, "failed");
}

CASE(many_may_hold_no_name)
{
    VmsChange batch[] = { snapshot("a", NULL, 0, "one"), snapshot("b", NULL, 0, "two") };

    must_apply(place, batch, 2);
}

CASE(a_batch_is_all_or_nothing)
{
    VmsChange first = snapshot("z", "taken", 0, "zero");
    VmsChange batch[] = { snapshot("a", "web", 0, "one"), snapshot("b", "taken", 0, "two") };
    VmsChange stale[] = { snapshot("z", NULL, 1, NULL), snapshot("y", NULL, 3, "three") };

    must_apply(place, &first, 1);
    must_refuse(place, batch, 2, VMSNAP_E_EXISTS, "taken");
    must_lack(place, "a");
    must_refuse(place, stale, 2, VMSNAP_E_BUSY, "y");
    must_have(place, "z", 1, "taken", "zero");
    must_apply(place, &batch[0], 1); /* and the next batch is not hindered */
}

CASE(deletion_compares_versions_too)
{
    VmsChange first = snapshot("a", "web", 0, "one");
    VmsChange stale = snapshot("a", NULL, 2, NULL);
    VmsChange absent = snapshot("b", NULL, 0, NULL);
    VmsChange right = snapshot("a", NULL, 1, NULL);

    must_apply(place, &first, 1);
    must_refuse(place, &stale, 1, VMSNAP_E_BUSY, "a");
    must_refuse(place, &absent, 1, VMSNAP_E_BUSY, "b");
    must_apply(place, &right, 1);
    must_lack(place, "a");
    must_apply(place, &first, 1); /* the name is free again */
}

CASE(lists_are_by_time_then_id)
{
    static const char *const order[] = { "c", "a", "b" };
    VmsChange batch[] = { snapshot("a", NULL, 0, "x"), snapshot("b", NULL, 0, "x"),
                          snapshot("c", NULL, 0, "x"), snapshot("d", NULL, 0, "x") };
    g_autoptr(GPtrArray) records = NULL;

    batch[2].created_us = -5;
    batch[3].kind = "operation";
    must_apply(place, batch, 4);
    cr_assert(vms_catalog_list(place->catalog, "snapshot", &records, NULL));
    cr_assert_eq(records->len, 3);
    for (guint i = 0; i < 3; i++)
        cr_assert_str_eq(((VmsRecord *)records->pdata[i])->id, order[i]);
}

CASE(an_empty_kind_lists_nothing)
{
    g_autoptr(GPtrArray) records = NULL;

    cr_assert(vms_catalog_list(place->catalog, "snapshot", &records, NULL));
    cr_assert_eq(records->len, 0);
}

CASE(quotes_and_long_texts_are_kept)
{
    g_autofree char *text = g_strnfill(3 * 1024 * 1024, '\'');
    VmsChange change = snapshot("a", "we'b\";--", 0, text);

    must_apply(place, &change, 1);
    must_have(place, "a", 1, "we'b\";--", text);
}

typedef struct {
    VmsCatalog *catalog;
    guint wins;
} Racer;

/* Each round only one thread may move the record on. */
static void *
race(void *data)
{
    Racer *racer = data;

    for (guint64 round = 0; round < 20; round++) {
        VmsChange change = snapshot("a", NULL, round, "x");
        g_autoptr(VmsRecord) record = NULL;
        do {
            if (vms_catalog_apply(racer->catalog, &change, 1, NULL))
                racer->wins++;
            g_clear_pointer(&record, vms_record_free);
        } while (!vms_catalog_get(racer->catalog, "snapshot", "a", &record, NULL) ||
                 record->version <= round);
    }
    return NULL;
}

CASE(of_two_threads_one_wins)
{
    Racer racers[2] = { { .catalog = place->catalog }, { .catalog = place->catalog } };
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    cr_assert_eq(racers[0].wins + racers[1].wins, 20);
}
