/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/lock.h"

#include <glib.h>

/* Both locks that who holds a VM frozen holds: its share of the VM's, so that nobody exchanges the
 * disks, and the window's, so that nobody else freezes. */

typedef struct {
    VmsLock *vm;
    VmsLock *window;
} VmsWindowLocks;

typedef struct {
    const char *runtime_dir;
    const char *vm_uuid;
    const char *operation;
    guint wait_ms; /* for each */
    VmsProgress *progress;
} VmsWindowLocking;

/* Both or none. Errors of vms_lock_take(). */
gboolean vms_window_locks_take(const VmsWindowLocking *wanted, VmsWindowLocks *ret_locks,
                               GError **error);
/* As vms_lock_note(). */
gboolean vms_window_locks_note(VmsWindowLocks *locks, const VmsProcessId *holder,
                               const char *operation, gint64 until_us, GError **error);
/* Leave them to who else has their descriptors. */
void vms_window_locks_leave(VmsWindowLocks *locks);
void vms_window_locks_clear(VmsWindowLocks *locks);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmsWindowLocks, vms_window_locks_clear)
