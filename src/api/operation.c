/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/reading.h"
#include "record/view.h"

#include <vmsnap/operation.h>

vmsnap_operation *
vms_operation_handle_new(vmsnap_context *context, VmsOperation *operation)
{
    vmsnap_operation *made = g_new0(vmsnap_operation, 1);

    vms_handle_init(&made->handle, VMS_MAGIC_OPERATION, context);
    made->operation = operation;
    made->json = vms_view_operation(operation);
    return made;
}

const char *
vmsnap_operation_get_uuid(const vmsnap_operation *operation)
{
    return vms_handle_is(operation, VMS_MAGIC_OPERATION) ? operation->operation->uuid : NULL;
}

const char *
vmsnap_operation_get_type(const vmsnap_operation *operation)
{
    return vms_handle_is(operation, VMS_MAGIC_OPERATION) ? operation->operation->type : NULL;
}

vmsnap_operation_phase
vmsnap_operation_get_phase(const vmsnap_operation *operation)
{
    return vms_handle_is(operation, VMS_MAGIC_OPERATION) ? operation->operation->phase
                                                         : VMSNAP_OPERATION_FAILED;
}

const char *
vmsnap_operation_get_json(const vmsnap_operation *operation)
{
    return vms_handle_is(operation, VMS_MAGIC_OPERATION) ? operation->json : NULL;
}

vmsnap_operation *
vmsnap_operation_ref(vmsnap_operation *operation)
{
    return vms_handle_ref(operation, VMS_MAGIC_OPERATION);
}

void
vmsnap_operation_unref(vmsnap_operation *operation)
{
    if (!vms_handle_drop(operation, VMS_MAGIC_OPERATION))
        return;
    vms_operation_free(operation->operation);
    g_free(operation->json);
    vms_handle_free(&operation->handle);
}

size_t
vmsnap_operation_list_get_count(const vmsnap_operation_list *list)
{
    return vms_handle_list_count(list, VMS_MAGIC_OPERATION_LIST);
}

vmsnap_operation *
vmsnap_operation_list_get_item(const vmsnap_operation_list *list, size_t index)
{
    return vms_handle_list_item(list, VMS_MAGIC_OPERATION_LIST, index);
}

vmsnap_operation_list *
vmsnap_operation_list_ref(vmsnap_operation_list *list)
{
    return vms_handle_ref(list, VMS_MAGIC_OPERATION_LIST);
}

void
vmsnap_operation_list_unref(vmsnap_operation_list *list)
{
    vms_handle_list_unref(list, VMS_MAGIC_OPERATION_LIST);
}
