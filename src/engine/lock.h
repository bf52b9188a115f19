/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"
#include "base/process.h"

#include <glib.h>

/* Locks per VM (and, for a window, per VM again), per host and independent of the catalog: open
 * file description locks on small files, freed by the kernel when the holder dies, closed in
 * forked children. The file says who holds it.
 *
 * What only reads a VM's disks shares the VM's lock: snapshots; what exchanges them has it alone.
 * Of windows there is one at a time: its lock is never shared, and is taken after the VM's. */

typedef struct VmsLock VmsLock;

/* Take <runtime_dir>/locks/<name>.lock; waits at most @wait_ms, watching @progress (may be NULL).
 * BUSY with reason "Locked" names the holder's pid and operation. */
gboolean vms_lock_take(const char *runtime_dir, const char *name, const char *operation,
                       guint wait_ms, VmsProgress *progress, VmsLock **ret_lock, GError **error);
/* The same beside others that share it. Nobody else gets it, shared or alone, in the name of the
 * same @operation: so who recovers an operation knows that it is not at work any more. */
gboolean vms_lock_share(const char *runtime_dir, const char *name, const char *operation,
                        guint wait_ms, VmsProgress *progress, VmsLock **ret_lock, GError **error);
/* TRUE if somebody has it, shared or alone, in the name of @operation. */
gboolean vms_lock_is_at_work(const char *runtime_dir, const char *name, const char *operation);
/* Who keeps others from sharing it, as in the refusal; NULL: nobody. Takes and makes nothing. */
char *vms_lock_find_holder(const char *runtime_dir, const char *name);
void vms_lock_free(VmsLock *lock);
/* Say anew who holds it, and until when (microseconds since the epoch). */
gboolean vms_lock_note(VmsLock *lock, const VmsProcessId *holder, const char *operation,
                       gint64 until_us, GError **error);
/* Its descriptor, to be sent to another process: that holds the lock as well then. */
int vms_lock_get_fd(const VmsLock *lock);
/* Frees it and leaves the lock to who else has the descriptor. */
void vms_lock_leave(VmsLock *lock);

/* Names of locks. */
char *vms_lock_name_vm(const char *vm_uuid);
char *vms_lock_name_window(const char *vm_uuid);
char *vms_lock_name_thaw(const char *vm_uuid);        /* who ends a freeze, one at a time */
char *vms_lock_name_disk(const char *canonical_path); /* disk-<sha256> */
char *vms_lock_name_new_vm(const char *name);         /* of who makes a VM of that name */
/* Of a snapshot's record, held shortly: by who is going to need its images, shared, until that is
 * written down; by who deletes it, alone, until that is. Taken last. */
char *vms_lock_name_snapshot(const char *snapshot_uuid);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsLock, vms_lock_free)
