/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_PLAN_H
#define VMSNAP_PLAN_H

/**
 * @file
 * What an operation would do: findings, steps, space, and a hash over what decided.
 *
 * Dry-run, strict and best-effort are three readings of the same plan; dry-run only reads it.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** How a plan is run. The caller must name one. */
typedef enum {
    VMSNAP_MODE_DRY_RUN = 1,    /**< Change nothing; the plan is the answer. */
    VMSNAP_MODE_STRICT = 2,     /**< Refuse on any conflict. A VM that is to stay off is restored
                                     exactly, whatever it would lack to start. */
    VMSNAP_MODE_BEST_EFFORT = 3 /**< Do without missing images and host devices: drives are emptied,
                                     other references removed. All else as strict does. */
} vmsnap_mode;

/** How much a finding matters. */
typedef enum {
    VMSNAP_SEVERITY_INFO = 0,    /**< Good to know. */
    VMSNAP_SEVERITY_WARNING = 1, /**< Does not stop it. */
    VMSNAP_SEVERITY_CONFLICT = 2 /**< Stops it. */
} vmsnap_severity;

/**
 * A plan from its JSON, so that one process makes it, somebody approves it, and another runs it.
 *
 * Nothing in the text is taken on trust: when it runs, the plan is made anew, and only if the world
 * and the options still give the same one it is executed.
 *
 * @param context    Where it is to be run.
 * @param json       What vmsnap_plan_get_json() gave, of at most 4 MiB.
 * @param ret_plan   The plan; release with vmsnap_plan_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID with reason "NoPlan" if the text is none; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_plan_from_json(vmsnap_context *context, const char *json,
                                     vmsnap_plan **ret_plan, vmsnap_error **ret_error);
/**
 * Hash over what decided: VM, snapshot, files, findings, options (not the mode). A plan
 * made while the VM runs leaves out what the guest changes by running: size and time of its disks.
 * Whether it runs is not hashed: a plan holds for both. @since 0.1
 */
VMSNAP_API const char *vmsnap_plan_get_hash(const vmsnap_plan *plan);
/** How many findings there are. @since 0.1 */
VMSNAP_API size_t vmsnap_plan_get_finding_count(const vmsnap_plan *plan);
/** How many findings refuse this mode (a #vmsnap_mode; for dry-run: conflicts). @since 0.1 */
VMSNAP_API size_t vmsnap_plan_get_conflict_count(const vmsnap_plan *plan, uint32_t mode);
/** The finding's reason, such as "MACInUse"; NULL beyond the end. @since 0.1 */
VMSNAP_API const char *vmsnap_plan_get_finding_reason(const vmsnap_plan *plan, size_t index);
/** The finding's severity; #VMSNAP_SEVERITY_INFO beyond the end. @since 0.1 */
VMSNAP_API vmsnap_severity vmsnap_plan_get_finding_severity(const vmsnap_plan *plan, size_t index);
/** The finding in one sentence; NULL beyond the end. @since 0.1 */
VMSNAP_API const char *vmsnap_plan_get_finding_message(const vmsnap_plan *plan, size_t index);
/** The whole plan as one JSON object, borrowed. @since 0.1 */
VMSNAP_API const char *vmsnap_plan_get_json(const vmsnap_plan *plan);
/** Add a reference and return @p plan. @since 0.1 */
VMSNAP_API vmsnap_plan *vmsnap_plan_ref(vmsnap_plan *plan);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_plan_unref(vmsnap_plan *plan);

VMSNAP_END_DECLS
#endif
