/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_RESTORE_H
#define VMSNAP_RESTORE_H

/**
 * @file
 * Bringing a virtual machine back to a snapshot, in place, and taking that back again.
 *
 * The new disks are made beside the old ones before the VM is stopped; the old ones are kept as
 * an undo set. A conflict never costs the VM its power. A disk that is a block device is rewritten
 * while the VM is off; its old contents are kept as a file where the snapshot is.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** Bits of vmsnap_restore_options.flags. */
typedef enum {
    VMSNAP_RESTORE_FORCE_STOP = 1,        /**< Cut the power if the guest does not stop in time. */
    VMSNAP_RESTORE_ALLOW_PARTIAL = 2,     /**< Restore from a partial snapshot. */
    VMSNAP_RESTORE_DROP_MANAGED_SAVE = 4, /**< Drop a managed save image that stands in the way. */
    VMSNAP_RESTORE_NO_START = 8           /**< Leave the VM off afterwards. */
} vmsnap_restore_flags;

/** How to restore. Start from #VMSNAP_RESTORE_OPTIONS_INIT; a zero field means its default. */
typedef struct vmsnap_restore_options {
    size_t struct_size;       /**< Set by the initializer. */
    uint32_t flags;           /**< #vmsnap_restore_flags, or-ed. */
    uint32_t stop_timeout_ms; /**< Longest wait for a graceful stop; 0: 60 s. */
    uint32_t undo_ttl_s;      /**< How long the old set is kept, seconds; 0: 24 h. */
    uint32_t wait_ready_ms;   /**< Longest wait for locks and foreign jobs; 0: none. */
} vmsnap_restore_options;

/** Initializer of a vmsnap_restore_options. */
#define VMSNAP_RESTORE_OPTIONS_INIT VMSNAP_SIZED_INIT(vmsnap_restore_options)

/**
 * Plan a restore: find every conflict. This is the dry-run; it has no side effect at all.
 *
 * @param snapshot   What to restore.
 * @param vm         Name or UUID of the VM to restore; NULL: the one the snapshot was taken of.
 *                   A VM that is missing or another one is a finding, not an error.
 * @param options    How, or NULL for the defaults. Copied.
 * @param ret_plan   The plan; release with vmsnap_plan_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID; #VMSNAP_E_UNSUPPORTED without a hypervisor or on another host; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_restore_plan(vmsnap_snapshot *snapshot, const char *vm,
                                   const vmsnap_restore_options *options, vmsnap_plan **ret_plan,
                                   vmsnap_error **ret_error);

/**
 * Start running a plan. The job fails with #VMSNAP_E_CONFLICT when findings refuse the mode and
 * with #VMSNAP_E_PLAN_STALE when what decided has changed; in both cases nothing was touched.
 *
 * @param plan       A plan by vmsnap_restore_plan() or vmsnap_plan_from_json().
 * @param mode       #VMSNAP_MODE_STRICT or #VMSNAP_MODE_BEST_EFFORT.
 * @param ret_job    The started job; release with vmsnap_job_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID for another mode; #VMSNAP_E_PERMISSION; #VMSNAP_E_BUSY if too many
 *         jobs run; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_restore_start(vmsnap_plan *plan, uint32_t mode, vmsnap_job **ret_job,
                                    vmsnap_error **ret_error);

/**
 * Start bringing back what a restore replaced: old disks and old configuration.
 *
 * @param operation  A completed restore whose undo set is still there.
 * @param options    How to stop the VM, or NULL for the defaults. Copied.
 * @param ret_job    The started job; release with vmsnap_job_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_NOT_FOUND if there is nothing to undo; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_operation_undo(vmsnap_operation *operation,
                                     const vmsnap_restore_options *options, vmsnap_job **ret_job,
                                     vmsnap_error **ret_error);

VMSNAP_END_DECLS
#endif
