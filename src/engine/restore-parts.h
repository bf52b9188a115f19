/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/operation.h"
#include "plan/restore-plan.h"

#include <glib.h>

/* NVRAM, TPM state and Secrets of a restore: exchanged as disks are. */

/* What stands where each part of the snapshot belongs, and whether its copy is whole. Looks only.
 */
void vms_restore_read_parts(VmsEngine *engine, VmsRestoreInput *input);
/* Add an exchange for each that is put in place, after those of the disks. */
void vms_restore_plan_parts(const VmsRestoreInput *input, VmsOperation *operation);
/* Make the new file of such an exchange; LOST when its content is not what was stored. */
gboolean vms_restore_make_part(VmsEngine *engine, const VmsRestoreInput *input, VmsExchange *item,
                               VmsProgress *progress, GError **error);
