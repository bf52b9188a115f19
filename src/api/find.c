/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/context.h"
#include "api/fail.h"
#include "api/reading.h"
#include "base/error.h"

#include <limits.h>
#include <string.h>

#include <vmsnap/disk.h>

/* Longer than any name of a VM or snapshot: 200 bytes and some. */
#define MOST_KEY 255

static gboolean
need_key(const char *key, const char *what, GError **error)
{
    if (!vms_need(key && *key, what, error))
        return FALSE;
    if (strnlen(key, MOST_KEY + 1) > MOST_KEY || !g_utf8_validate(key, -1, NULL))
        return vms_fail(error, VMSNAP_E_INVALID, "%s is not a name: too long, or not UTF-8", what);
    return TRUE;
}

/* A disk's name may be a path, which is bytes. */
static gboolean
need_disk(const char *disk, GError **error)
{
    if (!vms_need(disk && *disk, "the disk", error))
        return FALSE;
    if (strnlen(disk, PATH_MAX) >= PATH_MAX)
        return vms_fail(error, VMSNAP_E_INVALID, "the disk's name is longer than a path");
    for (const char *at = disk; *at; at++)
        if ((guchar)*at < 0x20 || *at == 0x7f)
            return vms_fail(error, VMSNAP_E_INVALID, "the disk's name has a control character");
    return TRUE;
}

static gboolean
check_format(const char *format, GError **error)
{
    return !format || strcmp(format, "raw") == 0 || strcmp(format, "qcow2") == 0 ||
           vms_fail(error, VMSNAP_E_INVALID, "the format is neither raw nor qcow2");
}

int
vmsnap_context_find_disk(vmsnap_context *context, const char *disk, const char *format,
                         vmsnap_disk **ret_disk, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    VmsDiskInfo *found = NULL;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) || !need_disk(disk, &error) ||
        !check_format(format, &error) || !vms_need(ret_disk != NULL, "ret_disk", &error) ||
        !vms_engine_find_disk(&context->engine, disk, format, &found, &error))
        return vms_api_fail(ret_error, error);
    *ret_disk = vms_disk_handle_new(context, found);
    return VMSNAP_OK;
}

int
vmsnap_context_find_vm(vmsnap_context *context, const char *vm, vmsnap_vm **ret_vm,
                       vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    VmsVm *found = NULL;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !need_key(vm, "the VM", &error) || !vms_need(ret_vm != NULL, "ret_vm", &error) ||
        !vms_call_need_hypervisor(&call, &error) ||
        !vms_hypervisor_find_vm(context->drivers->hypervisor, vm, FALSE, &found, &error))
        return vms_api_fail(ret_error, error);
    *ret_vm = vms_vm_handle_new(context, found);
    return VMSNAP_OK;
}

static void
release_vm(void *vm)
{
    vmsnap_vm_unref(vm);
}

static void
release_disk(void *disk)
{
    vmsnap_disk_unref(disk);
}

static void
release_snapshot(void *snapshot)
{
    vmsnap_snapshot_unref(snapshot);
}

static void
release_operation(void *operation)
{
    vmsnap_operation_unref(operation);
}

static void *
wrap_vm(vmsnap_context *context, void *vm)
{
    return vms_vm_handle_new(context, vm);
}

static void *
wrap_disk(vmsnap_context *context, void *disk)
{
    return vms_disk_handle_new(context, disk);
}

static void *
wrap_snapshot(vmsnap_context *context, void *snapshot)
{
    return vms_snapshot_handle_new(context, snapshot);
}

static void *
wrap_operation(vmsnap_context *context, void *operation)
{
    return vms_operation_handle_new(context, operation);
}

/* Handles around what @models holds; its items move into them. */
static void *
list_of(vmsnap_context *context, VmsMagic magic, GPtrArray *models,
        void *(*wrap)(vmsnap_context *, void *), GDestroyNotify release)
{
    GPtrArray *handles = g_ptr_array_new_with_free_func(release);

    for (guint i = 0; i < models->len; i++)
        g_ptr_array_add(handles, wrap(context, g_ptr_array_index(models, i)));
    g_ptr_array_set_free_func(models, NULL);
    return vms_handle_list_new(context, magic, handles);
}

int
vmsnap_context_list_vms(vmsnap_context *context, vmsnap_vm_list **ret_list,
                        vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) vms = NULL;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_need(ret_list != NULL, "ret_list", &error) ||
        !vms_call_need_hypervisor(&call, &error) ||
        !vms_hypervisor_list_vms(context->drivers->hypervisor, FALSE, &vms, &error))
        return vms_api_fail(ret_error, error);
    *ret_list = list_of(context, VMS_MAGIC_VM_LIST, vms, wrap_vm, release_vm);
    return VMSNAP_OK;
}

