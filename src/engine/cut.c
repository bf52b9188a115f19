/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/cut.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/sys.h"
#include "engine/layout.h"

/* One disk of the set. */
typedef struct {
    const VmsSurveyDisk *source; /* borrowed from the survey */
    VmsSnapshotDisk *disk;       /* borrowed from the snapshot */
    VmsTransfer *transfer;       /* NULL: flattened by a conversion, which makes its own target */
    VmsHold *hold;               /* off VM: keeps QEMU away while we read */
    char *scratch;               /* backup: NULL otherwise */
} CutDisk;

struct VmsCutSet {
    VmsEngine *engine;
    const VmsVm *vm;
    VmsSnapshot *snapshot; /* borrowed */
    GPtrArray *disks;      /* CutDisk* */
    VmsTransfer *nvram;    /* NULL: there is none */
    char *socket;          /* backup job: NULL otherwise */
    VmsBackupDisk *backup; /* for the job, ended by a NULL target */
};

static void
cut_disk_free(CutDisk *self)
{
    vms_transfer_free(self->transfer);
    vms_hold_free(self->hold);
    g_free(self->scratch);
    g_free(self);
}

void
vms_cut_free(VmsCutSet *set)
{
    if (!set)
        return;
    g_ptr_array_unref(set->disks);
    vms_transfer_free(set->nvram);
    g_free(set->socket);
    g_free(set->backup);
    g_free(set);
}

static void
add_folder(GPtrArray *folders, const char *folder)
{
    if (!g_ptr_array_find_with_equal_func(folders, folder, g_str_equal, NULL))
        g_ptr_array_add(folders, g_strdup(folder));
}

static VmsSnapshotDisk *
plan_disk(const VmsSurvey *survey, const VmsSurveyDisk *source, const char *folder)
{
    VmsSnapshotDisk *disk = vms_snapshot_disk_new(source->disk->target);
    g_autofree char *path = vms_layout_image(folder, disk->target, source->placement.format);

    disk->name = g_strdup_printf("%s/%s", survey->vm->name, disk->target);
    disk->source = g_strdup(source->path);
    disk->origin = vms_image_copy(source->image);
    disk->method = source->placement.method;
    disk->image = vms_image_new(path, source->placement.format);
    disk->serial = g_strdup(source->disk->serial);
    disk->bus = g_strdup(source->disk->bus);
    disk->boot_order = source->disk->boot_order;
    return disk;
}

void
vms_cut_plan(const VmsEngine *engine, const VmsSurvey *survey, VmsSnapshot *snapshot,
             VmsOperation *operation)
{
    for (guint i = 0; i < survey->disks->len; i++) {
        const VmsSurveyDisk *source = survey->disks->pdata[i];
        g_autofree char *folder = vms_layout_folder(source->folder, snapshot->uuid);
        VmsSnapshotDisk *disk = plan_disk(survey, source, folder);

        add_folder(snapshot->folders, folder);
        add_folder(operation->folders, folder);
        g_ptr_array_add(operation->files, g_strdup(disk->image->path));
        if (disk->method == VMSNAP_METHOD_BACKUP)
            g_ptr_array_add(operation->files, vms_layout_scratch(folder, disk->target));
        if (disk->method == VMSNAP_METHOD_BACKUP && !operation->socket)
            operation->socket = vms_layout_socket(engine, operation->uuid);
        g_ptr_array_add(snapshot->disks, disk);
    }
    if (survey->has_nvram && snapshot->folders->len > 0) {
        snapshot->nvram = vms_layout_image(snapshot->folders->pdata[0], "nvram", "fd");
        snapshot->nvram_source = g_strdup(survey->vm->nvram);
        g_ptr_array_add(operation->files, g_strdup(snapshot->nvram));
    }
    if (snapshot->folders->len > 0)
        g_ptr_array_add(operation->files, vms_layout_manifest(snapshot->folders->pdata[0]));
}

