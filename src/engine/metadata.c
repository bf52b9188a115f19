/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/metadata.h"

gboolean
vms_metadata_note(VmsEngine *engine, VmsOperation *operation, GError **error)
{
    g_autoptr(GPtrArray) found = NULL;

    if (!vms_hypervisor_list_metadata(engine->drivers->hypervisor, operation->vm_uuid, &found,
                                      error))
        return FALSE;
    g_ptr_array_unref(operation->old_metadata);
    operation->old_metadata = g_steal_pointer(&found);
    return TRUE;
}

/* Those of @list that are there. Lists are in an order in which each can be made: backwards, each
 * can go. */
static gboolean
drop(VmsEngine *engine, const char *vm_uuid, const GPtrArray *list, GError **error)
{
    VmsHypervisor *hv = engine->drivers->hypervisor;
    g_autoptr(GPtrArray) there = NULL;

    if (list->len == 0)
        return TRUE;
    if (!vms_hypervisor_list_metadata(hv, vm_uuid, &there, error))
        return FALSE;
    for (guint i = there->len; i > 0; i--) {
        const VmsMetadata *item = there->pdata[i - 1];

        if (vms_metadata_find(list, item) &&
            !vms_hypervisor_drop_metadata(hv, vm_uuid, item, error))
            return FALSE;
    }
    return TRUE;
}

/* Those of @list that are not there. */
static gboolean
define(VmsEngine *engine, const char *vm_uuid, const GPtrArray *list, GError **error)
{
    VmsHypervisor *hv = engine->drivers->hypervisor;
    g_autoptr(GPtrArray) there = NULL;

    if (list->len == 0)
        return TRUE;
    if (!vms_hypervisor_list_metadata(hv, vm_uuid, &there, error))
        return FALSE;
    for (guint i = 0; i < list->len; i++) {
        const VmsMetadata *item = list->pdata[i];

        if (!vms_metadata_find(there, item) &&
            !vms_hypervisor_define_metadata(hv, vm_uuid, item, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
vms_metadata_configure(VmsEngine *engine, const VmsOperation *operation, gboolean old,
                       GError **error)
{
    const char *uuid = operation->vm_uuid;
    const GPtrArray *gone = old ? operation->new_metadata : operation->old_metadata;
    const GPtrArray *come = old ? operation->old_metadata : operation->new_metadata;

    /* What came halfway goes as well: names may be the same, and each knows its parent. */
    return drop(engine, uuid, gone, error) && drop(engine, uuid, come, error) &&
           vms_hypervisor_define(engine->drivers->hypervisor,
                                 old ? operation->old_xml : operation->new_xml, error) &&
           define(engine, uuid, come, error);
}
