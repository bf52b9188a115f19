/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/own-file.h"

#include "base/error.h"

#include <string.h>

static gboolean
is_named(const char *folder, const char *uuid)
{
    g_autofree char *name = g_path_get_basename(folder);
    g_autofree char *parent = g_path_get_dirname(folder);

    return *folder == '/' && g_str_has_suffix(parent, "/.vmsnap") && strcmp(name, uuid) == 0;
}

gboolean
vms_own_is_place(const char *path, const char *uuid)
{
    g_autofree char *folder = g_path_get_dirname(path);

    return !g_str_has_suffix(path, "/") && is_named(folder, uuid);
}

gboolean
vms_own_is_folder(VmsEngine *engine, const char *folder, const char *uuid)
{
    g_autoptr(GPtrArray) names = NULL;
    g_autoptr(GError) failed = NULL;

    return is_named(folder, uuid) &&
           (vms_volume_list_folder(engine->drivers->volume, folder, &names, &failed) ||
            g_strcmp0(vms_error_get_reason(failed), "UnsafeFolder") != 0);
}

static gboolean
is_same(const VmsFileId *now, const VmsFileId *made)
{
    return (made->ino != 0 && now->ino == made->ino) ||
           (made->mtime_us != 0 && now->mtime_us == made->mtime_us && now->size == made->size);
}

gboolean
vms_own_check(VmsEngine *engine, const char *path, const char *uuid, const VmsFileId *made,
              VmsOwn *ret_own, GError **error)
{
    g_autoptr(GError) failed = NULL;
    VmsFileId now = { 0 };
    int code;

    *ret_own = VMS_OWN_FOREIGN;
    if (!vms_own_is_place(path, uuid))
        return TRUE;
    if (vms_volume_identify(engine->drivers->volume, path, &now, &failed)) {
        if (!made || is_same(&now, made))
            *ret_own = VMS_OWN_OURS;
        return TRUE;
    }
    code = vms_error_get_code(failed);
    if (code == VMSNAP_E_NOT_FOUND)
        *ret_own = VMS_OWN_GONE;
    if (code == VMSNAP_E_NOT_FOUND || code == VMSNAP_E_UNSUPPORTED)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

gboolean
vms_own_is_there(const VmsEngine *engine, const char *path)
{
    g_autoptr(GError) absent = NULL;
    VmsFileId file = { 0 };

    return vms_volume_identify(engine->drivers->volume, path, &file, &absent) ||
           vms_error_get_code(absent) != VMSNAP_E_NOT_FOUND;
}

GPtrArray *
vms_own_pick_files(const VmsEngine *engine, const VmsOperation *operation)
{
    const char *uuid =
        vms_operation_takes_snapshot(operation) ? operation->snapshot : operation->uuid;
    GPtrArray *picked = g_ptr_array_new();

    for (guint i = 0; i < operation->files->len; i++) {
        char *path = operation->files->pdata[i];

        if (uuid && vms_own_is_place(path, uuid))
            g_ptr_array_add(picked, path);
        else
            vms_log(engine->log, VMSNAP_LOG_WARNING, "'%s' is no place of operation %s and stays",
                    path, operation->uuid);
    }
    return picked;
}
