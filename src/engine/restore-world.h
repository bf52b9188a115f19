/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/restore-survey.h"

#include <glib.h>

/* What a restore's plan must know besides VMs and disks: catalog, storage pools, host. Looks
 * only. */

/* Into survey->input: needs, bases, later, and which files are ours. Disks are read already. */
gboolean vms_restore_read_world(VmsEngine *engine, VmsRestoreSurvey *survey, GError **error);
