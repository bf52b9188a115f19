/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/sqlite/catalog.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What only a database file can get wrong. */

static char *dir;
static char *path;

static void
make_dir(void)
{
    dir = g_dir_make_tmp("vms-sqlite-XXXXXX", NULL);
    path = g_build_filename(dir, "sub", "catalog.db", NULL);
}

static void
remove_dir(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", dir);

    cr_assert_eq(system(command), 0);
    g_free(dir);
    g_free(path);
}

TestSuite(sqlite, .init = make_dir, .fini = remove_dir);

static VmsCatalog *
must_open(gboolean read_only)
{
    g_autoptr(GError) error = NULL;
    VmsCatalog *catalog = vms_sqlite_open(path, read_only, &error);

    cr_assert(catalog, "%s", error ? error->message : "");
    return catalog;
}

static void
must_not_open(gboolean read_only, int code, const char *reason)
{
    g_autoptr(GError) error = NULL;

    cr_assert_null(vms_sqlite_open(path, read_only, &error));
    cr_assert_eq(error->code, code, "%s", error->message);
    cr_assert_str_eq(vms_error_get_reason(error), reason);
}

static gboolean
put(VmsCatalog *catalog, const char *id, guint64 expected, const char *text, GError **error)
{
    VmsChange change = {
        .kind = "snapshot", .id = id, .expected = expected, .created_us = 1, .text = text
    };

    return vms_catalog_apply(catalog, &change, 1, error);
}

static void
run_sql(const char *sql)
{
    sqlite3 *db = NULL;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static guint
mode_of(const char *name)
{
    struct stat info;

    cr_assert_eq(stat(name, &info), 0, "%s", name);
    return info.st_mode & 07777;
}

/* Names, sizes and times of all below @where. The time of the -shm file, SQLite's table of locks,
 * means nothing. */
static char *
listing(const char *where)
{
    g_autofree char *command =
        g_strdup_printf("find '%s' -name '*-shm' -printf '%%p\\n' -o -printf "
                        "'%%p %%s %%T@\\n' | sort",
                        where);
    const char *argv[] = { "/bin/sh", "-c", command, NULL };
    char *out = NULL;

    cr_assert(g_spawn_sync(NULL, (char **)argv, NULL, 0, NULL, NULL, &out, NULL, NULL, NULL));
    return out;
}

Test(sqlite, folder_and_files_are_private_whatever_the_umask)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *wal = g_strconcat(path, "-wal", NULL);
    g_autoptr(VmsCatalog) catalog = NULL;

    umask(0);
    catalog = must_open(FALSE);
    cr_assert(put(catalog, "a", 0, "text", NULL));
    cr_assert_eq(mode_of(folder), 0700);
    cr_assert_eq(mode_of(path), 0600);
    cr_assert_eq(mode_of(wal), 0600);
}

Test(sqlite, a_closed_catalog_keeps_its_records)
{
    g_autoptr(VmsRecord) record = NULL;

    {
        g_autoptr(VmsCatalog) catalog = must_open(FALSE);
        cr_assert(put(catalog, "a", 0, "text", NULL));
    }
    {
        g_autoptr(VmsCatalog) catalog = must_open(FALSE);
        cr_assert(vms_catalog_get(catalog, "snapshot", "a", &record, NULL));
        cr_assert_str_eq(record->text, "text");
    }
}

Test(sqlite, reading_a_missing_catalog_makes_nothing)
{
    g_autofree char *before = listing(dir);
    g_autofree char *after = NULL;
    g_autoptr(VmsCatalog) catalog = must_open(TRUE);
    g_autoptr(GPtrArray) records = NULL;
    g_autoptr(VmsRecord) record = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert(vms_catalog_list(catalog, "snapshot", &records, NULL));
    cr_assert_eq(records->len, 0);
    cr_assert_not(vms_catalog_get(catalog, "snapshot", "a", &record, &error));
    cr_assert_eq(error->code, VMSNAP_E_NOT_FOUND);
    after = listing(dir);
    cr_assert_str_eq(before, after);
}

