/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sqlite3.h>

/* Opening the database file, and SQLite's errors as ours. */

/* NULL in *@ret_db and success: read-only, and there is no catalog yet. */
gboolean vms_sqlite_connect(const char *path, gboolean read_only, sqlite3 **ret_db, GError **error);
void vms_sqlite_disconnect(sqlite3 *db);
/* One statement without result. */
gboolean vms_sqlite_exec(sqlite3 *db, const char *sql, GError **error);
/* The first column of the first row as a number. */
gboolean vms_sqlite_read_number(sqlite3 *db, const char *sql, gint64 *ret_number, GError **error);
/* Fail for the last error of @db. Returns FALSE. */
gboolean vms_sqlite_fail(sqlite3 *db, const char *what, GError **error);
