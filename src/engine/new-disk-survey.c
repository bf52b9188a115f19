/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/new-disk-survey.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/sys.h"
#include "engine/disk-survey.h"
#include "engine/image-state.h"
#include "engine/inventory.h"
#include "engine/store.h"
#include "model/name.h"

#include <string.h>

void
vms_new_disk_survey_free(VmsNewDiskSurvey *survey)
{
    if (!survey)
        return;
    vms_new_disk_input_clear(&survey->input);
    vms_snapshot_free(survey->snapshot);
    g_free(survey->path);
    g_free(survey->pool);
    g_free(survey);
}

char *
vms_new_disk_sum_path(const char *path)
{
    return g_strconcat(path, ".sha256", NULL);
}

/* ---- where to ---- */

/* Links may stand above the last component, as everywhere. */
static char *
settle(const char *path)
{
    g_autofree char *parent = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *settled = vms_inventory_settle(parent);

    return g_build_filename(settled, name, NULL);
}

static gboolean
find_path(const char *to, char **ret_path, GError **error)
{
    g_autofree char *path = vms_disk_absolute(to, error);

    if (!path || !vms_name_check_path(path, error))
        return FALSE;
    if (g_str_has_suffix(path, "/"))
        return vms_fail(error, VMSNAP_E_INVALID, "'%s' names a folder, not a file", to);
    if (g_str_has_prefix(path, "/dev/"))
        return vms_fail(error, VMSNAP_E_UNSUPPORTED, "no disk is made in /dev");
    *ret_path = settle(path);
    return TRUE;
}

static gboolean
find_volume(VmsEngine *engine, const char *to, VmsNewDiskSurvey *survey, GError **error)
{
    const char *slash = strchr(to, '/');
    g_autofree char *pool = slash ? g_strndup(to, (gsize)(slash - to)) : NULL;
    g_autofree char *folder = NULL;
    g_autofree char *path = NULL;

    if (!pool || !*pool || !slash[1] || slash[1] == '.' || strchr(slash + 1, '/'))
        return vms_fail(error, VMSNAP_E_INVALID,
                        "'%s' is neither a path that starts with / or ./ nor POOL/VOLUME", to);
    if (!engine->drivers->hypervisor)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NoHypervisor",
                          "the context has no hypervisor (URI \"none\"), so no storage pools");
    if (!vms_hypervisor_read_pool(engine->drivers->hypervisor, pool, &folder, error))
        return FALSE;
    path = g_build_filename(folder, slash + 1, NULL);
    if (!vms_name_check_path(path, error))
        return FALSE;
    survey->path = settle(path);
    survey->pool = g_steal_pointer(&pool);
    return TRUE;
}

static gboolean
find_place(VmsEngine *engine, const char *to, VmsNewDiskSurvey *survey, GError **error)
{
    if (to[0] == '/' || g_str_has_prefix(to, "./"))
        return find_path(to, &survey->path, error);
    return find_volume(engine, to, survey, error);
}

/* ---- what is there ---- */

static char *
read_obstacle(VmsEngine *engine, const char *path)
{
    VmsFileId file = { 0 };
    g_autoptr(GError) absent = NULL;

    if (vms_volume_identify(engine->drivers->volume, path, &file, &absent))
        return g_strdup_printf("'%s' is there already", path);
    return vms_error_get_code(absent) == VMSNAP_E_NOT_FOUND ? NULL : g_strdup(absent->message);
}

static char *
read_obstacles(VmsEngine *engine, const VmsNewDiskInput *input)
{
    char *obstacle = read_obstacle(engine, input->path);
    g_autofree char *sum = vms_new_disk_sum_path(input->path);

    if (obstacle || (input->flags & VMSNAP_NEW_DISK_IMAGE) == 0)
        return obstacle;
    return read_obstacle(engine, sum);
}

