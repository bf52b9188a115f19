/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_FREEZE_H
#define VMSNAP_FREEZE_H

/**
 * @file
 * A freeze by itself, for controllers that cut by their own means, such as a storage array.
 *
 * The guest's file systems are frozen with the guard, the lease and the evidence of a snapshot's
 * window, and stay so until vmsnap_freeze_end() or the deadline. What the caller cut after the job
 * of vmsnap_freeze_start() had succeeded and before he called vmsnap_freeze_end() was cut from a
 * guest at rest if vmsnap_freeze_get_proven() says so afterwards; the JSON tells the same moments
 * on CLOCK_MONOTONIC and in UTC, for cuts that tell their own time.
 *
 * An attached freeze belongs to the caller: it is thawed when the last handle goes, when the
 * context is closed, at the deadline, and by the guard when the process dies. A detached one
 * belongs to its guard: it outlives the process and ends at the deadline or by vmsnap_vm_thaw()
 * from any process. Meanwhile other operations on the VM get #VMSNAP_E_BUSY naming the holder. A
 * guest that somebody else froze is never thawed but by #VMSNAP_THAW_FORCE.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** Bits of vmsnap_freeze_options.flags. */
typedef enum {
    VMSNAP_FREEZE_DETACHED = 1 /**< The guard owns it: it outlives this process. */
} vmsnap_freeze_flags;

/** How to freeze. Start from #VMSNAP_FREEZE_OPTIONS_INIT; a zero field means its default. */
typedef struct vmsnap_freeze_options {
    size_t struct_size;       /**< Set by the initializer. */
    const char *const *disks; /**< Targets that will be cut, ended by NULL: what lies on others
                                   cannot spoil the proof; NULL: all. */
    const char *const *accept_unfrozen; /**< As in a snapshot's options: mount points and targets
                                             that may pass the freeze by; NULL: none. */
    uint32_t hold_ms;        /**< How long it may last; 0: 30 s; at most 10 min. A Windows guest
                                  is held 8 s at most. */
    uint32_t freeze_call_ms; /**< Longest wait for the agent; 0: 10 s, Windows 60 s. */
    uint32_t wait_ready_ms;  /**< Wait so long for locks, jobs and the agent; 0: do not. */
    uint32_t flags;          /**< #vmsnap_freeze_flags, or-ed. */
} vmsnap_freeze_options;

/** Initializer of a vmsnap_freeze_options. */
#define VMSNAP_FREEZE_OPTIONS_INIT VMSNAP_SIZED_INIT(vmsnap_freeze_options)

/** Bits of vmsnap_thaw_options.flags. */
typedef enum {
    VMSNAP_THAW_FORCE = 1 /**< Thaw whoever froze it, another operation of ours included: that then
                               fails or is marked as not consistent. */
} vmsnap_thaw_flags;

/** How to thaw. Start from #VMSNAP_THAW_OPTIONS_INIT; a zero field means its default. */
typedef struct vmsnap_thaw_options {
    size_t struct_size; /**< Set by the initializer. */
    uint32_t flags;     /**< #vmsnap_thaw_flags, or-ed. */
    uint32_t reserved0; /**< Must be 0. */
} vmsnap_thaw_options;

/** Initializer of a vmsnap_thaw_options. */
#define VMSNAP_THAW_OPTIONS_INIT VMSNAP_SIZED_INIT(vmsnap_thaw_options)

/**
 * Freeze the file systems of a running VM.
 *
 * The job succeeds when the guest is frozen: take it with vmsnap_job_ref_freeze(). It fails, with
 * the guest thawed, as a snapshot with #VMSNAP_CONSISTENCY_REQUIRE would: #VMSNAP_E_AGENT
 * ("AgentNotReady", "FreezeUnsupported", "FreezeFailed"), #VMSNAP_E_INCONSISTENT
 * ("PotentiallyInconsistent") for a VM that is paused or crashed, #VMSNAP_E_BUSY ("Migrating",
 * "BlockDevicesNotReady", "Locked"); and #VMSNAP_E_UNSUPPORTED ("NotRunning") for one that is off,
 * or ("NoGuard") without a guard process: a detached freeze needs one also where the context has
 * #VMSNAP_CONTEXT_SELF_GUARD. A job that nobody takes the freeze from ends it when it is released.
 *
 * @param vm         The VM.
 * @param options    How, or NULL for the defaults. Copied.
 * @param ret_job    The started job; release with vmsnap_job_unref(). Its operation UUID names the
 *                   freeze to others; there is no record of it.
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID, #VMSNAP_E_PERMISSION, #VMSNAP_E_UNSUPPORTED, #VMSNAP_E_BUSY
 * @since 0.1
 */
