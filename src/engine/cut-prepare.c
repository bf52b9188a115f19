/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/cut-set.h"
#include "engine/layout.h"

#include <string.h>

static void
add_folder(GPtrArray *folders, const char *folder)
{
    if (!g_ptr_array_find_with_equal_func(folders, folder, g_str_equal, NULL))
        g_ptr_array_add(folders, g_strdup(folder));
}

/* While QEMU has it, it is QEMU's; whose it was before is what its VM's end, or a restore, gives it
 * back to. */
VmsImage *
vms_cut_copy_origin(const VmsEngine *engine, const VmsSurveyDisk *source)
{
    VmsImage *origin = vms_image_copy(source->image);
    VmsFileId owner = { 0 };

    if (vms_volume_read_owner(engine->drivers->volume, source->path, &owner, NULL)) {
        origin->file.uid = owner.uid;
        origin->file.gid = owner.gid;
        origin->file.mode = owner.mode;
    }
    return origin;
}

static VmsSnapshotDisk *
plan_disk(const VmsEngine *engine, const VmsSurveyDisk *source, const char *folder)
{
    VmsSnapshotDisk *disk = vms_snapshot_disk_new(source->disk->target);
    g_autofree char *path = vms_layout_image(folder, disk->target, source->placement.format);

    disk->name = g_strdup(source->name);
    disk->source = g_strdup(source->path);
    disk->origin = vms_cut_copy_origin(engine, source);
    disk->method = source->placement.method;
    disk->by_overlay = source->placement.by_overlay;
    disk->image = vms_image_new(path, source->placement.format);
    disk->serial = g_strdup(source->disk->serial);
    disk->bus = g_strdup(source->disk->bus);
    disk->boot_order = source->disk->boot_order;
    return disk;
}

/* The owner that its VM's end would give the base back to: QEMU's is not it. */
static VmsOverlay *
plan_overlay(const VmsEngine *engine, const VmsSurveyDisk *source, const char *folder)
{
    g_autofree char *path = vms_layout_overlay(folder, source->disk->target);
    VmsOverlay *overlay =
        vms_overlay_new(source->disk->target, path, source->disk->path, source->image->format);

    overlay->owner = source->image->file;
    vms_volume_read_owner(engine->drivers->volume, source->path, &overlay->owner, NULL);
    return overlay;
}

void
vms_cut_plan(const VmsEngine *engine, const VmsSurvey *survey, VmsSnapshot *snapshot,
             VmsOperation *operation)
{
    for (guint i = 0; i < survey->disks->len; i++) {
        const VmsSurveyDisk *source = survey->disks->pdata[i];
        g_autofree char *folder = vms_layout_folder(source->folder, snapshot->uuid);
        VmsSnapshotDisk *disk = plan_disk(engine, source, folder);

        add_folder(snapshot->folders, folder);
        add_folder(operation->folders, folder);
        g_ptr_array_add(operation->files, g_strdup(disk->image->path));
        if (disk->method == VMSNAP_METHOD_BACKUP)
            g_ptr_array_add(operation->files, vms_layout_scratch(folder, disk->target));
        if (disk->method == VMSNAP_METHOD_BACKUP && !operation->socket)
            operation->socket = vms_layout_socket(engine, operation->uuid);
        if (disk->by_overlay)
            g_ptr_array_add(operation->overlays, plan_overlay(engine, source, folder));
        g_ptr_array_add(snapshot->disks, disk);
    }
    if (snapshot->folders->len > 0)
        vms_cut_plan_parts(survey, snapshot, operation);
    if (snapshot->folders->len > 0)
        g_ptr_array_add(operation->files, vms_layout_manifest(snapshot->folders->pdata[0]));
}

