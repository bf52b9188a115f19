/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/qga/agent.h"

#include "adapter/qga/message.h"
#include "base/error.h"

#include <string.h>

typedef struct {
    VmsAgent agent;
    VmsChannel *channel;
} QgaAgent;

/* A hypervisor that carries the words may already have read the agent's refusal: libvirt does, and
 * wraps it in an error of its own. */
static gboolean
is_refusal(const GError *error)
{
    int code = vms_error_get_code(error);

    if (code == VMSNAP_E_AGENT)
        return g_strcmp0(vms_error_get_reason(error), "AgentNotReady") != 0;
    return code == VMSNAP_E_HYPERVISOR && strstr(error->message, "agent command") != NULL;
}

/* Takes @cause. A link that is down or silent keeps its code and reason. */
static void
fail_call(GError **error, const char *command, GError *cause)
{
    g_autofree char *text = g_strdup_printf("%s: %s", command, cause->message);

    if (!is_refusal(cause)) {
        g_prefix_error(&cause, "%s: ", command);
        g_propagate_error(error, cause);
        return;
    }
    vms_refuse(error, VMSNAP_E_AGENT, vms_qga_reason_of(text), "%s", text);
    if (!error) {
        g_error_free(cause);
        return;
    }
    vms_error_set_origin(*error, "qga", 0);
    vms_error_take_cause(*error, cause);
}

static char *
ask(VmsAgent *agent, const char *command, const char *request, guint limit_ms, GError **error)
{
    QgaAgent *self = (QgaAgent *)agent;
    g_autofree char *reply = NULL;
    GError *cause = NULL;

    if (vms_channel_call(self->channel, request, limit_ms, &reply, &cause))
        return g_steal_pointer(&reply);
    fail_call(error, command, cause);
    return NULL;
}

static char *
call(VmsAgent *agent, const char *command, guint limit_ms, GError **error)
{
    g_autofree char *request = vms_qga_request(command);

    return ask(agent, command, request, limit_ms, error);
}

static gboolean
ping(VmsAgent *agent, guint limit_ms, GError **error)
{
    g_autofree char *reply = call(agent, "guest-ping", limit_ms, error);

    return reply && vms_qga_parse_ping(reply, error);
}

/* Agents that do not tell are old Linux ones: guest-get-osinfo came with 2.10. */
static gboolean
is_windows(VmsAgent *agent, guint limit_ms)
{
    g_autofree char *reply = call(agent, "guest-get-osinfo", limit_ms, NULL);
    gboolean windows = FALSE;

    return reply && vms_qga_parse_os(reply, &windows, NULL) && windows;
}

static gboolean
read_info(VmsAgent *agent, guint limit_ms, VmsAgentInfo *ret_info, GError **error)
{
    g_autofree char *reply = call(agent, "guest-info", limit_ms, error);

    if (!reply || !vms_qga_parse_info(reply, ret_info, error))
        return FALSE;
    ret_info->windows = is_windows(agent, limit_ms);
    return TRUE;
}

static gboolean
list_filesystems(VmsAgent *agent, const VmsVm *vm, guint limit_ms, GPtrArray **ret_filesystems,
                 GError **error)
{
    g_autofree char *reply = call(agent, "guest-get-fsinfo", limit_ms, error);
    g_autoptr(GPtrArray) seen = NULL;

    if (!reply || !vms_qga_parse_filesystems(reply, &seen, error))
        return FALSE;
    *ret_filesystems = vms_qga_map(seen, vm);
    return TRUE;
}

static gboolean
list_addresses(VmsAgent *agent, guint limit_ms, GPtrArray **ret_addresses, GError **error)
{
    g_autofree char *reply = call(agent, "guest-network-get-interfaces", limit_ms, error);

    return reply && vms_qga_parse_addresses(reply, ret_addresses, error);
}

static gboolean
is_frozen(VmsAgent *agent, guint limit_ms, gboolean *ret_frozen, GError **error)
{
    g_autofree char *reply = call(agent, "guest-fsfreeze-status", limit_ms, error);

    return reply && vms_qga_parse_status(reply, ret_frozen, error);
}

static gboolean
freeze(VmsAgent *agent, const char *const *mountpoints, guint limit_ms, int *ret_count,
       GError **error)
{
    const char *command = mountpoints ? "guest-fsfreeze-freeze-list" : "guest-fsfreeze-freeze";
    g_autofree char *request =
        mountpoints ? vms_qga_request_freeze_list(mountpoints) : vms_qga_request(command);
    g_autofree char *reply = ask(agent, command, request, limit_ms, error);

    return reply && vms_qga_parse_count(reply, ret_count, error);
}

static gboolean
thaw(VmsAgent *agent, guint limit_ms, int *ret_count, GError **error)
{
    g_autofree char *reply = call(agent, "guest-fsfreeze-thaw", limit_ms, error);

    return reply && vms_qga_parse_count(reply, ret_count, error);
}

static int
get_link(VmsAgent *agent)
{
    return vms_channel_get_link(((QgaAgent *)agent)->channel);
}

static void
release(VmsAgent *agent)
{
    QgaAgent *self = (QgaAgent *)agent;

    vms_channel_free(self->channel);
    g_free(self);
}

VmsAgent *
vms_qga_new(VmsChannel *channel)
{
    static const VmsAgentOps ops = {
        .ping = ping,
        .read_info = read_info,
        .list_filesystems = list_filesystems,
        .list_addresses = list_addresses,
        .is_frozen = is_frozen,
        .freeze = freeze,
        .thaw = thaw,
        .get_link = get_link,
        .free = release,
    };
    QgaAgent *self = g_new0(QgaAgent, 1);

    self->agent.ops = &ops;
    self->channel = channel;
    return &self->agent;
}
