/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_OPERATION_H
#define VMSNAP_OPERATION_H

/**
 * @file
 * A reading of one recorded operation: what it was, how it ended, what it can undo.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** Where an operation stands. */
typedef enum {
    VMSNAP_OPERATION_PENDING = 1,     /**< Waits for what it depends on. */
    VMSNAP_OPERATION_IN_PROGRESS = 2, /**< Running, or left behind by a dead process. */
    VMSNAP_OPERATION_COMPLETED = 3,   /**< Done. */
    VMSNAP_OPERATION_FAILED = 4,      /**< Failed and rolled back. */
    VMSNAP_OPERATION_CANCELLED = 5    /**< Cancelled and rolled back. */
} vmsnap_operation_phase;

/** The operation's UUID. @since 0.1 */
VMSNAP_API const char *vmsnap_operation_get_uuid(const vmsnap_operation *operation);
/** Its type: "snapshot", "restore", "undo", "delete" and so on. @since 0.1 */
VMSNAP_API const char *vmsnap_operation_get_type(const vmsnap_operation *operation);
/** Where it stood when it was read. @since 0.1 */
VMSNAP_API vmsnap_operation_phase vmsnap_operation_get_phase(const vmsnap_operation *operation);
/** The whole reading as one JSON object, borrowed. @since 0.1 */
VMSNAP_API const char *vmsnap_operation_get_json(const vmsnap_operation *operation);
/** Add a reference and return @p operation. @since 0.1 */
VMSNAP_API vmsnap_operation *vmsnap_operation_ref(vmsnap_operation *operation);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_operation_unref(vmsnap_operation *operation);

/** What vmsnap_context_drop_operation() does. */
typedef enum {
    VMSNAP_DROP_NEWER = 1 /**< Drop what a later version of the library wrote, too. */
} vmsnap_drop_flags;

/**
 * Start dropping the record of an operation that cannot be read. While there is one nothing is
 * changed, since nobody knows what it did; look at its VM first. One that can be read is refused:
 * vmsnap_context_recover() brings it to its end.
 *
 * Only the record goes. Files that it names and that are there stay, and are listed, as everything
 * that can still be made out, in the job's result (vmsnap_job_get_json()) and in the operation of
 * type "drop" that takes its place.
 *
 * @param context    The context.
 * @param uuid       Its id, as vmsnap_context_list_operations() tells it.
 * @param flags      #vmsnap_drop_flags, or-ed.
 * @param ret_job    The started job; release with vmsnap_job_unref(). It fails with
 *                   #VMSNAP_E_NOT_FOUND; #VMSNAP_E_CONFLICT (reason "NotDamaged");
 *                   #VMSNAP_E_UNSUPPORTED (reason "NewerSchema"); #VMSNAP_E_BUSY while somebody is
 * at work on the VM that the record names.
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID; #VMSNAP_E_PERMISSION; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_drop_operation(vmsnap_context *context, const char *uuid,
                                             uint32_t flags, vmsnap_job **ret_job,
                                             vmsnap_error **ret_error);

/** How many there are. @since 0.1 */
VMSNAP_API size_t vmsnap_operation_list_get_count(const vmsnap_operation_list *list);
/** The one at @p index, borrowed from the list; NULL beyond the end. @since 0.1 */
VMSNAP_API vmsnap_operation *vmsnap_operation_list_get_item(const vmsnap_operation_list *list,
                                                            size_t index);
/** Add a reference and return @p list. @since 0.1 */
VMSNAP_API vmsnap_operation_list *vmsnap_operation_list_ref(vmsnap_operation_list *list);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_operation_list_unref(vmsnap_operation_list *list);

VMSNAP_END_DECLS
#endif
