/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/errors.h"
#include "adapter/libvirt/words.h"
#include "base/error.h"

/* The id a lookup brought along may be older than the state read after it. */
static int
current_id(virDomainPtr domain, int state)
{
    unsigned char uuid[VIR_UUID_BUFLEN];
    g_autoptr(virDomain) again = NULL;

    if (state == VIR_DOMAIN_SHUTOFF)
        return -1;
    if (virDomainGetID(domain) != (unsigned int)-1)
        return (int)virDomainGetID(domain);
    if (virDomainGetUUID(domain, uuid) == 0)
        again = virDomainLookupByUUID(virDomainGetConnect(domain), uuid);
    return again ? (int)virDomainGetID(again) : -1;
}

gboolean
vms_libvirt_state_of(virDomainPtr domain, int *ret_state, int *ret_reason, int *ret_id,
                     GError **error)
{
    if (virDomainGetState(domain, ret_state, ret_reason, 0) < 0)
        return vms_libvirt_fail_domain(error, domain);
    *ret_id = current_id(domain, *ret_state);
    return TRUE;
}

gboolean
vms_libvirt_read_state(VmsHypervisor *hv, const char *uuid, vmsnap_vm_state *ret_state,
                       VmsInstance *ret_instance, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    VmsInstance instance = { .domain_id = -1 };
    int state = 0;
    int reason = 0;

    if (!vms_domain_call_begin(&on, hv, uuid, error) ||
        !vms_libvirt_state_of(on.domain, &state, &reason, &instance.domain_id, error))
        return FALSE;
    if (instance.domain_id >= 0 && !hv->remote)
        instance.process = vms_instances_find(((VmsLibvirt *)hv)->instances, uuid,
                                              virDomainGetName(on.domain), instance.domain_id);
    *ret_state = vms_words_state(state);
    *ret_instance = instance;
    return TRUE;
}

gboolean
vms_libvirt_read_block(VmsHypervisor *hv, const char *uuid, const char *target,
                       VmsBlockInfo *ret_info, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    virDomainBlockInfo info = { 0 };

    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    if (virDomainGetBlockInfo(on.domain, target, &info, 0) < 0)
        return vms_libvirt_fail(error, target);
    ret_info->capacity = info.capacity;
    ret_info->allocation = info.allocation;
    ret_info->physical = info.physical;
    return TRUE;
}

gboolean
vms_libvirt_read_writes(VmsHypervisor *hv, const char *uuid, const char *target, gint64 *ret_writes,
                        GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    virDomainBlockStatsStruct stats = { .wr_bytes = -1 };

    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    if (virDomainBlockStats(on.domain, target, &stats, sizeof(stats)) < 0 &&
        !vms_libvirt_last_unsupported() && vms_libvirt_last_code() != VIR_ERR_OPERATION_INVALID)
        return vms_libvirt_fail(error, target);
    *ret_writes = stats.wr_bytes;
    return TRUE;
}
