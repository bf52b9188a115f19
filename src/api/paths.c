/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/paths.h"

#include "base/error.h"
#include "model/name.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_STATE "/var/lib/vmsnap"
#define SYSTEM_RUNTIME "/run/vmsnap"

/* TRUE when the path of @uri is exactly @path: "qemu:///session", "qemu+ssh://host/session?x". */
static gboolean
uri_path_is(const char *uri, const char *path)
{
    g_autoptr(GUri) parsed = uri ? g_uri_parse(uri, G_URI_FLAGS_NONE, NULL) : NULL;

    return parsed && g_strcmp0(g_uri_get_path(parsed), path) == 0;
}

static gboolean
is_system(const char *uri)
{
    if (uri_path_is(uri, "/session"))
        return FALSE;
    return geteuid() == 0 || uri_path_is(uri, "/system");
}

static gboolean
may(const char *path, int rights)
{
    return faccessat(AT_FDCWD, path, rights, AT_EACCESS) == 0;
}

/* Another user than root may act on the system when its folders let him. */
static void
find_system(VmsPaths *paths)
{
    paths->state = g_strdup(SYSTEM_STATE);
    paths->runtime = g_strdup(SYSTEM_RUNTIME);
    paths->no_write = geteuid() != 0 && !may(SYSTEM_STATE, R_OK | W_OK | X_OK);
    paths->no_records = paths->no_write && errno != ENOENT;
}

static gboolean
home_of_user(char **ret_home, GError **error)
{
    const gsize size = 16384;
    g_autofree char *buffer = g_malloc(size);
    struct passwd entry, *found = NULL;
    int result = getpwuid_r(geteuid(), &entry, buffer, size, &found);

    if (!found)
        return vms_fail(error, VMSNAP_E_UNSUPPORTED, "user %u has no home folder: %s",
                        (guint)geteuid(), result ? g_strerror(result) : "no such user");
    if (!vms_name_check_path(found->pw_dir, error))
        return FALSE;
    *ret_home = g_strdup(found->pw_dir);
    return TRUE;
}

static gboolean
find_user(VmsPaths *paths, GError **error)
{
    g_autofree char *home = NULL;
    g_autofree char *run = g_strdup_printf("/run/user/%u", (guint)geteuid());
    struct stat status;

    if (!home_of_user(&home, error))
        return FALSE;
    paths->state = g_build_filename(home, ".local/state/vmsnap", NULL);
    /* Made by a login session; without one the locks live with the state. */
    if (lstat(run, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid())
        paths->runtime = g_build_filename(run, "vmsnap", NULL);
    else
        paths->runtime = g_build_filename(paths->state, "run", NULL);
    return TRUE;
}

static gboolean
find_folders(VmsPaths *paths, const char *uri, const char *state_dir, GError **error)
{
    if (state_dir) {
        paths->state = g_strdup(state_dir);
        paths->runtime = g_build_filename(state_dir, "run", NULL);
        return vms_name_check_path(state_dir, error);
    }
    if (!is_system(uri))
        return find_user(paths, error);
    find_system(paths);
    return TRUE;
}

static gboolean
find_catalog(VmsPaths *paths, const char *catalog, GError **error)
{
    if (!catalog) {
        paths->catalog = paths->no_write ? g_strdup("memory:")
                                         : g_strdup_printf("sqlite:%s/catalog.db", paths->state);
        return TRUE;
    }
    if (g_str_has_prefix(catalog, "sqlite:") &&
        !vms_name_check_path(catalog + strlen("sqlite:"), error))
        return FALSE;
    paths->catalog = g_strdup(catalog);
    paths->no_records = FALSE;
    return TRUE;
}

gboolean
vms_paths_find(VmsPaths *paths, const char *uri, const char *state_dir, const char *catalog,
               GError **error)
{
    g_auto(VmsPaths) found = { 0 };

    if (!find_folders(&found, uri, state_dir, error) || !find_catalog(&found, catalog, error))
        return FALSE;
    *paths = found;
    found = (VmsPaths){ 0 };
    return TRUE;
}

void
vms_paths_clear(VmsPaths *paths)
{
    g_clear_pointer(&paths->state, g_free);
    g_clear_pointer(&paths->runtime, g_free);
    g_clear_pointer(&paths->catalog, g_free);
}
