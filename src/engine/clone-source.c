/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/clone-survey.h"
#include "engine/image-state.h"
#include "engine/part-state.h"
#include "engine/part-survey.h"

#include <string.h>

/* ---- a VM as it is ---- */

/* One that is no file of ours has no image. */
static VmsImage *
read_image(VmsEngine *engine, const VmsDisk *disk)
{
    VmsVolume *volume = engine->drivers->volume;
    VmsImage *image = NULL;

    if (disk->source != VMS_SOURCE_FILE || !disk->path || !disk->format || disk->has_data_file ||
        !vms_volume_inspect(volume, disk->path, disk->format, &image, NULL))
        return NULL;
    return image;
}

static VmsSnapshotDisk *
read_disk(VmsEngine *engine, const VmsVm *vm, const VmsDisk *disk)
{
    VmsSnapshotDisk *stored = vms_snapshot_disk_new(disk->target);

    stored->name = g_strdup_printf("%s/%s", vm->name, disk->target);
    stored->source = g_strdup(disk->path ? disk->path : disk->volume);
    stored->image = read_image(engine, disk);
    if (stored->image) {
        stored->origin = vms_image_copy(stored->image);
        vms_volume_read_owner(engine->drivers->volume, disk->path, &stored->origin->file, NULL);
    }
    return stored;
}