Test(sqlite, reading_makes_and_changes_nothing)
{
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;

    {
        g_autoptr(VmsCatalog) catalog = must_open(FALSE);
        cr_assert(put(catalog, "a", 0, "text", NULL));
    }
    before = listing(dir);
    {
        g_autoptr(VmsCatalog) catalog = must_open(TRUE);
        g_autoptr(GPtrArray) records = NULL;
        cr_assert(vms_catalog_list(catalog, "snapshot", &records, NULL));
        cr_assert_eq(records->len, 1);
    }
    after = listing(dir);
    cr_assert_str_eq(before, after, "%s\n%s", before, after);
}

Test(sqlite, a_reader_sees_what_a_writer_does)
{
    g_autoptr(VmsCatalog) writer = must_open(FALSE);
    g_autoptr(VmsCatalog) reader = must_open(TRUE);
    g_autoptr(VmsRecord) record = NULL;
    g_autoptr(GError) error = NULL;

    cr_assert(put(writer, "a", 0, "text", NULL));
    cr_assert(vms_catalog_get(reader, "snapshot", "a", &record, NULL));
    cr_assert_not(put(reader, "b", 0, "text", &error));
    cr_assert_eq(error->code, VMSNAP_E_PERMISSION);
}

Test(sqlite, a_reader_sees_a_catalog_made_after_it_was_opened)
{
    g_autoptr(VmsCatalog) reader = must_open(TRUE);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(VmsCatalog) writer = NULL;
    g_autoptr(GPtrArray) none = NULL;
    g_autoptr(VmsRecord) record = NULL;

    g_mkdir(folder, 0700);
    cr_assert(g_file_set_contents_full(path, "", 0, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    cr_assert(vms_catalog_list(reader, "snapshot", &none, NULL));
    cr_assert_eq(none->len, 0);
    writer = must_open(FALSE);
    cr_assert(put(writer, "a", 0, "text", NULL));
    cr_assert(vms_catalog_get(reader, "snapshot", "a", &record, NULL));
}

/* A catalog with one record. */
static void
make_catalog(void)
{
    g_autoptr(VmsCatalog) catalog = must_open(FALSE);

    cr_assert(put(catalog, "a", 0, "text", NULL));
}

Test(sqlite, nothing_is_made_before_there_is_something_to_write)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(VmsCatalog) catalog = must_open(FALSE);
    g_autoptr(GPtrArray) records = NULL;

    cr_assert(vms_catalog_list(catalog, "snapshot", &records, NULL));
    cr_assert_eq(records->len, 0);
    cr_assert_not(g_file_test(folder, G_FILE_TEST_EXISTS));
    cr_assert(put(catalog, "a", 0, "text", NULL));
    cr_assert(g_file_test(path, G_FILE_TEST_EXISTS));
}

Test(sqlite, a_newer_schema_is_refused_and_left_alone)
{
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;

    make_catalog();
    run_sql("PRAGMA user_version = 99; CREATE TABLE novel (x)");
    before = listing(path);
    must_not_open(FALSE, VMSNAP_E_UNSUPPORTED, "NewerSchema");
    must_not_open(TRUE, VMSNAP_E_UNSUPPORTED, "NewerSchema");
    after = listing(path);
    cr_assert_str_eq(before, after, "%s\n%s", before, after);
}

Test(sqlite, another_programs_database_is_refused)
{
    g_autofree char *folder = g_path_get_dirname(path);

    g_mkdir(folder, 0700);
    run_sql("CREATE TABLE mine (x)");
    must_not_open(FALSE, VMSNAP_E_IO, "CatalogUnreadable");
    must_not_open(TRUE, VMSNAP_E_IO, "CatalogUnreadable");
}

Test(sqlite, what_is_no_database_is_refused)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *content = NULL;

    g_mkdir(folder, 0700);
    cr_assert(
        g_file_set_contents(path, "this is only a text, long enough to be looked at", -1, NULL));
    must_not_open(FALSE, VMSNAP_E_IO, "CatalogUnreadable");
    must_not_open(TRUE, VMSNAP_E_IO, "CatalogUnreadable");
    cr_assert(g_file_get_contents(path, &content, NULL, NULL));
    cr_assert_str_eq(content, "this is only a text, long enough to be looked at");
}

