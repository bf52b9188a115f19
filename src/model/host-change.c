/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/host-change.h"

VmsHostChange *
vms_host_change_new(const char *network, const VmsHostEntry *entry)
{
    VmsHostChange *change = g_new0(VmsHostChange, 1);

    change->network = g_strdup(network);
    if (!entry)
        return change;
    change->mac = g_strdup(entry->mac);
    change->client_id = g_strdup(entry->client_id);
    change->name = g_strdup(entry->name);
    change->address = g_strdup(entry->address);
    return change;
}

VmsHostChange *
vms_host_change_copy(const VmsHostChange *change)
{
    const VmsHostEntry entry = vms_host_change_entry(change);
    VmsHostChange *copy = vms_host_change_new(change->network, &entry);

    copy->existed = change->existed;
    copy->vanish = change->vanish;
    return copy;
}

void
vms_host_change_free(VmsHostChange *change)
{
    if (!change)
        return;
    g_free(change->network);
    g_free(change->mac);
    g_free(change->client_id);
    g_free(change->name);
    g_free(change->address);
    g_free(change);
}

VmsHostEntry
vms_host_change_entry(const VmsHostChange *change)
{
    return (VmsHostEntry){ .mac = change->mac,
                           .client_id = change->client_id,
                           .name = change->name,
                           .address = change->address };
}

gboolean
vms_host_change_equal(const VmsHostChange *a, const VmsHostChange *b)
{
    const VmsHostEntry first = vms_host_change_entry(a);
    const VmsHostEntry second = vms_host_change_entry(b);

    return g_strcmp0(a->network, b->network) == 0 && vms_host_entry_equal(&first, &second);
}
