/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plan/restore-plan.h"

#include <glib.h>

/* The configuration that a restore defines: the snapshot's, without what the plan removes in @mode.
 * Pure. */
gboolean vms_restore_make_xml(const VmsPlan *plan, const VmsRestoreInput *input, vmsnap_mode mode,
                              char **ret_xml, GError **error);
