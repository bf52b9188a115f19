/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/window-locks.h"

gboolean
vms_window_locks_take(const VmsWindowLocking *wanted, VmsWindowLocks *ret_locks, GError **error)
{
    g_autofree char *vm = vms_lock_name_vm(wanted->vm_uuid);
    g_autofree char *window = vms_lock_name_window(wanted->vm_uuid);
    g_autoptr(VmsLock) shared = NULL;
    g_autoptr(VmsLock) alone = NULL;

    if (!vms_lock_share(wanted->runtime_dir, vm, wanted->operation, wanted->wait_ms,
                        wanted->progress, &shared, error) ||
        !vms_lock_take(wanted->runtime_dir, window, wanted->operation, wanted->wait_ms,
                       wanted->progress, &alone, error))
        return FALSE;
    ret_locks->vm = g_steal_pointer(&shared);
    ret_locks->window = g_steal_pointer(&alone);
    return TRUE;
}

gboolean
vms_window_locks_note(VmsWindowLocks *locks, const VmsProcessId *holder, const char *operation,
                      gint64 until_us, GError **error)
{
    return vms_lock_note(locks->vm, holder, operation, until_us, error) &&
           vms_lock_note(locks->window, holder, operation, until_us, error);
}

void
vms_window_locks_leave(VmsWindowLocks *locks)
{
    g_clear_pointer(&locks->window, vms_lock_leave);
    g_clear_pointer(&locks->vm, vms_lock_leave);
}

void
vms_window_locks_clear(VmsWindowLocks *locks)
{
    g_clear_pointer(&locks->window, vms_lock_free);
    g_clear_pointer(&locks->vm, vms_lock_free);
}