gboolean
vms_new_disk_read_folder(VmsEngine *engine, VmsNewDiskInput *input, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(input->path);
    g_autoptr(GError) fault = NULL;
    g_auto(VmsFd) dir = vms_sys_open_dir(folder, &fault);

    if (dir < 0) {
        input->folder_fault = g_strdup(fault->message);
        return TRUE;
    }
    input->obstacle = read_obstacles(engine, input);
    return vms_volume_read_place(engine->drivers->volume,
                                 input->image_fault ? NULL : input->stored->image->path, folder,
                                 &input->place, error);
}

/* Who will find the new file at the place of one that is missing. */
static gboolean
read_user(VmsEngine *engine, VmsNewDiskInput *input, GError **error)
{
    const VmsHypervisor *hv = engine->drivers->hypervisor;
    g_autoptr(VmsInventory) inventory = NULL;
    VmsFileUser user;

    if (!hv || hv->remote)
        return TRUE;
    if (!vms_inventory_collect(engine, &inventory, error))
        return FALSE;
    if (vms_inventory_find_user(inventory, NULL, input->path, NULL, &user))
        input->user = vms_holder_describe(&user.holder);
    return TRUE;
}

static gboolean
find_stored(const VmsSnapshot *snapshot, const char *target, const VmsSnapshotDisk **ret_stored,
            GError **error)
{
    const VmsSnapshotDisk *found = NULL;

    if (target)
        found = vms_snapshot_find_disk(snapshot, target);
    else if (snapshot->disks->len == 1)
        found = snapshot->disks->pdata[0];
    else if (snapshot->disks->len > 1)
        return vms_fail(error, VMSNAP_E_INVALID, "snapshot %s has %u disks: say which",
                        snapshot->name, snapshot->disks->len);
    if (!found)
        return vms_fail(error, VMSNAP_E_NOT_FOUND, "snapshot %s has no disk %s", snapshot->name,
                        target ? target : "at all");
    *ret_stored = found;
    return TRUE;
}

/* One that is not Ready has no image to look at. */
static void
read_image(VmsEngine *engine, VmsNewDiskInput *input)
{
    g_autoptr(GError) fault = NULL;

    if (input->snapshot->phase != VMSNAP_SNAPSHOT_READY)
        input->image_fault = g_strdup("the snapshot is not Ready");
    else if (!vms_image_state_check(engine, input->stored, &input->image, &fault))
        input->image_fault = g_strdup(fault->message);
}

static gboolean
check_ready(const VmsSnapshot *snapshot, GError **error)
{
    if (snapshot->phase == VMSNAP_SNAPSHOT_READY || snapshot->disks->len > 0)
        return TRUE;
    return vms_refuse(error, VMSNAP_E_CONFLICT, "NotReady", "snapshot %s is %s", snapshot->name,
                      vms_snapshot_phase_name(snapshot->phase));
}

gboolean
vms_new_disk_survey(VmsEngine *engine, const char *snapshot_uuid, const VmsNewDiskRequest *request,
                    VmsNewDiskSurvey **ret_survey, GError **error)
{
    g_autoptr(VmsNewDiskSurvey) survey = g_new0(VmsNewDiskSurvey, 1);
    VmsNewDiskInput *input = &survey->input;

    if (!vms_store_load_snapshot(engine->drivers->catalog, snapshot_uuid, &survey->snapshot, NULL,
                                 error) ||
        !check_ready(survey->snapshot, error) ||
        !find_stored(survey->snapshot, request->target, &input->stored, error) ||
        !find_place(engine, request->to, survey, error))
        return FALSE;
    input->snapshot = survey->snapshot;
    input->path = survey->path;
    input->pool = survey->pool;
    input->format = request->format;
    input->size = request->size;
    input->method = request->method;
    input->flags = request->flags;
    read_image(engine, input);
    if (!vms_new_disk_read_folder(engine, input, error) || !read_user(engine, input, error))
        return FALSE;
    *ret_survey = g_steal_pointer(&survey);
    return TRUE;
}
