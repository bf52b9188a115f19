/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/disk-survey.h"

#include "base/error.h"
#include "engine/inventory.h"
#include "engine/layout.h"

#include <string.h>

/* Layers of one image that are followed; QEMU itself gives up not much later. */
#define CHAIN_LIMIT 32

gboolean
vms_disk_check_acting(const VmsEngine *engine, gboolean writing, GError **error)
{
    if (engine->drivers->hypervisor)
        return vms_engine_check_acting(engine, writing, error);
    if (writing && engine->read_only)
        return vms_fail(error, VMSNAP_E_PERMISSION, "the context is read-only");
    return TRUE;
}

static gboolean
in_use(GError **error, const char *reason, const VmsFileUser *user, const char *how)
{
    g_autofree char *holder = vms_holder_describe(&user->holder);

    vms_refuse(error, VMSNAP_E_IN_USE, reason, "'%s' is %s %s", user->path, how, holder);
    if (error)
        vms_error_set_object(*error, user->path);
    return FALSE;
}

static gboolean
is_same(VmsEngine *engine, const VmsDisk *disk, const char *path, const VmsFileId *file)
{
    g_autofree char *settled = NULL;
    VmsFileId own = { 0 };

    if (!disk->path || !vms_disk_is_owned(disk))
        return FALSE;
    settled = vms_inventory_settle(disk->path);
    return strcmp(settled, path) == 0 ||
           (vms_volume_identify(engine->drivers->volume, settled, &own, NULL) &&
            vms_file_id_same(&own, file));
}

static const VmsDisk *
find_disk(VmsEngine *engine, const GPtrArray *disks, const char *path, const VmsFileId *file)
{
    for (guint i = 0; disks && i < disks->len; i++) {
        if (is_same(engine, disks->pdata[i], path, file))
            return disks->pdata[i];
    }
    return NULL;
}

/* Somebody refers to the file, but has it for no disk that it could be cut as. */
static gboolean
refuse_user(VmsEngine *engine, const VmsFileUser *user, const char *path, const VmsFileId *file,
            GError **error)
{
    if (user->backing)
        return in_use(error, "BackingOfOther", user, "a layer below a disk of");
    if (!user->holder.vm)
        return in_use(error, "AttachedElsewhere", user, "held by");
    if (find_disk(engine, user->holder.vm->disks, path, file))
        return in_use(error, "BlockDevicesNotReady", user, "a disk at the next start only of");
    return in_use(error, "InUse", user, "read-only media or firmware of");
}

gboolean
vms_disk_find_owner(VmsEngine *engine, const VmsInventory *inventory, const char *path,
                    const VmsFileId *file, const VmsVm **ret_vm, const VmsDisk **ret_disk,
                    GError **error)
{
    g_autoptr(GArray) users = vms_inventory_list_users(inventory, path, file);
    const VmsFileUser *other = NULL;

    *ret_vm = NULL;
    *ret_disk = NULL;
    for (guint i = 0; i < users->len; i++) {
        const VmsFileUser *user = &g_array_index(users, VmsFileUser, i);
        const VmsVm *vm = user->backing ? NULL : user->holder.vm;
        const VmsDisk *disk = vm ? find_disk(engine, vms_vm_current_disks(vm), path, file) : NULL;

        if (!disk)
            other = user;
        else if (!*ret_vm || (vms_vm_is_active(vm) && !vms_vm_is_active(*ret_vm))) {
            *ret_vm = vm;
            *ret_disk = disk;
        }
    }
    return *ret_vm || !other || refuse_user(engine, other, path, file, error);
}

static gboolean
check_unnamed(VmsEngine *engine, const VmsImage *image, GError **error)
{
    g_autoptr(VmsInventory) inventory = NULL;
    const VmsVm *vm = NULL;
    const VmsDisk *disk = NULL;

    if (!engine->drivers->hypervisor)
        return TRUE;
    if (!vms_inventory_collect(engine, &inventory, error) ||
        !vms_disk_find_owner(engine, inventory, image->path, &image->file, &vm, &disk, error))
        return FALSE;
    if (!vm)
        return TRUE;
    vms_refuse(error, VMSNAP_E_IN_USE, "AttachedElsewhere", "'%s' is disk %s/%s now", image->path,
               vm->name, disk->target);
    if (error)
        vms_error_set_object(*error, image->path);
    return FALSE;
}

/* Path and format of the layer below; a format that is not written down is not guessed: what a
 * guest wrote into a raw image may look like another. */
static gboolean
inspect_below(VmsEngine *engine, const VmsImage *image, VmsImage **ret_below, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(image->path);
    g_autofree char *path = g_path_is_absolute(image->backing)
                                ? g_strdup(image->backing)
                                : g_build_filename(folder, image->backing, NULL);

    if (!image->backing_format)
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ImageUnsupported",
                          "'%s' does not say what format the layer below it has", image->path);
    return vms_volume_inspect(engine->drivers->volume, path, image->backing_format, ret_below,
                              error);
}

