/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/part-survey.h"

#include "engine/inventory.h"
#include "model/name.h"

/* One VM's survey. */
typedef struct {
    VmsEngine *engine;
    const VmsVm *vm;
    GPtrArray *parts;
    VmsInventory *inventory; /* collected when it is asked for */
} Reading;

static void
reading_clear(Reading *self)
{
    g_clear_pointer(&self->inventory, vms_inventory_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reading, reading_clear)

/* One that was never started has none of its files yet. */
static void
add_part(const Reading *self, VmsPartKind kind, const char *path)
{
    VmsVolume *volume = self->engine->drivers->volume;
    g_autoptr(VmsPart) part = vms_part_new(kind, path);

    if (!path || !vms_name_check_path(path, NULL) || vms_parts_find(self->parts, path) ||
        !vms_volume_identify(volume, path, &part->origin, NULL))
        return;
    vms_volume_read_owner(volume, path, &part->origin, NULL);
    g_ptr_array_add(self->parts, g_steal_pointer(&part));
}

/* ---- Secrets ---- */

/* A floppy that its guest may write to is none. */
static gboolean
is_read_only_file(const VmsDisk *disk)
{
    return !vms_disk_is_owned(disk) && disk->source == VMS_SOURCE_FILE && disk->path &&
           (disk->device == VMS_DEVICE_CDROM || disk->readonly);
}

/* What cannot be read now is an image like any other. */
static gboolean
is_seed(const Reading *self, const VmsDisk *disk, VmsFileId *ret_file)
{
    VmsVolume *volume = self->engine->drivers->volume;
    const char *format = disk->format ? disk->format : "raw";
    g_autoptr(VmsImage) image = NULL;
    gboolean seed = FALSE;

    if (!is_read_only_file(disk) || !vms_volume_identify(volume, disk->path, ret_file, NULL) ||
        ret_file->size > VMS_PART_LIMIT ||
        !vms_volume_inspect(volume, disk->path, format, &image, NULL) || image->block_device ||
        image->backing || image->virtual_size > VMS_PART_LIMIT)
        return FALSE;
    return vms_media_probe_seed(self->engine->drivers->media, image, &seed, NULL) && seed;
}

/* What other VMs are configured from as well is no VM's own. Few have such media at all: only for
 * them all VMs are looked through. */
static gboolean
is_shared(Reading *self, const char *path, const VmsFileId *file, gboolean *ret_shared,
          GError **error)
{
    VmsFileUser user = { 0 };

    if (!self->inventory && !vms_inventory_collect(self->engine, &self->inventory, error))
        return FALSE;
    *ret_shared = vms_inventory_find_user(self->inventory, self->vm->uuid, path, file, &user);
    return TRUE;
}

static gboolean
add_secrets(Reading *self, const GPtrArray *disks, GError **error)
{
    for (guint i = 0; disks && i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];
        VmsFileId file = { 0 };
        gboolean shared = FALSE;

        if (!is_seed(self, disk, &file))
            continue;
        if (!is_shared(self, disk->path, &file, &shared, error))
            return FALSE;
        if (!shared)
            add_part(self, VMS_PART_SECRET, disk->path);
    }
    return TRUE;
}

gboolean
vms_part_survey(VmsEngine *engine, const VmsVm *vm, GPtrArray *parts, GError **error)
{
    g_auto(Reading) self = { .engine = engine, .vm = vm, .parts = parts };

    add_part(&self, VMS_PART_NVRAM, vm->nvram);
    add_part(&self, VMS_PART_TPM, vm->tpm_state);
    return add_secrets(&self, vm->disks, error) && add_secrets(&self, vm->live_disks, error);
}