static gboolean
prepare_disk(VmsCutSet *set, CutDisk *self, GError **error)
{
    VmsVolume *volume = set->engine->drivers->volume;
    const VmsHypervisor *hv = set->engine->drivers->hypervisor;
    const VmsPlacement *placement = &self->source->placement;
    g_autofree char *folder = NULL;

    if (placement->flatten)
        return TRUE;
    if (placement->method != VMSNAP_METHOD_BACKUP)
        return vms_volume_open_transfer(volume, self->source->path, self->disk->image->path,
                                        &self->transfer, error);
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
            const CutDisk *cut = set->disks->pdata[j];

            if (g_strcmp0(cut->disk->target, disk->target) == 0)
                set->backup[i].scratch = cut->scratch;
        }
    }
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
        CutDisk *disk = set->disks->pdata[i];

        if (!prepare_disk(set, disk, error)) {
            if (error)
                vms_error_set_object(*error, disk->disk->name);
            return FALSE;
        }
    }
    if (set->snapshot->nvram &&
        !vms_volume_open_transfer(set->engine->drivers->volume, set->snapshot->nvram_source,
                                  set->snapshot->nvram, &set->nvram, error))
        return FALSE;
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
    set->disks = g_ptr_array_new_with_free_func((GDestroyNotify)cut_disk_free);
    for (guint i = 0; i < survey->disks->len; i++) {
        CutDisk *disk = g_new0(CutDisk, 1);

        disk->source = survey->disks->pdata[i];
        disk->disk = snapshot->disks->pdata[i];
        g_ptr_array_add(set->disks, disk);
    }
    if (!prepare_all(set, operation, error))
        return FALSE;
    *ret_set = g_steal_pointer(&set);
    return TRUE;
}

/* A clone shows one instant only if nothing moves; NVRAM has no other way at all. */
gboolean
vms_cut_needs_suspend(const VmsCutSet *set)
{
    if (set->nvram)
        return TRUE;
    for (guint i = 0; i < set->disks->len; i++) {
        const CutDisk *disk = set->disks->pdata[i];

        if (disk->disk->method == VMSNAP_METHOD_REFLINK)
            return TRUE;
    }
    return FALSE;
}

const char *
vms_cut_get_socket(const VmsCutSet *set)
{
    return set->socket;
}

/* What the guest wrote between survey and freeze may have outgrown the reservation: then a full
 * file system could reach the guest, and the reservation must be made anew. */
static gboolean
check_reservation(const VmsCutSet *set, const CutDisk *disk, GError **error)
{
    VmsFileId now = { 0 };
    guint64 own = disk->source->image->file.allocated;
    guint64 chain = disk->source->allocated > own ? disk->source->allocated - own : 0;

    if (!vms_volume_identify(set->engine->drivers->volume, disk->source->path, &now, error))
        return FALSE;
    if (chain + now.allocated <= disk->source->placement.scratch_bytes ||
        disk->source->placement.scratch_bytes >= disk->source->image->virtual_size)
        return TRUE;
    return vms_refuse(error, VMSNAP_E_BUSY, VMS_CUT_OUTGROWN,
                      "disk %s grew beyond the reserved scratch space before the freeze",
                      disk->disk->target);
}

