/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/process.h"
#include "port/drivers.h"

#include <glib.h>

/* The guard's work: stand by an owner who holds a VM, and let go in its place when it dies, is
 * late, or says so; or, where it was handed the freeze, hold the VM itself until the deadline. */

typedef struct {
    const char *vm_uuid;
    const char *state_dir;
    VmsProcessId owner;
    void (*leave_group)(void); /* once it is a process of its own; NULL: stay */
    gboolean orphan;           /* be no child of the owner, who may not reap us */
    int orders;                /* packets of engine/guard-order.h */
    int link; /* the owner's connection to the agent, shut down before we act; -1: none */
    /* A connection of our own; called again when one was lost. */
    VmsDrivers *(*open)(void *data, GError **error);
    void (*close)(VmsDrivers *drivers);
    /* Drivers of nothing but a catalog, closed in the same way; NULL: late stops are not recorded.
     */
    VmsDrivers *(*open_records)(const char *catalog, GError **error);
    void *data;
} VmsGuardWatch;

/* Runs until nothing is left to do: dismissed; or the owner is gone and what it held is free; or
 * given up after 24 h. Returns the exit status of the process. */
int vms_guard_watch(const VmsGuardWatch *watch);
