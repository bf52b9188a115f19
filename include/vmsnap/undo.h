/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_UNDO_H
#define VMSNAP_UNDO_H

/**
 * @file
 * Undo sets: what restores took out of place and keep, so that they can be undone.
 *
 * A set is named by the UUID of its restore. It is kept for the time the restore was given and
 * stays beyond it until somebody collects it: nothing here ever happens by itself.
 * vmsnap_operation_undo() brings a set back.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** What an undo set is worth. */
typedef enum {
    VMSNAP_UNDO_KEPT = 1,    /**< It is whole, and its time is not over. */
    VMSNAP_UNDO_EXPIRED = 2, /**< Its time is over; it can be brought back until it is collected. */
    VMSNAP_UNDO_LOST = 3     /**< A file of it is missing or was changed. */
} vmsnap_undo_state;

/** Bits of vmsnap_collect_options.flags. */
typedef enum {
    VMSNAP_COLLECT_DRY_RUN = 1 /**< Only tell what would be done. */
} vmsnap_collect_flags;

/** How to collect. Start from #VMSNAP_COLLECT_OPTIONS_INIT; a zero field means its default. */
typedef struct vmsnap_collect_options {
    size_t struct_size; /**< Set by the initializer. */
    uint32_t flags;     /**< #vmsnap_collect_flags, or-ed. */
    uint32_t reserved0; /**< 0. */
} vmsnap_collect_options;

/** Initializer of a vmsnap_collect_options. */
#define VMSNAP_COLLECT_OPTIONS_INIT VMSNAP_SIZED_INIT(vmsnap_collect_options)

/**
 * Read the undo sets that are there, oldest first. Looks at their files too.
 *
 * @param context    The context.
 * @param ret_list   Release with vmsnap_undo_set_list_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_PERMISSION if this user may not read the records; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_list_undo_sets(vmsnap_context *context,
                                             vmsnap_undo_set_list **ret_list,
                                             vmsnap_error **ret_error);

/**
 * Start removing the undo set of a restore, whether its time is over or not. The virtual machine is
 * not touched, and the restore cannot be undone any more.
 *
 * The job fails with #VMSNAP_E_IN_USE when somebody uses one of the files. A file that is not the
 * one the restore put aside stays.
 *
 * @param operation  A completed restore whose undo set is still there.
 * @param ret_job    The started job; release with vmsnap_job_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_NOT_FOUND if it has no undo set; #VMSNAP_E_PERMISSION; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_operation_drop_undo(vmsnap_operation *operation, vmsnap_job **ret_job,
                                          vmsnap_error **ret_error);

/**
 * Start collecting: remove expired undo sets, and what finished operations of this catalog left
 * behind. Folders that no record knows are told, never removed.
 *
 * The job's result (vmsnap_job_get_json()) lists each act, also when the job fails because
 * something could not be removed.
 *
 * @param context    The context.
 * @param options    How, or NULL for the defaults. Copied.
 * @param ret_job    The started job; release with vmsnap_job_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID; #VMSNAP_E_PERMISSION; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_collect(vmsnap_context *context,
                                      const vmsnap_collect_options *options, vmsnap_job **ret_job,
                                      vmsnap_error **ret_error);

/** UUID of the restore that keeps the set. @since 0.1 */
VMSNAP_API const char *vmsnap_undo_set_get_operation_uuid(const vmsnap_undo_set *set);
/** What it was worth when it was read. @since 0.1 */
VMSNAP_API vmsnap_undo_state vmsnap_undo_set_get_state(const vmsnap_undo_set *set);
/** Until when it is kept at least, microseconds since the epoch. @since 0.1 */
VMSNAP_API int64_t vmsnap_undo_set_get_until(const vmsnap_undo_set *set);
/** What its files take on disk, bytes. @since 0.1 */
VMSNAP_API uint64_t vmsnap_undo_set_get_allocated(const vmsnap_undo_set *set);
/** The whole reading as one JSON object, borrowed. @since 0.1 */
VMSNAP_API const char *vmsnap_undo_set_get_json(const vmsnap_undo_set *set);
/** Add a reference and return @p set. @since 0.1 */
VMSNAP_API vmsnap_undo_set *vmsnap_undo_set_ref(vmsnap_undo_set *set);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_undo_set_unref(vmsnap_undo_set *set);

/** How many there are. @since 0.1 */
VMSNAP_API size_t vmsnap_undo_set_list_get_count(const vmsnap_undo_set_list *list);
/** The one at @p index, borrowed from the list; NULL beyond the end. @since 0.1 */
VMSNAP_API vmsnap_undo_set *vmsnap_undo_set_list_get_item(const vmsnap_undo_set_list *list,
                                                          size_t index);
/** Add a reference and return @p list. @since 0.1 */
VMSNAP_API vmsnap_undo_set_list *vmsnap_undo_set_list_ref(vmsnap_undo_set_list *list);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_undo_set_list_unref(vmsnap_undo_set_list *list);

VMSNAP_END_DECLS
#endif
