/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/handle.h"

#include <unistd.h>

#include <vmsnap/context.h>

void
vms_handle_init(VmsHandle *handle, VmsMagic magic, vmsnap_context *context)
{
    handle->magic = magic;
    handle->pid = getpid();
    vms_ref_init(&handle->ref);
    handle->context = context ? vmsnap_context_ref(context) : NULL;
}

gboolean
vms_handle_is(const void *handle, VmsMagic magic)
{
    return handle && ((const VmsHandle *)handle)->magic == (guint32)magic;
}

gboolean
vms_handle_is_forked(const VmsHandle *handle)
{
    return handle->pid != getpid();
}

void *
vms_handle_ref(void *handle, VmsMagic magic)
{
    if (!vms_handle_is(handle, magic))
        return NULL;
    vms_ref_take(&((VmsHandle *)handle)->ref);
    return handle;
}

gboolean
vms_handle_drop(void *handle, VmsMagic magic)
{
    if (!vms_handle_is(handle, magic) || vms_handle_is_forked(handle))
        return FALSE;
    return vms_ref_drop(&((VmsHandle *)handle)->ref);
}

void
vms_handle_free(VmsHandle *handle)
{
    vmsnap_context *context = g_steal_pointer(&handle->context);

    handle->magic = 0;
    g_free(handle);
    vmsnap_context_unref(context);
}

VmsHandleList *
vms_handle_list_new(vmsnap_context *context, VmsMagic magic, GPtrArray *items)
{
    VmsHandleList *list = g_new0(VmsHandleList, 1);

    vms_handle_init(&list->handle, magic, context);
    list->items = items;
    return list;
}

gsize
vms_handle_list_count(const void *list, VmsMagic magic)
{
    return vms_handle_is(list, magic) ? ((const VmsHandleList *)list)->items->len : 0;
}

void *
vms_handle_list_item(const void *list, VmsMagic magic, gsize index)
{
    if (index >= vms_handle_list_count(list, magic))
        return NULL;
    return g_ptr_array_index(((const VmsHandleList *)list)->items, index);
}

void
vms_handle_list_unref(void *list, VmsMagic magic)
{
    if (!vms_handle_drop(list, magic))
        return;
    g_ptr_array_unref(((VmsHandleList *)list)->items);
    vms_handle_free(list);
}
