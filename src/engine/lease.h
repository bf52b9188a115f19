/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/process.h"
#include "model/vm.h"

#include <glib.h>

/* The lease: a small file per VM, written and synced before anything is frozen, suspended or
 * begun in the hypervisor, removed after it was undone. From it a guard or recover can finish. */

typedef enum {
    VMS_LEASE_INTENDED = 0,
    VMS_LEASE_FROZEN,
    VMS_LEASE_SUSPENDED,
    VMS_LEASE_JOB /* thawed; a backup job of ours remains */
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
    gint64 deadline_us;  /* CLOCK_BOOTTIME */
} VmsLease;

VmsLease *vms_lease_new(const char *uri, const char *vm_uuid, const char *operation);
void vms_lease_free(VmsLease *lease);
/* <state_dir>/leases/<vm uuid>.json, durable when it returns. */
gboolean vms_lease_write(const char *state_dir, const VmsLease *lease, GError **error);
gboolean vms_lease_remove(const char *state_dir, const char *vm_uuid, GError **error);
/* NOT_FOUND if there is none. */
gboolean vms_lease_read(const char *state_dir, const char *vm_uuid, VmsLease **ret_lease,
                        GError **error);
/* All of them; a damaged one is skipped with a warning in @ret_damaged (char*, may be NULL). */
gboolean vms_lease_list(const char *state_dir, GPtrArray **ret_leases, GPtrArray **ret_damaged,
                        GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsLease, vms_lease_free)
