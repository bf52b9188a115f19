/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/lease.h"
#include "model/operation.h"
#include "model/snapshot.h"
#include "plan/plan.h"

#include <glib.h>

/* Model objects to JSON text and back. Pure. Stored texts carry "schema": a newer one than ours
 * is refused (UNSUPPORTED, reason "NewerSchema"), a damaged one is IO with reason "DamagedRecord".
 * A stored text from the outside is never trusted: paths, names and UUIDs are checked again. */

#define VMS_RECORD_SCHEMA 1

char *vms_record_write_snapshot(const VmsSnapshot *snapshot);
VmsSnapshot *vms_record_read_snapshot(const char *text, GError **error);
char *vms_record_write_operation(const VmsOperation *operation);
VmsOperation *vms_record_read_operation(const char *text, GError **error);
char *vms_record_write_lease(const VmsLease *lease);
VmsLease *vms_record_read_lease(const char *text, GError **error);

/* Far above any plan. */
#define VMS_PLAN_TEXT_LIMIT ((gsize)4 * 1024 * 1024)
/* The plan of a restore from vms_view_plan()'s text; NULL: INVALID, reason "NoPlan". */
VmsPlan *vms_record_read_plan(const char *text, GError **error);

/* All that is stored of @from into @to; what is listed there stays and comes first. */
void vms_record_copy_evidence(const VmsEvidence *from, VmsEvidence *to);
