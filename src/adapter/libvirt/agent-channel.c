/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/errors.h"
#include "base/error.h"

#include <libvirt/libvirt-qemu.h>
#include <string.h>

#define REPLY_LIMIT ((gsize)4 * 1024 * 1024)

/* libvirt counts seconds, and 0 would mean not to wait at all. Its own synchronisation with an
 * agent that does not answer can take up to 5 s before the command's limit begins. */
static int
to_seconds(guint limit_ms)
{
    guint seconds = limit_ms / 1000 + (limit_ms % 1000 ? 1 : 0);

    return (int)CLAMP(seconds, 1, 3600);
}

static gboolean
send_command(VmsHypervisor *hv, const char *uuid, const char *request, guint limit_ms,
             char **ret_reply, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    g_autofree char *reply = NULL;

    if (!vms_domain_call_recall(&on, hv, uuid, error))
        return FALSE;
    reply = virDomainQemuAgentCommand(on.domain, request, to_seconds(limit_ms), 0);
    if (!reply)
        return vms_libvirt_fail_agent(error, uuid);
    if (strnlen(reply, REPLY_LIMIT + 1) > REPLY_LIMIT)
        return vms_fail(error, VMSNAP_E_AGENT,
                        "the agent's reply is longer than %" G_GSIZE_FORMAT " bytes", REPLY_LIMIT);
    *ret_reply = g_steal_pointer(&reply);
    return TRUE;
}

gboolean
vms_libvirt_agent_call(VmsHypervisor *hv, const char *uuid, const char *request, guint limit_ms,
                       char **ret_reply, GError **error)
{
    VmsGate *gate = &((VmsLibvirt *)hv)->agent_gate;
    guint left_ms = 0;
    gboolean done;

    if (!vms_gate_enter(gate, limit_ms, &left_ms))
        return vms_fail(error, VMSNAP_E_BUSY, "too many agent commands are under way");
    done = send_command(hv, uuid, request, left_ms, ret_reply, error);
    vms_gate_leave(gate);
    return done;
}
