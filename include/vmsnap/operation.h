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
