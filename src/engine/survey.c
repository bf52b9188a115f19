/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/survey.h"

#include "base/error.h"
#include "engine/agent-socket.h"
#include "engine/inventory.h"
#include "engine/layout.h"
#include "engine/part-survey.h"

#include <string.h>

VmsSurveyDisk *
vms_survey_disk_new(void)
{
    VmsSurveyDisk *disk = g_new0(VmsSurveyDisk, 1);

    disk->companions = g_ptr_array_new_with_free_func((GDestroyNotify)vms_sharer_free);
    return disk;
}

void
vms_survey_disk_free(VmsSurveyDisk *disk)
{
    g_free(disk->name);
    g_free(disk->path);
    g_free(disk->folder);
    vms_image_free(disk->image);
    vms_place_info_clear(&disk->place);
    g_clear_error(&disk->refusal);
    g_free(disk->sharer);
    g_ptr_array_unref(disk->companions);
    g_free(disk);
}

VmsSurvey *
vms_survey_new(void)
{
    VmsSurvey *survey = g_new0(VmsSurvey, 1);

    survey->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_survey_disk_free);
    survey->left_out = g_ptr_array_new_with_free_func(g_free);
    survey->parts = g_ptr_array_new_with_free_func((GDestroyNotify)vms_part_free);
    return survey;
}

void
vms_survey_free(VmsSurvey *survey)
{
    if (!survey)
        return;
    vms_vm_free(survey->vm);
    vms_disk_free(survey->alone);
    g_ptr_array_unref(survey->disks);
    g_ptr_array_unref(survey->left_out);
    g_ptr_array_unref(survey->parts);
    g_free(survey);
}

gboolean
vms_engine_check_acting(const VmsEngine *engine, gboolean writing, GError **error)
{
    const VmsHypervisor *hv = engine->drivers->hypervisor;

    if (!hv)
        return vms_fail(error, VMSNAP_E_UNSUPPORTED,
                        "there is no hypervisor: the context was opened with URI 'none'");
    if (hv->remote)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "RemoteHost",
                          "'%s' is another host: image files are out of reach", hv->uri);
    if (writing && (engine->read_only || hv->read_only))
        return vms_fail(error, VMSNAP_E_PERMISSION, "the context is read-only");
    return TRUE;
}

/* Sum of what the layers below the active one allocate. A chain the XML does not list (VM off)
 * is followed by the headers, as the records will do. */
static gboolean
add_chain(VmsEngine *engine, VmsSurveyDisk *self, GError **error)
{
    const GPtrArray *backing = self->disk->backing;

    self->allocated = self->image->file.allocated;
    for (guint i = 0; i < backing->len; i++) {
        const VmsBacking *layer = backing->pdata[i];
        VmsFileId id = { 0 };

        if (!layer->path)
            return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "BlockDevicesNotReady",
                              "disk %s has a layer that is not a file", self->disk->target);
        if (!vms_volume_identify(engine->drivers->volume, layer->path, &id, error))
            return FALSE;
        self->allocated += id.allocated;
    }
    if (self->image->backing && backing->len == 0)
        self->allocated = self->image->virtual_size;
    return TRUE;
}

/* libvirt asks QEMU, we ask the header: while a disk grows the two differ, and change. */
static gboolean
check_size(VmsEngine *engine, const VmsVm *vm, VmsSurveyDisk *self, GError **error)
{
    const guint64 first = self->image->virtual_size;
    VmsBlockInfo info = { 0 };
    VmsImage *again = NULL;

    if (!vms_hypervisor_read_block(engine->drivers->hypervisor, vm->uuid, self->disk->target, &info,
                                   error))
        return FALSE;
    if (info.capacity == first)
        return TRUE;
    if (!vms_volume_inspect(engine->drivers->volume, self->path, self->disk->format, &again, error))
        return FALSE;
    vms_image_free(self->image);
    self->image = again;
    if (info.capacity == again->virtual_size)
        return TRUE;
    if (again->virtual_size != first)
        return vms_refuse(error, VMSNAP_E_BUSY, "Resizing", "disk %s is being resized", self->name);
    return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "FilesNotVisible",
                      "libvirt says disk %s has %" G_GUINT64_FORMAT
                      " bytes, the file here says %" G_GUINT64_FORMAT,
                      self->disk->target, info.capacity, first);
}

