/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/errors.h"
#include "base/error.h"

#include <string.h>

enum { PING_MS = 3000, SHUTDOWN_MS = 2000 };

gboolean
vms_libvirt_suspend(VmsHypervisor *hv, const char *uuid, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;

    if (!vms_domain_call_recall(&on, hv, uuid, error))
        return FALSE;
    return virDomainSuspend(on.domain) == 0 ? TRUE : vms_libvirt_fail(error, uuid);
}

static gboolean
is_running(virDomainPtr domain)
{
    int state = VIR_DOMAIN_NOSTATE;

    return virDomainGetState(domain, &state, NULL, 0) == 0 && state == VIR_DOMAIN_RUNNING;
}

/* Resuming twice is no failure: whoever cleans up after another does. */
gboolean
vms_libvirt_resume(VmsHypervisor *hv, const char *uuid, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    g_autoptr(GError) failure = NULL;

    if (!vms_domain_call_recall(&on, hv, uuid, error))
        return FALSE;
    if (virDomainResume(on.domain) == 0)
        return TRUE;
    vms_libvirt_fail(&failure, uuid);
    if (vms_libvirt_last_code() == VIR_ERR_OPERATION_INVALID && is_running(on.domain))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failure));
    return FALSE;
}

gboolean
vms_libvirt_define(VmsHypervisor *hv, const char *xml, GError **error)
{
    g_auto(VmsCall) call = VMS_CALL_NONE;
    g_autoptr(virDomain) domain = NULL;

    if (!vms_call_begin(&call, ((VmsLibvirt *)hv)->connection, error))
        return FALSE;
    /* Not validated: what libvirt itself wrote need not match its own schema. */
    domain = virDomainDefineXMLFlags(call.conn, xml, 0);
    return domain ? TRUE : vms_libvirt_fail(error, NULL);
}

gboolean
vms_libvirt_start(VmsHypervisor *hv, const char *uuid, gboolean paused, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    unsigned int flags = paused ? VIR_DOMAIN_START_PAUSED : 0;

    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    return virDomainCreateWithFlags(on.domain, flags) == 0 ? TRUE : vms_libvirt_fail(error, uuid);
}

gboolean
vms_libvirt_set_autostart(VmsHypervisor *hv, const char *uuid, gboolean autostart, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;

    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    return virDomainSetAutostart(on.domain, autostart ? 1 : 0) == 0 ? TRUE
                                                                    : vms_libvirt_fail(error, uuid);
}

/* The link ended while the answer was awaited. libvirt has no code of its own for that. */
static gboolean
went_down(const GError *error)
{
    return strstr(error->message, "End of file from agent") != NULL;
}

/* By the agent's own command: libvirt's call for it waits a whole minute for a guest that does
 * nothing. There is no answer when it works, so running into the limit is success; whether there
 * is an agent at all is asked first. */
static gboolean
stop_by_agent(VmsHypervisor *hv, const char *uuid, GError **error)
{
    static const char ping[] = "{\"execute\":\"guest-ping\"}";
    static const char shutdown[] = "{\"execute\":\"guest-shutdown\"}";
    g_autoptr(GError) failed = NULL;
    g_autofree char *pong = NULL;
    g_autofree char *reply = NULL;

    if (!vms_libvirt_agent_call(hv, uuid, ping, PING_MS, &pong, error))
        return FALSE;
    if (vms_libvirt_agent_call(hv, uuid, shutdown, SHUTDOWN_MS, &reply, &failed) ||
        g_strcmp0(vms_error_get_reason(failed), "AgentNotReady") == 0 || went_down(failed))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

gboolean
vms_libvirt_stop(VmsHypervisor *hv, const char *uuid, VmsStopWay way, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;

    if (way == VMS_STOP_AGENT)
        return stop_by_agent(hv, uuid, error);
    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    return virDomainShutdownFlags(on.domain, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN) == 0
               ? TRUE
               : vms_libvirt_fail(error, uuid);
}

/* SIGTERM first: QEMU then writes its caches and bitmaps. Only one that does not end is killed. */
gboolean
vms_libvirt_destroy(VmsHypervisor *hv, const char *uuid, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    int failed;

    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    failed = virDomainDestroyFlags(on.domain, VIR_DOMAIN_DESTROY_GRACEFUL);
    if (failed && vms_libvirt_last_code() != VIR_ERR_OPERATION_INVALID)
        failed = virDomainDestroyFlags(on.domain, VIR_DOMAIN_DESTROY_DEFAULT);
    if (failed && vms_libvirt_last_code() != VIR_ERR_OPERATION_INVALID) /* it is not running */
        return vms_libvirt_fail(error, uuid);
    return TRUE;
}

gboolean
vms_libvirt_drop_managed_save(VmsHypervisor *hv, const char *uuid, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;

    if (!vms_domain_call_begin(&on, hv, uuid, error))
        return FALSE;
    if (virDomainHasManagedSaveImage(on.domain, 0) == 0)
        return TRUE;
    return virDomainManagedSaveRemove(on.domain, 0) == 0 ? TRUE : vms_libvirt_fail(error, uuid);
}
