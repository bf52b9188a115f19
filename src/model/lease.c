/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/lease.h"

VmsLease *
vms_lease_new(const char *uri, const char *vm_uuid, const char *operation)
{
    VmsLease *lease = g_new0(VmsLease, 1);

    lease->uri = g_strdup(uri);
    lease->vm_uuid = g_strdup(vm_uuid);
    lease->operation = g_strdup(operation);
    lease->instance.domain_id = -1;
    return lease;
}

void
vms_lease_free(VmsLease *lease)
{
    if (!lease)
        return;
    g_free(lease->uri);
    g_free(lease->vm_uuid);
    g_free(lease->operation);
    g_free(lease->boot_id);
    g_free(lease->backup_socket);
    g_free(lease->agent_socket);
    g_free(lease->runtime_dir);
    g_free(lease->catalog);
    vms_freeze_free(lease->freeze);
    g_free(lease);
}