/* QEMU's own view and ours must be of the same file: in a container they may not be. */
static gboolean
check_visible(VmsEngine *engine, const VmsVm *vm, VmsSurveyDisk *self, GError **error)
{
    g_auto(VmsImageUse) use = { 0 };

    if (!check_size(engine, vm, self, error))
        return FALSE;
    if (!vms_vm_is_active(vm))
        return TRUE;
    if (!vms_volume_read_use(engine->drivers->volume, self->path, &use, error))
        return FALSE;
    if (!use.writer)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "FilesNotVisible",
                          "QEMU's lock is not seen on '%s': it has another file open", self->path);
    return TRUE;
}

static VmsPlacementInput
placement_input(const VmsVm *vm, const VmsSurveyRequest *request, const VmsSurveyDisk *self)
{
    return (VmsPlacementInput){ .disk = self->disk,
                                .image = self->image,
                                .allocated = self->allocated,
                                .place = &self->place,
                                .running = vms_vm_is_active(vm),
                                .shared = self->sharer || self->companions->len > 0,
                                .wanted = request->method };
}

static gboolean
has_path(const VmsDisk *disk)
{
    return disk->source == VMS_SOURCE_FILE || disk->source == VMS_SOURCE_BLOCK;
}

/* Who only asks what can be done need not name the store yet; how much is free there he hears when
 * he does. */
static gboolean
read_folder(VmsEngine *engine, const VmsSurveyRequest *request, VmsSurveyDisk *self, GError **error)
{
    gboolean open = request->look_only && !request->store && self->image->block_device;
    const char *store = open ? engine->state_dir : request->store;

    if (!vms_layout_place(store, self->image, self->path, &self->folder, error) ||
        !vms_volume_read_place(engine->drivers->volume, self->path, self->folder, &self->place,
                               error))
        return FALSE;
    if (open)
        self->place.free_bytes = VMS_SPACE_UNASKED;
    return TRUE;
}

static gboolean
read_disk(VmsEngine *engine, const VmsVm *vm, const VmsSurveyRequest *request, VmsSurveyDisk *self,
          GError **error)
{
    VmsPlacementInput input = { .disk = self->disk, .running = vms_vm_is_active(vm) };

    if (!has_path(self->disk) || !self->disk->format)
        return vms_placement_choose(&input, &self->placement, error); /* refuses */
    self->path = g_strdup(self->disk->path);
    if (!vms_volume_inspect(engine->drivers->volume, self->path, self->disk->format, &self->image,
                            error) ||
        !add_chain(engine, self, error) || !check_visible(engine, vm, self, error) ||
        !vms_survey_find_sharers(engine, vm, request->group, self, error) ||
        !read_folder(engine, request, self, error))
        return FALSE;
    input = placement_input(vm, request, self);
    return vms_placement_choose(&input, &self->placement, error);
}

static gboolean
is_wanted(const VmsSurveyRequest *request, const char *target)
{
    return !request->disks || g_strv_contains(request->disks, target);
}

static gboolean
check_targets(const VmsSurveyRequest *request, const VmsVm *vm, const GPtrArray *disks,
              GError **error)
{
    for (guint i = 0; request->disks && request->disks[i]; i++) {
        gboolean known = FALSE;

        for (guint j = 0; j < disks->len; j++) {
            const VmsDisk *disk = disks->pdata[j];

            known =
                known || (strcmp(disk->target, request->disks[i]) == 0 && vms_disk_is_owned(disk));
        }
        if (!known)
            return vms_fail(error, VMSNAP_E_INVALID, "VM %s has no writable disk '%s'", vm->name,
                            request->disks[i]);
    }
    return TRUE;
}

static void
add_disk(VmsEngine *engine, const VmsSurveyRequest *request, VmsSurvey *survey, const VmsDisk *disk)
{
    VmsSurveyDisk *self;

    if (!is_wanted(request, disk->target)) {
        g_ptr_array_add(survey->left_out, g_strdup(disk->target));
        return;
    }
    self = vms_survey_disk_new();
    self->disk = disk;
    self->name = g_strdup_printf("%s/%s", survey->vm->name, disk->target);
    g_ptr_array_add(survey->disks, self);
    if (!read_disk(engine, survey->vm, request, self, &self->refusal))
        vms_error_set_object(self->refusal, self->name);
}

static gboolean
is_attached(const VmsVm *vm, const VmsDisk *configured)
{
    for (guint i = 0; i < vm->live_disks->len; i++)
        if (g_strcmp0(((const VmsDisk *)vm->live_disks->pdata[i])->path, configured->path) == 0)
            return TRUE;
    return FALSE;
}

