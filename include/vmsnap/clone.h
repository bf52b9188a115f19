/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_CLONE_H
#define VMSNAP_CLONE_H

/**
 * @file
 * New virtual machines from others, or from their snapshots.
 *
 * A clone has the source's configuration and a copy of all that the source owns: disks, NVRAM, the
 * state of an emulated TPM, Secrets (media it is configured from). All of its identity is new.
 * It is defined last: a clone is there whole, or not at all.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** How the disks of a clone come to their contents. */
typedef enum {
    VMSNAP_CLONE_FULL = 0,  /**< By sharing blocks where the file system allows it, else by a
                                 copy: the clone depends on nothing. */
    VMSNAP_CLONE_LINKED = 1 /**< As qcow2 overlays over a snapshot's images, which the clone then
                                 needs. Only from a snapshot. */
} vmsnap_clone_method;

/** What becomes of the source's habit of running. */
typedef enum {
    VMSNAP_RUN_POLICY_ALWAYS_OFF = 0, /**< The clone is left off, and does not start by itself. */
    VMSNAP_RUN_POLICY_INHERIT = 1     /**< Started if the source runs (or ran, when its snapshot
                                           was taken), and starting by itself if the source does. */
} vmsnap_run_policy;

/** Bits of vmsnap_clone_options.flags. */
typedef enum {
    VMSNAP_CLONE_KEEP_SERIAL = 1,  /**< Disks keep serial numbers and WWNs. */
    VMSNAP_CLONE_START = 2,        /**< Start it, whatever the run policy says. */
    VMSNAP_CLONE_ALLOW_PARTIAL = 4 /**< From a partial snapshot: without what that lacks. */
} vmsnap_clone_flags;

/** What to make. Start from #VMSNAP_CLONE_OPTIONS_INIT; a zero field means its default. */
typedef struct vmsnap_clone_options {
    size_t struct_size;       /**< Set by the initializer. */
    const char *name;         /**< The clone's name: as the first rule, for the VM. NULL: a rule,
                                   prefix or suffix gives it, one of which is needed then. */
    const char *const *rules; /**< "[KIND:]OLD=NEW", ended by NULL; the first that is for a
                                   resource names it. KIND is VirtualMachine, VirtualDisk, Secret or
                                   NVRAM; without one a rule is for all. OLD is the whole name, case
                                   counts: of a file the base name up to the last dot, or VM/TARGET.
                                   A backslash before ':', '=' or a backslash takes it as it is. */
    const char *prefix;       /**< Put before every name, after the rules; NULL: none. */
    const char *suffix;       /**< Put behind every name; NULL: none. */
    const char *seed;         /**< Makes the identity follow from source, name and this text, which
                                   may be empty; NULL: it is random. */
    uint32_t method;          /**< A #vmsnap_clone_method. */
    uint32_t run_policy;      /**< A #vmsnap_run_policy. */
    uint32_t flags;           /**< #vmsnap_clone_flags, or-ed. */
    uint32_t wait_ready_ms;   /**< Longest wait for locks, and for a running source to be ready for
                                   a freeze; 0: none. */
} vmsnap_clone_options;

/** Initializer of a vmsnap_clone_options. */
#define VMSNAP_CLONE_OPTIONS_INIT VMSNAP_SIZED_INIT(vmsnap_clone_options)

/**
 * Plan a clone of a VM as it is: find all that stands in the way. This is the dry-run; it takes no
 * snapshot and has no side effect at all.
 *
 * A VM that runs, or is paused, is cloned through a snapshot of its own, which must come out
 * consistent and is removed when the clone depends on it no more.
 *
 * @param vm         What to clone.
 * @param options    What to make. Copied.
 * @param ret_plan   The plan; release with vmsnap_plan_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID, also without a name for the clone (reason "NameRequired");
 *         #VMSNAP_E_NOT_FOUND if the VM is gone; #VMSNAP_E_UNSUPPORTED without a hypervisor or on
 *         another host; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_clone_plan(vmsnap_vm *vm, const vmsnap_clone_options *options,
                                 vmsnap_plan **ret_plan, vmsnap_error **ret_error);

/**
 * Plan a clone of a VM as it was when its snapshot was taken; the VM may be gone.
 *
 * @param snapshot   What to make it from, of a VM.
 * @param options    What to make. Copied.
 * @param ret_plan   The plan; release with vmsnap_plan_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; as vmsnap_clone_plan(); #VMSNAP_E_INVALID with reason "WrongKind" for a snapshot of a
 *         disk.
 * @since 0.1
 */
VMSNAP_API int vmsnap_clone_plan_from_snapshot(vmsnap_snapshot *snapshot,
                                               const vmsnap_clone_options *options,
                                               vmsnap_plan **ret_plan, vmsnap_error **ret_error);

/**
 * Start running a plan. The job fails with #VMSNAP_E_CONFLICT when findings refuse the mode and
 * with #VMSNAP_E_PLAN_STALE when what decided has changed; in both cases nothing was touched.
 *
 * Whenever it fails, is cancelled or dies (after a recovery), exactly what it made is removed, and
 * the same clone can be made then. What it made is told by its operation:
 * vmsnap_operation_get_new_vm_name() and vmsnap_operation_get_new_vm_uuid().
 *
 * @param plan       A plan by vmsnap_clone_plan(), vmsnap_clone_plan_from_snapshot() or
 *                   vmsnap_plan_from_json().
 * @param mode       #VMSNAP_MODE_STRICT or #VMSNAP_MODE_BEST_EFFORT, which does without images and
 *                   host devices that the clone cannot have.
 * @param ret_job    The started job; release with vmsnap_job_unref(). Untouched on failure.
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID for another mode, or a plan of something else; #VMSNAP_E_PERMISSION;
 *         #VMSNAP_E_BUSY if too many jobs run; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_clone_start(vmsnap_plan *plan, uint32_t mode, vmsnap_job **ret_job,
                                  vmsnap_error **ret_error);

/**
 * Start freeing the disks of a VM from what they are built on: those of a linked clone from its
 * snapshot, which can be deleted then.
 *
 * Each disk that is an overlay is written anew beside itself, whole, and takes the old one's place
 * when all are complete; whenever that fails, is cancelled or dies (after a recovery), the VM has
 * either its old disks or the new ones, and nothing else is left. A VM whose disks depend on
 * nothing is left as it is: success. The operation is of type "flatten".
 *
 * @param vm         The VM. It must be off when the job runs: else the job fails with
 *                   #VMSNAP_E_CONFLICT, reason "VirtualMachineRuns".
 * @param ret_job    The started job; release with vmsnap_job_unref(). Untouched on failure.
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID; #VMSNAP_E_UNSUPPORTED without a hypervisor or on another host;
 *         #VMSNAP_E_PERMISSION; #VMSNAP_E_BUSY if too many jobs run; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_vm_flatten(vmsnap_vm *vm, vmsnap_job **ret_job, vmsnap_error **ret_error);

/** The name of the VM that a completed operation of type "clone" made; NULL of others.
 *  @since 0.1 */
VMSNAP_API const char *vmsnap_operation_get_new_vm_name(const vmsnap_operation *operation);
/** Its UUID; NULL of others. @since 0.1 */
VMSNAP_API const char *vmsnap_operation_get_new_vm_uuid(const vmsnap_operation *operation);

VMSNAP_END_DECLS
#endif
