/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/guard-order.h"
#include "guard/scope.h"
#include "guard/watch.h"
#include "wire/wire.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* vmsnap-thaw-guard: started by the library, not by people. See engine/guard-order.h. */

static VmsDrivers *
open_drivers(void *data, GError **error)
{
    const VmsWireRequest request = { .uri = data };
    VmsDrivers *drivers = NULL;

    return vms_wire_open(&request, &drivers, error) ? drivers : NULL;
}

static VmsDrivers *
open_records(const char *catalog, GError **error)
{
    const VmsWireRequest request = { .uri = "none", .catalog = catalog };
    VmsDrivers *drivers = NULL;

    return vms_wire_open(&request, &drivers, error) ? drivers : NULL;
}

static void
leave_group(void)
{
    if (geteuid() == 0 && access("/run/systemd/system", F_OK) == 0)
        (void)vms_scope_enter(VMS_SCOPE_ADDRESS);
}

/* Nothing but its own end, its orders or SIGKILL ends a guard; libvirt wants SIGPIPE blocked. */
static void
block_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
}

int
main(int argc, char **argv)
{
    VmsGuardWatch watch = { .leave_group = leave_group,
                            .orders = VMS_GUARD_FD,
                            .open = open_drivers,
                            .open_records = open_records,
                            .close = vms_wire_free };
    guint64 pid = 0;

    watch.link = fcntl(VMS_GUARD_LINK_FD, F_SETFD, FD_CLOEXEC) == 0 ? VMS_GUARD_LINK_FD : -1;
    block_signals();
    if (argc != VMS_GUARD_ARGC ||
        !g_ascii_string_to_unsigned(argv[4], 10, 1, G_MAXINT32, &pid, NULL) ||
        !g_ascii_string_to_unsigned(argv[5], 10, 0, G_MAXUINT64, &watch.owner.start, NULL)) {
        g_printerr("vmsnap-thaw-guard is started by libvmsnap, not by hand\n");
        return EXIT_FAILURE;
    }
    watch.data = argv[1];
    watch.vm_uuid = argv[2];
    watch.state_dir = argv[3];
    watch.owner.pid = (gint64)pid;
    watch.orphan = strcmp(argv[6], VMS_GUARD_ORPHAN) == 0;
    return vms_guard_watch(&watch);
}
