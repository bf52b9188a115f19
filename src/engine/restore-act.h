/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/operation.h"
#include "plan/plan.h"

#include <glib.h>

/* What a restore does about what its plan found, as its record tells it. */

/* FALSE, CONFLICT with the first finding that refuses @mode. */
gboolean vms_restore_check_findings(const VmsPlan *plan, vmsnap_mode mode, GError **error);
/* The plan's findings become the operation's resources, each with what becomes of it in
 * operation->mode. */
void vms_restore_note_findings(VmsOperation *operation, const VmsPlan *plan);
/* A VM that was left off waits for what is missing: a condition says so. Not stored yet. */
void vms_restore_note_waiting(VmsOperation *operation);
