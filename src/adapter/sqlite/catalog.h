/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/catalog.h"

#include <glib.h>

/* The embedded catalog: one SQLite database in WAL mode, every change synced.
 *
 * A file that is not there is an empty catalog; it is made by the first change. Opened read-only
 * nothing is made or changed.
 * Errors: BUSY with reason "CatalogBusy" when another process holds it for 5 s, UNSUPPORTED with
 * "NewerSchema", IO with "CatalogUnreadable" for what is not a catalog or is damaged, PERMISSION,
 * NO_SPACE; UNCERTAIN when a commit failed in a way that may still show after a crash. */
VmsCatalog *vms_sqlite_open(const char *path, gboolean read_only, GError **error);
