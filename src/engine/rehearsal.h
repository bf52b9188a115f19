/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/evidence.h"
#include "port/agent.h"

#include <glib.h>

typedef struct {
    VmsAgent *agent;
    const VmsVm *vm;
    const char *const *targets; /* the disks that will be cut, ended by NULL; NULL: all */
    guint limit_ms;
} VmsRehearsal;

/* Ask the agent everything a freeze depends on, without changing anything: does it answer, is the
 * guest frozen already, can it freeze, what does it hold. Waits at most about limit_ms in all.
 *
 * Fills agent_version, windows, filesystems, frozen_before, and freeze_list where not all of the
 * guest needs to be frozen. FALSE when a freeze must not be
 * tried: AGENT with AgentNotReady, FreezeUnsupported (also where it would hang), or FreezeFailed
 * when the guest was frozen by somebody else (then frozen_before is set). */
gboolean vms_rehearsal_run(const VmsRehearsal *wanted, VmsEvidence *evidence, GError **error);