static gboolean
fire_clones(VmsCutSet *set, GError **error)
{
    gint64 start = vms_clock_monotonic_us();

    for (guint i = 0; i < set->disks->len; i++) {
        const CutDisk *disk = set->disks->pdata[i];

        disk->disk->cut_offset_us = vms_clock_monotonic_us() - start;
        if (disk->disk->method == VMSNAP_METHOD_REFLINK &&
            !vms_transfer_clone(disk->transfer, error))
            return FALSE;
        if (disk->disk->method == VMSNAP_METHOD_BACKUP && !check_reservation(set, disk, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
take_nvram(const VmsCutSet *set, GError **error)
{
    return !set->nvram || vms_transfer_clone(set->nvram, NULL) ||
           vms_transfer_copy(set->nvram, NULL, error);
}

gboolean
vms_cut_fire(void *data, GError **error)
{
    VmsCutSet *set = data;

    if (!fire_clones(set, error) || !take_nvram(set, error))
        return FALSE;
    vms_crash_point("cut-fire");
    return !set->socket || vms_hypervisor_begin_backup(set->engine->drivers->urgent, set->vm->uuid,
                                                       set->socket, set->backup, error);
}

static gboolean
hold_disk(const VmsCutSet *set, CutDisk *disk, gboolean force, gboolean *ret_open, GError **error)
{
    g_autoptr(GError) refused = NULL;

    if (vms_volume_hold(set->engine->drivers->volume, disk->source->path, VMS_HOLD_READ,
                        &disk->hold, &refused))
        return TRUE;
    if (vms_error_get_code(refused) == VMSNAP_E_BUSY && force) {
        *ret_open = TRUE;
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&refused));
    return FALSE;
}

static gboolean
take_offline(const VmsCutSet *set, const CutDisk *disk, VmsProgress *progress, GError **error)
{
    if (disk->source->placement.flatten)
        return vms_volume_convert(set->engine->drivers->volume, disk->source->image,
                                  disk->disk->image->path, disk->source->image,
                                  disk->disk->image->format, progress, error);
    if (disk->disk->method == VMSNAP_METHOD_REFLINK)
        return vms_transfer_clone(disk->transfer, error);
    return vms_transfer_copy(disk->transfer, progress, error);
}

/* What vms_cut_offline() reads; shared blocks are not read. */
static guint64
bytes_offline(const VmsCutSet *set)
{
    guint64 bytes = 0;

    for (guint i = 0; i < set->disks->len; i++) {
        const CutDisk *disk = set->disks->pdata[i];

        if (disk->source->placement.flatten)
            bytes += disk->source->image->virtual_size;
        else if (disk->disk->method != VMSNAP_METHOD_REFLINK)
            bytes += disk->source->image->file.size;
    }
    return bytes;
}

gboolean
vms_cut_offline(VmsCutSet *set, gboolean force, VmsProgress *progress, gboolean *ret_open,
                GError **error)
{
    gboolean open = FALSE;

    for (guint i = 0; i < set->disks->len; i++) {
        if (!hold_disk(set, set->disks->pdata[i], force, &open, error))
            return FALSE;
    }
    vms_progress_set_total(progress, bytes_offline(set));
    for (guint i = 0; i < set->disks->len; i++) {
        if (!vms_progress_check(progress, error) ||
            !take_offline(set, set->disks->pdata[i], progress, error))
            return FALSE;
    }
    if (!take_nvram(set, error))
        return FALSE;
    *ret_open = open;
    return TRUE;
}

static guint64
bytes_exported(const VmsCutSet *set)
{
    guint64 bytes = 0;

    for (guint i = 0; i < set->disks->len; i++) {
        const CutDisk *disk = set->disks->pdata[i];

        if (disk->disk->method == VMSNAP_METHOD_BACKUP)
            bytes += disk->disk->origin->virtual_size;
    }
    return bytes;
}

gboolean
vms_cut_copy(VmsCutSet *set, VmsProgress *progress, GError **error)
{
    vms_progress_set_total(progress, bytes_exported(set));
    for (guint i = 0; i < set->disks->len; i++) {
        const CutDisk *disk = set->disks->pdata[i];

        if (disk->disk->method == VMSNAP_METHOD_BACKUP &&
            !vms_copier_copy(set->engine->drivers->copier, set->socket, disk->disk->target,
                             vms_transfer_get_fd(disk->transfer), progress, error)) {
            if (error)
                vms_error_set_object(*error, disk->disk->name);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
finish_disk(const VmsCutSet *set, CutDisk *disk, GError **error)
{
    VmsFileId id = { 0 };
    VmsImage *image = NULL;

    if (disk->transfer && !vms_transfer_finish(disk->transfer, 0400, &id, error))
        return FALSE;
    if (!vms_volume_inspect(set->engine->drivers->volume, disk->disk->image->path,
                            disk->disk->image->format, &image, error))
        return FALSE;
    vms_image_free(disk->disk->image);
    disk->disk->image = image;
    if (image->virtual_size != disk->disk->origin->virtual_size)
        return vms_refuse(error, VMSNAP_E_BUSY, "Resizing",
                          "disk %s was resized while its snapshot was taken", disk->disk->name);
    g_clear_pointer(&disk->hold, vms_hold_free);
    return TRUE;
}

gboolean
vms_cut_finish(VmsCutSet *set, GError **error)
{
    VmsFileId id = { 0 };

    for (guint i = 0; i < set->disks->len; i++) {
        if (!finish_disk(set, set->disks->pdata[i], error))
            return FALSE;
    }
    return !set->nvram || vms_transfer_finish(set->nvram, 0400, &id, error);
}

gboolean
vms_cut_drop_scratch(VmsCutSet *set, GError **error)
{
    for (guint i = 0; i < set->disks->len; i++) {
        const CutDisk *disk = set->disks->pdata[i];

        if (disk->scratch && !vms_volume_remove(set->engine->drivers->volume, disk->scratch, error))
            return FALSE;
    }
    return !set->socket || vms_volume_remove(set->engine->drivers->volume, set->socket, error);
}
