/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_SNAPSHOT_H
#define VMSNAP_SNAPSHOT_H

/**
 * @file
 * Taking a snapshot of a whole virtual machine; reading, verifying and deleting snapshots, also
 * those of single disks (see disk.h).
 *
 * A vmsnap_snapshot never changes: its getters need no lock, cannot fail, and what they return
 * lives exactly as long as the handle. Find it again for a newer reading.
 */

#include <vmsnap/base.h>
#include <vmsnap/error.h>

VMSNAP_BEGIN_DECLS

/** What a snapshot is of. */
typedef enum {
    VMSNAP_SNAPSHOT_KIND_VM = 0,  /**< All disks of a virtual machine, its configuration, NVRAM,
                                       state of an emulated TPM, and Secrets. */
    VMSNAP_SNAPSHOT_KIND_DISK = 1 /**< One disk, of a virtual machine or of none. */
} vmsnap_snapshot_kind;

/** What to do about a guest whose file systems may be in motion. */
typedef enum {
    VMSNAP_CONSISTENCY_REQUIRE = 0, /**< Fail unless the snapshot is provably consistent. */
    VMSNAP_CONSISTENCY_PREFER = 1,  /**< Freeze if possible, else a crash-consistent cut. */
    VMSNAP_CONSISTENCY_SKIP = 2     /**< Never touch the guest's file systems. */
} vmsnap_consistency_policy;

/** What was achieved at the cut. */
typedef enum {
    VMSNAP_GRADE_NONE = 0,    /**< Not decided: the snapshot is not Ready. */
    VMSNAP_GRADE_OFFLINE = 1, /**< Consistent: nothing was writing. */
    VMSNAP_GRADE_FROZEN = 2,  /**< Consistent: the guest's freeze is proven. */
    VMSNAP_GRADE_CRASH = 3    /**< As after a power cut. */
} vmsnap_grade;

/** Where a snapshot stands. */
typedef enum {
    VMSNAP_SNAPSHOT_PENDING = 1,     /**< Waits for what it depends on. */
    VMSNAP_SNAPSHOT_IN_PROGRESS = 2, /**< Being taken. */
    VMSNAP_SNAPSHOT_READY = 3,       /**< Complete and synced. */
    VMSNAP_SNAPSHOT_FAILED = 4,      /**< Failed, or lost. */
    VMSNAP_SNAPSHOT_TERMINATING = 5  /**< Being deleted. */
} vmsnap_snapshot_phase;

/** How disks are cut; #VMSNAP_METHOD_AUTO chooses by disk. */
typedef enum {
    VMSNAP_METHOD_AUTO = 0,    /**< The best that fits each disk. */
    VMSNAP_METHOD_REFLINK = 1, /**< FICLONE on a file system that shares blocks. */
    VMSNAP_METHOD_COPY = 2,    /**< Sparse copy; only while nothing has the disk open. */
    VMSNAP_METHOD_BACKUP = 3   /**< Pull backup job of a running VM, copied over NBD. */
} vmsnap_method;

/** What becomes of addresses that a VM got by DHCP for a while only. */
typedef enum {
    VMSNAP_KEEP_IP_ALWAYS = 0, /**< Kept: a restore gives it the same for good, by a host entry. */
    VMSNAP_KEEP_IP_NEVER = 1   /**< Not kept. Those of host entries are, all the same. */
} vmsnap_keep_ip;

/** Bits of vmsnap_snapshot_options.flags. The images' digests are made once they are Ready, as
 *  vmsnap_snapshot_verify() would: the snapshot stays when that fails or is cancelled, though the
 *  job fails then. */
typedef enum {
    VMSNAP_SNAPSHOT_WITH_DIGEST = 1 /**< Record the SHA-256 of each image. */
} vmsnap_snapshot_flags;

