/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/reading.h"
#include "record/view.h"

#include <vmsnap/vm.h>

vmsnap_vm *
vms_vm_handle_new(vmsnap_context *context, VmsVm *vm)
{
    vmsnap_vm *made = g_new0(vmsnap_vm, 1);

    vms_handle_init(&made->handle, VMS_MAGIC_VM, context);
    made->vm = vm;
    made->json = vms_view_vm(vm);
    return made;
}

const char *
vmsnap_vm_get_name(const vmsnap_vm *vm)
{
    return vms_handle_is(vm, VMS_MAGIC_VM) ? vm->vm->name : NULL;
}

const char *
vmsnap_vm_get_uuid(const vmsnap_vm *vm)
{
    return vms_handle_is(vm, VMS_MAGIC_VM) ? vm->vm->uuid : NULL;
}

vmsnap_vm_state
vmsnap_vm_get_state(const vmsnap_vm *vm)
{
    return vms_handle_is(vm, VMS_MAGIC_VM) ? vm->vm->state : VMSNAP_VM_UNKNOWN;
}

const char *
vmsnap_vm_get_json(const vmsnap_vm *vm)
{
    return vms_handle_is(vm, VMS_MAGIC_VM) ? vm->json : NULL;
}

vmsnap_vm *
vmsnap_vm_ref(vmsnap_vm *vm)
{
    return vms_handle_ref(vm, VMS_MAGIC_VM);
}

void
vmsnap_vm_unref(vmsnap_vm *vm)
{
    if (!vms_handle_drop(vm, VMS_MAGIC_VM))
        return;
    vms_vm_free(vm->vm);
    g_free(vm->json);
    vms_handle_free(&vm->handle);
}

size_t
vmsnap_vm_list_get_count(const vmsnap_vm_list *list)
{
    return vms_handle_list_count(list, VMS_MAGIC_VM_LIST);
}

vmsnap_vm *
vmsnap_vm_list_get_item(const vmsnap_vm_list *list, size_t index)
{
    return vms_handle_list_item(list, VMS_MAGIC_VM_LIST, index);
}

vmsnap_vm_list *
vmsnap_vm_list_ref(vmsnap_vm_list *list)
{
    return vms_handle_ref(list, VMS_MAGIC_VM_LIST);
}

void
vmsnap_vm_list_unref(vmsnap_vm_list *list)
{
    vms_handle_list_unref(list, VMS_MAGIC_VM_LIST);
}