static gboolean
check_layer(VmsEngine *engine, const VmsImage *layer, GError **error)
{
    g_auto(VmsImageUse) use = { 0 };

    if (!vms_volume_read_use(engine->drivers->volume, layer->path, &use, error))
        return FALSE;
    return !use.writer ||
           vms_refuse(error, VMSNAP_E_BUSY, "OpenElsewhere",
                      "the layer '%s' is open for writing in %s", layer->path,
                      use.holders && use.holders->len > 0 ? (const char *)use.holders->pdata[0]
                                                          : "another process");
}

/* What the layers below allocate. */
static gboolean
add_chain(VmsEngine *engine, VmsSurveyDisk *self, GError **error)
{
    g_autoptr(VmsImage) layer = vms_image_copy(self->image);

    self->allocated = self->image->file.allocated;
    for (guint depth = 0; layer->backing; depth++) {
        VmsImage *below = NULL;

        if (depth == CHAIN_LIMIT)
            return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ImageUnsupported",
                              "'%s' has more than %d layers", self->path, CHAIN_LIMIT);
        if (!inspect_below(engine, layer, &below, error))
            return FALSE;
        vms_image_free(layer);
        layer = below;
        self->allocated += layer->file.allocated;
        if (!check_layer(engine, layer, error))
            return FALSE;
    }
    return TRUE;
}

static VmsDisk *
describe(const VmsImage *image)
{
    VmsDisk *disk = vms_disk_new(VMS_DISK_TARGET);

    disk->source = image->block_device ? VMS_SOURCE_BLOCK : VMS_SOURCE_FILE;
    disk->format = g_strdup(image->format);
    disk->path = g_strdup(image->path);
    return disk;
}

static gboolean
place(VmsEngine *engine, const VmsSnapshotRequest *request, VmsSurveyDisk *self, GError **error)
{
    VmsDisk named = *self->disk;
    VmsPlacementInput input = {
        .disk = &named,
        .image = self->image,
        .place = &self->place,
        .wanted = request->method,
    };

    named.target = self->path; /* so that a refusal names it */
    if (!vms_layout_place(request->store, self->image, self->path, &self->folder, error) ||
        !add_chain(engine, self, error) ||
        !vms_volume_read_place(engine->drivers->volume, self->path, self->folder, &self->place,
                               error))
        return FALSE;
    input.allocated = self->allocated;
    return vms_placement_choose(&input, &self->placement, error);
}

static gboolean
read_open(VmsEngine *engine, const char *path, gboolean *ret_open, GError **error)
{
    g_autoptr(VmsHold) hold = NULL;
    g_autoptr(GError) refused = NULL;

    *ret_open = FALSE;
    if (vms_volume_hold(engine->drivers->volume, path, VMS_HOLD_READ, &hold, &refused))
        return TRUE;
    *ret_open = vms_error_get_code(refused) == VMSNAP_E_BUSY;
    if (!*ret_open)
        g_propagate_error(error, g_steal_pointer(&refused));
    return *ret_open;
}

gboolean
vms_disk_survey(VmsEngine *engine, const VmsSnapshotRequest *request, VmsSurvey **ret_survey,
                gboolean *ret_open, GError **error)
{
    g_autoptr(VmsSurvey) survey = vms_survey_new();
    VmsSurveyDisk *self = vms_survey_disk_new();

    g_ptr_array_add(survey->disks, self);
    if (!vms_volume_inspect(engine->drivers->volume, request->path, request->format, &self->image,
                            error))
        return FALSE;
    self->path = g_strdup(self->image->path);
    self->name = g_strdup(self->path);
    survey->alone = describe(self->image);
    self->disk = survey->alone;
    if (!check_unnamed(engine, self->image, error) || !place(engine, request, self, error) ||
        !vms_survey_check_space(survey, error) || !read_open(engine, self->path, ret_open, error))
        return FALSE;
    *ret_survey = g_steal_pointer(&survey);
    return TRUE;
}

gboolean
vms_disk_survey_again(VmsEngine *engine, const VmsSurvey *survey, GError **error)
{
    const VmsSurveyDisk *disk = survey->disks->pdata[0];
    VmsFileId now = { 0 };

    if (!vms_volume_identify(engine->drivers->volume, disk->path, &now, error) ||
        !check_unnamed(engine, disk->image, error))
        return FALSE;
    return vms_file_id_unchanged(&now, &disk->image->file) ||
           vms_refuse(error, VMSNAP_E_BUSY, "StateChanged",
                      "'%s' was changed while its snapshot was taken", disk->path);
}
