/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/adopt-home.h"

#include "base/error.h"
#include "base/sys.h"
#include "engine/layout.h"
#include "engine/own-file.h"
#include "model/name.h"

#include <errno.h>
#include <string.h>

#define OWN_FOLDER ".vmsnap"

void
vms_home_free(VmsHome *home)
{
    if (!home)
        return;
    g_free(home->uuid);
    g_clear_pointer(&home->folders, g_ptr_array_unref);
    g_free(home);
}

/* ---- finding ---- */

static VmsHome *
home_of(GPtrArray *homes, const char *uuid)
{
    VmsHome *home;

    for (guint i = 0; i < homes->len; i++) {
        home = homes->pdata[i];
        if (strcmp(home->uuid, uuid) == 0)
            return home;
    }
    home = g_new0(VmsHome, 1);
    home->uuid = g_strdup(uuid);
    home->folders = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(homes, home);
    return home;
}

static gboolean
has_manifest(VmsEngine *engine, const char *folder)
{
    g_autofree char *manifest = vms_layout_manifest(folder);

    return vms_own_is_there(engine, manifest);
}

static void
add_home(VmsEngine *engine, GPtrArray *homes, const char *folder)
{
    g_autofree char *uuid = g_path_get_basename(folder);
    VmsHome *home = home_of(homes, uuid);
    gboolean first = !home->has_manifest && has_manifest(engine, folder);

    if (g_ptr_array_find_with_equal_func(home->folders, folder, g_str_equal, NULL))
        return;
    home->has_manifest = home->has_manifest || first;
    g_ptr_array_insert(home->folders, first ? 0 : -1, g_strdup(folder));
}

static gboolean
add_all(VmsEngine *engine, GPtrArray *homes, const char *place, GError **error)
{
    g_autoptr(GPtrArray) names = NULL;

    if (!vms_volume_list_folder(engine->drivers->volume, place, &names, error))
        return FALSE;
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *folder = g_build_filename(place, names->pdata[i], NULL);

        if (vms_name_is_uuid(names->pdata[i]))
            add_home(engine, homes, folder);
    }
    return TRUE;
}