/** What to take. Start from #VMSNAP_SNAPSHOT_OPTIONS_INIT; a zero field means its default. */
typedef struct vmsnap_snapshot_options {
    size_t struct_size;        /**< Set by the initializer. */
    const char *name;          /**< Unique per catalog and kind; required. 1 to 63 characters
                                    [a-z0-9]([-a-z0-9.]*[a-z0-9])?, not like a UUID. */
    const char *description;   /**< Free text; NULL: none. */
    const char *const *labels; /**< "key=value", ended by NULL; NULL: none. */
    const char *const *disks;  /**< Targets to take, ended by NULL; NULL: all. Leaving a writable
                                    disk out makes the snapshot partial. */
    const char *store;         /**< Absolute folder for the images; NULL: beside each disk, which
                                    a block device has no place for: "StoreNeeded". */
    uint32_t consistency;      /**< A #vmsnap_consistency_policy. */
    uint32_t method;           /**< A #vmsnap_method. */
    uint32_t wait_ready_ms;    /**< Longest wait for lock, agent, foreign jobs; 0: none. */
    uint32_t freeze_call_ms;   /**< Longest wait for the freeze reply; 0: 10 s (Windows 60 s). */
    uint32_t freeze_budget_ms; /**< Agent's acknowledgement to thaw request; 0: 5 s. */
    uint32_t flags;            /**< #vmsnap_snapshot_flags, or-ed. */
    const char *const *accept_unfrozen; /**< Mount points ("/data") and targets ("vdb") that may
                                    hold what no freeze reaches (vfat, ZFS, a raw database) without
                                    costing the grade; ended by NULL; NULL: none. Kept as exceptions
                                    in the evidence. */
    uint32_t keep_ip;   /**< A #vmsnap_keep_ip. Not of disk snapshots: they have none. */
    uint32_t reserved0; /**< Must be 0. */
} vmsnap_snapshot_options;

/** Initializer of a vmsnap_snapshot_options. */
#define VMSNAP_SNAPSHOT_OPTIONS_INIT VMSNAP_SIZED_INIT(vmsnap_snapshot_options)

/**
 * Start taking a snapshot of every disk of a VM at one point in time.
 *
 * Arguments and options are checked before the call returns; all else is reported by the
 * job, which does not finish before the guest is thawed or thawing it has failed.
 *
 * @param vm         The machine, running or off; others fail or depend on the policy.
 * @param options    What to take. Copied: may be freed at once.
 * @param ret_job    The started job; release with vmsnap_job_unref(). Untouched on failure.
 * @param ret_error  Why it failed; release with vmsnap_error_free(). NULL if not wanted.
 * @return 0; #VMSNAP_E_INVALID; #VMSNAP_E_UNSUPPORTED on another host; #VMSNAP_E_EXISTS;
 *         #VMSNAP_E_PERMISSION; #VMSNAP_E_BUSY if too many jobs run; …
 * @since 0.1
 */
VMSNAP_API int vmsnap_snapshot_create(vmsnap_vm *vm, const vmsnap_snapshot_options *options,
                                      vmsnap_job **ret_job, vmsnap_error **ret_error);

/** What becomes of a group when one of its VMs cannot be frozen in time with the others. */
typedef enum {
    VMSNAP_STRAGGLER_ABORT = 0, /**< Nothing is cut. */
    VMSNAP_STRAGGLER_DROP = 1   /**< The others are cut without it. */
} vmsnap_on_straggler;

/**
 * Start taking snapshots of several VMs at one time: all are frozen, then all are cut, then all are
 * thawed. Each gets a snapshot and an operation of its own; how far the cuts lie apart is in the
 * evidence of each. A shareable disk that several of them have is consistent only in a group: none
 * is thawed before all are cut.
 *
 * The job fails when, with #VMSNAP_STRAGGLER_ABORT, one VM fails, else when all do. What it made is
 * told by vmsnap_job_ref_snapshot_list(), also when it failed after the cut.
 *
 * @param context       The context.
 * @param members       "VM=NAME" each, VM a name or UUID, NAME the snapshot's; ended by NULL. Split
 *                      at the last '='. No VM may be named twice.
 * @param options       What to take of each. Its name and disks must be NULL. Copied.
 * @param on_straggler  A #vmsnap_on_straggler.
 * @param ret_job       The started job; release with vmsnap_job_unref().
 * @param ret_error     Why it failed. NULL if not wanted.
 * @return 0; as vmsnap_snapshot_create().
 * @since 0.1
 */
VMSNAP_API int vmsnap_snapshot_create_group(vmsnap_context *context, const char *const *members,
                                            const vmsnap_snapshot_options *options,
                                            uint32_t on_straggler, vmsnap_job **ret_job,
                                            vmsnap_error **ret_error);

