/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/engine.h"
#include "engine/finish.h"
#include "engine/journal.h"
#include "engine/layout.h"
#include "engine/lock.h"
#include "engine/replace.h"
#include "engine/survey.h"

#include <string.h>

#include <vmsnap/job.h>

/* Freeing a VM's disks from what lies below them: each is written anew, whole, beside itself, and
 * takes its place as the disks of a restore do. */

typedef struct {
    VmsEngine *engine;
    VmsProgress *progress;
    VmsVm *vm;
    GPtrArray *images; /* VmsImage*: the overlays, in the order of the exchanges */
    VmsWork work;      /* the operation only */
} Flattening;

static void
flattening_clear(Flattening *self)
{
    g_clear_pointer(&self->vm, vms_vm_free);
    g_clear_pointer(&self->images, g_ptr_array_unref);
    vms_work_clear(&self->work);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Flattening, flattening_clear)

/* ---- what there is to do ---- */

static gboolean
check_vm(const VmsVm *vm, GError **error)
{
    if (vms_vm_is_active(vm))
        return vms_refuse(error, VMSNAP_E_CONFLICT, "VirtualMachineRuns",
                          "VM %s runs: shut it down first", vm->name);
    if (vm->managed_save)
        return vms_refuse(error, VMSNAP_E_CONFLICT, "ManagedSave",
                          "VM %s was saved: start it and shut it down first", vm->name);
    return TRUE;
}

/* What an image has besides its contents would be lost. */
static gboolean
check_image(const VmsImage *image, GError **error)
{
    return image->internal_snapshots == 0 ||
           vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ImageUnsupported",
                      "'%s' has internal snapshots, which would be lost", image->path);
}

static void
plan_exchange(VmsOperation *operation, const VmsDisk *disk, const VmsImage *image)
{
    g_autofree char *place = g_path_get_dirname(image->path);
    g_autofree char *folder = vms_layout_folder(place, operation->uuid);
    g_autofree char *next = vms_layout_image(folder, disk->target, image->format);
    VmsExchange *item = vms_exchange_new(disk->target, image->path, next);

    item->existed = TRUE;
    item->old_file = image->file;
    item->old_format = g_strdup(image->format);
    g_ptr_array_add(operation->exchanges, item);
    g_ptr_array_add(operation->files, g_strdup(next));
    if (!g_ptr_array_find_with_equal_func(operation->folders, folder, g_str_equal, NULL))
        g_ptr_array_add(operation->folders, g_strdup(folder));
}

static gboolean
plan_disk(Flattening *self, const VmsDisk *disk, GError **error)
{
    g_autoptr(VmsImage) image = NULL;

    if (!vms_disk_is_owned(disk) || disk->source != VMS_SOURCE_FILE ||
        g_strcmp0(disk->format, "qcow2") != 0)
        return TRUE;
    if (!vms_volume_inspect(self->engine->drivers->volume, disk->path, disk->format, &image, error))
        return FALSE;
    if (!image->backing)
        return TRUE;
    if (!check_image(image, error))
        return FALSE;
    plan_exchange(self->work.operation, disk, image);
    self->work.operation->progress_total += image->virtual_size;
    g_ptr_array_add(self->images, g_steal_pointer(&image));
    return TRUE;
}

/* What libvirt itself notes of the disks would not fit the new ones. */
static gboolean
check_metadata(const Flattening *self, GError **error)
{
    g_autoptr(GPtrArray) found = NULL;

    if (!vms_hypervisor_list_metadata(self->engine->drivers->hypervisor, self->vm->uuid, &found,
                                      error))
        return FALSE;
    return found->len == 0 || self->images->len == 0 ||
           vms_refuse(error, VMSNAP_E_UNSUPPORTED, "MetadataDropped",
                      "libvirt has snapshots or checkpoints of VM %s: remove them first",
                      self->vm->name);
}

static gboolean
record_intent(Flattening *self, const char *operation_uuid, const char *vm_uuid, GError **error)
{
    VmsHypervisor *hv = self->engine->drivers->hypervisor;
    VmsOperation *operation = vms_journal_new(self->engine, operation_uuid, "flatten");

    self->work.operation = operation;
    if (!vms_hypervisor_find_vm(hv, vm_uuid, TRUE, &self->vm, error) || !check_vm(self->vm, error))
        return FALSE;
    operation->vm_uuid = g_strdup(self->vm->uuid);
    operation->vm_name = g_strdup(self->vm->name);
    operation->power_before = VMSNAP_VM_OFF;
    operation->old_xml = g_strdup(self->vm->inactive_xml);
    operation->new_xml = g_strdup(self->vm->inactive_xml);
    for (guint i = 0; i < self->vm->disks->len; i++) {
        if (!plan_disk(self, self->vm->disks->pdata[i], error))
            return FALSE;
    }
    return check_metadata(self, error) && vms_layout_check(operation->folders, error) &&
           vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARING, error);
}

