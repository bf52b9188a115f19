/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/operation.h"

#include <string.h>

VmsRecoveryAct *
vms_recovery_act_new(const char *object, const char *act, const char *message)
{
    VmsRecoveryAct *done = g_new0(VmsRecoveryAct, 1);

    done->object = g_strdup(object);
    done->act = g_strdup(act);
    done->message = g_strdup(message);
    return done;
}

void
vms_recovery_act_free(VmsRecoveryAct *act)
{
    if (!act)
        return;
    g_free(act->object);
    g_free(act->act);
    g_free(act->message);
    g_free(act);
}

VmsExchange *
vms_exchange_new(const char *target, const char *path, const char *next)
{
    VmsExchange *exchange = g_new0(VmsExchange, 1);

    exchange->target = g_strdup(target);
    exchange->path = g_strdup(path);
    exchange->next = g_strdup(next);
    return exchange;
}

void
vms_exchange_free(VmsExchange *exchange)
{
    if (!exchange)
        return;
    g_free(exchange->target);
    g_free(exchange->path);
    g_free(exchange->next);
    g_free(exchange->old_format);
    g_free(exchange->source);
    g_free(exchange);
}

VmsOverlay *
vms_overlay_new(const char *target, const char *path, const char *base, const char *format)
{
    VmsOverlay *overlay = g_new0(VmsOverlay, 1);

    overlay->target = g_strdup(target);
    overlay->path = g_strdup(path);
    overlay->base = g_strdup(base);
    overlay->format = g_strdup(format);
    return overlay;
}

void
vms_overlay_free(VmsOverlay *overlay)
{
    if (!overlay)
        return;
    g_free(overlay->target);
    g_free(overlay->path);
    g_free(overlay->base);
    g_free(overlay->format);
    g_free(overlay);
}

VmsOperation *
vms_operation_new(const char *uuid, const char *type)
{
    VmsOperation *operation = g_new0(VmsOperation, 1);

    operation->uuid = g_strdup(uuid);
    operation->type = g_strdup(type);
    operation->phase = VMSNAP_OPERATION_PENDING;
    operation->folders = g_ptr_array_new_with_free_func(g_free);
    operation->files = g_ptr_array_new_with_free_func(g_free);
    operation->steps = g_ptr_array_new_with_free_func((GDestroyNotify)vms_step_free);
    operation->expected_downtime_us = -1;
    operation->exchanges = g_ptr_array_new_with_free_func((GDestroyNotify)vms_exchange_free);
    operation->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)vms_host_change_free);
    operation->overlays = g_ptr_array_new_with_free_func((GDestroyNotify)vms_overlay_free);
    operation->old_metadata = g_ptr_array_new_with_free_func((GDestroyNotify)vms_metadata_free);
    operation->new_metadata = g_ptr_array_new_with_free_func((GDestroyNotify)vms_metadata_free);
    operation->resources = g_ptr_array_new_with_free_func((GDestroyNotify)vms_finding_free);
    operation->conditions = g_ptr_array_new_with_free_func((GDestroyNotify)vms_condition_free);
    return operation;
}

static void
free_subject(VmsOperation *operation)
{
    g_free(operation->vm_uuid);
    g_free(operation->vm_name);
    g_free(operation->disk);
    g_free(operation->snapshot);
    g_free(operation->snapshot_name);
    g_free(operation->undo_of);
    g_free(operation->boot_id);
    g_free(operation->runtime_dir);
}

void
vms_operation_free(VmsOperation *operation)
{
    if (!operation)
        return;
    g_free(operation->uuid);
    g_free(operation->type);
    free_subject(operation);
    g_ptr_array_unref(operation->folders);
    g_ptr_array_unref(operation->files);
    g_ptr_array_unref(operation->exchanges);
    g_ptr_array_unref(operation->overlays);
    g_ptr_array_unref(operation->hosts);
    vms_new_disk_free(operation->made);
    vms_clone_free(operation->clone);
    g_free(operation->socket);
    g_free(operation->old_xml);
    g_free(operation->new_xml);
    g_free(operation->held_xml);
    g_ptr_array_unref(operation->old_metadata);
    g_ptr_array_unref(operation->new_metadata);
    g_free(operation->nvram);
    g_free(operation->plan_hash);
    g_ptr_array_unref(operation->steps);
    g_ptr_array_unref(operation->resources);
    g_ptr_array_unref(operation->conditions);
    g_free(operation->error_reason);
    g_free(operation->error_message);
    g_free(operation);
}

const char *
vms_operation_phase_name(vmsnap_operation_phase phase)
{
    switch (phase) {
    case VMSNAP_OPERATION_PENDING:
        return "Pending";
    case VMSNAP_OPERATION_IN_PROGRESS:
        return "InProgress";
    case VMSNAP_OPERATION_COMPLETED:
        return "Completed";
    case VMSNAP_OPERATION_FAILED:
        return "Failed";
    case VMSNAP_OPERATION_CANCELLED:
        break;
    }
    return "Cancelled";
}

gboolean
vms_operation_is_open(const VmsOperation *operation)
{
    return operation->phase == VMSNAP_OPERATION_PENDING ||
           operation->phase == VMSNAP_OPERATION_IN_PROGRESS;
}

gboolean
vms_operation_rewrites(const VmsOperation *operation)
{
    for (guint i = 0; i < operation->exchanges->len; i++) {
        const VmsExchange *item = operation->exchanges->pdata[i];

        if (item->source)
            return TRUE;
    }
    return FALSE;
}

gboolean
vms_operation_takes_snapshot(const VmsOperation *operation)
{
    return strcmp(operation->type, "snapshot") == 0 ||
           strcmp(operation->type, "disk-snapshot") == 0;
}
