/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/freeze.h"

#include <glib.h>

/* Freezes by themselves, for callers who cut by their own means: with the guard, the lease and the
 * evidence of a snapshot's window, held for as long as the caller says. */

/* One VM that we froze: held by this process (the guard thaws when we die or are late), or
 * detached, held by its guard. */
typedef struct VmsFrozenVm VmsFrozenVm;

/* Freeze a running VM. AGENT, INCONSISTENT and BUSY as under the policy require; UNSUPPORTED with
 * reason "NotRunning" for a VM that is off. The VM's lock is held as long as the freeze. */
gboolean vms_engine_freeze(VmsEngine *engine, const char *operation_uuid, const char *vm_uuid,
                           const VmsFreezeRequest *request, VmsProgress *progress,
                           VmsFrozenVm **ret_frozen, GError **error);
/* End a detached freeze, or one that was left behind, of whichever process. NOT_FOUND with reason
 * "NotFrozen" when we hold none: nothing is done then. BUSY when a living owner holds it. */
gboolean vms_engine_thaw(VmsEngine *engine, const char *vm_uuid, VmsProgress *progress,
                         VmsFrozenVm **ret_frozen, GError **error);
/* Thaw the guest whoever froze it. @acts: VmsRecoveryAct* are added. */
gboolean vms_engine_force_thaw(VmsEngine *engine, const char *vm_uuid, VmsProgress *progress,
                               GPtrArray *acts, GError **error);

/* Thaw and judge; TRUE when the guest is thawed, whatever was proven. Once it is over, only the
 * outcome is told again. From any thread. */
gboolean vms_frozen_vm_end(VmsFrozenVm *self, VmsProgress *progress, GError **error);
/* The same without asking what came of it, for a context that is closed; a detached one goes on. */
void vms_frozen_vm_close(VmsFrozenVm *self);
/* Callers that hold it, one at first; the last drop leaves it.
 * The caller is gone: an attached freeze is ended by its guard, without waiting, or by us where the
 * context answers for it; a detached one goes on. */
void vms_frozen_vm_hold(VmsFrozenVm *self);
void vms_frozen_vm_drop(VmsFrozenVm *self);
const char *vms_frozen_vm_get_uuid(const VmsFrozenVm *self);
gboolean vms_frozen_vm_is_ended(VmsFrozenVm *self);
gboolean vms_frozen_vm_is_proven(VmsFrozenVm *self);
/* Borrowed: as it was when it began or, once it is over, as it ended; both live with @self. */
const char *vms_frozen_vm_get_json(VmsFrozenVm *self);
VmsFrozenVm *vms_frozen_vm_ref(VmsFrozenVm *self);
/* NULL is allowed. */
void vms_frozen_vm_unref(VmsFrozenVm *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsFrozenVm, vms_frozen_vm_unref)
