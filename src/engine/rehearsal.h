/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/evidence.h"
#include "port/agent.h"

#include <glib.h>

/* Ask the agent everything a freeze depends on, without changing anything: does it answer, is the
 * guest frozen already, can it freeze, what does it hold. Waits at most about @limit_ms in all.
 *
 * Fills agent_version, windows, filesystems and frozen_before. FALSE when a freeze must not be
 * tried: AGENT with AgentNotReady, FreezeUnsupported (also where it would hang), or FreezeFailed
 * when the guest was frozen by somebody else (then frozen_before is set). */
gboolean vms_rehearsal_run(VmsAgent *agent, const VmsVm *vm, guint limit_ms, VmsEvidence *evidence,
                           GError **error);
