/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/restore-survey.h"

#include "base/error.h"
#include "engine/image-state.h"
#include "engine/inventory.h"
#include "engine/layout.h"
#include "engine/restore-parts.h"
#include "engine/restore-world.h"
#include "engine/store.h"
#include "record/record.h"

void
vms_restore_survey_free(VmsRestoreSurvey *survey)
{
    if (!survey)
        return;
    g_clear_pointer(&survey->input.disks, g_ptr_array_unref);
    g_clear_pointer(&survey->input.networks, g_ptr_array_unref);
    g_clear_pointer(&survey->input.parts, g_ptr_array_unref);
    g_clear_pointer(&survey->input.bases, g_ptr_array_unref);
    g_clear_pointer(&survey->input.later, g_ptr_array_unref);
    vms_needs_free(survey->input.needs);
    vms_vm_free(survey->vm);
    vms_inventory_free(survey->inventory);
    vms_snapshot_free(survey->snapshot);
    g_free(survey->record);
    g_free(survey);
}

static gboolean
refers_to(const GPtrArray *disks, const char *path)
{
    for (guint i = 0; disks && i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        if (vms_disk_is_owned(disk) && g_strcmp0(disk->path, path) == 0)
            return TRUE;
    }
    return FALSE;
}

/* Raw: what is on it does not count. */
static gboolean
is_device(VmsEngine *engine, const VmsRestoreDisk *disk)
{
    g_autoptr(VmsImage) now = NULL;

    return disk->exists &&
           vms_volume_inspect(engine->drivers->volume, disk->path, "raw", &now, NULL) &&
           now->block_device;
}

/* Old contents of a device go to where the snapshot's are. */
static char *
find_folder(const VmsRestoreDisk *disk)
{
    return vms_restore_rewrites(disk) ? vms_layout_find_store(disk->stored->image->path)
                                      : g_path_get_dirname(disk->path);
}

static gboolean
read_disk(VmsEngine *engine, const VmsRestoreSurvey *survey, VmsRestoreDisk *disk, GError **error)
{
    VmsVolume *volume = engine->drivers->volume;
    const VmsVm *vm = survey->input.vm;
    g_autoptr(GError) fault = NULL;
    g_autoptr(GError) absent = NULL;

    disk->folder = find_folder(disk);
    disk->referenced = vm && refers_to(vm->disks, disk->path);
    disk->exists = vms_volume_identify(volume, disk->path, &disk->file, &absent);
    if (absent && vms_error_get_code(absent) != VMSNAP_E_NOT_FOUND)
        disk->obstacle = g_strdup(absent->message);
    disk->device = is_device(engine, disk);
    if (disk->exists && !vms_volume_read_use(volume, disk->path, &disk->use, error))
        return FALSE;
    if (!vms_image_state_check(engine, disk->stored, &disk->image, &fault)) {
        disk->image_fault = g_strdup(fault->message);
        return TRUE;
    }
    return vms_volume_read_place(volume, disk->stored->image->path, disk->folder, &disk->place,
                                 error);
}

static gboolean
read_disks(VmsEngine *engine, VmsRestoreSurvey *survey, GError **error)
{
    for (guint i = 0; i < survey->snapshot->disks->len; i++) {
        VmsRestoreDisk *disk = g_new0(VmsRestoreDisk, 1);

        disk->stored = survey->snapshot->disks->pdata[i];
        disk->path = g_strdup(disk->stored->source);
        g_ptr_array_add(survey->input.disks, disk);
        if (!read_disk(engine, survey, disk, error))
            return FALSE;
    }
    return TRUE;
}

/* The VM itself is asked for its block jobs, too. */
static void
read_closer(VmsEngine *engine, VmsRestoreSurvey *survey)
{
    const VmsHypervisor *hv = engine->drivers->hypervisor;
    const VmsVm *listed = survey->input.vm;

    if (listed && vms_hypervisor_find_vm(engine->drivers->hypervisor, listed->uuid,
                                         !hv->read_only && !engine->read_only, &survey->vm, NULL))
        survey->input.vm = survey->vm;
}

static gint64
read_qemu_pid(VmsEngine *engine, const VmsVm *vm)
{
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    VmsInstance instance = { 0 };

    if (!vm || !vms_vm_is_active(vm) ||
        !vms_hypervisor_read_state(engine->drivers->hypervisor, vm->uuid, &state, &instance, NULL))
        return 0;
    return instance.process.pid;
}

/* A VM is restored from a snapshot of all of it. */
static gboolean
check_subject(const VmsSnapshot *snapshot, GError **error)
{
    return snapshot->subject == VMSNAP_SNAPSHOT_KIND_VM ||
           vms_refuse(error, VMSNAP_E_INVALID, "WrongKind",
                      "%s is the snapshot of a disk, not of a VM", snapshot->name);
}

gboolean
vms_restore_survey(VmsEngine *engine, const char *snapshot_uuid, const char *vm,
                   const VmsRestoreRequest *request, VmsRestoreSurvey **ret_survey, GError **error)
{
    g_autoptr(VmsRestoreSurvey) survey = g_new0(VmsRestoreSurvey, 1);
    VmsRestoreInput *input = &survey->input;

    if (!vms_store_load_snapshot(engine->drivers->catalog, snapshot_uuid, &survey->snapshot, NULL,
                                 error) ||
        !check_subject(survey->snapshot, error) ||
        !vms_inventory_collect(engine, &survey->inventory, error))
        return FALSE;
    input->snapshot = survey->snapshot;
    input->inventory = survey->inventory;
    input->asked = vm ? vm : survey->snapshot->vm_uuid;
    input->vm = vms_inventory_find_vm(survey->inventory, input->asked);
    if (!vm && !input->vm) {
        input->asked = survey->snapshot->vm_name;
        input->vm = vms_inventory_find_vm(survey->inventory, input->asked);
    }
    read_closer(engine, survey);
    input->qemu_pid = read_qemu_pid(engine, input->vm);
    input->request = request;
    input->flags = request->flags;
    survey->record = vms_record_write_snapshot(survey->snapshot);
    input->record = survey->record;
    input->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_restore_disk_free);
    if (!read_disks(engine, survey, error) || !vms_restore_read_world(engine, survey, error) ||
        !vms_restore_read_addresses(engine, survey, error))
        return FALSE;
    vms_restore_read_parts(engine, input);
    *ret_survey = g_steal_pointer(&survey);
    return TRUE;
}
