/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/errors.h"
#include "adapter/libvirt/slots.h"
#include "base/clock.h"
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

/* Nobody waits with a guest that may be frozen. */
static gboolean
is_thaw(const char *request)
{
    return strstr(request, "\"guest-fsfreeze-thaw\"") != NULL;
}

static gboolean
send_on(VmsConnection *connection, const char *uuid, const char *request, guint limit_ms,
        char **ret_reply, GError **error)
{
    g_auto(VmsDomainCall) on = VMS_DOMAIN_CALL_NONE;
    g_autofree char *reply = NULL;

    if (!vms_domain_call_recall_on(&on, connection, uuid, error))
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

static gboolean
send_command(VmsLibvirt *self, const char *uuid, const char *request, guint limit_ms,
             char **ret_reply, GError **error)
{
    VmsConnection *connection = vms_lanes_enter(self->lanes, error);
    gboolean done;

    if (!connection)
        return FALSE;
    done = send_on(connection, uuid, request, limit_ms, ret_reply, error);
    vms_lanes_leave(self->lanes, connection);
    return done;
}

/* Waiting for a place is part of the call's time. */
static gboolean
send_in_turn(VmsLibvirt *self, const char *uuid, const char *request, guint limit_ms,
             char **ret_reply, GError **error)
{
    const gint64 until_us = vms_clock_monotonic_us() + (gint64)limit_ms * 1000;
    g_autoptr(VmsLockFd) slot = NULL;
    gint64 left_us;

    if (self->runtime_dir && !vms_slot_take(self->runtime_dir, limit_ms, &slot))
        return vms_fail(error, VMSNAP_E_BUSY, "too many agent commands are under way on this host");
    left_us = until_us - vms_clock_monotonic_us();
    return send_command(self, uuid, request, left_us > 0 ? (guint)(left_us / 1000) : 0, ret_reply,
                        error);
}

gboolean
vms_libvirt_agent_call(VmsHypervisor *hv, const char *uuid, const char *request, guint limit_ms,
                       char **ret_reply, GError **error)
{
    VmsLibvirt *self = (VmsLibvirt *)hv;
    guint left_ms = 0;
    gboolean done;

    if (is_thaw(request))
        return send_command(self, uuid, request, limit_ms, ret_reply, error);
    if (!vms_gate_enter(&self->agent_gate, limit_ms, &left_ms))
        return vms_fail(error, VMSNAP_E_BUSY, "too many agent commands are under way");
    done = send_in_turn(self, uuid, request, left_ms, ret_reply, error);
    vms_gate_leave(&self->agent_gate);
    return done;
}
