/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/evidence.h"
#include "record/json-writer.h"

#include <glib.h>

/* Pieces that several views share. */

void vms_view_add_findings(VmsJson *json, const char *key, const GPtrArray *findings);
void vms_view_add_conditions(VmsJson *json, const GPtrArray *conditions);
void vms_view_add_filesystems(VmsJson *json, const GPtrArray *filesystems);
const char *vms_view_device_word(VmsDeviceKind device);
/* In view-snapshot.c. NULL becomes null. */
void vms_view_add_evidence(VmsJson *json, const VmsEvidence *evidence);
/* {"name","uuid"}; null when both are missing. */
void vms_view_add_name(VmsJson *json, const char *key, const char *name, const char *uuid);
