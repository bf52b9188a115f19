/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/sys.h"

#ifdef VMS_CRASH_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* The only mutable globals of the library, and only in builds made for the recovery tests. */
static atomic_ullong passed;
static atomic_ullong fatal; /* the count at which to act; 0: never */
static atomic_int fatal_action;
static _Atomic(VmsCrashHook) told;

void
vms_crash_arm(guint64 count, int action)
{
    atomic_store(&fatal_action, action);
    atomic_store(&passed, 0);
    atomic_store(&fatal, count);
}

guint64
vms_crash_passed(void)
{
    return atomic_load(&passed);
}

void
vms_crash_hook(VmsCrashHook hook)
{
    atomic_store(&told, hook);
}

void
vms_crash_point(const char *name)
{
    unsigned long long now = atomic_fetch_add(&passed, 1) + 1;
    VmsCrashHook hook = atomic_load(&told);

    if (hook)
        hook(now, name);
    if (now == atomic_load(&fatal))
        kill(getpid(), atomic_load(&fatal_action) == 1 ? SIGSTOP : SIGKILL);
}

#endif
