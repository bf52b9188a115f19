/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/vm.h"

#include <string.h>

VmsBacking *
vms_backing_new(const char *path, const char *format)
{
    VmsBacking *backing = g_new0(VmsBacking, 1);

    backing->path = g_strdup(path);
    backing->format = g_strdup(format);
    return backing;
}

void
vms_backing_free(VmsBacking *backing)
{
    if (!backing)
        return;
    g_free(backing->path);
    g_free(backing->format);
    g_free(backing);
}

VmsDisk *
vms_disk_new(const char *target)
{
    VmsDisk *disk = g_new0(VmsDisk, 1);

    disk->target = g_strdup(target);
    disk->backing = g_ptr_array_new_with_free_func((GDestroyNotify)vms_backing_free);
    return disk;
}

void
vms_disk_free(VmsDisk *disk)
{
    if (!disk)
        return;
    g_free(disk->target);
    g_free(disk->bus);
    g_free(disk->serial);
    g_free(disk->wwn);
    g_free(disk->alias);
    g_free(disk->address);
    g_free(disk->source_type);
    g_free(disk->path);
    g_free(disk->network);
    g_free(disk->volume);
    g_free(disk->format);
    g_ptr_array_unref(disk->backing);
    g_free(disk);
}

VmsNic *
vms_nic_new(void)
{
    return g_new0(VmsNic, 1);
}

void
vms_nic_free(VmsNic *nic)
{
    if (!nic)
        return;
    g_free(nic->mac);
    g_free(nic->type);
    g_free(nic->network);
    g_free(nic->model);
    g_free(nic->alias);
    g_free(nic);
}

VmsVm *
vms_vm_new(const char *uuid, const char *name)
{
    VmsVm *vm = g_new0(VmsVm, 1);

    vm->uuid = g_strdup(uuid);
    vm->name = g_strdup(name);
    vm->domain_id = -1;
    vm->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_disk_free);
    vm->nics = g_ptr_array_new_with_free_func((GDestroyNotify)vms_nic_free);
    return vm;
}

static void
free_boot(VmsVm *vm)
{
    g_free(vm->agent_socket);
    g_free(vm->nvram);
    g_free(vm->tpm_state);
    g_free(vm->loader);
    g_free(vm->kernel);
    g_free(vm->initrd);
    g_free(vm->emulator);
    g_free(vm->machine);
    g_free(vm->genid);
    g_free(vm->cid);
}

void
vms_vm_free(VmsVm *vm)
{
    if (!vm)
        return;
    g_free(vm->uuid);
    g_free(vm->name);
    g_free(vm->state_reason);
    g_free(vm->job);
    free_boot(vm);
    g_free(vm->inactive_xml);
    g_free(vm->live_xml);
    g_clear_pointer(&vm->disks, g_ptr_array_unref);
    g_clear_pointer(&vm->live_disks, g_ptr_array_unref);
    g_clear_pointer(&vm->nics, g_ptr_array_unref);
    g_clear_pointer(&vm->live_nics, g_ptr_array_unref);
    g_free(vm);
}

static const VmsDisk *
find_disk(const GPtrArray *disks, const char *target)
{
    for (guint i = 0; disks && i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        if (g_strcmp0(disk->target, target) == 0)
            return disk;
    }
    return NULL;
}

const VmsDisk *
vms_vm_find_disk(const VmsVm *vm, const char *target)
{
    return find_disk(vm->disks, target);
}

const VmsDisk *
vms_vm_find_live_disk(const VmsVm *vm, const char *target)
{
    return find_disk(vm->live_disks, target);
}

const GPtrArray *
vms_vm_current_disks(const VmsVm *vm)
{
    return vms_vm_is_active(vm) && vm->live_disks ? vm->live_disks : vm->disks;
}

gboolean
vms_disk_is_owned(const VmsDisk *disk)
{
    return (disk->device == VMS_DEVICE_DISK || disk->device == VMS_DEVICE_LUN) &&
           disk->source != VMS_SOURCE_NONE && !disk->readonly;
}

gboolean
vms_vm_may_have_agent(const VmsVm *vm)
{
    return vm->has_agent_channel || vm->agent_socket;
}

gboolean
vms_vm_is_active(const VmsVm *vm)
{
    return vm->domain_id >= 0;
}

const char *
vms_vm_state_name(vmsnap_vm_state state)
{
    switch (state) {
    case VMSNAP_VM_RUNNING:
        return "running";
    case VMSNAP_VM_PAUSED:
        return "paused";
    case VMSNAP_VM_OFF:
        return "off";
    case VMSNAP_VM_STOPPING:
        return "stopping";
    case VMSNAP_VM_CRASHED:
        return "crashed";
    case VMSNAP_VM_PMSUSPENDED:
        return "pmsuspended";
    case VMSNAP_VM_UNKNOWN:
        break;
    }
    return "unknown";
}

gboolean
vms_instance_equal(const VmsInstance *a, const VmsInstance *b)
{
    return a->domain_id == b->domain_id && a->process.pid == b->process.pid &&
           a->process.start == b->process.start;
}

static gboolean
is_same_disk(const VmsDisk *a, const VmsDisk *b)
{
    return strcmp(a->target, b->target) == 0 && a->source == b->source &&
           a->readonly == b->readonly && g_strcmp0(a->path, b->path) == 0 &&
           g_strcmp0(a->network, b->network) == 0 && g_strcmp0(a->format, b->format) == 0;
}

gboolean
vms_vm_has_same_disks(const VmsVm *a, const VmsVm *b)
{
    const GPtrArray *these = vms_vm_current_disks(a);
    const GPtrArray *those = vms_vm_current_disks(b);

    for (guint i = 0; i < these->len && these->len == those->len; i++) {
        if (!is_same_disk(these->pdata[i], those->pdata[i]))
            return FALSE;
    }
    return these->len == those->len;
}