Test(sqlite, a_damaged_database_is_refused)
{
    g_autofree char *content = NULL;
    gsize size = 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) records = NULL;
    g_autoptr(VmsCatalog) catalog = NULL;

    {
        g_autoptr(VmsCatalog) made = must_open(FALSE);
        for (int i = 0; i < 50; i++) {
            g_autofree char *id = g_strdup_printf("%d", i);
            g_autofree char *text = g_strnfill(5000, 'x');
            cr_assert(put(made, id, 0, text, NULL));
        }
    }
    cr_assert(g_file_get_contents(path, &content, &size, NULL));
    cr_assert_gt(size, 100000);
    memset(content + 4096, 0xa5, size - 4096);
    cr_assert(g_file_set_contents(path, content, (gssize)size, NULL));
    catalog = vms_sqlite_open(path, FALSE, &error);
    if (catalog)
        cr_assert_not(vms_catalog_list(catalog, "snapshot", &records, &error));
    cr_assert_eq(error->code, VMSNAP_E_IO);
    cr_assert_str_eq(vms_error_get_reason(error), "CatalogUnreadable");
}

Test(sqlite, links_folders_and_strange_paths_are_refused)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *elsewhere = g_build_filename(dir, "elsewhere.db", NULL);
    g_autoptr(GError) error = NULL;

    g_mkdir(folder, 0700);
    cr_assert_eq(symlink(elsewhere, path), 0);
    must_not_open(FALSE, VMSNAP_E_IO, "CatalogUnreadable");
    cr_assert_not(g_file_test(elsewhere, G_FILE_TEST_EXISTS));
    g_unlink(path);
    g_mkdir(path, 0700);
    must_not_open(FALSE, VMSNAP_E_IO, "CatalogUnreadable");
    cr_assert_null(vms_sqlite_open("relative.db", FALSE, &error));
    cr_assert_eq(error->code, VMSNAP_E_INVALID);
    g_clear_error(&error);
    cr_assert_null(vms_sqlite_open("/tmp/../tmp/x.db", FALSE, &error));
    cr_assert_eq(error->code, VMSNAP_E_INVALID);
}

Test(sqlite, a_folder_others_may_write_to_is_refused)
{
    g_autofree char *folder = g_path_get_dirname(path);

    g_mkdir(folder, 0700);
    g_chmod(folder, 0777);
    must_not_open(FALSE, VMSNAP_E_PERMISSION, "UnsafeFolder");
}

Test(sqlite, another_transaction_is_waited_for_but_not_for_ever)
{
    g_autoptr(VmsCatalog) catalog = must_open(FALSE);
    g_autoptr(GError) error = NULL;
    gint64 start = 0;
    sqlite3 *db = NULL;

    cr_assert(put(catalog, "z", 0, "text", NULL));
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    start = g_get_monotonic_time();
    cr_assert_not(put(catalog, "a", 0, "text", &error));
    cr_assert_eq(error->code, VMSNAP_E_BUSY);
    cr_assert_str_eq(vms_error_get_reason(error), "CatalogBusy");
    cr_assert_gt(g_get_monotonic_time() - start, 4000000);
    cr_assert_lt(g_get_monotonic_time() - start, 9000000);
    sqlite3_close(db);
    cr_assert(put(catalog, "a", 0, "text", NULL));
}

Test(sqlite, many_processes_may_make_it_at_once)
{
    for (int i = 0; i < 8; i++) {
        if (fork() == 0) {
            g_autoptr(VmsCatalog) catalog = vms_sqlite_open(path, FALSE, NULL);
            g_autofree char *id = g_strdup_printf("%d", i);
            _exit(catalog && put(catalog, id, 0, "text", NULL) ? 0 : 1);
        }
    }
    for (int i = 0; i < 8; i++) {
        int status = 0;
        wait(&status);
        cr_assert_eq(status, 0);
    }
}

