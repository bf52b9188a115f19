/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_VM_H
#define VMSNAP_VM_H

/**
 * @file
 * A reading of one virtual machine (a libvirt domain): identity, state, disks.
 *
 * A reading never changes; find the VM again for a newer one. Its getters need no lock, cannot
 * fail, and what they return lives exactly as long as the handle.
 */

#include <vmsnap/base.h>

VMSNAP_BEGIN_DECLS

/** What a virtual machine was doing, after libvirt's domain states. */
typedef enum {
    VMSNAP_VM_UNKNOWN = 0,    /**< A state this library does not know. */
    VMSNAP_VM_RUNNING = 1,    /**< Running (or idle on a resource). */
    VMSNAP_VM_PAUSED = 2,     /**< Paused. */
    VMSNAP_VM_OFF = 3,        /**< Shut off. */
    VMSNAP_VM_STOPPING = 4,   /**< In shutdown. */
    VMSNAP_VM_CRASHED = 5,    /**< Crashed. */
    VMSNAP_VM_PMSUSPENDED = 6 /**< Suspended by guest power management. */
} vmsnap_vm_state;

/** The domain's name. @since 0.1 */
VMSNAP_API const char *vmsnap_vm_get_name(const vmsnap_vm *vm);
/** The domain's UUID, lower case. @since 0.1 */
VMSNAP_API const char *vmsnap_vm_get_uuid(const vmsnap_vm *vm);
/** Its state when it was read. @since 0.1 */
VMSNAP_API vmsnap_vm_state vmsnap_vm_get_state(const vmsnap_vm *vm);
/** The whole reading as one JSON object, borrowed. @since 0.1 */
VMSNAP_API const char *vmsnap_vm_get_json(const vmsnap_vm *vm);
/** Add a reference and return @p vm. @since 0.1 */
VMSNAP_API vmsnap_vm *vmsnap_vm_ref(vmsnap_vm *vm);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_vm_unref(vmsnap_vm *vm);

/** How many there are. @since 0.1 */
VMSNAP_API size_t vmsnap_vm_list_get_count(const vmsnap_vm_list *list);
/** The one at @p index, borrowed from the list; NULL beyond the end. @since 0.1 */
VMSNAP_API vmsnap_vm *vmsnap_vm_list_get_item(const vmsnap_vm_list *list, size_t index);
/** Add a reference and return @p list. @since 0.1 */
VMSNAP_API vmsnap_vm_list *vmsnap_vm_list_ref(vmsnap_vm_list *list);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_vm_list_unref(vmsnap_vm_list *list);

VMSNAP_END_DECLS
#endif
