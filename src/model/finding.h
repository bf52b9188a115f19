/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include <vmsnap/plan.h>

/* A resource an operation touches, and what was found about it. One shape serves plans, snapshots
 * and operations: the "resources" of the contract. */

typedef enum {
    VMS_RESOURCE_READY = 0,
    VMS_RESOURCE_MISSING,
    VMS_RESOURCE_CONFLICT,
    VMS_RESOURCE_REPLACED,
    VMS_RESOURCE_REMOVED,
    VMS_RESOURCE_KEPT,
    VMS_RESOURCE_NEW
} VmsResourceStatus;

/* What a mode does about a finding. */
typedef enum {
    VMS_ACT_PROCEED = 0,
    VMS_ACT_REFUSE,
    VMS_ACT_REMOVE,    /* the VM's reference to it is removed */
    VMS_ACT_LEAVE_OFF, /* restored exactly, but the VM is left off; refused if it should start */
    VMS_ACT_KEEP       /* what is there stays instead of what the snapshot holds */
} VmsAct;

typedef struct {
    char *kind;     /* "VirtualMachine", "VirtualDisk", "VirtualImage", "MACAddress", … */
    char *name;     /* "web", "web/vda", "52:54:00:…" */
    char *new_name; /* NULL: none */
    VmsResourceStatus status;
    vmsnap_severity severity;
    char *reason;     /* "MACInUse", …; NULL when all is well */
    char *message;    /* NULL when all is well */
    char *holder;     /* who stands in the way: "VM other", "process 4711"; NULL: nobody */
    char *resolution; /* what would resolve it; NULL: nothing needs to */
    VmsAct strict;
    VmsAct best_effort;
} VmsFinding;

/* All well. */
VmsFinding *vms_finding_new(const char *kind, const char *name, VmsResourceStatus status);
/* Something found; strict and best-effort both proceed until set otherwise. */
VmsFinding *vms_finding_new_reason(const char *kind, const char *name, vmsnap_severity severity,
                                   const char *reason, const char *format, ...) G_GNUC_PRINTF(5, 6);
/* What strict or best-effort does about it; for dry-run: refuse what is a conflict. */
VmsAct vms_finding_act(const VmsFinding *finding, vmsnap_mode mode);
VmsFinding *vms_finding_copy(const VmsFinding *finding);
void vms_finding_free(VmsFinding *finding);

const char *vms_resource_status_name(VmsResourceStatus status);
const char *vms_severity_name(vmsnap_severity severity);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsFinding, vms_finding_free)
