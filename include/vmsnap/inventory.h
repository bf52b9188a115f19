/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_INVENTORY_H
#define VMSNAP_INVENTORY_H

/**
 * @file
 * Who holds what: everything that conflicts are looked up in, and facts that no connection shows.
 *
 * An inventory is a reading of every virtual machine of every connection of the context (the acting
 * one and those for conflict analysis) with its identities, of what the networks gave out, and of
 * the facts that were added. It never changes; read it again for a newer one. Its getters need no
 * lock, cannot fail, and what they return lives exactly as long as the handle.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** What a fact is about. */
typedef enum {
    VMSNAP_FACT_MAC = 1,     /**< A MAC address, "52:54:00:12:34:56". */
    VMSNAP_FACT_ADDRESS = 2, /**< An IPv4 or IPv6 address. */
    VMSNAP_FACT_PATH = 3,    /**< A file or device of the acting host, by its absolute path. */
    VMSNAP_FACT_UUID = 4,    /**< The UUID of a virtual machine. */
    VMSNAP_FACT_NAME = 5,    /**< The name of a virtual machine. */
    VMSNAP_FACT_VOLUME = 6   /**< An image on network storage, "rbd:pool/image". */
} vmsnap_fact_kind;

/** Something that somebody holds. Start from #VMSNAP_FACT_INIT. */
typedef struct vmsnap_fact {
    size_t struct_size;  /**< Set by the initializer. */
    const char *value;   /**< What is held; in the form its kind says. */
    const char *holder;  /**< By whom, as conflicts name it: "rack 7, printer". */
    const char *vm_uuid; /**< The virtual machine that holds it, for which it is no conflict then;
                              NULL: none. */
    const char *network; /**< Of an address: the network, for who reads it; NULL: not known. */
    uint32_t kind;       /**< A #vmsnap_fact_kind. */
    uint32_t reserved0;  /**< Must be 0. */
} vmsnap_fact;

/** Initializer of a vmsnap_fact. */
#define VMSNAP_FACT_INIT VMSNAP_SIZED_INIT(vmsnap_fact)

/**
 * Add a fact: whatever this context plans from now on takes it for true.
 *
 * Facts live as long as the context, in memory only, and may be added from any thread. A restore
 * that would take what somebody else holds by a fact meets the same conflict as with a machine.
 *
 * @param context    The context.
 * @param fact       What, and whose. Copied.
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID for a value that is not of its kind, …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_add_fact(vmsnap_context *context, const vmsnap_fact *fact,
                                       vmsnap_error **ret_error);

/**
 * Forget facts.
 *
 * @param context    The context.
 * @param holder     Those of this holder; NULL: all.
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return How many there were, or a negative #vmsnap_code.
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_remove_facts(vmsnap_context *context, const char *holder,
                                           vmsnap_error **ret_error);

/**
 * Read the inventory. Looks only.
 *
 * @param context        The context.
 * @param ret_inventory  A reading of it now; release with vmsnap_inventory_unref().
 * @param ret_error      Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_HYPERVISOR and others naming a connection that cannot be read;
 *         #VMSNAP_E_UNSUPPORTED without a hypervisor, …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_read_inventory(vmsnap_context *context,
                                             vmsnap_inventory **ret_inventory,
                                             vmsnap_error **ret_error);

/** How many virtual machines it has, of all connections. @since 0.1 */
VMSNAP_API size_t vmsnap_inventory_get_vm_count(const vmsnap_inventory *inventory);
/** The whole inventory as one JSON object, borrowed: "items" are the holders. @since 0.1 */
VMSNAP_API const char *vmsnap_inventory_get_json(const vmsnap_inventory *inventory);
/** Add a reference and return @p inventory. @since 0.1 */
VMSNAP_API vmsnap_inventory *vmsnap_inventory_ref(vmsnap_inventory *inventory);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_inventory_unref(vmsnap_inventory *inventory);

VMSNAP_END_DECLS
#endif
