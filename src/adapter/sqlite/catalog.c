/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/sqlite/catalog.h"

#include "adapter/sqlite/connection.h"
#include "base/error.h"
#include "base/sys.h"

#include <pthread.h>

#define COLUMNS "kind, id, name, version, created_us, text"

typedef enum {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_INSERT,
    SQL_UPDATE,
    SQL_DELETE,
    SQL_GET,
    SQL_FIND,
    SQL_LIST,
    SQL_COUNT
} Sql;

static const char *const texts[SQL_COUNT] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    /* One order of parameters for all changes: kind, id, expected, name, created, text. */
    [SQL_INSERT] = "INSERT INTO record (" COLUMNS ") VALUES (?1, ?2, ?4, ?3 + 1, ?5, ?6)",
    [SQL_UPDATE] = "UPDATE record SET name = ?4, version = ?3 + 1, created_us = ?5, text = ?6"
                   " WHERE kind = ?1 AND id = ?2 AND version = ?3",
    [SQL_DELETE] = "DELETE FROM record WHERE kind = ?1 AND id = ?2 AND version = ?3",
    [SQL_GET] = "SELECT " COLUMNS " FROM record WHERE kind = ?1 AND id = ?2",
    [SQL_FIND] = "SELECT " COLUMNS " FROM record WHERE kind = ?1 AND name = ?2",
    [SQL_LIST] = "SELECT " COLUMNS " FROM record WHERE kind = ?1 ORDER BY created_us, id",
};

typedef struct {
    VmsCatalog catalog;
    pthread_mutex_t lock; /* guards all below: one statement or transaction at a time */
    char *path;
    sqlite3 *db; /* NULL: there was no catalog yet */
    gboolean read_only;
    gboolean writing; /* db is open for writing: from the first change on, not before */
    sqlite3_stmt *statements[SQL_COUNT]; /* prepared when first needed */
} SqliteCatalog;

static sqlite3_stmt *
statement(SqliteCatalog *self, Sql which, GError **error)
{
    sqlite3_stmt **slot = &self->statements[which];

    if (!*slot && sqlite3_prepare_v3(self->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, slot,
                                     NULL) != SQLITE_OK) {
        vms_sqlite_fail(self->db, "catalog", error);
        return NULL;
    }
    return *slot;
}

/* A statement is reset whatever it gave: one left in the middle would hold its transaction. */
static int
run(sqlite3_stmt *prepared)
{
    int result = sqlite3_step(prepared);

    sqlite3_reset(prepared);
    return result;
}

static gboolean
run_plain(SqliteCatalog *self, Sql which, GError **error)
{
    sqlite3_stmt *prepared = statement(self, which, error);

    if (!prepared)
        return FALSE;
    if (run(prepared) != SQLITE_DONE)
        return vms_sqlite_fail(self->db, "catalog", error);
    return TRUE;
}

static gboolean
bind_text(sqlite3_stmt *prepared, int index, const char *text)
{
    /* NULL binds NULL. The caller's text outlives the step. */
    return sqlite3_bind_text(prepared, index, text, -1, SQLITE_STATIC) == SQLITE_OK;
}

static gboolean
bind_change(sqlite3_stmt *prepared, const VmsChange *change)
{
    sqlite3_clear_bindings(prepared);
    if (!bind_text(prepared, 1, change->kind) || !bind_text(prepared, 2, change->id) ||
        sqlite3_bind_int64(prepared, 3, (gint64)change->expected) != SQLITE_OK)
        return FALSE;
    if (!change->text)
        return TRUE;
    return bind_text(prepared, 4, change->name) &&
           sqlite3_bind_int64(prepared, 5, change->created_us) == SQLITE_OK &&
           bind_text(prepared, 6, change->text);
}

static VmsRecord *
read_row(sqlite3_stmt *prepared)
{
    VmsRecord *record = g_new0(VmsRecord, 1);

    record->kind = g_strdup((const char *)sqlite3_column_text(prepared, 0));
    record->id = g_strdup((const char *)sqlite3_column_text(prepared, 1));
    record->name = g_strdup((const char *)sqlite3_column_text(prepared, 2));
    record->version = (guint64)sqlite3_column_int64(prepared, 3);
    record->created_us = sqlite3_column_int64(prepared, 4);
    record->text = g_strdup((const char *)sqlite3_column_text(prepared, 5));
    return record;
}

