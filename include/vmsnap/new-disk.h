/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_NEW_DISK_H
#define VMSNAP_NEW_DISK_H

/**
 * @file
 * New disks, and images, from snapshots.
 *
 * What a disk held when its snapshot was taken becomes a new file; nothing that is there is ever
 * overwritten. The disk it came from and its machine may be gone. A *disk* may be written to; an
 * *image* depends on nothing, is read-only, and has its digest beside it.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** How a new disk comes to its contents. */
typedef enum {
    VMSNAP_NEW_DISK_AUTO = 0,    /**< By sharing blocks where format and file system allow it, else
                                      by a full copy. */
    VMSNAP_NEW_DISK_FULL = 1,    /**< A full copy, which shares nothing. */
    VMSNAP_NEW_DISK_REFLINK = 2, /**< By sharing blocks (a reflink), or not at all. */
    VMSNAP_NEW_DISK_LINKED = 3   /**< A qcow2 overlay over the snapshot's image: made at once, but
                                      it needs the image, and the snapshot cannot be deleted while
                                      it is there. Not for images. */
} vmsnap_new_disk_method;

/** Bits of vmsnap_new_disk_options.flags. */
typedef enum {
    VMSNAP_NEW_DISK_IMAGE = 1,     /**< Make an image: without backing file and internal snapshots,
                                        mode 0400, and PATH.sha256 beside it. */
    VMSNAP_NEW_DISK_KEEP_OWNER = 2 /**< Owner, group and, of a disk, mode that the disk had when
                                        its snapshot was taken; else the caller's own and 0600. */
} vmsnap_new_disk_flags;

/** What to make. Start from #VMSNAP_NEW_DISK_OPTIONS_INIT; a zero field means its default. */
typedef struct vmsnap_new_disk_options {
    size_t struct_size;     /**< Set by the initializer. */
    const char *to;         /**< The new file: a path, which starts with "/" or "./", in a folder
                                 that is there; or "POOL/VOLUME" in a libvirt storage pool that is
                                 a folder. Required. */
    const char *target;     /**< Which disk of the snapshot, "vda"; NULL: it has only one. */
    const char *format;     /**< "raw" or "qcow2"; NULL: as the disk was (linked: "qcow2"). */
    uint64_t size;          /**< What the guest is to see, in bytes, at least what the disk had,
                                 rounded up to a sector of 512 bytes; 0: as the disk was. What was
                                 on the disk stays where it was: partitions and file systems are
                                 not grown, and the second header of a GPT is not moved. */
    uint32_t method;        /**< A #vmsnap_new_disk_method. */
    uint32_t flags;         /**< #vmsnap_new_disk_flags, or-ed. */
    uint32_t wait_ready_ms; /**< Longest wait for locks; 0: none. */
    uint32_t reserved0;     /**< 0. */
} vmsnap_new_disk_options;

/** Initializer of a vmsnap_new_disk_options. */
#define VMSNAP_NEW_DISK_OPTIONS_INIT VMSNAP_SIZED_INIT(vmsnap_new_disk_options)

/**
 * Plan a new disk or image: find all that stands in the way. This is the dry-run; it has no side
 * effect at all.
 *
 * @param snapshot   What to make it from, of a disk or of a VM.
 * @param options    What to make. Copied.
 * @param ret_plan   The plan, not one for vmsnap_restore_start(); release with vmsnap_plan_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID, also for a size below the disk's (reason "TooSmall");
 *         #VMSNAP_E_NOT_FOUND if the snapshot has no such disk, or there is no such pool;
 *         #VMSNAP_E_UNSUPPORTED for a pool that is no folder, or without a hypervisor; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_new_disk_plan(vmsnap_snapshot *snapshot,
                                    const vmsnap_new_disk_options *options, vmsnap_plan **ret_plan,
                                    vmsnap_error **ret_error);

/**
 * Start making a new disk or image.
 *
 * It is made under another name in its folder, synced, and given its name only then: at that name
 * stands nothing or all of it. A job that fails, is cancelled or dies (after a recovery) leaves
 * nothing. What it made is told by its operation: vmsnap_operation_get_new_path() and the others.
 *
 * @param snapshot   What to make it from, of a disk or of a VM.
 * @param options    What to make. Copied.
 * @param ret_job    The started job; release with vmsnap_job_unref(). Untouched on failure. It
 *                   fails with #VMSNAP_E_EXISTS if something stands at the path,
 *                   #VMSNAP_E_NOT_FOUND without its folder, #VMSNAP_E_NO_SPACE, #VMSNAP_E_LOST if
 *                   the snapshot's image is, #VMSNAP_E_UNSUPPORTED where blocks cannot be shared
 *                   and #VMSNAP_NEW_DISK_REFLINK was asked for.
 * @param ret_error  Why it failed; release with vmsnap_error_free(). NULL if not wanted.
 * @return 0; as vmsnap_new_disk_plan(); #VMSNAP_E_CONFLICT with reason "NotReady" for a snapshot
 *         that is not Ready; #VMSNAP_E_BUSY if too many jobs run; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_new_disk_start(vmsnap_snapshot *snapshot,
                                     const vmsnap_new_disk_options *options, vmsnap_job **ret_job,
                                     vmsnap_error **ret_error);

/** The file that a completed operation of type "disk-restore" or "image" made; NULL of others.
 *  @since 0.1 */
VMSNAP_API const char *vmsnap_operation_get_new_path(const vmsnap_operation *operation);
/** Its format, "raw" or "qcow2"; NULL where there is none. @since 0.1 */
VMSNAP_API const char *vmsnap_operation_get_new_format(const vmsnap_operation *operation);
/** The size its guest sees, in bytes; 0 where there is none. @since 0.1 */
VMSNAP_API uint64_t vmsnap_operation_get_new_size(const vmsnap_operation *operation);
/** SHA-256 of the file of a new image, in hexadecimal; NULL of a disk. @since 0.1 */
VMSNAP_API const char *vmsnap_operation_get_new_sha256(const vmsnap_operation *operation);

VMSNAP_END_DECLS
#endif
