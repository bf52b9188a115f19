/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/process.h"
#include "model/freeze.h"
#include "model/vm.h"

#include <glib.h>

/* What we hold in the hypervisor for one VM, and whom it belongs to. Written before anything is
 * frozen, suspended or begun, removed after it was undone: from it a guard or recover can finish.
 */

typedef enum {
    VMS_LEASE_INTENDED = 0,
    VMS_LEASE_FROZEN, /* the freeze was answered: none is on its way any more */
    VMS_LEASE_SUSPENDED,
    VMS_LEASE_JOB,    /* thawed; a backup job of ours remains */
    VMS_LEASE_STOPPED /* was asked to stop, in vain; see engine/late.h */
} VmsLeaseState;

typedef struct {
    char *uri;
    char *vm_uuid;
    char *operation;
    VmsInstance instance;
    VmsProcessId owner;
    VmsProcessId guard; /* pid 0: none */
    char *boot_id;
    VmsLeaseState state;
    gboolean freezes; /* the window freezes (else it only suspends or begins a job) */
    gboolean suspends;
    char *backup_socket; /* NULL: no job */
    char *agent_socket;  /* where the agent is asked; NULL: over the hypervisor */
    gint64 deadline_us;  /* CLOCK_BOOTTIME */
    gboolean paused;     /* of a late stop: how it is to be started again */
    char *runtime_dir;   /* where its VM's lock is; as the next, of a late stop only */
    char *catalog;       /* where the operation is recorded; NULL: not known */
    VmsFreeze *freeze;   /* a detached one, which is the guard's own; NULL otherwise */
} VmsLease;

VmsLease *vms_lease_new(const char *uri, const char *vm_uuid, const char *operation);
void vms_lease_free(VmsLease *lease);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsLease, vms_lease_free)
