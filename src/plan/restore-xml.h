/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plan/restore-plan.h"

#include <glib.h>

/* @xml without what the plan removes in @mode of what @needs (may be NULL) says is lacking. Pure.
 */
gboolean vms_plan_reduce_xml(const VmsPlan *plan, const VmsNeeds *needs, vmsnap_mode mode,
                             const char *xml, char **ret_xml, GError **error);

/* The configuration that a restore defines: the snapshot's, without what the plan removes in @mode.
 * Pure. */
gboolean vms_restore_make_xml(const VmsPlan *plan, const VmsRestoreInput *input, vmsnap_mode mode,
                              char **ret_xml, GError **error);
