/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_CONTEXT_H
#define VMSNAP_CONTEXT_H

/**
 * @file
 * The library instance: where it acts, where it keeps its records, and finding things in both.
 *
 * Opening looks and never acts: vmsnap_context_read_status() tells what an earlier process left
 * open, vmsnap_context_recover() finishes or undoes it. In the child of a fork() every call on a
 * handle of the parent fails with #VMSNAP_E_FORKED and every release only forgets; readings can
 * still be read.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>
#include <vmsnap/log.h>

VMSNAP_BEGIN_DECLS

/** Bits of vmsnap_context_options.flags. */
typedef enum {
    VMSNAP_CONTEXT_READ_ONLY = 1, /**< Lists, checks and dry-runs only; no secrets are read and no
                                       agent is asked. */
    VMSNAP_CONTEXT_SELF_GUARD = 2 /**< Freeze without a guard process: a thread of the library thaws
                                       at the deadline, and nobody does when the process dies.
                                       Recorded. */
} vmsnap_context_flags;

/** How to open. Start from #VMSNAP_CONTEXT_OPTIONS_INIT; a zero field means its default. */
typedef struct vmsnap_context_options {
    size_t struct_size;               /**< Set by the initializer. */
    const char *uri;                  /**< libvirt URI acted on; NULL: libvirt's default; "none":
                                           no hypervisor. */
    const char *const *analysis_uris; /**< Further URIs, for conflict analysis only; ended by
                                           NULL. Opened read-only; may be remote. While one
                                           cannot be reached, whatever looks for conflicts fails,
                                           naming it. NULL: none. */
    const char *catalog;              /**< "sqlite:/PATH"; NULL: catalog.db in the state folder. */
    const char *state_dir;            /**< Folder of catalog, leases, locks and sockets; NULL:
                                           /var/lib/vmsnap and /run/vmsnap, or for a user's own
                                           VMs ~/.local/state/vmsnap and /run/user/UID/vmsnap. */
    const char *guard_path;           /**< The thaw guard program; NULL: the installed one. */
    vmsnap_log_handler log_handler;   /**< Takes log lines; NULL: silence. */
    void *log_data;                   /**< Passed to @p log_handler. */
    uint32_t log_level;               /**< Most detailed #vmsnap_log_level wanted; 0: warnings. */
    uint32_t flags;                   /**< #vmsnap_context_flags, or-ed. */
    uint32_t max_jobs;                /**< Most jobs at a time, then #VMSNAP_E_BUSY; 0: 128. */
    uint32_t reserved0;               /**< Must be 0. */
    const char *const *agent_sockets; /**< "VM=PATH", ended by NULL: the guest agent of this VM
                                           (name or UUID) is asked on this UNIX socket, on which
                                           QEMU listens, instead of over libvirt. The socket is
                                           connected while a freeze is prepared and lasts, and
                                           serves nobody else then: the guard and
                                           vmsnap_context_recover(), which know it from the lease,
                                           end such a connection before they thaw. The VM needs a
                                           channel of its own for it, and the guest an agent
                                           there. NULL: none. */
} vmsnap_context_options;

/** Initializer of a vmsnap_context_options. */
#define VMSNAP_CONTEXT_OPTIONS_INIT VMSNAP_SIZED_INIT(vmsnap_context_options)

/** What earlier processes left open. Start from #VMSNAP_CONTEXT_STATUS_INIT. */
typedef struct vmsnap_context_status {
    size_t struct_size;       /**< Set by the initializer. */
    uint64_t open_operations; /**< Operations whose owner is dead. */
    uint64_t open_freezes;    /**< Freeze leases whose owner and guard are dead. */
} vmsnap_context_status;

/** Initializer of a vmsnap_context_status. */
#define VMSNAP_CONTEXT_STATUS_INIT VMSNAP_SIZED_INIT(vmsnap_context_status)

/**
 * Open the library: connect, open the catalog. Nothing is changed on any guest or disk.
 *
 * @param options      How, or NULL for the defaults. Copied.
 * @param ret_context  The context; release with vmsnap_context_unref().
 * @param ret_error    Why it failed; release with vmsnap_error_free(). NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID, #VMSNAP_E_HYPERVISOR, #VMSNAP_E_PERMISSION, #VMSNAP_E_IO, or
 *         #VMSNAP_E_UNSUPPORTED for a catalog written by a newer version.
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_open(const vmsnap_context_options *options,
                                   vmsnap_context **ret_context, vmsnap_error **ret_error);

/**
 * Cancel all jobs and wait until they have rolled back; later calls fail with #VMSNAP_E_CLOSED.
 *
 * The only call that waits for clean-up. Handles stay readable. Closing twice is allowed.
 *
 * @param context  The context; NULL is allowed.
 * @since 0.1
 */
