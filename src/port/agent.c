/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "port/agent.h"

#include "base/error.h"
#include "base/sys.h"

gboolean
vms_agent_ping(VmsAgent *agent, guint limit_ms, GError **error)
{
    return agent->ops->ping(agent, limit_ms, error);
}

gboolean
vms_agent_read_info(VmsAgent *agent, guint limit_ms, VmsAgentInfo *ret_info, GError **error)
{
    return agent->ops->read_info(agent, limit_ms, ret_info, error);
}

gboolean
vms_agent_list_filesystems(VmsAgent *agent, const VmsVm *vm, guint limit_ms,
                           GPtrArray **ret_filesystems, GError **error)
{
    return agent->ops->list_filesystems(agent, vm, limit_ms, ret_filesystems, error);
}

gboolean
vms_agent_list_addresses(VmsAgent *agent, guint limit_ms, GPtrArray **ret_addresses, GError **error)
{
    if (!agent->ops->list_addresses)
        return vms_fail(error, VMSNAP_E_UNSUPPORTED, "the agent cannot be asked for addresses");
    return agent->ops->list_addresses(agent, limit_ms, ret_addresses, error);
}

gboolean
vms_agent_is_frozen(VmsAgent *agent, guint limit_ms, gboolean *ret_frozen, GError **error)
{
    return agent->ops->is_frozen(agent, limit_ms, ret_frozen, error);
}

gboolean
vms_agent_freeze(VmsAgent *agent, const char *const *mountpoints, guint limit_ms, int *ret_count,
                 GError **error)
{
    gboolean done;

    vms_crash_point("agent-freeze");
    done = agent->ops->freeze(agent, mountpoints, limit_ms, ret_count, error);
    vms_crash_point("agent-freeze-done");
    return done;
}

gboolean
vms_agent_thaw(VmsAgent *agent, guint limit_ms, int *ret_count, GError **error)
{
    gboolean done;

    vms_crash_point("agent-thaw");
    done = agent->ops->thaw(agent, limit_ms, ret_count, error);
    vms_crash_point("agent-thaw-done");
    return done;
}

int
vms_agent_get_link(VmsAgent *agent)
{
    return agent->ops->get_link ? agent->ops->get_link(agent) : -1;
}

void
vms_agent_free(VmsAgent *agent)
{
    if (agent)
        agent->ops->free(agent);
}

void
vms_agent_info_clear(VmsAgentInfo *info)
{
    g_clear_pointer(&info->version, g_free);
    g_clear_pointer(&info->lacking, g_free);
}