int
vmsnap_context_list_disks(vmsnap_context *context, const char *vm, vmsnap_disk_list **ret_list,
                          vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) disks = NULL;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        (vm && !need_key(vm, "the VM", &error)) ||
        !vms_need(ret_list != NULL, "ret_list", &error) ||
        !vms_call_need_hypervisor(&call, &error) ||
        !vms_engine_list_disks(&context->engine, vm, &disks, &error))
        return vms_api_fail(ret_error, error);
    *ret_list = list_of(context, VMS_MAGIC_DISK_LIST, disks, wrap_disk, release_disk);
    return VMSNAP_OK;
}

static int
find_snapshot(vmsnap_context *context, vmsnap_snapshot_kind kind, const char *name,
              vmsnap_snapshot **ret_snapshot, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    VmsSnapshot *found = NULL;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !need_key(name, "the snapshot", &error) ||
        !vms_need(ret_snapshot != NULL, "ret_snapshot", &error) ||
        !vms_call_need_records(&call, &error) ||
        !vms_engine_find_snapshot(&context->engine, kind, name, &found, &error))
        return vms_api_fail(ret_error, error);
    *ret_snapshot = vms_snapshot_handle_new(context, found);
    return VMSNAP_OK;
}

int
vmsnap_context_find_snapshot(vmsnap_context *context, const char *snapshot,
                             vmsnap_snapshot **ret_snapshot, vmsnap_error **ret_error)
{
    return find_snapshot(context, VMSNAP_SNAPSHOT_KIND_VM, snapshot, ret_snapshot, ret_error);
}

int
vmsnap_context_find_disk_snapshot(vmsnap_context *context, const char *snapshot,
                                  vmsnap_snapshot **ret_snapshot, vmsnap_error **ret_error)
{
    return find_snapshot(context, VMSNAP_SNAPSHOT_KIND_DISK, snapshot, ret_snapshot, ret_error);
}

/* The list, or NULL with the error set. */
static void *
list_snapshots(const VmsCall *call, vmsnap_snapshot_kind kind, const char *of, GError **error)
{
    g_autoptr(GPtrArray) snapshots = NULL;

    if (!vms_call_need_records(call, error) ||
        !vms_engine_list_snapshots(&call->context->engine, kind, of, &snapshots, error))
        return NULL;
    return list_of(call->context, VMS_MAGIC_SNAPSHOT_LIST, snapshots, wrap_snapshot,
                   release_snapshot);
}

vmsnap_snapshot_list *
vms_snapshot_list_handle_new(vmsnap_context *context, GPtrArray *snapshots)
{
    return list_of(context, VMS_MAGIC_SNAPSHOT_LIST, snapshots, wrap_snapshot, release_snapshot);
}

int
vmsnap_context_list_snapshots(vmsnap_context *context, const char *vm,
                              vmsnap_snapshot_list **ret_list, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    vmsnap_snapshot_list *list = NULL;

    if (vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) &&
        (!vm || need_key(vm, "the VM", &error)) && vms_need(ret_list != NULL, "ret_list", &error))
        list = list_snapshots(&call, VMSNAP_SNAPSHOT_KIND_VM, vm, &error);
    if (!list)
        return vms_api_fail(ret_error, error);
    *ret_list = list;
    return VMSNAP_OK;
}

int
vmsnap_context_list_disk_snapshots(vmsnap_context *context, const char *disk,
                                   vmsnap_snapshot_list **ret_list, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    vmsnap_snapshot_list *list = NULL;

    if (vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) &&
        (!disk || need_disk(disk, &error)) && vms_need(ret_list != NULL, "ret_list", &error))
        list = list_snapshots(&call, VMSNAP_SNAPSHOT_KIND_DISK, disk, &error);
    if (!list)
        return vms_api_fail(ret_error, error);
    *ret_list = list;
    return VMSNAP_OK;
}

int
vmsnap_context_find_operation(vmsnap_context *context, const char *uuid,
                              vmsnap_operation **ret_operation, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    VmsOperation *found = NULL;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !need_key(uuid, "the operation", &error) ||
        !vms_need(ret_operation != NULL, "ret_operation", &error) ||
        !vms_call_need_records(&call, &error) ||
        !vms_engine_find_operation(&context->engine, uuid, &found, &error))
        return vms_api_fail(ret_error, error);
    *ret_operation = vms_operation_handle_new(context, found);
    return VMSNAP_OK;
}

int
vmsnap_context_list_operations(vmsnap_context *context, vmsnap_operation_list **ret_list,
                               vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) operations = NULL;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_need(ret_list != NULL, "ret_list", &error) || !vms_call_need_records(&call, &error) ||
        !vms_engine_list_operations(&context->engine, &operations, &error))
        return vms_api_fail(ret_error, error);
    *ret_list =
        list_of(context, VMS_MAGIC_OPERATION_LIST, operations, wrap_operation, release_operation);
    return VMSNAP_OK;
}
