/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/guard-order.h"
#include "guard/watch.h"
#include "support/fake-world.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* The real guard's watch over a fake world, whose file stands where the URI does. */

static VmsDrivers *
open_drivers(void *data, GError **error)
{
    (void)error;
    return fake_drivers_new(data);
}

int
main(int argc, char **argv)
{
    VmsGuardWatch watch = {
        .orders = VMS_GUARD_FD, .link = -1, .open = open_drivers, .close = fake_drivers_free
    };

    if (argc != VMS_GUARD_ARGC)
        return EXIT_FAILURE;
    watch.data = fake_world_open(argv[1]);
    watch.vm_uuid = argv[2];
    watch.state_dir = argv[3];
    watch.owner.pid = g_ascii_strtoll(argv[4], NULL, 10);
    watch.owner.start = g_ascii_strtoull(argv[5], NULL, 10);
    watch.orphan = strcmp(argv[6], VMS_GUARD_ORPHAN) == 0;
    return watch.data ? vms_guard_watch(&watch) : EXIT_FAILURE;
}