/**
 * Start deleting a snapshot and its files. Works when its VM is gone or stopped. A file that the
 * record names but the snapshot did not make, or that is another by now, stays: the operation has
 * it among its resources, reason "NotOurs". Of one whose record is damaged only the record goes.
 *
 * @param snapshot   The snapshot.
 * @param ret_job    The started job; release with vmsnap_job_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0 or a negative #vmsnap_code; the job fails with #VMSNAP_E_IN_USE while something
 *         needs an image of it.
 * @since 0.1
 */
VMSNAP_API int vmsnap_snapshot_delete(vmsnap_snapshot *snapshot, vmsnap_job **ret_job,
                                      vmsnap_error **ret_error);

/**
 * Start re-reading a snapshot's images: sizes, times, headers, digests (made on the first run).
 *
 * A snapshot whose image vanished or changed becomes Failed with reason "Lost" and the job fails
 * with #VMSNAP_E_LOST.
 *
 * @param snapshot   The snapshot.
 * @param ret_job    The started job; release with vmsnap_job_unref().
 * @param ret_error  Why it failed. NULL if not wanted.
 * @return 0 or a negative #vmsnap_code.
 * @since 0.1
 */
VMSNAP_API int vmsnap_snapshot_verify(vmsnap_snapshot *snapshot, vmsnap_job **ret_job,
                                      vmsnap_error **ret_error);

/** The name, unique per catalog and kind. @since 0.1 */
VMSNAP_API const char *vmsnap_snapshot_get_name(const vmsnap_snapshot *snapshot);
/** The UUID. @since 0.1 */
VMSNAP_API const char *vmsnap_snapshot_get_uuid(const vmsnap_snapshot *snapshot);
/** What it is of. @since 0.1 */
VMSNAP_API vmsnap_snapshot_kind vmsnap_snapshot_get_kind(const vmsnap_snapshot *snapshot);
/** Of a disk snapshot: the disk, "VM/TARGET" or the path of one that no machine had. NULL of a
 *  machine's. @since 0.1 */
VMSNAP_API const char *vmsnap_snapshot_get_disk_name(const vmsnap_snapshot *snapshot);
/** The name its VM had; NULL of a disk that none had. @since 0.1 */
VMSNAP_API const char *vmsnap_snapshot_get_vm_name(const vmsnap_snapshot *snapshot);
/** Its VM's UUID; NULL of a disk that none had. @since 0.1 */
VMSNAP_API const char *vmsnap_snapshot_get_vm_uuid(const vmsnap_snapshot *snapshot);
/** Where it stood when it was read. @since 0.1 */
VMSNAP_API vmsnap_snapshot_phase vmsnap_snapshot_get_phase(const vmsnap_snapshot *snapshot);
/** What was achieved at the cut. @since 0.1 */
VMSNAP_API vmsnap_grade vmsnap_snapshot_get_grade(const vmsnap_snapshot *snapshot);
/** 1 if it is offline or frozen, else 0. @since 0.1 */
VMSNAP_API int vmsnap_snapshot_get_consistent(const vmsnap_snapshot *snapshot);
/** When it was asked for, microseconds since the epoch. @since 0.1 */
VMSNAP_API int64_t vmsnap_snapshot_get_created(const vmsnap_snapshot *snapshot);
/** The whole reading, evidence included, as one JSON object, borrowed. @since 0.1 */
VMSNAP_API const char *vmsnap_snapshot_get_json(const vmsnap_snapshot *snapshot);
/** Add a reference and return @p snapshot. @since 0.1 */
VMSNAP_API vmsnap_snapshot *vmsnap_snapshot_ref(vmsnap_snapshot *snapshot);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_snapshot_unref(vmsnap_snapshot *snapshot);

/** How many there are. @since 0.1 */
VMSNAP_API size_t vmsnap_snapshot_list_get_count(const vmsnap_snapshot_list *list);
/** The one at @p index, borrowed from the list; NULL beyond the end. @since 0.1 */
VMSNAP_API vmsnap_snapshot *vmsnap_snapshot_list_get_item(const vmsnap_snapshot_list *list,
                                                          size_t index);
/** Add a reference and return @p list. @since 0.1 */
VMSNAP_API vmsnap_snapshot_list *vmsnap_snapshot_list_ref(vmsnap_snapshot_list *list);
/** Drop a reference. NULL is allowed. @since 0.1 */
VMSNAP_API void vmsnap_snapshot_list_unref(vmsnap_snapshot_list *list);

VMSNAP_END_DECLS
#endif
