/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/finding.h"
#include "model/snapshot.h"
#include "model/step.h"
#include "model/vm.h"
#include "plan/clone-request.h"
#include "plan/restore-request.h"

#include <glib.h>

/* What an operation would do. Built by a planner from an inventory, then only read. */

typedef struct {
    char *type;     /* "restore", "clone", … */
    char *hash;     /* sha256 over what decided */
    char *identity; /* the same without what a running guest changes by running; equal to hash:
                       it was running */
    char *vm_uuid;  /* NULL: there is no such VM */
    char *vm_name;
    char *snapshot_uuid;
    char *snapshot_name;
    char *asked; /* the VM as the caller named it; NULL: the snapshot's own */
    VmsRestoreRequest request;
    VmsCloneRequest *cloning; /* of a clone; NULL: of something else */
    char *source_uuid;        /* the VM that is cloned as it is; NULL: none, a snapshot is */
    char *source_name;
    GPtrArray *findings; /* VmsFinding* */
    GPtrArray *steps;    /* VmsStep* */
    guint64 space_needed;
    guint64 space_free;
    gint64 expected_downtime_us; /* -1: no downtime */
    gboolean guest_told; /* clone: the findings have what the guest's disks keep of the source */
} VmsPlan;

VmsPlan *vms_plan_new(const char *type);
/* Any thread; who has it from another only reads it. */
VmsPlan *vms_plan_ref(VmsPlan *plan);
void vms_plan_unref(VmsPlan *plan);
/* TRUE if a plan of these hashes and @now, made from the world of now, are the same plan. Whether
 * the VM runs is no part of it: what a guest writes in between is its own affair. */
gboolean vms_plan_still_holds(const char *hash, const char *identity, const VmsPlan *now);
/* Findings that refuse @mode; for a dry-run, those of severity conflict. */
gsize vms_plan_count_conflicts(const VmsPlan *plan, vmsnap_mode mode);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsPlan, vms_plan_unref)
