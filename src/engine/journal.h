/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "engine/store.h"
#include "model/vm.h"
#include "plan/plan.h"

#include <glib.h>

/* The life of an operation's record, the same for every kind of operation. */

/* A new operation in progress, owned by this process. */
VmsOperation *vms_journal_new(const VmsEngine *engine, const char *uuid, const char *type);
/* Hash, space and steps of @plan, as it runs; findings are for the caller to tell. */
void vms_journal_note_plan(VmsOperation *operation, const VmsPlan *plan);

/* TRUE if the process that owns it lives: then nobody else may touch what it works on. */
gboolean vms_journal_owner_alive(const VmsEngine *engine, const VmsOperation *operation);

/* Name of the lock under which the operation runs: its VM's, else its disk's. */
char *vms_journal_lock_name(const VmsOperation *operation);
/* TRUE if it runs under such a lock that this engine sees: then that lock, free, says that
 * even a living owner has given it up. */
gboolean vms_journal_lock_tells(const VmsEngine *engine, const VmsOperation *operation);
/* Under the VM's lock, shared or not: BUSY with reason "Unfinished" when an earlier operation was
 * interrupted that may have left disks of different times, or the VM on overlays. What others are
 * at work on counts as settled: before a window opens, they are not in one. */
gboolean vms_journal_check_settled(const VmsEngine *engine, const char *vm_uuid, GError **error);
/* Under the lock of a VM that is to be made: the same when an operation that was to make it was
 * interrupted. What recover finds of that UUID it would take for the work of that one. */
gboolean vms_journal_check_new_vm(const VmsEngine *engine, const char *vm_uuid, GError **error);
/* BUSY when one of @disks (VmsDisk*) is an overlay that an operation has put in place: with reason
 * "OverlaysActive" for as long as somebody is at work on it, else "Unfinished". */
gboolean vms_journal_check_overlays(const VmsEngine *engine, const char *vm_uuid,
                                    const GPtrArray *disks, GError **error);

/* Mark it completed. Not stored yet. */
void vms_journal_complete(VmsOperation *operation, const char *message);
/* Mark it failed, or cancelled when @why is a cancellation. Not stored yet. */
void vms_journal_fail(VmsOperation *operation, const GError *why);
/* Move the journal forward and store it: the intent is durable when this returns. On failure it
 * stays where it was; UNCERTAIN as below. */
gboolean vms_journal_advance(const VmsEngine *engine, VmsWork *work, VmsJournalState state,
                             GError **error);
/* Store the record that makes the operation's outcome stand. When the catalog fails, what it holds
 * is read back: TRUE if it stands, the failure if it does not, UNCERTAIN if that cannot be told
 * (then nothing may be rolled back: recover decides). */
gboolean vms_journal_commit(const VmsEngine *engine, VmsWork *work, GError **error);
/* The same where the outcome stands already, whatever the catalog says: UNCERTAIN on failure, and
 * recover finishes the record. */
gboolean vms_journal_close(const VmsEngine *engine, VmsWork *work, GError **error);
/* The failure of a last step, as the caller hears it: UNCERTAIN, since the outcome stands. Takes
 * @failed; always FALSE. */
gboolean vms_journal_leave(GError *failed, GError **error);
/* The failure @why of an operation that could not be rolled back, since @worse: UNCERTAIN, recover
 * goes on. Takes both; always FALSE. */
gboolean vms_journal_stay(GError *why, GError *worse, GError **error);
