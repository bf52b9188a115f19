/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/restore-case.h"

void
restore_case_clear(RestoreCase *self)
{
    vms_snapshot_free(self->snapshot);
    vms_inventory_free(self->inventory);
    g_ptr_array_unref(self->input.disks);
    g_ptr_array_unref(self->input.bases);
    g_ptr_array_unref(self->input.parts);
    g_ptr_array_unref(self->input.later);
    vms_needs_free(self->input.needs);
}

static VmsVm *
add_vm(GPtrArray *vms, const char *uuid, const char *name, const char *path)
{
    VmsVm *vm = vms_vm_new(uuid, name);
    VmsDisk *disk = vms_disk_new("vda");

    vm->persistent = TRUE;
    vm->state = VMSNAP_VM_OFF;
    vm->inactive_xml = g_strdup_printf("<domain><name>%s</name></domain>", name);
    disk->source = VMS_SOURCE_FILE;
    disk->path = g_strdup(path);
    g_ptr_array_add(vm->disks, disk);
    g_ptr_array_add(vms, vm);
    return vm;
}

void
restore_case_init(RestoreCase *self)
{
    GPtrArray *vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);
    VmsSnapshotDisk *stored = vms_snapshot_disk_new("vda");

    self->vm = add_vm(vms, RESTORE_CASE_UUID, "web", "/srv/web.qcow2");
    self->other = add_vm(vms, RESTORE_CASE_OTHER_UUID, "db", "/srv/db.qcow2");
    self->inventory = vms_inventory_new(vms);
    self->snapshot = vms_snapshot_new("33333333-3333-4333-8333-333333333333", "daily");
    self->snapshot->vm_uuid = g_strdup(RESTORE_CASE_UUID);
    self->snapshot->vm_name = g_strdup("web");
    self->snapshot->phase = VMSNAP_SNAPSHOT_READY;
    self->snapshot->inactive_xml = g_strdup("<domain/>");
    stored->name = g_strdup("web/vda");
    stored->source = g_strdup("/srv/web.qcow2");
    stored->origin = vms_image_new("/srv/web.qcow2", "qcow2");
    stored->image = vms_image_new("/srv/.vmsnap/x/vda.qcow2", "qcow2");
    stored->image->file.allocated = 10 * RESTORE_CASE_MIB;
    g_ptr_array_add(self->snapshot->disks, stored);
    self->disk = g_new0(VmsRestoreDisk, 1);
    self->disk->stored = stored;
    self->disk->path = g_strdup("/srv/web.qcow2");
    self->disk->referenced = TRUE;
    self->disk->exists = TRUE;
    self->disk->file.ino = 7;
    self->disk->place.free_bytes = 1000 * RESTORE_CASE_MIB;
    self->input.snapshot = self->snapshot;
    self->input.inventory = self->inventory;
    self->input.vm = self->vm;
    self->input.asked = "web";
    self->input.disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_restore_disk_free);
    self->input.bases = g_ptr_array_new_with_free_func((GDestroyNotify)vms_restore_base_free);
    self->input.later = g_ptr_array_new_with_free_func(g_free);
    self->input.parts = g_ptr_array_new_with_free_func((GDestroyNotify)vms_restore_part_free);
    self->input.needs = vms_needs_new();
    g_ptr_array_add(self->input.disks, self->disk);
}

guint32
restore_case_other(const RestoreCase *self)
{
    return vms_inventory_holder_of(self->inventory, RESTORE_CASE_OTHER_UUID);
}
