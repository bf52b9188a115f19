/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/survey.h"

#include <glib.h>

/* What a VM snapshot keeps besides disks: configuration, addresses, dependencies. */

/* Fill @snapshot from the survey: XML, MACs, networks, dependencies, resources, partial. */
gboolean vms_bundle_fill(VmsEngine *engine, const VmsSurvey *survey, VmsSnapshot *snapshot,
                         GError **error);
/* The same for disks without their VM: what they were part of, and nothing of its configuration;
 * the disks that are left out are not missed. */
void vms_bundle_fill_disk(const VmsSurvey *survey, VmsSnapshot *snapshot);