/* Rows of SQL_GET, SQL_FIND or SQL_LIST; called with the lock held. */
static gboolean
query(SqliteCatalog *self, Sql which, const char *kind, const char *key, GPtrArray *records,
      GError **error)
{
    sqlite3_stmt *prepared = NULL;
    int result = SQLITE_DONE;

    if (!self->db && !vms_sqlite_connect(self->path, TRUE, &self->db, error))
        return FALSE;
    if (!self->db)
        return TRUE;
    prepared = statement(self, which, error);
    if (!prepared)
        return FALSE;
    sqlite3_clear_bindings(prepared);
    if (!bind_text(prepared, 1, kind) || (key && !bind_text(prepared, 2, key)))
        return vms_sqlite_fail(self->db, "catalog", error);
    while ((result = sqlite3_step(prepared)) == SQLITE_ROW)
        g_ptr_array_add(records, read_row(prepared));
    if (result != SQLITE_DONE)
        vms_sqlite_fail(self->db, "catalog", error);
    sqlite3_reset(prepared);
    return result == SQLITE_DONE;
}

static gboolean
changed(const VmsChange *change, GError **error)
{
    vms_refuse(error, VMSNAP_E_BUSY, "RecordChanged", "the record of %s %s was changed meanwhile",
               change->kind, change->id);
    if (error)
        vms_error_set_object(*error, change->id);
    return FALSE;
}

/* A unique index refused: the id or the name. */
static gboolean
taken(SqliteCatalog *self, const VmsChange *change, GError **error)
{
    g_autoptr(GPtrArray) same = g_ptr_array_new_with_free_func((GDestroyNotify)vms_record_free);

    if (!query(self, SQL_GET, change->kind, change->id, same, error))
        return FALSE;
    if (change->expected == 0 && same->len > 0)
        return changed(change, error);
    vms_refuse(error, VMSNAP_E_EXISTS, NULL, "there is a %s named '%s' already", change->kind,
               change->name);
    if (error)
        vms_error_set_object(*error, change->name);
    return FALSE;
}

static gboolean
apply_one(SqliteCatalog *self, const VmsChange *change, GError **error)
{
    Sql which = !change->text ? SQL_DELETE : change->expected ? SQL_UPDATE : SQL_INSERT;
    sqlite3_stmt *prepared = statement(self, which, error);
    int result = SQLITE_OK;

    if (!prepared)
        return FALSE;
    if (!bind_change(prepared, change))
        return vms_sqlite_fail(self->db, "catalog", error);
    result = run(prepared);
    if (result == SQLITE_CONSTRAINT_UNIQUE)
        return taken(self, change, error);
    if (result != SQLITE_DONE)
        return vms_sqlite_fail(self->db, "catalog", error);
    return sqlite3_changes(self->db) == 1 ? TRUE : changed(change, error);
}

/* A commit that failed for want of nothing we know may still be found whole after a crash. */
static gboolean
commit(SqliteCatalog *self, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(GError) cause = NULL;

    vms_crash_point("catalog-commit");
    if (run_plain(self, SQL_COMMIT, &failed)) {
        vms_crash_point("catalog-committed");
        return TRUE;
    }
    if (failed->code != VMSNAP_E_IO) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    cause = g_steal_pointer(&failed);
    vms_refuse(error, VMSNAP_E_UNCERTAIN, "CommitUncertain",
               "it is not certain whether the catalog was changed: %s", cause->message);
    if (error)
        vms_error_take_cause(*error, g_steal_pointer(&cause));
    return FALSE;
}

/* Who only looks makes no file and needs no right to: the catalog is made, or opened for writing,
 * when there is something to write. */
