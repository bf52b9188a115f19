/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/freeze.h"

#include <stdarg.h>

VmsFreeze *
vms_freeze_new(const char *uuid, const char *vm_uuid, const char *vm_name)
{
    VmsFreeze *freeze = g_new0(VmsFreeze, 1);

    freeze->uuid = g_strdup(uuid);
    freeze->vm_uuid = g_strdup(vm_uuid);
    freeze->vm_name = g_strdup(vm_name);
    freeze->disks = g_ptr_array_new_with_free_func(g_free);
    freeze->evidence = vms_evidence_new();
    return freeze;
}

void
vms_freeze_free(VmsFreeze *freeze)
{
    if (!freeze)
        return;
    g_free(freeze->uuid);
    g_free(freeze->vm_uuid);
    g_free(freeze->vm_name);
    g_ptr_array_unref(freeze->disks);
    vms_evidence_free(freeze->evidence);
    g_free(freeze->reason);
    g_free(freeze->message);
    g_free(freeze);
}

void
vms_freeze_disprove(VmsFreeze *freeze, const char *reason, const char *format, ...)
{
    va_list args;

    freeze->ended = TRUE;
    freeze->proven = FALSE;
    g_free(freeze->reason);
    freeze->reason = g_strdup(reason);
    g_free(freeze->message);
    va_start(args, format);
    freeze->message = g_strdup_vprintf(format, args);
    va_end(args);
}