static gboolean
add_below(VmsEngine *engine, GPtrArray *homes, const char *path, GError **error)
{
    g_autofree char *place = g_build_filename(path, OWN_FOLDER, NULL);
    g_autoptr(GError) failed = NULL;

    if (has_manifest(engine, path))
        return vms_refuse(
            error, VMSNAP_E_INVALID, "WrongPlace",
            "the folder of a snapshot must be called " OWN_FOLDER "/UUID: move '%s' there", path);
    if (add_all(engine, homes, place, &failed))
        return TRUE;
    if (vms_error_get_code(failed) == VMSNAP_E_NOT_FOUND)
        return vms_refuse(error, VMSNAP_E_NOT_FOUND, "NoManifest",
                          "there is no folder of snapshots in '%s'", path);
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
add_path(VmsEngine *engine, GPtrArray *homes, const char *path, GError **error)
{
    g_autofree char *settled = vms_sys_settle(path);
    g_autofree char *parent = settled ? g_path_get_dirname(settled) : NULL;
    g_autofree char *name = settled ? g_path_get_basename(settled) : NULL;
    g_autoptr(GPtrArray) names = NULL;

    if (!settled)
        return vms_fail_errno(error, errno, "folder %s", path);
    if (strcmp(name, OWN_FOLDER) == 0)
        return add_all(engine, homes, settled, error);
    if (!vms_name_is_uuid(name) || !g_str_has_suffix(parent, "/" OWN_FOLDER))
        return add_below(engine, homes, settled, error);
    if (!vms_volume_list_folder(engine->drivers->volume, settled, &names, error))
        return FALSE;
    add_home(engine, homes, settled);
    return TRUE;
}

gboolean
vms_homes_find(VmsEngine *engine, char *const *paths, GPtrArray **ret_homes, GError **error)
{
    g_autoptr(GPtrArray) homes = g_ptr_array_new_with_free_func((GDestroyNotify)vms_home_free);

    for (; *paths; paths++) {
        if (!add_path(engine, homes, *paths, error))
            return FALSE;
    }
    *ret_homes = g_steal_pointer(&homes);
    return TRUE;
}

/* ---- where its files are now ---- */

/* Every file of the snapshot: the places of their names in it (char **, borrowed). */
static GPtrArray *
files_of(const VmsSnapshot *snapshot)
{
    GPtrArray *files = g_ptr_array_new();

    for (guint i = 0; i < snapshot->disks->len; i++)
        g_ptr_array_add(files, &((VmsSnapshotDisk *)snapshot->disks->pdata[i])->image->path);
    for (guint i = 0; i < snapshot->parts->len; i++)
        g_ptr_array_add(files, &((VmsPart *)snapshot->parts->pdata[i])->stored);
    return files;
}

static gboolean
is_in(const char *path, const char *folder)
{
    g_autofree char *parent = g_path_get_dirname(path);

    return strcmp(parent, folder) == 0;
}

static char *
moved_path(const char *path, const char *folder)
{
    g_autofree char *name = g_path_get_basename(path);

    return g_build_filename(folder, name, NULL);
}

/* The first of what was in @was that is not in @now; NULL: all of it is. Owned. */
static char *
find_missing(VmsEngine *engine, const GPtrArray *files, const char *was, const char *now)
{
    for (guint i = 0; i < files->len; i++) {
        const char *path = *(char **)files->pdata[i];
        g_autofree char *moved = moved_path(path, now);

        if (is_in(path, was) && !vms_own_is_there(engine, moved))
            return g_steal_pointer(&moved);
    }
    return NULL;
}

/* @other as it is called when it went where @was did, which is @now: their common end stays. Owned;
 * NULL: it was elsewhere. */
static char *
follow(const char *other, const char *was, const char *now)
{
    gsize was_size = strlen(was);
    gsize now_size = strlen(now);
    gsize common = 0; /* up to a '/' */
    g_autofree char *head = NULL;

    for (gsize i = 1; i <= MIN(was_size, now_size); i++) {
        if (was[was_size - i] != now[now_size - i])
            break;
        if (was[was_size - i] == '/')
            common = i;
    }
    head = g_strndup(was, was_size - common);
    if (!g_str_has_prefix(other, head) || other[strlen(head)] != '/')
        return NULL;
    return g_strdup_printf("%.*s%s", (int)(now_size - common), now, other + strlen(head));
}

/* Where those files of the snapshot are that were in @folder. */
static gboolean
find_folder(VmsEngine *engine, const VmsHome *home, const VmsSnapshot *snapshot, const char *folder,
            char **ret_now, GError **error)
{
    const char *first = snapshot->folders->pdata[0];
    g_autoptr(GPtrArray) files = files_of(snapshot);
    g_autoptr(GPtrArray) places = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *missing = NULL;

    if (strcmp(folder, first) != 0) {
        for (guint i = 0; i < home->folders->len; i++)
            g_ptr_array_add(places, g_strdup(home->folders->pdata[i]));
        g_ptr_array_add(places, g_strdup(folder));
        g_ptr_array_add(places, follow(folder, first, home->folders->pdata[0]));
    } else {
        g_ptr_array_add(places, g_strdup(home->folders->pdata[0]));
    }
    for (guint i = 0; i < places->len; i++) {
        const char *place = places->pdata[i];

        if (!place || !vms_own_is_folder(engine, place, snapshot->uuid))
            continue;
        g_free(missing);
        missing = find_missing(engine, files, folder, place);
        if (missing)
            continue;
        *ret_now = g_strdup(place);
        return TRUE;
    }
    return vms_refuse(error, VMSNAP_E_LOST, "ImageMissing", "'%s' is missing",
                      missing ? missing : folder);
}

static void
move_files(const GPtrArray *files, const char *was, const char *now, GHashTable *done)
{
    for (guint i = 0; i < files->len; i++) {
        char **path = files->pdata[i];
        char *moved;

        if (g_hash_table_contains(done, path) || !is_in(*path, was))
            continue;
        moved = moved_path(*path, now);
        g_free(*path);
        *path = moved;
        g_hash_table_add(done, path);
    }
}

gboolean
vms_home_settle(VmsEngine *engine, const VmsHome *home, VmsSnapshot *snapshot, GError **error)
{
    g_autoptr(GPtrArray) files = files_of(snapshot);
    g_autoptr(GPtrArray) folders = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GHashTable) done = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < snapshot->folders->len; i++) {
        char *now = NULL;

        if (!find_folder(engine, home, snapshot, snapshot->folders->pdata[i], &now, error))
            return FALSE;
        g_ptr_array_add(folders, now);
    }
    for (guint i = 0; i < folders->len; i++)
        move_files(files, snapshot->folders->pdata[i], folders->pdata[i], done);
    g_ptr_array_set_size(snapshot->folders, 0);
    for (guint i = 0; i < folders->len; i++) {
        const char *now = folders->pdata[i];

        if (!g_ptr_array_find_with_equal_func(snapshot->folders, now, g_str_equal, NULL))
            g_ptr_array_add(snapshot->folders, g_strdup(now));
    }
    return TRUE;
}
