/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <signal.h>

/* Sent to a guard that has adopted a freeze: its lease may be gone, then it has nothing to do. */
#define VMS_GUARD_SIGNAL SIGUSR1

/* What owner and guard say to each other, over a SOCK_SEQPACKET pair: one order a packet, none
 * larger than a VmsGuardOrder. The guard's end is its descriptor 0. If it has a descriptor 3, that
 * is the owner's connection to the agent, to be shut down before the guard itself asks the agent.
 *
 * argv of the guard: URI, VM's UUID, state folder, owner's pid, owner's start, and "orphan" for
 * one that is to outlive its owner, who then is not its parent: else "child". First it says READY
 * (or REFUSED, then text), then answers each ARM and ADOPT with ARMED. */

enum { VMS_GUARD_ARGC = 7, VMS_GUARD_FD = 0, VMS_GUARD_LINK_FD = 3, VMS_GUARD_LOCKS = 2 };
#define VMS_GUARD_ORPHAN "orphan"
#define VMS_GUARD_CHILD "child"

typedef enum {
    /* owner to guard */
    VMS_GUARD_ARM = 1, /* act at deadline_us too (CLOCK_BOOTTIME; 0: no deadline) */
    VMS_GUARD_DISMISS, /* go */
    VMS_GUARD_ABANDON, /* act now */
    VMS_GUARD_ADOPT,   /* be the owner until deadline_us; with it come the descriptors
                          of the VM's and the window's lock */
    VMS_GUARD_LATE,    /* nothing is held: start the VM again if it stops before the late lease's
                          deadline; see engine/late.h */
    /* guard to owner */
    VMS_GUARD_READY = 16,
    VMS_GUARD_REFUSED,
    VMS_GUARD_ARMED
} VmsGuardWord;

typedef struct {
    guint32 word; /* VmsGuardWord */
    guint32 pid;  /* of READY: its own */
    gint64 deadline_us;
    char text[240]; /* of REFUSED, ended by NUL */
} VmsGuardOrder;
