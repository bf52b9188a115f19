/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "plan/restore-plan.h"

#include <glib.h>

/* Finding what stands against a restore, one file of functions for each concern. What a finding
 * means in each mode stands in plan/conflict.c and nowhere else. */

typedef struct {
    VmsPlan *plan;
    const VmsRestoreInput *input;
} VmsRestoreFindings;

/* Something found. Severity, acts and resolution are those of the table's row. */
VmsFinding *vms_restore_found(const VmsRestoreFindings *self, const char *kind, const char *name,
                              const char *reason, const char *format, ...) G_GNUC_PRINTF(5, 6);
/* Who holds what was found: "VM other", "process 4711 (qemu-nbd)". */
void vms_restore_held(VmsFinding *finding, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A resource that is simply restored. */
VmsFinding *vms_restore_touches(const VmsRestoreFindings *self, const char *kind, const char *name,
                                VmsResourceStatus status);

void vms_restore_find_vm(const VmsRestoreFindings *self);       /* the VM, its state */
void vms_restore_find_snapshot(const VmsRestoreFindings *self); /* the snapshot itself */
void vms_restore_find_disks(const VmsRestoreFindings *self);    /* disks, their files, space */
void vms_restore_find_identity(const VmsRestoreFindings *self); /* MACs, addresses */
void vms_restore_find_addresses(const VmsRestoreFindings *self);
void vms_restore_find_depends(const VmsRestoreFindings *self); /* images, networks, devices */
void vms_restore_find_parts(const VmsRestoreFindings *self);   /* NVRAM, TPM, Secrets */

/* What addresses add to the plan's steps. */
void vms_restore_list_addresses(VmsPlan *plan, const VmsRestoreInput *input);
/* What parts add to the plan's steps and to its hash; @still: with what a running VM changes. */
void vms_restore_list_parts(VmsPlan *plan, const VmsRestoreInput *input);
void vms_restore_hash_parts(GChecksum *sum, const VmsRestoreInput *input, gboolean still);
