/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/evidence.h"

#include <glib.h>

/* Port: what the engine needs from whatever speaks to the guest's own agent.
 *
 * Adapters: adapter/qga (QEMU guest agent), tests/support/fake-agent.c. An adapter embeds VmsAgent
 * as its first member and never calls back into the engine. One VmsAgent belongs to one job: the
 * engine makes no concurrent calls on it. Errors: AGENT with reasons AgentNotReady,
 * FreezeUnsupported or FreezeFailed and the agent's own text; TIMEOUT. */

typedef struct VmsAgent VmsAgent;

/* What guest-info and guest-get-osinfo tell. */
typedef struct {
    char *version;
    gboolean windows;
    gboolean can_freeze;      /* freeze, thaw and status are there and enabled */
    gboolean can_list;        /* guest-get-fsinfo is */
    gboolean can_freeze_some; /* guest-fsfreeze-freeze-list is */
    char *lacking;            /* what of a freeze is missing or disabled, in words; NULL: nothing */
} VmsAgentInfo;

typedef struct {
    gboolean (*ping)(VmsAgent *agent, guint limit_ms, GError **error);
    gboolean (*read_info)(VmsAgent *agent, guint limit_ms, VmsAgentInfo *ret_info, GError **error);
    /* File systems and the guest disks they lie on, mapped to the targets of @vm by PCI address,
     * serial, then device order; see VmsGuestFs. */
    gboolean (*list_filesystems)(VmsAgent *agent, const VmsVm *vm, guint limit_ms,
                                 GPtrArray **ret_filesystems, GError **error);
    /* Addresses the guest has, VmsAddress* with MAC and address; see model/network.h. Never asked
     * while it is frozen. NULL: cannot be asked. */
    gboolean (*list_addresses)(VmsAgent *agent, guint limit_ms, GPtrArray **ret_addresses,
                               GError **error);
    gboolean (*is_frozen)(VmsAgent *agent, guint limit_ms, gboolean *ret_frozen, GError **error);
    /* Freeze the file systems mounted at @mountpoints (ended by NULL; NULL: all of the guest).
     * @ret_count gets how many; 0 is success here and no proof: a mount point that is none is no
     * error. The guest's hooks run inside the call, and the protocol tells nothing about how long
     * they took: the agent answers nobody meanwhile. Whatever it returns, the guest is *maybe
     * frozen* afterwards: the engine thaws until the agent confirms. Blocks for at most the given
     * limit plus 5 s. */
    gboolean (*freeze)(VmsAgent *agent, const char *const *mountpoints, guint limit_ms,
                       int *ret_count, GError **error);
    /* Undo freeze(). Allowed when nothing is frozen (then 0). No cancellation on purpose. */
    gboolean (*thaw)(VmsAgent *agent, guint limit_ms, int *ret_count, GError **error);
    /* See vms_channel_get_link(). NULL: there is none. */
    int (*get_link)(VmsAgent *agent);
    void (*free)(VmsAgent *agent);
} VmsAgentOps;

struct VmsAgent {
    const VmsAgentOps *ops;
};

gboolean vms_agent_ping(VmsAgent *agent, guint limit_ms, GError **error);
gboolean vms_agent_read_info(VmsAgent *agent, guint limit_ms, VmsAgentInfo *ret_info,
                             GError **error);
gboolean vms_agent_list_filesystems(VmsAgent *agent, const VmsVm *vm, guint limit_ms,
                                    GPtrArray **ret_filesystems, GError **error);
gboolean vms_agent_list_addresses(VmsAgent *agent, guint limit_ms, GPtrArray **ret_addresses,
                                  GError **error);
gboolean vms_agent_is_frozen(VmsAgent *agent, guint limit_ms, gboolean *ret_frozen, GError **error);
gboolean vms_agent_freeze(VmsAgent *agent, const char *const *mountpoints, guint limit_ms,
                          int *ret_count, GError **error);
gboolean vms_agent_thaw(VmsAgent *agent, guint limit_ms, int *ret_count, GError **error);
/* The connection that a guard must be able to end, or -1: see vms_channel_get_link(). */
int vms_agent_get_link(VmsAgent *agent);
void vms_agent_free(VmsAgent *agent);
void vms_agent_info_clear(VmsAgentInfo *info);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsAgent, vms_agent_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsAgentInfo, vms_agent_info_clear)
