/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/errors.h"

#include "base/error.h"

#include <errno.h>

/* Not in the headers of libvirt 9: the agent's errors got numbers of their own in 11.2. */
#define ERR_AGENT_COMMAND_TIMEOUT 112
#define ERR_AGENT_COMMAND_FAILED 113

typedef struct {
    int number; /* libvirt's */
    int code;   /* ours */
} Row;

static const Row rows[] = {
    { VIR_ERR_NO_DOMAIN, VMSNAP_E_NOT_FOUND },
    { VIR_ERR_NO_NETWORK, VMSNAP_E_NOT_FOUND },
    { VIR_ERR_NO_STORAGE_POOL, VMSNAP_E_NOT_FOUND },
    { VIR_ERR_OPERATION_TIMEOUT, VMSNAP_E_BUSY }, /* somebody else's job on the domain */
    { VIR_ERR_RESOURCE_BUSY, VMSNAP_E_BUSY },
    { VIR_ERR_BLOCK_COPY_ACTIVE, VMSNAP_E_BUSY },
    { VIR_ERR_AUTH_FAILED, VMSNAP_E_PERMISSION },
    { VIR_ERR_AUTH_CANCELLED, VMSNAP_E_PERMISSION },
    { VIR_ERR_AUTH_UNAVAILABLE, VMSNAP_E_PERMISSION },
    { VIR_ERR_ACCESS_DENIED, VMSNAP_E_PERMISSION },
    { VIR_ERR_OPERATION_DENIED, VMSNAP_E_PERMISSION },
    { VIR_ERR_AGENT_UNRESPONSIVE, VMSNAP_E_AGENT },
    { VIR_ERR_AGENT_UNSYNCED, VMSNAP_E_AGENT },
    { ERR_AGENT_COMMAND_TIMEOUT, VMSNAP_E_AGENT },
    { ERR_AGENT_COMMAND_FAILED, VMSNAP_E_AGENT },
};

/* virReportSystemError() leaves errno in int1. */
static gboolean
is_denied(const virError *failure)
{
    return failure->code == VIR_ERR_SYSTEM_ERROR &&
           (failure->int1 == EACCES || failure->int1 == EPERM);
}

int
vms_libvirt_code_of(const virError *failure)
{
    if (is_denied(failure))
        return VMSNAP_E_PERMISSION;
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
        if (rows[i].number == failure->code)
            return rows[i].code;
    return VMSNAP_E_HYPERVISOR;
}

int
vms_libvirt_agent_code_of(const virError *failure)
{
    int code = vms_libvirt_code_of(failure);

    /* The daemon or the way to it failed: that says nothing about the agent. */
    if (failure->domain == VIR_FROM_RPC || failure->domain == VIR_FROM_REMOTE)
        return code;
    return code == VMSNAP_E_HYPERVISOR ? VMSNAP_E_AGENT : code;
}

int
vms_libvirt_last_code(void)
{
    const virError *failure = virGetLastError();

    return failure ? failure->code : VIR_ERR_OK;
}

gboolean
vms_libvirt_last_unsupported(void)
{
    switch (vms_libvirt_last_code()) {
    case VIR_ERR_NO_SUPPORT:
    case VIR_ERR_OPERATION_UNSUPPORTED:
    case VIR_ERR_CONFIG_UNSUPPORTED:
        return TRUE;
    default:
        return FALSE;
    }
}

/* VIR_ERR_ARGUMENT_UNSUPPORTED: the VM has no channel. VIR_ERR_OPERATION_INVALID: it is not
 * running. */
static gboolean
is_agent_absent(int number)
{
    return number == VIR_ERR_AGENT_UNRESPONSIVE || number == VIR_ERR_AGENT_UNSYNCED ||
           number == VIR_ERR_ARGUMENT_UNSUPPORTED || number == VIR_ERR_OPERATION_INVALID ||
           number == ERR_AGENT_COMMAND_TIMEOUT;
}

static gboolean
fail_with(GError **error, int code, const char *object)
{
    const virError *failure = virGetLastError();
    const char *text = failure && failure->message ? failure->message : "no error given";
    int number = failure ? failure->code : 0;
    GError *made = NULL;

    if (code == VMSNAP_E_AGENT && is_agent_absent(number))
        vms_refuse(&made, code, "AgentNotReady", "%s", text);
    else
        vms_fail(&made, code, "%s", text);
    vms_error_set_origin(made, "libvirt", number);
    vms_error_set_object(made, object);
    g_propagate_error(error, made);
    return FALSE;
}

gboolean
vms_libvirt_fail(GError **error, const char *object)
{
    const virError *failure = virGetLastError();

    return fail_with(error, failure ? vms_libvirt_code_of(failure) : VMSNAP_E_HYPERVISOR, object);
}

gboolean
vms_libvirt_fail_domain(GError **error, virDomainPtr domain)
{
    GError *made = NULL;

    vms_libvirt_fail(&made, NULL);
    vms_error_set_object(made, virDomainGetName(domain)); /* which forgets libvirt's last error */
    g_propagate_error(error, made);
    return FALSE;
}

gboolean
vms_libvirt_fail_agent(GError **error, const char *object)
{
    const virError *failure = virGetLastError();

    return fail_with(error, failure ? vms_libvirt_agent_code_of(failure) : VMSNAP_E_HYPERVISOR,
                     object);
}

gboolean
vms_libvirt_fail_open(GError **error, const char *uri)
{
    return vms_libvirt_fail(error, uri ? uri : "default connection");
}