/* Dies in the first transaction of all, its rollback journal on disk. */
static void
leave_half_made(void)
{
    g_autofree char *folder = g_path_get_dirname(path);
    sqlite3 *db = NULL;

    cr_assert_eq(g_mkdir_with_parents(folder, 0700), 0);
    if (sqlite3_open(path, &db) == SQLITE_OK)
        sqlite3_exec(db,
                     "PRAGMA cache_size=1; BEGIN; CREATE TABLE t (x);"
                     "INSERT INTO t VALUES (randomblob(1000000))",
                     NULL, NULL, NULL);
    kill(getpid(), SIGKILL);
}

Test(sqlite, a_catalog_whose_maker_died_is_made_by_the_next)
{
    g_autofree char *journal = g_strconcat(path, "-journal", NULL);
    g_autoptr(VmsCatalog) reading = NULL;
    g_autoptr(VmsCatalog) catalog = NULL;
    g_autoptr(GPtrArray) none = NULL;
    pid_t child = fork();

    if (child == 0)
        leave_half_made();
    waitpid(child, NULL, 0);
    cr_assert(g_file_test(journal, G_FILE_TEST_EXISTS));
    reading = must_open(TRUE);
    cr_assert(vms_catalog_list(reading, "snapshot", &none, NULL));
    cr_assert_eq(none->len, 0);
    catalog = must_open(FALSE);
    cr_assert(put(catalog, "a", 0, "1", NULL));
    cr_assert_not(g_file_test(journal, G_FILE_TEST_EXISTS));
}

/* Writes pairs of records in one batch each until it is killed, telling each durable one. */
static void
write_pairs(int tell)
{
    g_autoptr(VmsCatalog) catalog = vms_sqlite_open(path, FALSE, NULL);
    guint64 round = 0;
    g_autoptr(VmsRecord) record = NULL;

    if (catalog && vms_catalog_get(catalog, "snapshot", "a", &record, NULL))
        round = record->version;
    for (; catalog; round++) {
        g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, round + 1);
        VmsChange pair[] = {
            { .kind = "snapshot", .id = "a", .expected = round, .created_us = 1, .text = text },
            { .kind = "operation", .id = "b", .expected = round, .created_us = 1, .text = text },
        };
        guint64 done = round + 1;

        if (!vms_catalog_apply(catalog, pair, 2, NULL) ||
            write(tell, &done, sizeof done) != sizeof done)
            break;
    }
    _exit(1);
}

Test(sqlite, a_killed_writer_leaves_all_or_nothing, .timeout = 60)
{
    guint64 told = 0;

    for (int i = 0; i < 40; i++) {
        int tell[2];
        pid_t child;
        g_autoptr(VmsRecord) a = NULL;
        g_autoptr(VmsRecord) b = NULL;
        guint64 done = 0;

        cr_assert_eq(pipe(tell), 0);
        child = fork();
        if (child == 0)
            write_pairs(tell[1]);
        close(tell[1]);
        g_usleep((gulong)g_random_int_range(2000, 60000));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(tell[0], &done, sizeof done) == sizeof done)
            told = done;
        close(tell[0]);
        {
            g_autoptr(VmsCatalog) catalog = must_open(FALSE);
            if (!vms_catalog_get(catalog, "snapshot", "a", &a, NULL)) {
                cr_assert_eq(told, 0);
                continue;
            }
            cr_assert(vms_catalog_get(catalog, "operation", "b", &b, NULL));
        }
        cr_assert_eq(a->version, b->version);
        cr_assert_str_eq(a->text, b->text);
        cr_assert(a->version == told || a->version == told + 1, "told %d, found %d", (int)told,
                  (int)a->version);
        told = a->version; /* the next writer may be killed before it tells anything */
    }
    cr_assert_gt(told, 40, "the writer hardly wrote");
}
