/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/sqlite/connection.h"

#include "adapter/sqlite/schema.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"
#include "model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Longest wait for another process's transaction. */
#define BUSY_MS 5000
#define BUSY_STEP_US 20000
/* Longest text or statement SQLite may hand us. */
#define MAX_LENGTH (32 * 1024 * 1024)

static void
code_of(int result, int *ret_code, const char **ret_reason)
{
    *ret_reason = NULL;
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        *ret_code = VMSNAP_E_BUSY;
        *ret_reason = "CatalogBusy";
        return;
    case SQLITE_FULL:
        *ret_code = VMSNAP_E_NO_SPACE;
        *ret_reason = "OutOfSpace";
        return;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        *ret_code = VMSNAP_E_PERMISSION;
        return;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_TOOBIG:
        *ret_code = VMSNAP_E_IO;
        *ret_reason = "CatalogUnreadable";
        return;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_ERROR:
        *ret_code = VMSNAP_E_INTERNAL;
        return;
    default:
        *ret_code = VMSNAP_E_IO;
        return;
    }
}

gboolean
vms_sqlite_fail(sqlite3 *db, const char *what, GError **error)
{
    int result = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
    int code = VMSNAP_E_IO;
    const char *reason = NULL;

    code_of(result, &code, &reason);
    if (result == SQLITE_CANTOPEN && sqlite3_system_errno(db) == EACCES)
        code = VMSNAP_E_PERMISSION;
    if ((result & 0xff) == SQLITE_IOERR && sqlite3_system_errno(db) == ENOSPC)
        code_of(SQLITE_FULL, &code, &reason);
    vms_refuse(error, code, reason, "%s: %s", what, db ? sqlite3_errmsg(db) : "out of memory");
    if (error)
        vms_error_set_origin(*error, "sqlite", result);
    if (error && db)
        vms_error_set_object(*error, sqlite3_db_filename(db, "main"));
    return FALSE;
}

gboolean
vms_sqlite_exec(sqlite3 *db, const char *sql, GError **error)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return vms_sqlite_fail(db, "catalog", error);
    return TRUE;
}

gboolean
vms_sqlite_read_number(sqlite3 *db, const char *sql, gint64 *ret_number, GError **error)
{
    sqlite3_stmt *statement = NULL;
    gboolean done = FALSE;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        *ret_number = sqlite3_column_int64(statement, 0);
        done = TRUE;
    } else {
        vms_sqlite_fail(db, "catalog", error);
    }
    sqlite3_finalize(statement);
    return done;
}

void
vms_sqlite_disconnect(sqlite3 *db)
{
    sqlite3_close_v2(db);
}

/* The folder may not let others put a file in our way; the file must be ours. Never by opening the
 * file: closing a descriptor of it would drop the locks of another connection in this process. */
static gboolean
check_place(int folder, const char *name, const char *path, gboolean *ret_exists, GError **error)
{
    struct stat info;
    uid_t me = geteuid();

    if (fstat(folder, &info) < 0)
        return vms_fail_errno(error, errno, "folder of catalog '%s'", path);
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) && !(info.st_mode & S_ISVTX))
        return vms_refuse(error, VMSNAP_E_PERMISSION, "UnsafeFolder",
                          "others may write to the folder of catalog '%s'", path);
    *ret_exists = fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
    if (!*ret_exists)
        return errno == ENOENT ? TRUE : vms_fail_errno(error, errno, "catalog '%s'", path);
    if (!S_ISREG(info.st_mode))
        return vms_refuse(error, VMSNAP_E_IO, "CatalogUnreadable",
                          "catalog '%s' is not a regular file", path);
    if (info.st_uid != me && info.st_uid != 0)
        return vms_refuse(error, VMSNAP_E_PERMISSION, "UnsafeFolder",
                          "catalog '%s' belongs to another user", path);
    return TRUE;
}

/* Made by us beforehand, because SQLite would make it with the umask's mode. */
static gboolean
make_file(int folder, const char *name, GError **error)
{
    g_autoptr(GError) refused = NULL;
    g_auto(VmsFd) fd = vms_sys_create_file(folder, name, 0600, &refused);

    if (fd >= 0 || g_error_matches(refused, VMS_ERROR, VMSNAP_E_EXISTS))
        return TRUE; /* another process was faster */
    g_propagate_error(error, g_steal_pointer(&refused));
    return FALSE;
}

static gboolean
prepare_place(const char *path, gboolean read_only, gboolean *ret_exists, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    g_autoptr(GError) refused = NULL;
    g_auto(VmsFd) folder = VMS_FD_NONE;

    if (!read_only && !vms_sys_make_dirs(dir, 0700, error))
        return FALSE;
    folder = vms_sys_open_dir(dir, &refused);
    if (folder < 0) {
        *ret_exists = FALSE;
        if (read_only && g_error_matches(refused, VMS_ERROR, VMSNAP_E_NOT_FOUND))
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&refused));
        return FALSE;
    }
    if (!check_place(folder, name, path, ret_exists, error))
        return FALSE;
    return *ret_exists || read_only || make_file(folder, name, error);
}

/* Changing to WAL needs the file for itself and does not always wait for it by itself. */
static gboolean
enter_wal(sqlite3 *db, GError **error)
{
    gint64 until = vms_clock_monotonic_us() + (gint64)BUSY_MS * 1000;
    int result = SQLITE_OK;

    for (;;) {
        result = sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
        if ((result & 0xff) != SQLITE_BUSY || vms_clock_monotonic_us() > until)
            break;
        vms_clock_sleep_us(BUSY_STEP_US);
    }
    return result == SQLITE_OK ? TRUE : vms_sqlite_fail(db, "catalog", error);
}

/* Settings of a connection. The WAL stays when the last one closes: so that one opened read-only
 * later finds it and need not make it. */
static gboolean
set_up(sqlite3 *db, gboolean read_only, gboolean *ret_empty, GError **error)
{
    int keep_wal = 1;

    sqlite3_extended_result_codes(db, 1);
    sqlite3_busy_timeout(db, BUSY_MS);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, MAX_LENGTH);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (!vms_sqlite_exec(db, "PRAGMA trusted_schema=OFF", error))
        return FALSE;
    if (read_only)
        return vms_schema_check(db, ret_empty, error);
    sqlite3_file_control(db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep_wal);
    /* Look before the journal mode is changed: a newer schema may have its reasons. */
    return vms_schema_look(db, error) && enter_wal(db, error) &&
           vms_sqlite_exec(db, "PRAGMA synchronous=FULL", error) &&
           vms_sqlite_exec(db, "PRAGMA journal_size_limit=4194304", error) &&
           vms_schema_upgrade(db, error);
}

gboolean
vms_sqlite_connect(const char *path, gboolean read_only, sqlite3 **ret_db, GError **error)
{
    int flags = SQLITE_OPEN_NOMUTEX | (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    gboolean exists = FALSE;
    gboolean empty = FALSE;
    sqlite3 *db = NULL;
    gboolean done = FALSE;

    if (!vms_name_check_path(path, error) || !prepare_place(path, read_only, &exists, error))
        return FALSE;
    if (!exists && read_only) {
        *ret_db = NULL;
        return TRUE;
    }
    if (sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK)
        done = set_up(db, read_only, &empty, error);
    else
        vms_sqlite_fail(db, "catalog", error);
    if (!done && error && *error)
        vms_error_set_object(*error, path);
    if (!done || empty)
        g_clear_pointer(&db, sqlite3_close_v2);
    if (done)
        *ret_db = db;
    return done;
}
