/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_DISK_H
#define VMSNAP_DISK_H

/**
 * @file
 * A reading of one disk, and snapshots of single disks.
 *
 * A disk belongs to a virtual machine (it is *attached*), or it is an image file that no machine
 * has (it is *detached*); detached disks need no hypervisor. A reading never changes; find the disk
 * again for a newer one. Its getters need no lock, cannot fail, and what they return lives exactly
 * as long as the handle.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>
#include <vmsnap/snapshot.h>

VMSNAP_BEGIN_DECLS

/**
 * Find a disk.
 *
 * A path that a machine has as its disk is that disk. A path that a machine refers to otherwise (a
 * layer below a disk, read-only media) is refused. The format of a detached disk is never guessed
 * from what it holds, which a guest may have written: it is @p format, else "qcow2" for a file
 * named .qcow2 or .qcow, else "raw".
 *
 * @param context    The context.
 * @param disk       "VM/TARGET" (the VM by name or UUID), or a path, which starts with "/" or "./".
 *                   The last part of a path may be no symbolic link.
 * @param format     "raw" or "qcow2"; NULL: as above. Of an attached disk: what it must have.
 * @param ret_disk   A reading of it now; release with vmsnap_disk_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID; #VMSNAP_E_NOT_FOUND; #VMSNAP_E_IN_USE if a machine refers to it
 *         otherwise; #VMSNAP_E_UNSUPPORTED for what is no image that this library reads, or on
 *         another host; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_find_disk(vmsnap_context *context, const char *disk,
                                        const char *format, vmsnap_disk **ret_disk,
                                        vmsnap_error **ret_error);

/**
 * Read the disks of one virtual machine, or of all.
 *
 * @param context    The context.
 * @param vm         Name or UUID of the machine; NULL: all.
 * @param ret_list   By machine, as each has them; release with vmsnap_disk_list_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0 or a negative #vmsnap_code.
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_list_disks(vmsnap_context *context, const char *vm,
                                         vmsnap_disk_list **ret_list, vmsnap_error **ret_error);

/**
 * Start taking a snapshot of one disk.
 *
 * An attached disk obeys its machine: frozen if it runs, whatever the other disks do. A detached
 * disk must be unused: no machine of the connection has it, and nobody has it open for writing.
 * Without a hypervisor the evidence says that none was asked.
 *
 * @param disk       The disk.
 * @param options    What to take; the field disks must be NULL. Names are unique among disk
 *                   snapshots. Copied: may be freed at once.
 * @param ret_job    The started job; release with vmsnap_job_unref(). Untouched on failure.
 * @param ret_error  Why it failed; release with vmsnap_error_free(). NULL if not wanted.
 * @return As vmsnap_snapshot_create(). The job of a detached disk fails with #VMSNAP_E_BUSY and
 *         reason "OpenElsewhere" while somebody has it open for writing, with #VMSNAP_E_IN_USE if a
 *         machine got it meanwhile.
 * @since 0.1
 */
VMSNAP_API int vmsnap_disk_snapshot_create(vmsnap_disk *disk,
                                           const vmsnap_snapshot_options *options,
                                           vmsnap_job **ret_job, vmsnap_error **ret_error);

/**
 * Find a disk snapshot by name or UUID.
 *
 * @param context       The context.
 * @param snapshot      The snapshot's name or UUID.
 * @param ret_snapshot  A reading of it now; release with vmsnap_snapshot_unref().
 * @param ret_error     Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_NOT_FOUND, #VMSNAP_E_IO, …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_find_disk_snapshot(vmsnap_context *context, const char *snapshot,
                                                 vmsnap_snapshot **ret_snapshot,
                                                 vmsnap_error **ret_error);

/**
 * Read the stored disk snapshots, oldest first.
 *
 * @param context    The context.
 * @param disk       Only those of this disk, as recorded: "VM/TARGET" or the canonical path; NULL:
 *                   all.
 * @param ret_list   Release with vmsnap_snapshot_list_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0 or a negative #vmsnap_code.
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_list_disk_snapshots(vmsnap_context *context, const char *disk,
                                                  vmsnap_snapshot_list **ret_list,
                                                  vmsnap_error **ret_error);

/** How a person names it: "VM/TARGET", or the canonical path of a detached disk. @since 0.1 */
VMSNAP_API const char *vmsnap_disk_get_name(const vmsnap_disk *disk);
/** Its file or device; NULL if it is neither. @since 0.1 */
VMSNAP_API const char *vmsnap_disk_get_path(const vmsnap_disk *disk);
/** "raw", "qcow2", …; NULL if the machine's configuration does not say. @since 0.1 */
VMSNAP_API const char *vmsnap_disk_get_format(const vmsnap_disk *disk);
/** The name of its machine; NULL if it is detached. @since 0.1 */
VMSNAP_API const char *vmsnap_disk_get_vm_name(const vmsnap_disk *disk);
/** The UUID of its machine; NULL if it is detached. @since 0.1 */
VMSNAP_API const char *vmsnap_disk_get_vm_uuid(const vmsnap_disk *disk);
/** What its machine calls it, "vda"; NULL if it is detached. @since 0.1 */
VMSNAP_API const char *vmsnap_disk_get_target(const vmsnap_disk *disk);
/** The size its guest sees, in bytes; 0 if that cannot be told from here. @since 0.1 */
VMSNAP_API uint64_t vmsnap_disk_get_virtual_size(const vmsnap_disk *disk);
/** The whole reading as one JSON object, borrowed. @since 0.1 */
VMSNAP_API const char *vmsnap_disk_get_json(const vmsnap_disk *disk);
/** Add a reference and return @p disk. @since 0.1 */
VMSNAP_API vmsnap_disk *vmsnap_disk_ref(vmsnap_disk *disk);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_disk_unref(vmsnap_disk *disk);

/** How many there are. @since 0.1 */
VMSNAP_API size_t vmsnap_disk_list_get_count(const vmsnap_disk_list *list);
/** The one at @p index, borrowed from the list; NULL beyond the end. @since 0.1 */
VMSNAP_API vmsnap_disk *vmsnap_disk_list_get_item(const vmsnap_disk_list *list, size_t index);
/** Add a reference and return @p list. @since 0.1 */
VMSNAP_API vmsnap_disk_list *vmsnap_disk_list_ref(vmsnap_disk_list *list);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_disk_list_unref(vmsnap_disk_list *list);

VMSNAP_END_DECLS
#endif
