/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guard/late.h"

#include "base/clock.h"
#include "engine/late.h"
#include "engine/lease.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LOOK_US (250 * 1000)

static VmsLease *
read_own(const VmsGuardWatch *watch)
{
    g_autofree char *folder = vms_late_folder(watch->state_dir);
    g_autoptr(VmsLease) lease = NULL;

    return vms_lease_read(folder, watch->vm_uuid, &lease, NULL) && lease->guard.pid == getpid()
               ? g_steal_pointer(&lease)
               : NULL;
}

gboolean
vms_guard_has_late(const VmsGuardWatch *watch)
{
    g_autoptr(VmsLease) lease = read_own(watch);

    return lease != NULL;
}

static void
report(const VmsGuardWatch *watch, const VmsLease *lease)
{
    VmsDrivers *records =
        watch->open_records && lease->catalog ? watch->open_records(lease->catalog, NULL) : NULL;

    if (!records)
        return;
    (void)vms_late_report(records->catalog, lease, NULL);
    watch->close(records);
}

/* The daemon may be restarted meanwhile: a connection that fails is made anew. */
static VmsLateState
look(const VmsGuardWatch *watch, const VmsLease *lease, VmsDrivers **drivers)
{
    VmsLateState state = VMS_LATE_BUSY;

    if (!*drivers)
        *drivers = watch->open(watch->data, NULL);
    if (!*drivers || vms_late_look(*drivers, watch->state_dir, lease, &state, NULL))
        return state;
    watch->close(*drivers);
    *drivers = NULL;
    return VMS_LATE_BUSY;
}

int
vms_guard_watch_late(const VmsGuardWatch *watch, VmsDrivers *drivers)
{
    g_autofree char *folder = vms_late_folder(watch->state_dir);
    g_autoptr(VmsLease) lease = read_own(watch);
    VmsLateState state = lease ? VMS_LATE_ON : VMS_LATE_OVER;

    (void)prctl(PR_SET_NAME, "vmsnap-late", 0, 0, 0);
    while (state == VMS_LATE_ON || state == VMS_LATE_BUSY) {
        /* One that is off already is not given up at the deadline. */
        if (state == VMS_LATE_ON && vms_clock_boottime_us() >= lease->deadline_us)
            break;
        vms_clock_sleep_us(LOOK_US);
        state = look(watch, lease, &drivers);
        if (vms_clock_boottime_us() >= lease->deadline_us + VMS_LATE_US)
            break;
    }
    if (state == VMS_LATE_STARTED)
        report(watch, lease);
    /* Another restore may have put its own there. */
    if (state != VMS_LATE_OVER && vms_guard_has_late(watch))
        (void)vms_lease_remove(folder, watch->vm_uuid, NULL);
    if (drivers)
        watch->close(drivers);
    return EXIT_SUCCESS;
}
