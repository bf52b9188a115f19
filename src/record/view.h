/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/disk-info.h"
#include "model/freeze.h"
#include "model/inventory.h"
#include "model/operation.h"
#include "model/snapshot.h"
#include "model/undo-set.h"
#include "model/vm.h"
#include "plan/check-result.h"
#include "plan/plan.h"

#include <glib.h>

/* Model objects as the JSON that people and scripts read: the contract of vmsnap(1). One way
 * only. RFC 3339 times in UTC, bytes, milliseconds as numbers. */

char *vms_view_vm(const VmsVm *vm);
char *vms_view_disk(const VmsDiskInfo *disk);
char *vms_view_snapshot(const VmsSnapshot *snapshot);
/* @uri: of the acting connection, for holders that are on none other. */
char *vms_view_inventory(const VmsInventory *inventory, const char *uri);
char *vms_view_operation(const VmsOperation *operation);
char *vms_view_undo_set(const VmsUndoSet *set);
char *vms_view_plan(const VmsPlan *plan);
char *vms_view_freeze(const VmsFreeze *freeze);
char *vms_view_check(const VmsCheckResult *check);
char *vms_view_error(const GError *error);
/* {"acts":[{"object":…,"act":…,"message":…}]} of VmsRecoveryAct*. */
char *vms_view_acts(const GPtrArray *acts);
