/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/lease.h"
#include "engine/window.h"
#include "support/fake-world.h"

#include <glib.h>

/* A window over a fake world, in a state folder of its own. */

typedef struct {
    char *folder; /* state and runtime folder */
    char *world_path;
    FakeWorld *world;
    VmsDrivers *drivers;
    VmsEngine engine;
    VmsVm *vm;
    VmsWindow window;
    VmsEvidence *evidence;
    VmsWatch *watch;
    GError *error;
    gboolean cut_fails;
    gint64 cut_us; /* how long the cut takes */
} Bench;

/* The context answers for the thaw itself until guard_path is set and self_guard is cleared. */
Bench *bench_new(void);
void bench_free(Bench *bench);
gboolean bench_run(Bench *bench);
gboolean bench_has_lease(const Bench *bench);
/* TRUE when the VM runs, is thawed, has no job of ours, and no lease tells of it. */
gboolean bench_is_clean(const Bench *bench);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Bench, bench_free)
