/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "support/window-bench.h"

#include <pthread.h>

/* One who asks for a window, in a thread of its own. */
typedef struct {
    Bench *bench;
    VmsVm *vm;
    VmsWindow window;
    VmsEvidence *evidence;
    VmsProgress progress;
    char operation[37];
    char socket[32];
    pthread_t thread;
    gboolean cut_fails;
    /* what came of it */
    gboolean cut; /* it was */
    gboolean done;
    VmsWatch *watch;
    GError *error;
} Asker;

/* Waits 5 s for the window, unless asker->window says otherwise; @number is its operation's. */
Asker *asker_new(Bench *bench, int number, vmsnap_consistency_policy policy);
/* It needs a job on vda, or vdb for odd numbers. */
void asker_need_job(Asker *asker);
void asker_start(Asker *asker);
/* TRUE if it was cut. */
gboolean asker_join(Asker *asker);
void asker_free(Asker *asker);

/* How often @name stands in the world's log. */
int asker_count(const Bench *bench, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Asker, asker_free)