static gboolean
begin_writing(SqliteCatalog *self, GError **error)
{
    if (self->writing)
        return TRUE;
    for (gsize i = 0; i < SQL_COUNT; i++)
        g_clear_pointer(&self->statements[i], sqlite3_finalize);
    vms_sqlite_disconnect(g_steal_pointer(&self->db));
    self->writing = vms_sqlite_connect(self->path, FALSE, &self->db, error);
    return self->writing;
}

static gboolean
apply_all(SqliteCatalog *self, const VmsChange *changes, gsize count, GError **error)
{
    if (!run_plain(self, SQL_BEGIN, error))
        return FALSE;
    for (gsize i = 0; i < count; i++) {
        if (!apply_one(self, &changes[i], error))
            return FALSE;
    }
    return commit(self, error);
}

static gboolean
apply(VmsCatalog *catalog, const VmsChange *changes, gsize count, GError **error)
{
    SqliteCatalog *self = (SqliteCatalog *)catalog;
    gboolean done = FALSE;

    if (self->read_only)
        return vms_refuse(error, VMSNAP_E_PERMISSION, "ReadOnly", "the catalog is open read-only");
    pthread_mutex_lock(&self->lock);
    done = begin_writing(self, error) && apply_all(self, changes, count, error);
    if (!done && self->writing && !sqlite3_get_autocommit(self->db))
        run_plain(self, SQL_ROLLBACK, NULL);
    pthread_mutex_unlock(&self->lock);
    return done;
}

static gboolean
query_locked(SqliteCatalog *self, Sql which, const char *kind, const char *key,
             GPtrArray **ret_records, GError **error)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func((GDestroyNotify)vms_record_free);
    gboolean done = FALSE;

    pthread_mutex_lock(&self->lock);
    done = query(self, which, kind, key, records, error);
    pthread_mutex_unlock(&self->lock);
    if (done)
        *ret_records = g_steal_pointer(&records);
    return done;
}

static gboolean
query_one(VmsCatalog *catalog, Sql which, const char *const *key, VmsRecord **ret_record,
          GError **error)
{
    g_autoptr(GPtrArray) records = NULL;

    if (!query_locked((SqliteCatalog *)catalog, which, key[0], key[1], &records, error))
        return FALSE;
    if (records->len == 0) {
        vms_fail(error, VMSNAP_E_NOT_FOUND, "there is no %s '%s'", key[0], key[1]);
        if (error)
            vms_error_set_object(*error, key[1]);
        return FALSE;
    }
    *ret_record = g_ptr_array_steal_index(records, 0);
    return TRUE;
}

static gboolean
get(VmsCatalog *catalog, const char *kind, const char *id, VmsRecord **ret_record, GError **error)
{
    const char *key[] = { kind, id };

    return query_one(catalog, SQL_GET, key, ret_record, error);
}

static gboolean
find(VmsCatalog *catalog, const char *kind, const char *name, VmsRecord **ret_record,
     GError **error)
{
    const char *key[] = { kind, name };

    return query_one(catalog, SQL_FIND, key, ret_record, error);
}

static gboolean
list(VmsCatalog *catalog, const char *kind, GPtrArray **ret_records, GError **error)
{
    return query_locked((SqliteCatalog *)catalog, SQL_LIST, kind, NULL, ret_records, error);
}

static void
free_catalog(VmsCatalog *catalog)
{
    SqliteCatalog *self = (SqliteCatalog *)catalog;

    for (gsize i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(self->statements[i]);
    vms_sqlite_disconnect(self->db);
    pthread_mutex_destroy(&self->lock);
    g_free(self->path);
    g_free(self);
}

static const VmsCatalogOps ops = {
    .apply = apply,
    .get = get,
    .find = find,
    .list = list,
    .free = free_catalog,
};

VmsCatalog *
vms_sqlite_open(const char *path, gboolean read_only, GError **error)
{
    SqliteCatalog *self = NULL;
    sqlite3 *db = NULL;

    if (!vms_sqlite_connect(path, TRUE, &db, error))
        return NULL;
    self = g_new0(SqliteCatalog, 1);
    self->catalog.ops = &ops;
    self->path = g_strdup(path);
    self->db = db;
    self->read_only = read_only;
    pthread_mutex_init(&self->lock, NULL);
    return &self->catalog;
}