/* A disk that comes with the next start is part of what would be restored, but not of the cut. */
static void
add_configured(const VmsSurveyRequest *request, VmsSurvey *survey)
{
    const VmsVm *vm = survey->vm;

    for (guint i = 0; vm->live_disks && !request->disk_only && i < vm->disks->len; i++) {
        const VmsDisk *disk = vm->disks->pdata[i];
        VmsSurveyDisk *self;

        if (!vms_disk_is_owned(disk) || !disk->path || is_attached(vm, disk))
            continue;
        if (!is_wanted(request, disk->target)) {
            g_ptr_array_add(survey->left_out, g_strdup(disk->target));
            continue;
        }
        self = vms_survey_disk_new();
        self->disk = disk;
        self->name = g_strdup_printf("%s/%s", vm->name, disk->target);
        vms_refuse(&self->refusal, VMSNAP_E_UNSUPPORTED, "BlockDevicesNotReady",
                   "disk %s is configured, but the running VM does not have it: restart the VM, or "
                   "leave the disk out",
                   self->name);
        vms_error_set_object(self->refusal, self->name);
        g_ptr_array_add(survey->disks, self);
    }
}

/* After each disk by itself: what they mean for each other. */
static void
combine(const VmsSurveyRequest *request, VmsSurvey *survey)
{
    g_autofree VmsPlacementDisk *disks = g_new0(VmsPlacementDisk, survey->disks->len + 1);
    guint count = 0;

    for (guint i = 0; i < survey->disks->len; i++) {
        VmsSurveyDisk *self = survey->disks->pdata[i];

        if (!self->refusal)
            disks[count++] =
                (VmsPlacementDisk){ placement_input(survey->vm, request, self), &self->placement };
    }
    vms_placement_combine(survey->vm, disks, count);
}

gboolean
vms_survey_vm(VmsEngine *engine, const VmsSurveyRequest *request, VmsSurvey **ret_survey,
              GError **error)
{
    g_autoptr(VmsSurvey) survey = vms_survey_new();
    const VmsHypervisor *hv = engine->drivers->hypervisor;
    const GPtrArray *disks;

    if (!vms_hypervisor_find_vm(engine->drivers->hypervisor, request->vm,
                                !hv->read_only && !engine->read_only, &survey->vm, error))
        return FALSE;
    vms_agent_socket_note(engine, survey->vm);
    if (!request->disk_only && !vms_part_survey(engine, survey->vm, survey->parts, error))
        return FALSE;
    disks = vms_vm_current_disks(survey->vm);
    if (!check_targets(request, survey->vm, disks, error))
        return FALSE;
    for (guint i = 0; i < disks->len; i++) {
        if (vms_disk_is_owned(disks->pdata[i]))
            add_disk(engine, request, survey, disks->pdata[i]);
    }
    combine(request, survey);
    add_configured(request, survey);
    *ret_survey = g_steal_pointer(&survey);
    return TRUE;
}

gboolean
vms_survey_check_disks(const VmsSurvey *survey, GError **error)
{
    for (guint i = 0; i < survey->disks->len; i++) {
        const VmsSurveyDisk *disk = survey->disks->pdata[i];

        if (!disk->refusal)
            continue;
        if (error)
            *error = g_error_copy(disk->refusal);
        return FALSE;
    }
    return TRUE;
}

/* Disks of one file system draw on the same free space: sum what lies in the same place. The
 * first disk of a folder carries the sum. */
gboolean
vms_survey_check_space(const VmsSurvey *survey, GError **error)
{
    for (guint i = 0; i < survey->disks->len; i++) {
        const VmsSurveyDisk *first = survey->disks->pdata[i];
        guint64 needed = 0;

        for (guint j = 0; j < survey->disks->len; j++) {
            const VmsSurveyDisk *other = survey->disks->pdata[j];

            if (other->place.free_bytes == first->place.free_bytes &&
                other->place.total_bytes == first->place.total_bytes)
                needed += other->placement.space_needed;
        }
        if (needed > first->place.free_bytes)
            return vms_refuse(error, VMSNAP_E_NO_SPACE, "OutOfSpace",
                              "'%s' has %" G_GUINT64_FORMAT " bytes free, %" G_GUINT64_FORMAT
                              " are needed",
                              first->folder, first->place.free_bytes, needed);
    }
    return TRUE;
}
