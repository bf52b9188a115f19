/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef VMSNAP_BASE_H
#define VMSNAP_BASE_H

/**
 * @file
 * What every public header needs: visibility, the sized initializer, the opaque handles.
 *
 * Conventions of the whole library: sizes are bytes (uint64_t), times are microseconds since the
 * epoch in UTC (int64_t), durations are milliseconds, strings are UTF-8, paths are bytes. Every
 * function may be called from any thread. A fallible function returns 0 or more on success and a
 * negative #vmsnap_code on failure; its outputs are touched on success only. NULL in place of a
 * handle, or of an output that is needed, is #VMSNAP_E_INVALID; getters answer NULL, 0 or the
 * least promising value of their enum then.
 *
 * Besides the codes that its comment names, every call on a handle may fail with #VMSNAP_E_CLOSED
 * (the context was closed; jobs and readings can still be read) or #VMSNAP_E_FORKED, and every
 * call that asks libvirt or reads files with #VMSNAP_E_HYPERVISOR, #VMSNAP_E_IO or
 * #VMSNAP_E_PERMISSION.
 */

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define VMSNAP_API __attribute__((visibility("default")))
#else
#define VMSNAP_API
#endif

#ifdef __cplusplus
#define VMSNAP_BEGIN_DECLS extern "C" {
#define VMSNAP_END_DECLS }
template <typename Sized>
static inline Sized
vmsnap_sized_init_()
{
    Sized sized = Sized();
    sized.struct_size = sizeof(Sized);
    return sized;
}
#define VMSNAP_SIZED_INIT(type) vmsnap_sized_init_<type>()
#else
#define VMSNAP_BEGIN_DECLS
#define VMSNAP_END_DECLS
/** Initializer of any struct that starts with struct_size: that field set, all others zero. */
#define VMSNAP_SIZED_INIT(type)                                                                    \
    {                                                                                              \
        .struct_size = sizeof(type)                                                                \
    }
#endif

VMSNAP_BEGIN_DECLS

/** One open library instance: connections, catalog, jobs. See context.h. */
typedef struct vmsnap_context vmsnap_context;
/** A reading of one virtual machine. See vm.h. */
typedef struct vmsnap_vm vmsnap_vm;
/** A reading of one disk. See disk.h. */
typedef struct vmsnap_disk vmsnap_disk;
/** What a consistent snapshot would meet now. See check.h. */
typedef struct vmsnap_check vmsnap_check;
/** A reading of one stored snapshot. See snapshot.h. */
typedef struct vmsnap_snapshot vmsnap_snapshot;
/** What a restore would do. See plan.h. */
typedef struct vmsnap_plan vmsnap_plan;
/** A reading of one recorded operation. See operation.h. */
typedef struct vmsnap_operation vmsnap_operation;
/** A running or finished long operation. See job.h. */
typedef struct vmsnap_job vmsnap_job;
/** A VM that was frozen for its caller. See freeze.h. */
typedef struct vmsnap_freeze vmsnap_freeze;
/** Readings of several virtual machines. See vm.h. */
typedef struct vmsnap_vm_list vmsnap_vm_list;
/** Readings of several disks. See disk.h. */
typedef struct vmsnap_disk_list vmsnap_disk_list;
/** Readings of several snapshots. See snapshot.h. */
typedef struct vmsnap_snapshot_list vmsnap_snapshot_list;
/** Readings of several operations. See operation.h. */
typedef struct vmsnap_operation_list vmsnap_operation_list;
/** Who holds what, and what conflicts are looked up in. See inventory.h. */
typedef struct vmsnap_inventory vmsnap_inventory;
/** What a restore keeps, so that it can be undone. See undo.h. */
typedef struct vmsnap_undo_set vmsnap_undo_set;
/** Readings of several undo sets. See undo.h. */
typedef struct vmsnap_undo_set_list vmsnap_undo_set_list;
/** Why a call failed. See error.h. */
typedef struct vmsnap_error vmsnap_error;

VMSNAP_END_DECLS
#endif
