/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_ADOPT_H
#define VMSNAP_ADOPT_H

/**
 * @file
 * Adopting: snapshots that lie there and that the catalog does not know, after it was lost, or when
 * a store came from another host.
 *
 * Beside its images each snapshot has snapshot.json, a copy of its record. A snapshot that is
 * adopted is one like any other: it can be shown, verified, restored, deleted. Its files are not
 * touched. One that lies in another folder than it was made in is recorded where it lies; the
 * folder must be .vmsnap/UUID all the same.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** Bits of vmsnap_adopt_options.flags. */
typedef enum {
    VMSNAP_ADOPT_DRY_RUN = 1,     /**< Only tell what would be done. */
    VMSNAP_ADOPT_ACCEPT_TIMES = 2 /**< Take images whose size and header fit, though their time is
                                       another: of a copy that kept no times. */
} vmsnap_adopt_flags;

/** How to adopt. Start from #VMSNAP_ADOPT_OPTIONS_INIT; a zero field means its default. */
typedef struct vmsnap_adopt_options {
    size_t struct_size; /**< Set by the initializer. */
    const char *name;   /**< What the snapshot is called from now on, when one is found; NULL: as it
                             was. */
    uint32_t flags;     /**< #vmsnap_adopt_flags, or-ed. */
    uint32_t reserved0; /**< Must be 0. */
} vmsnap_adopt_options;

/** Initializer of a vmsnap_adopt_options. */
#define VMSNAP_ADOPT_OPTIONS_INIT VMSNAP_SIZED_INIT(vmsnap_adopt_options)

/**
 * Start adopting the snapshots at and below some folders.
 *
 * An image is the recorded one by its SHA-256 if that was recorded, else by size, time of last
 * change and header; what each was told by is in the snapshot, its resources of reason "Adopted". A
 * snapshot whose UUID the catalog has is left as it is ("known"). Each is adopted whole or not at
 * all; one that cannot be does not keep the others from it.
 *
 * The job's result (vmsnap_job_get_json()) lists each act, also when the job fails because
 * something could not be adopted: with #VMSNAP_E_EXISTS when a name is taken, #VMSNAP_E_LOST when
 * an image is missing or is not the recorded one (reason "TimeDiffers" when only the time is
 * another), #VMSNAP_E_IO (reason "DamagedRecord") when snapshot.json is damaged,
 * #VMSNAP_E_PERMISSION (reason "UnsafeFile") when others could have written it,
 * #VMSNAP_E_UNSUPPORTED (reason "NewerSchema") when a later version did. What was adopted is told
 * by vmsnap_job_ref_snapshot_list() too.
 *
 * @param context    The context.
 * @param paths      Absolute folders, ended by NULL: of a snapshot, a .vmsnap, or one with a
 * .vmsnap in it. Of a snapshot in several folders that were moved, name all.
 * @param options    How, or NULL for the defaults. Copied.
 * @param ret_job    The started job; release with vmsnap_job_unref(). It fails with
 *                   #VMSNAP_E_NOT_FOUND if there is no snapshot, #VMSNAP_E_INVALID if there are
 *                   several and a name was given, or a snapshot.json lies in another folder (reason
 *                   "WrongPlace").
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID; #VMSNAP_E_PERMISSION; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_context_adopt(vmsnap_context *context, const char *const *paths,
                                    const vmsnap_adopt_options *options, vmsnap_job **ret_job,
                                    vmsnap_error **ret_error);

VMSNAP_END_DECLS
#endif
