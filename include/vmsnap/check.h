/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_CHECK_H
#define VMSNAP_CHECK_H

/**
 * @file
 * Preflight: what a consistent snapshot of a VM would meet now. No side effect.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** What a snapshot taken now would be. */
typedef enum {
    VMSNAP_VERDICT_OFFLINE = 1, /**< Consistent: the VM is off and its disks are at rest. */
    VMSNAP_VERDICT_FROZEN = 2,  /**< Consistent: everything a freeze needs is there. */
    VMSNAP_VERDICT_CRASH = 3,   /**< Only crash-consistent; the reasons are given. */
    VMSNAP_VERDICT_BLOCKED = 4  /**< No snapshot is possible; the reasons are given. */
} vmsnap_verdict;

/**
 * Ask what a snapshot of @p vm would meet now. Asks the guest agent (at most a few seconds a
 * question), changes nothing.
 *
 * libvirt lets nobody ask an agent over a read-only connection: of a running VM a context with
 * #VMSNAP_CONTEXT_READ_ONLY never learns more than #VMSNAP_VERDICT_CRASH.
 *
 * @param vm         The VM.
 * @param ret_check  The answer; release with vmsnap_check_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_UNSUPPORTED if the VM's files are on another host, #VMSNAP_E_NOT_FOUND if
 *         the VM is gone, …
 * @since 0.1
 */
VMSNAP_API int vmsnap_vm_check(vmsnap_vm *vm, vmsnap_check **ret_check, vmsnap_error **ret_error);

/** The verdict. @since 0.1 */
VMSNAP_API vmsnap_verdict vmsnap_check_get_verdict(const vmsnap_check *check);
/** The first reason against a consistent snapshot; NULL if there is none. @since 0.1 */
VMSNAP_API const char *vmsnap_check_get_reason(const vmsnap_check *check);
/** Everything that was found as one JSON object, borrowed. @since 0.1 */
VMSNAP_API const char *vmsnap_check_get_json(const vmsnap_check *check);
/** Add a reference and return @p check. @since 0.1 */
VMSNAP_API vmsnap_check *vmsnap_check_ref(vmsnap_check *check);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_check_unref(vmsnap_check *check);

VMSNAP_END_DECLS
#endif
