/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/lease.h"
#include "port/drivers.h"

#include <glib.h>

/* A guest that was asked to stop, did not in time, and may still do so: the restore has failed, and
 * for ten minutes more the VM is started again when it goes down. A lease of its own kind, in a
 * folder of its own, says who watches; who lets another operation decide about the VM's power
 * removes it, and whoever is not named in it any more goes. */

#define VMS_LATE_US (10 * 60 * G_USEC_PER_SEC)

/* Where such leases are: a state folder for the functions of engine/lease.h. */
char *vms_late_folder(const char *state_dir);

typedef enum {
    VMS_LATE_ON = 0,  /* it runs: look again */
    VMS_LATE_BUSY,    /* it is off, and somebody is at work on it: look again */
    VMS_LATE_STARTED, /* it had gone off and runs again */
    VMS_LATE_OVER     /* nothing to watch any more: somebody else decided */
} VmsLateState;

/* One look at the VM of @lease. Starts a VM whose guest shut it down, under the VM's lock; what was
 * destroyed, saved or crashed stays. */
gboolean vms_late_look(const VmsDrivers *drivers, const char *state_dir, const VmsLease *lease,
                       VmsLateState *ret_state, GError **error);
/* In the record of the operation that had given up: it was started again. */
gboolean vms_late_report(VmsCatalog *catalog, const VmsLease *lease, GError **error);
