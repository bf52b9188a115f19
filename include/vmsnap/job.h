/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_JOB_H
#define VMSNAP_JOB_H

/**
 * @file
 * A long operation: wait for it, watch it, cancel it, take what it made.
 *
 * Each job runs in a thread of the library. Releasing a job neither waits for it nor cancels it;
 * vmsnap_context_close() does both for all.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** What a job is doing, for display. Unknown numbers mean "working". */
typedef enum {
    VMSNAP_STAGE_STARTING = 0,      /**< Not begun. */
    VMSNAP_STAGE_WAITING = 1,       /**< Waits for a lock, an agent, another job. */
    VMSNAP_STAGE_SURVEYING = 2,     /**< Reads the world. */
    VMSNAP_STAGE_PREPARING = 3,     /**< Makes files and records. */
    VMSNAP_STAGE_FREEZING = 4,      /**< Asks the guest to freeze. */
    VMSNAP_STAGE_CAPTURING = 5,     /**< Cuts. */
    VMSNAP_STAGE_THAWING = 6,       /**< Asks the guest to thaw. */
    VMSNAP_STAGE_COPYING = 7,       /**< Copies data; the guest runs. */
    VMSNAP_STAGE_STOPPING = 8,      /**< Waits for the guest to shut down. */
    VMSNAP_STAGE_EXCHANGING = 9,    /**< Puts new disks in place of old ones. */
    VMSNAP_STAGE_RESTARTING = 10,   /**< Starts the guest again. */
    VMSNAP_STAGE_FINISHING = 11,    /**< Syncs and writes the final record. */
    VMSNAP_STAGE_ROLLING_BACK = 12, /**< Undoes what was done. */
    VMSNAP_STAGE_DONE = 13          /**< Finished. */
} vmsnap_stage;

/** How far a job is. Start from #VMSNAP_PROGRESS_INIT. */
typedef struct vmsnap_progress {
    size_t struct_size;   /**< Set by the initializer. */
    uint64_t sequence;    /**< Changes whenever anything does. */
    uint64_t bytes_done;  /**< Bytes handled in this stage. */
    uint64_t bytes_total; /**< Bytes to handle in this stage; 0: not known. */
    uint32_t stage;       /**< A #vmsnap_stage. */
    uint32_t reserved0;   /**< 0. */
} vmsnap_progress;

/** Initializer of a vmsnap_progress. */
#define VMSNAP_PROGRESS_INIT VMSNAP_SIZED_INIT(vmsnap_progress)

/**
 * Wait for a job to finish.
 *
 * @param job         The job.
 * @param timeout_ms  Longest wait; 0: do not wait; negative: no limit.
 * @param ret_error   Why the job failed, a copy for this caller. NULL if not wanted.
 * @return 1 finished and succeeded, 0 still running, or the negative #vmsnap_code it failed with.
 * @since 0.1
 */
VMSNAP_API int vmsnap_job_wait(vmsnap_job *job, int timeout_ms, vmsnap_error **ret_error);

/**
 * A file descriptor that polls readable once the job has finished.
 *
 * @param job        The job.
 * @param ret_fd     A new descriptor (close-on-exec): the caller closes it.
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0 or a negative #vmsnap_code.
 * @since 0.1
 */
VMSNAP_API int vmsnap_job_get_fd(vmsnap_job *job, int *ret_fd, vmsnap_error **ret_error);

/**
 * Read how far the job is. Never blocks.
 *
 * @param job        The job.
 * @param progress   Filled; its struct_size must be set.
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0 or a negative #vmsnap_code.
 * @since 0.1
 */
VMSNAP_API int vmsnap_job_read_progress(vmsnap_job *job, vmsnap_progress *progress,
                                        vmsnap_error **ret_error);

/** Ask the job to stop at its next safe point and roll back; then wait. NULL is allowed.
 *  @since 0.1 */
VMSNAP_API void vmsnap_job_cancel(vmsnap_job *job);

/**
 * The UUID of the job's recorded operation, known from the start.
 *
 * @param job  The job.
 * @return Borrowed from @p job; NULL for recovery and verification, which are not recorded. A job
 *         that failed before it did anything leaves no record of this UUID.
 * @since 0.1
 */
VMSNAP_API const char *vmsnap_job_get_operation_uuid(const vmsnap_job *job);

/**
 * The snapshot that a finished job made or is about.
 *
 * @param job           The job.
 * @param ret_snapshot  A reference; release with vmsnap_snapshot_unref().
 * @param ret_error     Why there is none. NULL if not wanted.
 * @return 0; #VMSNAP_E_BUSY while it runs; #VMSNAP_E_NOT_FOUND if it has none, or no more.
 * @since 0.1
 */
VMSNAP_API int vmsnap_job_ref_snapshot(vmsnap_job *job, vmsnap_snapshot **ret_snapshot,
                                       vmsnap_error **ret_error);

/**
 * The snapshots a finished job of a group made or began, Failed ones too, in no order; of another
 * job the one it is about.
 *
 * @param job        The job.
 * @param ret_list   Release with vmsnap_snapshot_list_unref().
 * @param ret_error  Why there is none. NULL if not wanted.
 * @return 0; #VMSNAP_E_BUSY while it runs; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_job_ref_snapshot_list(vmsnap_job *job, vmsnap_snapshot_list **ret_list,
                                            vmsnap_error **ret_error);

/**
 * The result of a finished job as JSON: the operation's record; of a recovery the list of acts; of
 * a verification the snapshot; of a group the list of snapshots; without a record the error.
 *
 * @param job  The job.
 * @return Borrowed from @p job; NULL while it runs, and in the child of a fork().
 * @since 0.1
 */
VMSNAP_API const char *vmsnap_job_get_json(vmsnap_job *job);

/** Add a reference and return @p job. @since 0.1 */
VMSNAP_API vmsnap_job *vmsnap_job_ref(vmsnap_job *job);
/** Drop a reference: never blocks, never cancels. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_job_unref(vmsnap_job *job);

VMSNAP_END_DECLS
#endif