static gboolean
prepare_disk(VmsCutSet *set, VmsCutDisk *self, GError **error)
{
    VmsVolume *volume = set->engine->drivers->volume;
    const VmsHypervisor *hv = set->engine->drivers->hypervisor;
    const VmsPlacement *placement = &self->source->placement;
    g_autofree char *folder = NULL;

    if (placement->flatten)
        return TRUE;
    if (placement->method != VMSNAP_METHOD_BACKUP)
        return vms_volume_open_transfer(volume, self->source->path, self->disk->image->path,
                                        &self->transfer, error) &&
               (!self->overlay || vms_volume_make_overlay(
                                      volume, self->overlay->path, self->source->image,
                                      placement->overlay_bytes, hv->qemu_uid, hv->qemu_gid, error));
    folder = g_path_get_dirname(self->disk->image->path);
    self->scratch = vms_layout_scratch(folder, self->disk->target);
    return vms_volume_open_transfer(volume, NULL, self->disk->image->path, &self->transfer,
                                    error) &&
           vms_volume_make_scratch(volume, self->scratch, self->source->image->virtual_size,
                                   placement->scratch_bytes, hv->qemu_uid, hv->qemu_gid, error);
}

/* The job must name every disk it leaves alone, an empty drive included. */
static void
list_backup_disks(VmsCutSet *set)
{
    const GPtrArray *all = vms_vm_current_disks(set->vm);

    set->backup = g_new0(VmsBackupDisk, all->len + 1);
    for (guint i = 0; i < all->len; i++) {
        const VmsDisk *disk = all->pdata[i];

        set->backup[i].target = disk->target;
        for (guint j = 0; j < set->disks->len; j++) {
            const VmsCutDisk *cut = set->disks->pdata[j];

            if (g_strcmp0(cut->disk->target, disk->target) == 0)
                set->backup[i].scratch = cut->scratch;
        }
    }
}

static void
list_overlay_disks(VmsCutSet *set)
{
    const GPtrArray *all = vms_vm_current_disks(set->vm);

    set->overlays = g_new0(VmsOverlayDisk, all->len + 1);
    for (guint i = 0; i < all->len; i++) {
        const VmsDisk *disk = all->pdata[i];

        set->overlays[i].target = disk->target;
        for (guint j = 0; j < set->disks->len; j++) {
            const VmsCutDisk *cut = set->disks->pdata[j];

            if (cut->overlay && g_strcmp0(cut->disk->target, disk->target) == 0)
                set->overlays[i].overlay = cut->overlay->path;
        }
    }
}

static const VmsOverlay *
find_overlay(const VmsOperation *operation, const char *target)
{
    for (guint i = 0; i < operation->overlays->len; i++) {
        const VmsOverlay *overlay = operation->overlays->pdata[i];

        if (strcmp(overlay->target, target) == 0)
            return overlay;
    }
    return NULL;
}

static gboolean
prepare_all(VmsCutSet *set, const VmsOperation *operation, GError **error)
{
    for (guint i = 0; i < operation->folders->len; i++) {
        if (!vms_volume_make_folder(set->engine->drivers->volume, operation->folders->pdata[i],
                                    0711, error))
            return FALSE;
    }
    for (guint i = 0; i < set->disks->len; i++) {
        VmsCutDisk *disk = set->disks->pdata[i];

        if (!prepare_disk(set, disk, error)) {
            if (error)
                vms_error_set_object(*error, disk->disk->name);
            return FALSE;
        }
    }
    if (!vms_cut_prepare_parts(set, error))
        return FALSE;
    if (operation->overlays->len > 0)
        list_overlay_disks(set);
    if (!operation->socket)
        return TRUE;
    set->socket = g_strdup(operation->socket);
    list_backup_disks(set);
    return vms_layout_make_socket_folder(set->engine, error);
}

gboolean
vms_cut_prepare(VmsEngine *engine, const VmsSurvey *survey, VmsSnapshot *snapshot,
                const VmsOperation *operation, VmsCutSet **ret_set, GError **error)
{
    g_autoptr(VmsCutSet) set = g_new0(VmsCutSet, 1);

    set->engine = engine;
    set->vm = survey->vm;
    set->snapshot = snapshot;
    set->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_cut_disk_free);
    set->parts = g_ptr_array_new_with_free_func((GDestroyNotify)vms_cut_part_free);
    for (guint i = 0; i < survey->disks->len; i++) {
        VmsCutDisk *disk = g_new0(VmsCutDisk, 1);

        disk->source = survey->disks->pdata[i];
        disk->disk = snapshot->disks->pdata[i];
        disk->overlay = find_overlay(operation, disk->disk->target);
        g_ptr_array_add(set->disks, disk);
    }
    if (!prepare_all(set, operation, error))
        return FALSE;
    *ret_set = g_steal_pointer(&set);
    return TRUE;
}
