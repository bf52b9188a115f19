/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/part.h"

#include <glib.h>

/* What belongs to a VM besides its disks, as it is now. Looks only. */

/* Add NVRAM, TPM state and Secrets of @vm that are there to @parts. What is no Secret is one of the
 * images a snapshot does not hold; an NVRAM or TPM that is not found here makes one partial. */
gboolean vms_part_survey(VmsEngine *engine, const VmsVm *vm, GPtrArray *parts, GError **error);
