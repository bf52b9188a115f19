/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/lease.h"

#include <glib.h>

/* Leases as files: one small JSON text per VM. */

/* <state_dir>/leases/<vm uuid>.json, durable when it returns. */
gboolean vms_lease_write(const char *state_dir, const VmsLease *lease, GError **error);
/* Missing is success. */
gboolean vms_lease_remove(const char *state_dir, const char *vm_uuid, GError **error);
/* Remove what a writer that died left half-written of it. The VM's window lock must be
 * held. */
gboolean vms_lease_sweep(const char *state_dir, const char *vm_uuid, GError **error);
/* NOT_FOUND if there is none. */
gboolean vms_lease_read(const char *state_dir, const char *vm_uuid, VmsLease **ret_lease,
                        GError **error);
/* All of them (VmsLease*); a damaged one is skipped with a warning in @ret_damaged (char*, may be
 * NULL). No folder is an empty list. */
gboolean vms_lease_list(const char *state_dir, GPtrArray **ret_leases, GPtrArray **ret_damaged,
                        GError **error);