/* ---- the new disks ---- */

/* Nobody writes to the overlay meanwhile, so nobody starts its VM. What was written between this
 * and the exchange is seen by the file's times. */
static gboolean
make_disk(Flattening *self, const VmsImage *image, VmsExchange *item, GError **error)
{
    VmsVolume *volume = self->engine->drivers->volume;
    g_autofree char *folder = g_path_get_dirname(item->next);
    g_autoptr(VmsImage) made = NULL;
    VmsHold *hold = NULL;
    gboolean good;

    if (!vms_volume_make_folder(volume, folder, 0711, error) ||
        !vms_volume_hold(volume, item->path, VMS_HOLD_READ, &hold, error))
        return FALSE;
    good =
        vms_volume_convert(volume, image, item->next, image, image->format, self->progress, error);
    vms_hold_free(hold);
    if (!good || !vms_volume_inspect(volume, item->next, image->format, &made, error))
        return FALSE;
    if (made->virtual_size != image->virtual_size || made->backing)
        return vms_fail(error, VMSNAP_E_IO, "the new image of %s is not what it should be",
                        item->target);
    item->new_file = made->file;
    return TRUE;
}

static gboolean
make_disks(Flattening *self, GError **error)
{
    VmsOperation *operation = self->work.operation;

    vms_progress_enter(self->progress, VMSNAP_STAGE_COPYING);
    vms_progress_set_total(self->progress, operation->progress_total);
    for (guint i = 0; i < self->images->len; i++) {
        if (!vms_progress_check(self->progress, error) ||
            !make_disk(self, self->images->pdata[i], operation->exchanges->pdata[i], error))
            return FALSE;
    }
    vms_crash_point("flatten-made");
    return vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARED, error);
}

/* ---- the ends ---- */

/* Takes @why; always FALSE. */
static gboolean
give_up(Flattening *self, GError *why, GError **error)
{
    VmsOperation *operation = self->work.operation;
    GError *worse = NULL;

    if (vms_error_get_code(why) == VMSNAP_E_UNCERTAIN) {
        g_propagate_error(error, why);
        return FALSE;
    }
    if (!vms_layout_remove(self->engine, operation->files, operation->folders, &worse))
        return vms_journal_stay(why, worse, error);
    vms_journal_fail(operation, why);
    if (!vms_journal_commit(self->engine, &self->work, &worse))
        return vms_journal_stay(why, worse, error);
    g_propagate_error(error, why);
    return FALSE;
}

static gboolean
run(Flattening *self, GError **error)
{
    static const VmsRestoreRequest request = { 0 };
    GError *failed = NULL;

    if (self->images->len == 0) {
        vms_journal_complete(self->work.operation, "nothing lies below its disks");
        return vms_journal_close(self->engine, &self->work, error);
    }
    if (!make_disks(self, &failed) ||
        !vms_replace_run(self->engine, &self->work, &request, self->progress, &failed))
        return give_up(self, failed, error);
    vms_crash_point("flatten-replaced");
    return vms_finish_flatten(self->engine, &self->work, &failed) ||
           vms_journal_leave(failed, error);
}

gboolean
vms_engine_flatten(VmsEngine *engine, const char *operation_uuid, const char *vm_uuid,
                   VmsProgress *progress, GError **error)
{
    g_auto(Flattening) self = { .engine = engine, .progress = progress };
    g_autofree char *name = vms_lock_name_vm(vm_uuid);
    g_autoptr(VmsLock) lock = NULL;

    self.images = g_ptr_array_new_with_free_func((GDestroyNotify)vms_image_free);
    vms_progress_enter(progress, VMSNAP_STAGE_SURVEYING);
    return vms_engine_check_acting(engine, TRUE, error) &&
           vms_lock_take(engine->runtime_dir, name, operation_uuid, 0, progress, &lock, error) &&
           vms_journal_check_settled(engine, vm_uuid, error) &&
           record_intent(&self, operation_uuid, vm_uuid, error) && run(&self, error);
}
