/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/sqlite/schema.h"

#include "adapter/sqlite/connection.h"
#include "base/error.h"

/* "VMSN": tells our databases from others (PRAGMA application_id). */
#define APPLICATION_ID 0x564d534e

/* Step i makes version i+1 of version i. A released step never changes. */
static const char *const steps[] = {
    "CREATE TABLE record ("
    " kind TEXT NOT NULL,"
    " id TEXT NOT NULL,"
    " name TEXT,"
    " version INTEGER NOT NULL,"
    " created_us INTEGER NOT NULL,"
    " text TEXT NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX record_id ON record (kind, id);"
    "CREATE UNIQUE INDEX record_name ON record (kind, name) WHERE name IS NOT NULL;"
    "CREATE INDEX record_created ON record (kind, created_us, id);"
    "PRAGMA application_id = 1447908174;"
    "PRAGMA user_version = 1",
};

G_STATIC_ASSERT(APPLICATION_ID == 1447908174);

static gboolean
read_version(sqlite3 *db, gint64 *ret_version, GError **error)
{
    gint64 id = 0;
    gint64 tables = 0;

    /* The id last: whoever makes the tables this moment sets it in the same transaction. */
    if (!vms_sqlite_read_number(db, "PRAGMA user_version", ret_version, error) ||
        !vms_sqlite_read_number(db, "SELECT count(*) FROM sqlite_schema", &tables, error) ||
        !vms_sqlite_read_number(db, "PRAGMA application_id", &id, error))
        return FALSE;
    if (id != APPLICATION_ID && (tables > 0 || *ret_version != 0 || id != 0))
        return vms_refuse(error, VMSNAP_E_IO, "CatalogUnreadable",
                          "this is the database of another program");
    if (*ret_version > (gint64)G_N_ELEMENTS(steps))
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NewerSchema",
                          "the catalog has schema %" G_GINT64_FORMAT
                          ", this library knows up to %" G_GSIZE_FORMAT,
                          *ret_version, G_N_ELEMENTS(steps));
    return TRUE;
}

gboolean
vms_schema_look(sqlite3 *db, GError **error)
{
    gint64 version = 0;

    return read_version(db, &version, error);
}

/* Whoever made it died on the way into WAL mode, before there was a table: a connection for writing
 * takes that back, one for reading must not. In WAL mode there is no such journal. */
static gboolean
is_half_made(sqlite3 *db)
{
    return sqlite3_extended_errcode(db) == SQLITE_READONLY_ROLLBACK;
}

gboolean
vms_schema_check(sqlite3 *db, gboolean *ret_empty, GError **error)
{
    g_autoptr(GError) failed = NULL;
    gint64 version = 0;

    if (!read_version(db, &version, &failed)) {
        *ret_empty = is_half_made(db);
        if (!*ret_empty)
            g_propagate_error(error, g_steal_pointer(&failed));
        return *ret_empty;
    }
    *ret_empty = version == 0;
    if (version != 0 && version < (gint64)G_N_ELEMENTS(steps))
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "OlderSchema",
                          "the catalog has schema %" G_GINT64_FORMAT
                          ": open it for writing once to upgrade it",
                          version);
    return TRUE;
}

static gboolean
run_steps(sqlite3 *db, GError **error)
{
    gint64 version = 0;

    if (!read_version(db, &version, error)) /* again: now nobody else can change it */
        return FALSE;
    for (gint64 i = version; i < (gint64)G_N_ELEMENTS(steps); i++) {
        if (!vms_sqlite_exec(db, steps[i], error))
            return FALSE;
    }
    return vms_sqlite_exec(db, "COMMIT", error);
}

gboolean
vms_schema_upgrade(sqlite3 *db, GError **error)
{
    gint64 version = 0;

    if (!read_version(db, &version, error))
        return FALSE;
    if (version == (gint64)G_N_ELEMENTS(steps))
        return TRUE;
    if (!vms_sqlite_exec(db, "BEGIN IMMEDIATE", error))
        return FALSE;
    if (run_steps(db, error))
        return TRUE;
    sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return FALSE;
}