/* What it owns is copied from where it is: that is where it is "stored". */
static gboolean
read_parts(VmsEngine *engine, const VmsVm *vm, VmsSnapshot *snapshot, GError **error)
{
    if (!vms_part_survey(engine, vm, snapshot->parts, error))
        return FALSE;
    for (guint i = 0; i < snapshot->parts->len; i++) {
        VmsPart *part = snapshot->parts->pdata[i];

        part->stored = g_strdup(part->source);
        if (!vms_volume_identify(engine->drivers->volume, part->source, &part->file, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
vms_clone_read_vm(VmsEngine *engine, const char *vm_uuid, VmsVm **ret_vm,
                  VmsSnapshot **ret_snapshot, GError **error)
{
    VmsHypervisor *hv = engine->drivers->hypervisor;
    g_autoptr(VmsSnapshot) snapshot = NULL;
    g_autoptr(VmsVm) vm = NULL;

    if (!vms_hypervisor_find_vm(hv, vm_uuid, !hv->read_only && !engine->read_only, &vm, error))
        return FALSE;
    snapshot = vms_snapshot_new(vm->uuid, vm->name);
    vms_snapshot_name_vm(snapshot, vm);
    snapshot->subject = VMSNAP_SNAPSHOT_KIND_VM;
    snapshot->phase = VMSNAP_SNAPSHOT_READY;
    snapshot->inactive_xml = g_strdup(vm->inactive_xml);
    snapshot->live_xml = g_strdup(vm->live_xml);
    for (guint i = 0; i < vm->disks->len; i++) {
        const VmsDisk *disk = vm->disks->pdata[i];

        if (vms_disk_is_owned(disk))
            g_ptr_array_add(snapshot->disks, read_disk(engine, vm, disk));
    }
    if (!read_parts(engine, vm, snapshot, error))
        return FALSE;
    *ret_vm = g_steal_pointer(&vm);
    *ret_snapshot = g_steal_pointer(&snapshot);
    return TRUE;
}

/* ---- what is copied of it ---- */

/* NULL: the configuration does not name the file. */
static const VmsDisk *
find_configured(const VmsCloneInput *input, const char *path)
{
    for (guint i = 0; path && i < input->needs->disks->len; i++) {
        const VmsDisk *disk = input->needs->disks->pdata[i];

        if (g_strcmp0(disk->path, path) == 0 || g_strcmp0(disk->volume, path) == 0)
            return disk;
    }
    return NULL;
}

/* A hypervisor that cannot tell has what its snapshot has. */
static gboolean
is_configured(const VmsCloneInput *input, const char *path)
{
    return input->needs->disks->len == 0 || find_configured(input, path);
}

static VmsNamed *
add_resource(VmsCloneInput *input, VmsNamedKind kind, const char *what, const char *target)
{
    VmsNamed *named = vms_named_new(kind, what, target);

    g_ptr_array_add(input->resources, named);
    return named;
}

static void
refuse_item(VmsCloneItem *item, const char *reason, const char *why)
{
    item->fault = g_strdup(why);
    item->fault_reason = g_strdup(reason);
}

/* As it is now: a stored one that is not whole any more is told as lost. */
static void
read_state(VmsEngine *engine, const VmsCloneInput *input, VmsCloneItem *item)
{
    const VmsSnapshotDisk *stored = item->input.stored;
    g_autoptr(GError) fault = NULL;

    if (input->vm)
        item->input.image = stored->image->file;
    else if (item->part && !vms_part_state_check(engine, item->part, FALSE, &fault))
        item->input.image_fault = g_strdup(fault->message);
    else if (!vms_image_state_check(engine, stored, &item->input.image, &fault))
        item->input.image_fault = g_strdup(fault->message);
}

static void
add_disk(VmsEngine *engine, VmsCloneInput *input, const VmsSnapshotDisk *stored)
{
    VmsCloneItem *item = vms_clone_item_new("VirtualDisk", stored->name, stored->source);

    g_ptr_array_add(input->items, item);
    item->input.snapshot = input->snapshot;
    item->input.stored = stored;
    if (!stored->image) {
        refuse_item(item, "TargetUnsupported", "it is no image file of a kind that is copied here");
        return;
    }
    item->named = add_resource(input, VMS_NAMED_DISK, stored->source, stored->target);
    if (stored->image->block_device || stored->origin->block_device)
        refuse_item(item, "TargetUnsupported", "it is a block device, not a file");
    else
        read_state(engine, input, item);
}

/* A small file, copied as it is. */
static VmsSnapshotDisk *
as_image(VmsEngine *engine, const VmsPart *part)
{
    VmsSnapshotDisk *own = vms_snapshot_disk_new(vms_part_kind_word(part->kind));

    own->name = g_strdup(part->source);
    own->source = g_strdup(part->source);
    if (!vms_volume_inspect(engine->drivers->volume, part->stored, "raw", &own->image, NULL))
        own->image = vms_image_new(part->stored, "raw");
    own->origin = vms_image_new(part->source, "raw");
    own->origin->virtual_size = own->image->virtual_size;
    own->origin->file = part->origin;
    return own;
}

static void
add_part(VmsEngine *engine, VmsCloneInput *input, const VmsPart *part)
{
    const VmsDisk *drive = find_configured(input, part->source);
    VmsCloneItem *item =
        vms_clone_item_new(vms_part_kind_name(part->kind), part->source, part->source);

    g_ptr_array_add(input->items, item);
    item->part = part;
    item->own = as_image(engine, part);
    item->input.snapshot = input->snapshot;
    item->input.stored = item->own;
    if (part->kind == VMS_PART_NVRAM)
        item->named = add_resource(input, VMS_NAMED_NVRAM, part->source, NULL);
    else if (part->kind == VMS_PART_SECRET)
        item->named =
            add_resource(input, VMS_NAMED_SECRET, part->source, drive ? drive->target : NULL);
    read_state(engine, input, item);
}

void
vms_clone_read_items(VmsEngine *engine, VmsCloneInput *input)
{
    const VmsSnapshot *snapshot = input->snapshot;

    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *stored = snapshot->disks->pdata[i];

        if (is_configured(input, stored->source))
            add_disk(engine, input, stored);
    }
    for (guint i = 0; i < snapshot->parts->len; i++) {
        const VmsPart *part = snapshot->parts->pdata[i];

        if (part->kind != VMS_PART_SECRET || is_configured(input, part->source))
            add_part(engine, input, part);
    }
}
