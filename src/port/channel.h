/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Port: what carries the guest agent's bytes: one request, one reply, a limit.
 *
 * Implementations: port/channel.c over a hypervisor (vms_channel_new_hypervisor),
 * adapter/qga/socket-channel.c over a socket of the caller's, tests. One channel belongs to one VM.
 */

typedef struct VmsChannel VmsChannel;

typedef struct {
    gboolean (*call)(VmsChannel *channel, const char *request, guint limit_ms, char **ret_reply,
                     GError **error);
    /* See vms_channel_get_link(). NULL: there is none. */
    int (*get_link)(VmsChannel *channel);
    void (*free)(VmsChannel *channel);
} VmsChannelOps;

struct VmsChannel {
    const VmsChannelOps *ops;
};

struct VmsHypervisor;
/* A channel that goes through @hv (borrowed: it must outlive the channel) to the VM @uuid. */
VmsChannel *vms_channel_new_hypervisor(struct VmsHypervisor *hv, const char *uuid);

gboolean vms_channel_call(VmsChannel *channel, const char *request, guint limit_ms,
                          char **ret_reply, GError **error);
/* The open connection that keeps others from talking to the same agent; -1: none. Borrowed. Whoever
 * has a copy of it can end it by shutdown(), for us too, and then connect in our place. */
int vms_channel_get_link(VmsChannel *channel);
void vms_channel_free(VmsChannel *channel);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsChannel, vms_channel_free)
