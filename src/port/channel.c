/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "port/channel.h"

#include "port/hypervisor.h"

/* A channel that goes through the hypervisor's own agent link. */
typedef struct {
    VmsChannel channel;
    VmsHypervisor *hv; /* borrowed */
    char *uuid;
} HypervisorChannel;

static gboolean
call(VmsChannel *channel, const char *request, guint limit_ms, char **ret_reply, GError **error)
{
    HypervisorChannel *self = (HypervisorChannel *)channel;

    return vms_hypervisor_agent_call(self->hv, self->uuid, request, limit_ms, ret_reply, error);
}

static void
release(VmsChannel *channel)
{
    HypervisorChannel *self = (HypervisorChannel *)channel;

    g_free(self->uuid);
    g_free(self);
}

VmsChannel *
vms_channel_new_hypervisor(struct VmsHypervisor *hv, const char *uuid)
{
    static const VmsChannelOps ops = { .call = call, .free = release };
    HypervisorChannel *self = g_new0(HypervisorChannel, 1);

    self->channel.ops = &ops;
    self->hv = hv;
    self->uuid = g_strdup(uuid);
    return &self->channel;
}

gboolean
vms_channel_call(VmsChannel *channel, const char *request, guint limit_ms, char **ret_reply,
                 GError **error)
{
    return channel->ops->call(channel, request, limit_ms, ret_reply, error);
}

int
vms_channel_get_link(VmsChannel *channel)
{
    return channel->ops->get_link ? channel->ops->get_link(channel) : -1;
}

void
vms_channel_free(VmsChannel *channel)
{
    if (channel)
        channel->ops->free(channel);
}