VMSNAP_API int vmsnap_freeze_start(vmsnap_vm *vm, const vmsnap_freeze_options *options,
                                   vmsnap_job **ret_job, vmsnap_error **ret_error);

/**
 * The freeze that a finished job began or ended.
 *
 * @param job         A job of vmsnap_freeze_start(), vmsnap_freeze_end() or vmsnap_vm_thaw().
 * @param ret_freeze  A reference; release with vmsnap_freeze_unref().
 * @param ret_error   Why there is none. NULL if not wanted.
 * @return 0; #VMSNAP_E_BUSY while it runs; #VMSNAP_E_NOT_FOUND if it has none.
 * @since 0.1
 */
VMSNAP_API int vmsnap_job_ref_freeze(vmsnap_job *job, vmsnap_freeze **ret_freeze,
                                     vmsnap_error **ret_error);

/**
 * Thaw, and judge what the freeze was worth.
 *
 * The job succeeds when the guest is thawed, proven or not: ask vmsnap_freeze_get_proven(). It
 * cannot be cancelled. It fails with #VMSNAP_E_AGENT ("MaybeFrozen") when the agent does not
 * confirm: the guard goes on thawing. Ending twice tells the same outcome again.
 *
 * @param freeze     The freeze.
 * @param ret_job    The started job; its JSON is vmsnap_freeze_get_json() of the ended freeze.
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0 or a negative #vmsnap_code.
 * @since 0.1
 */
VMSNAP_API int vmsnap_freeze_end(vmsnap_freeze *freeze, vmsnap_job **ret_job,
                                 vmsnap_error **ret_error);

/**
 * End a detached freeze of a VM, or one that a dead process left, whoever began it.
 *
 * The job fails with #VMSNAP_E_NOT_FOUND ("NotFrozen") when none of ours is held, also where
 * somebody else froze the guest: nothing is done then; and with #VMSNAP_E_BUSY when a living owner
 * holds it. With #VMSNAP_THAW_FORCE the guest is thawed in any case and the job's JSON lists the
 * acts, as that of a recovery does.
 *
 * @param vm         The VM.
 * @param options    How, or NULL for the defaults. Copied.
 * @param ret_job    The started job; release with vmsnap_job_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID, #VMSNAP_E_PERMISSION, …
 * @since 0.1
 */
VMSNAP_API int vmsnap_vm_thaw(vmsnap_vm *vm, const vmsnap_thaw_options *options,
                              vmsnap_job **ret_job, vmsnap_error **ret_error);

/** The freeze's UUID. @since 0.1 */
VMSNAP_API const char *vmsnap_freeze_get_uuid(const vmsnap_freeze *freeze);
/** 1 when it was ended, or given up; 0 before. One that its guard ended at the deadline counts as
 *  ended when vmsnap_freeze_end() has found out. @since 0.1 */
VMSNAP_API int vmsnap_freeze_get_ended(const vmsnap_freeze *freeze);
/** 1 when it is over and every file system was frozen to its end; else 0. @since 0.1 */
VMSNAP_API int vmsnap_freeze_get_proven(const vmsnap_freeze *freeze);
/** How it began or, once it is over, how it ended, as one JSON object with all evidence. Borrowed;
 *  both texts live as long as the handle. @since 0.1 */
VMSNAP_API const char *vmsnap_freeze_get_json(const vmsnap_freeze *freeze);
/** Add a reference and return @p freeze. @since 0.1 */
VMSNAP_API vmsnap_freeze *vmsnap_freeze_ref(vmsnap_freeze *freeze);
/** Drop a reference. The last one gives up an attached freeze: its guard thaws the guest, without
 *  waiting here; with #VMSNAP_CONTEXT_SELF_GUARD this call thaws it. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_freeze_unref(vmsnap_freeze *freeze);

VMSNAP_END_DECLS
#endif
