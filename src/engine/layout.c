/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/layout.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"

#include <string.h>

gboolean
vms_layout_place(const char *store, const VmsImage *image, const char *path, char **ret_folder,
                 GError **error)
{
    if (!store && image->block_device)
        return vms_refuse(error, VMSNAP_E_INVALID, "StoreNeeded",
                          "'%s' is a block device: say in which folder its snapshot is to be kept "
                          "(store)",
                          path);
    *ret_folder = store ? g_strdup(store) : g_path_get_dirname(path);
    return TRUE;
}

char *
vms_layout_folder(const char *folder, const char *uuid)
{
    return g_build_filename(folder, ".vmsnap", uuid, NULL);
}

char *
vms_layout_find_store(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *parent = g_path_get_dirname(folder);

    return g_str_has_suffix(parent, "/.vmsnap") ? g_path_get_dirname(parent)
                                                : g_steal_pointer(&folder);
}

char *
vms_layout_image(const char *folder, const char *target, const char *format)
{
    return g_strdup_printf("%s/%s.%s", folder, target, format);
}

char *
vms_layout_part(const char *folder, const char *word, guint number)
{
    return g_strdup_printf("%s/%s-%u.part", folder, word, number);
}

char *
vms_layout_scratch(const char *folder, const char *target)
{
    return g_strdup_printf("%s/%s.scratch", folder, target);
}

char *
vms_layout_overlay(const char *folder, const char *target)
{
    return g_strdup_printf("%s/%s.overlay", folder, target);
}

char *
vms_layout_manifest(const char *folder)
{
    return g_build_filename(folder, VMS_LAYOUT_MANIFEST, NULL);
}

gboolean
vms_layout_is_manifest(const char *path)
{
    g_autofree char *name = g_path_get_basename(path);

    return strcmp(name, VMS_LAYOUT_MANIFEST) == 0 || strcmp(name, VMS_LAYOUT_MANIFEST_NEXT) == 0;
}

static char *
socket_folder(const VmsEngine *engine)
{
    return g_strdup_printf("%s/qemu-%u", engine->runtime_dir,
                           (guint)engine->drivers->hypervisor->qemu_uid);
}

char *
vms_layout_socket(const VmsEngine *engine, const char *operation_uuid)
{
    g_autofree char *folder = socket_folder(engine);

    return g_strdup_printf("%s/%.8s.sock", folder, operation_uuid);
}

gboolean
vms_layout_make_socket_folder(const VmsEngine *engine, GError **error)
{
    const VmsHypervisor *hv = engine->drivers->hypervisor;
    g_autofree char *folder = socket_folder(engine);
    g_auto(VmsFd) dir = VMS_FD_NONE;

    if (!vms_sys_make_dirs(engine->runtime_dir, 0711, error) ||
        !vms_sys_make_dirs(folder, 0700, error))
        return FALSE;
    dir = vms_sys_open_dir(folder, error);
    if (dir < 0)
        return FALSE;
    return vms_sys_chown(dir, hv->qemu_uid, hv->qemu_gid, folder, error);
}

gboolean
vms_layout_check(const GPtrArray *folders, GError **error)
{
    for (guint i = 0; i < folders->len; i++) {
        g_autofree char *parent = g_path_get_dirname(folders->pdata[i]);
        g_autoptr(GError) refused = NULL;
        g_auto(VmsFd) dir = vms_sys_open_dir(parent, &refused);

        if (dir >= 0 || g_strcmp0(vms_error_get_reason(refused), "UnsafeFolder") != 0)
            continue;
        g_propagate_error(error, g_steal_pointer(&refused));
        return FALSE;
    }
    return TRUE;
}

/* TRUE as well when others have something in it: then it stays. */
static gboolean
remove_if_empty(const VmsEngine *engine, const char *folder, gboolean *ret_removed, GError **error)
{
    g_autoptr(GError) failed = NULL;

    *ret_removed = vms_volume_remove_folder(engine->drivers->volume, folder, &failed);
    if (*ret_removed || g_strcmp0(vms_error_get_reason(failed), "NotEmpty") == 0)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

/* The .vmsnap folder goes with the last thing in it. Where nothing may be changed we did not make
 * it.
 */
static gboolean
remove_parent(const VmsEngine *engine, const char *folder, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(folder);
    g_autoptr(GError) failed = NULL;
    gboolean removed = FALSE;

    if (!g_str_has_suffix(parent, "/.vmsnap") ||
        remove_if_empty(engine, parent, &removed, &failed) ||
        vms_error_get_code(failed) == VMSNAP_E_PERMISSION)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

/* What somebody else put into it stays, and the folder with it. */
static gboolean
remove_folder(const VmsEngine *engine, const char *folder, GError **error)
{
    gboolean removed = FALSE;

    if (!remove_if_empty(engine, folder, &removed, error))
        return FALSE;
    if (removed)
        return remove_parent(engine, folder, error);
    vms_log(engine->log, VMSNAP_LOG_WARNING, "folder %s holds files of others and stays", folder);
    return TRUE;
}

gboolean
vms_layout_remove(const VmsEngine *engine, const GPtrArray *files, const GPtrArray *folders,
                  GError **error)
{
    for (guint i = 0; i < files->len; i++) {
        if (!vms_volume_remove(engine->drivers->volume, files->pdata[i], error))
            return FALSE;
    }
    for (guint i = 0; folders && i < folders->len; i++) {
        if (!remove_folder(engine, folders->pdata[i], error))
            return FALSE;
    }
    return TRUE;
}
