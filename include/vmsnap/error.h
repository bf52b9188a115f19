/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_ERROR_H
#define VMSNAP_ERROR_H

/**
 * @file
 * Why a call failed: a stable code, a finer reason, and where it came from.
 *
 * The code a function returns and the code in its error are the same number. Codes tell what a
 * caller can do; the reason (an open-ended word such as "FreezeFailed") tells what happened.
 * Codes may be added, never renumbered: callers need a default branch.
 */

#include <vmsnap/base.h>

VMSNAP_BEGIN_DECLS

/** What went wrong, in terms of what the caller can do about it. */
typedef enum {
    VMSNAP_OK = 0,               /**< Success. */
    VMSNAP_E_INTERNAL = -1,      /**< A defect of the library: report it. */
    VMSNAP_E_INVALID = -2,       /**< A bad argument; nothing was done. */
    VMSNAP_E_UNSUPPORTED = -3,   /**< Cannot be done with this host, VM or disk. */
    VMSNAP_E_NOT_FOUND = -4,     /**< No such object. */
    VMSNAP_E_EXISTS = -5,        /**< The name is taken. */
    VMSNAP_E_BUSY = -6,          /**< Somebody else holds it: try again later. */
    VMSNAP_E_TIMEOUT = -7,       /**< A limit ran out. */
    VMSNAP_E_CANCELLED = -8,     /**< Cancelled on request and rolled back. */
    VMSNAP_E_AGENT = -9,         /**< The guest agent is missing, refused or failed. */
    VMSNAP_E_INCONSISTENT = -10, /**< Consistency was required and cannot be proven. */
    VMSNAP_E_CONFLICT = -11,     /**< Conflicts stand against it: ask the user. */
    VMSNAP_E_PLAN_STALE = -12,   /**< The world changed since the plan was made. */
    VMSNAP_E_IN_USE = -13,       /**< Something else still needs it. */
    VMSNAP_E_NO_SPACE = -14,     /**< Not enough storage. */
    VMSNAP_E_LOST = -15,         /**< Data of a snapshot is missing or was changed. */
    VMSNAP_E_PERMISSION = -16,   /**< The caller may not. */
    VMSNAP_E_HYPERVISOR = -17,   /**< libvirt or QEMU failed. */
    VMSNAP_E_IO = -18,           /**< Reading or writing storage failed. */
    VMSNAP_E_UNCERTAIN = -19,    /**< The outcome is not known: run recovery. */
    VMSNAP_E_FORKED = -20,       /**< The handle was made by this process's parent. */
    VMSNAP_E_CLOSED = -21        /**< The context was closed. */
} vmsnap_code;

/** Whether a guest was left with frozen file systems. */
typedef enum {
    VMSNAP_FROZEN_NO = 0,     /**< No guest is frozen by us. */
    VMSNAP_FROZEN_YES = 1,    /**< A guest is frozen; the guard goes on thawing it. */
    VMSNAP_FROZEN_UNKNOWN = 2 /**< It could not be found out; the guard goes on thawing it. */
} vmsnap_frozen;

/** The code; #VMSNAP_OK for NULL. @since 0.1 */
VMSNAP_API vmsnap_code vmsnap_error_get_code(const vmsnap_error *error);
/** What happened, one word such as "FreezeFailed"; never NULL. @since 0.1 */
VMSNAP_API const char *vmsnap_error_get_reason(const vmsnap_error *error);
/** One sentence without full stop, control characters escaped; never NULL. @since 0.1 */
VMSNAP_API const char *vmsnap_error_get_message(const vmsnap_error *error);
/** The step of the operation that failed; NULL if there is none. @since 0.1 */
VMSNAP_API const char *vmsnap_error_get_step(const vmsnap_error *error);
/** The VM, disk, file or record it is about; NULL if there is none. @since 0.1 */
VMSNAP_API const char *vmsnap_error_get_object(const vmsnap_error *error);
/** Where it arose: "vmsnap", "libvirt", "qga", "os", "sqlite" and so on; never NULL. @since 0.1 */
VMSNAP_API const char *vmsnap_error_get_origin(const vmsnap_error *error);
/** The origin's own number (libvirt's code, errno, …); 0 if it has none. @since 0.1 */
VMSNAP_API int vmsnap_error_get_origin_code(const vmsnap_error *error);
/** Whether a guest was left frozen. @since 0.1 */
VMSNAP_API vmsnap_frozen vmsnap_error_get_frozen(const vmsnap_error *error);
/** What caused it, borrowed from @p error; NULL if nothing is known. @since 0.1 */
VMSNAP_API const vmsnap_error *vmsnap_error_get_cause(const vmsnap_error *error);
/** The whole error as one JSON object, borrowed from @p error; never NULL. @since 0.1 */
VMSNAP_API const char *vmsnap_error_get_json(const vmsnap_error *error);
/** Release an error and its causes. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_error_free(vmsnap_error *error);

/**
 * The name of a code, such as "BUSY".
 *
 * @param code  Any number.
 * @return Static text; "UNKNOWN" for a number this library does not know.
 * @since 0.1
 */
VMSNAP_API const char *vmsnap_code_get_name(int code);

VMSNAP_END_DECLS
#endif