VMSNAP_API void vmsnap_context_close(vmsnap_context *context);

/** Add a reference and return @p context. @since 0.1 */
VMSNAP_API vmsnap_context *vmsnap_context_ref(vmsnap_context *context);
/** Drop a reference; the last one (handles hold theirs) closes. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_context_unref(vmsnap_context *context);

/**
 * Count what earlier processes left open. Looks only.
 *
 * @param context    The context.
 * @param status     Filled; its struct_size must be set.
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_PERMISSION if this user may not read the records, …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_read_status(vmsnap_context *context, vmsnap_context_status *status,
                                          vmsnap_error **ret_error);

/**
 * Finish or undo what dead processes left: thaw guests, roll operations forward or back.
 *
 * Idempotent, and may itself be killed. Its job's result (vmsnap_job_get_json()) lists each act,
 * also when the job fails because something could not be repaired yet.
 *
 * @param context    The context.
 * @param ret_job    The started job; release with vmsnap_job_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0 or a negative #vmsnap_code.
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_recover(vmsnap_context *context, vmsnap_job **ret_job,
                                      vmsnap_error **ret_error);

/**
 * Find a virtual machine by name or UUID (a name wins).
 *
 * @param context    The context.
 * @param vm         libvirt domain name or UUID.
 * @param ret_vm     A reading of it now; release with vmsnap_vm_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_NOT_FOUND, #VMSNAP_E_HYPERVISOR, …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_find_vm(vmsnap_context *context, const char *vm, vmsnap_vm **ret_vm,
                                      vmsnap_error **ret_error);

/**
 * Read every virtual machine of the acting connection.
 *
 * @param context    The context.
 * @param ret_list   Sorted by name; release with vmsnap_vm_list_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0 or a negative #vmsnap_code.
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_list_vms(vmsnap_context *context, vmsnap_vm_list **ret_list,
                                       vmsnap_error **ret_error);

/**
 * Find a virtual machine's snapshot by name or UUID.
 *
 * @param context       The context.
 * @param snapshot      The snapshot's name or UUID.
 * @param ret_snapshot  A reading of it now; release with vmsnap_snapshot_unref().
 * @param ret_error     Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_NOT_FOUND, #VMSNAP_E_IO, …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_find_snapshot(vmsnap_context *context, const char *snapshot,
                                            vmsnap_snapshot **ret_snapshot,
                                            vmsnap_error **ret_error);

/**
 * Read the stored snapshots, oldest first. One whose record cannot be read is listed as Failed, the
 * reason "Damaged" in its condition, or "NewerSchema" when a later version wrote it.
 *
 * @param context    The context.
 * @param vm         Only those of this VM (name or UUID as recorded); NULL: all.
 * @param ret_list   Release with vmsnap_snapshot_list_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0 or a negative #vmsnap_code.
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_list_snapshots(vmsnap_context *context, const char *vm,
                                             vmsnap_snapshot_list **ret_list,
                                             vmsnap_error **ret_error);

/**
 * Find a recorded operation by UUID.
 *
 * @param context        The context.
 * @param uuid           The operation's UUID.
 * @param ret_operation  A reading of it now; release with vmsnap_operation_unref().
 * @param ret_error      Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_NOT_FOUND, #VMSNAP_E_IO, …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_find_operation(vmsnap_context *context, const char *uuid,
                                             vmsnap_operation **ret_operation,
                                             vmsnap_error **ret_error);

/**
 * Read the recorded operations, oldest first. One whose record cannot be read is listed as Failed,
 * of type "unknown"; nothing is changed in this catalog before it is put right.
 *
 * @param context    The context.
 * @param ret_list   Release with vmsnap_operation_list_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0 or a negative #vmsnap_code.
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_list_operations(vmsnap_context *context,
                                              vmsnap_operation_list **ret_list,
                                              vmsnap_error **ret_error);

VMSNAP_END_DECLS
#endif
