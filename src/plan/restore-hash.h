/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plan/restore-plan.h"

/* What tells whether the world a restore was planned for is still the same one. */

/* Fills in the plan's two hashes, once its findings stand. */
void vms_restore_hash(VmsPlan *plan, const VmsRestoreInput *input);
