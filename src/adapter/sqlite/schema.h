/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sqlite3.h>

/* The tables of the catalog and their versions (PRAGMA user_version). */

/* Nothing newer than we know, and not somebody else's database; an empty file passes. */
gboolean vms_schema_look(sqlite3 *db, GError **error);
/* The schema is exactly ours: for reading, without changing anything. @ret_empty: there is none
 * yet, another process may be making it this moment. */
gboolean vms_schema_check(sqlite3 *db, gboolean *ret_empty, GError **error);
/* Bring an older one, or an empty file, up to ours, in one transaction. */
gboolean vms_schema_upgrade(sqlite3 *db, GError **error);
