/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/cancel.h"
#include "base/log.h"
#include "engine/digests.h"
#include "model/disk-info.h"
#include "model/operation.h"
#include "model/snapshot.h"
#include "model/vm.h"
#include "plan/check-result.h"
#include "plan/clone-request.h"
#include "plan/plan.h"
#include "plan/restore-request.h"
#include "port/drivers.h"

#include <glib.h>

#include <vmsnap/new-disk.h>
#include <vmsnap/restore.h>

typedef struct VmsWindowQueue VmsWindowQueue;
typedef struct VmsFacts VmsFacts;

/* What the engine works with: one per context, never changed after it was made, except by the
 * locks and counters it contains itself. */
typedef struct {
    VmsDrivers *drivers; /* borrowed */
    VmsLog *log;         /* borrowed */
    char *uri;           /* as the guard must connect */
    char *guard_path;
    char *state_dir;   /* leases, catalog: /var/lib/vmsnap */
    char *runtime_dir; /* locks, sockets: /run/vmsnap */
    char *boot_id;
    char *catalog;        /* its name; NULL: not told */
    char **agent_sockets; /* see engine/agent-socket.h; NULL: none */
    VmsDigests *digests;  /* NULL: none are remembered */
    VmsWindowQueue *windows;
    VmsFacts *facts; /* NULL: none are known */
    gboolean self_guard;
    gboolean read_only;
} VmsEngine;

/* ---- requests: deep copies of what the caller asked ---- */

typedef struct {
    vmsnap_snapshot_kind subject;
    char *name;
    char *description;
    char **labels; /* NULL-ended or NULL */
    char **disks;  /* NULL-ended or NULL: all; one for a snapshot of a disk that a VM has */
    char *path;    /* of a disk that no VM has; NULL: a VM is given */
    char *format;  /* of that disk */
    char *store;   /* NULL: beside the disks */
    char **accept_unfrozen; /* mount points and targets; NULL-ended or NULL */
    vmsnap_consistency_policy policy;
    vmsnap_method method;
    vmsnap_keep_ip keep_ip;
    guint wait_ready_ms;
    guint freeze_call_ms;   /* 0: default */
    guint freeze_budget_ms; /* 0: default */
    gboolean digest;        /* of the images, once it is Ready */
} VmsSnapshotRequest;

typedef struct {
    char *to;     /* a path that starts with "/" or "./", or "POOL/VOLUME" */
    char *target; /* NULL: the only one there is */
    char *format; /* NULL: as the disk was */
    guint64 size; /* 0: as the disk was */
    vmsnap_new_disk_method method;
    guint flags; /* vmsnap_new_disk_flags */
    guint wait_ready_ms;
} VmsNewDiskRequest;

typedef struct {
    char **paths; /* absolute, NULL-ended */
    char *name;   /* what the one that is found is to be called; NULL: as it was */
    gboolean dry;
    gboolean accept_times; /* images need not have the time that was recorded */
} VmsAdoptRequest;

typedef struct {
    char **disks;           /* NULL-ended or NULL: all */
    char **accept_unfrozen; /* mount points and targets; NULL-ended or NULL */
    guint hold_ms;          /* 0: default */
    guint freeze_call_ms;
    guint wait_ready_ms;
    gboolean detached;
} VmsFreezeRequest;

void vms_snapshot_request_free(VmsSnapshotRequest *request);
void vms_freeze_request_free(VmsFreezeRequest *request);
void vms_new_disk_request_free(VmsNewDiskRequest *request);
void vms_adopt_request_free(VmsAdoptRequest *request);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsSnapshotRequest, vms_snapshot_request_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsNewDiskRequest, vms_new_disk_request_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsAdoptRequest, vms_adopt_request_free)

/* One VM of several that are cut at one time. */
typedef struct {
    char *vm_uuid;
    char *vm_name;
    char *operation;
    VmsSnapshotRequest *request; /* with a name of its own */
    char *snapshot;              /* UUID, once there is a record; may be set on failure too */
} VmsGroupMember;

void vms_group_member_free(VmsGroupMember *member);

/* ---- quick questions ---- */

/* engine/check.c */
gboolean vms_engine_check(VmsEngine *engine, const char *vm_uuid, VmsCheckResult **ret_check,
                          GError **error);
/* engine/disk-find.c: "VM/TARGET", an absolute path or one that starts with "./". A path that a VM
 * has as a disk is that disk. @format is what a file that no VM has holds; NULL: "qcow2" if its
 * name says so, else "raw". */
gboolean vms_engine_find_disk(VmsEngine *engine, const char *name, const char *format,
                              VmsDiskInfo **ret_disk, GError **error);
/* VmsDiskInfo* of one VM (name or UUID), or of all. */
gboolean vms_engine_list_disks(VmsEngine *engine, const char *vm, GPtrArray **ret_disks,
                               GError **error);
/* engine/lookup.c: records of the catalog as objects */
gboolean vms_engine_find_snapshot(VmsEngine *engine, vmsnap_snapshot_kind subject,
                                  const char *name_or_uuid, VmsSnapshot **ret_snapshot,
                                  GError **error);
/* By UUID, of either kind. */
gboolean vms_engine_load_snapshot(VmsEngine *engine, const char *uuid, VmsSnapshot **ret_snapshot,
                                  GError **error);
/* @of: the VM (name or UUID), or the disk ("VM/TARGET" or path), as recorded; NULL: all. */
gboolean vms_engine_list_snapshots(VmsEngine *engine, vmsnap_snapshot_kind subject, const char *of,
                                   GPtrArray **ret_snapshots, GError **error);
gboolean vms_engine_find_operation(VmsEngine *engine, const char *uuid,
                                   VmsOperation **ret_operation, GError **error);
gboolean vms_engine_list_operations(VmsEngine *engine, GPtrArray **ret_operations, GError **error);
/* engine/recover.c: what recover would have to do */
gboolean vms_engine_count_open(VmsEngine *engine, guint64 *ret_operations, guint64 *ret_freezes,
                               GError **error);
/* engine/restore.c: the dry-run */
gboolean vms_engine_plan_restore(VmsEngine *engine, const char *snapshot_uuid, const char *vm,
                                 const VmsRestoreRequest *request, VmsPlan **ret_plan,
                                 GError **error);
/* engine/new-disk.c: the dry-run */
gboolean vms_engine_plan_new_disk(VmsEngine *engine, const char *snapshot_uuid,
                                  const VmsNewDiskRequest *request, VmsPlan **ret_plan,
                                  GError **error);

/* ---- long operations: run in the calling thread, to the end ----
 *
 * @operation_uuid is chosen by the caller, so that a job can tell it at once. Each leaves exactly
 * one terminal record, or none if it failed before the record was written. */

/* engine/snapshot.c; @ret_snapshot may be set on failure too (a Failed record). */
gboolean vms_engine_snapshot(VmsEngine *engine, const char *operation_uuid, const char *vm_uuid,
                             const VmsSnapshotRequest *request, VmsProgress *progress,
                             char **ret_snapshot_uuid, GError **error);
/* engine/disk-snapshot.c: of a disk that no VM has, request->path. */
gboolean vms_engine_disk_snapshot(VmsEngine *engine, const char *operation_uuid,
                                  const VmsSnapshotRequest *request, VmsProgress *progress,
                                  char **ret_snapshot_uuid, GError **error);
/* engine/group-snapshot.c: all of @members (VmsGroupMember*, each another VM; gets sorted) at one
 * time. With @abort all or, before a cut, none; else it succeeds when one of them does. */
gboolean vms_engine_snapshot_group(VmsEngine *engine, GPtrArray *members, gboolean abort,
                                   VmsProgress *progress, GError **error);
/* engine/remove.c */
gboolean vms_engine_delete_snapshot(VmsEngine *engine, const char *operation_uuid,
                                    const char *snapshot_uuid, VmsProgress *progress,
                                    GError **error);
/* The same with one that was taken for the operation @owner. It is not to be cancelled. */
gboolean vms_engine_discard_snapshot(VmsEngine *engine, const char *owner,
                                     const char *snapshot_uuid, GError **error);
/* engine/verify.c */
gboolean vms_engine_verify(VmsEngine *engine, const char *snapshot_uuid, VmsProgress *progress,
                           GError **error);
/* What to restore, how, and by which plan: PLAN_STALE if the world gives another @hash. */
typedef struct {
    const char *operation_uuid;
    const char *snapshot_uuid;
    const char *vm; /* name or UUID; NULL: the snapshot's own */
    const VmsRestoreRequest *request;
    vmsnap_mode mode;
    const char *hash; /* of the plan, as the next */
    const char *identity;
} VmsRestoreOrder;

/* engine/restore.c */
gboolean vms_engine_restore(VmsEngine *engine, const VmsRestoreOrder *order, VmsProgress *progress,
                            GError **error);
/* engine/new-disk.c: a disk or image from one of a snapshot's */
gboolean vms_engine_new_disk(VmsEngine *engine, const char *operation_uuid,
                             const char *snapshot_uuid, const VmsNewDiskRequest *request,
                             VmsProgress *progress, GError **error);
/* What is cloned: a VM as it is, or a snapshot of one. */
typedef struct {
    const char *vm_uuid;       /* NULL: the next */
    const char *snapshot_uuid; /* NULL: the VM */
} VmsCloneSource;

/* engine/clone.c */
gboolean vms_engine_plan_clone(VmsEngine *engine, const VmsCloneSource *source,
                               const VmsCloneRequest *request, VmsPlan **ret_plan, GError **error);
/* @plan is only read. */
gboolean vms_engine_clone(VmsEngine *engine, const char *operation_uuid, const VmsPlan *plan,
                          vmsnap_mode mode, VmsProgress *progress, GError **error);
/* engine/undo.c */
gboolean vms_engine_undo(VmsEngine *engine, const char *operation_uuid, const char *restore_uuid,
                         const VmsRestoreRequest *request, VmsProgress *progress, GError **error);
/* engine/undo-set.c: VmsUndoSet*, oldest first. */
gboolean vms_engine_list_undo_sets(VmsEngine *engine, GPtrArray **ret_sets, GError **error);
/* Write the disks of a VM that is off anew, without the layers below them. */
gboolean vms_engine_flatten(VmsEngine *engine, const char *operation_uuid, const char *vm_uuid,
                            VmsProgress *progress, GError **error);
gboolean vms_engine_drop_undo(VmsEngine *engine, const char *operation_uuid,
                              const char *restore_uuid, VmsProgress *progress, GError **error);
/* engine/collect.c: expired undo sets, and what finished operations left; @ret_acts as below. */
gboolean vms_engine_collect(VmsEngine *engine, gboolean dry, VmsProgress *progress,
                            GPtrArray **ret_acts, GError **error);
/* engine/adopt.c: snapshots that lie there and that the catalog does not know. @adopted (char*)
 * gets their UUIDs; @ret_acts as below. */
gboolean vms_engine_adopt(VmsEngine *engine, const VmsAdoptRequest *request, VmsProgress *progress,
                          GPtrArray *adopted, GPtrArray **ret_acts, GError **error);
/* engine/drop-record.c: the record of an operation that cannot be read; one that can is refused,
 * and that of a later version unless @newer. Files stay and are told; @ret_acts as below. */
gboolean vms_engine_drop_record(VmsEngine *engine, const char *operation_id, gboolean newer,
                                VmsProgress *progress, GPtrArray **ret_acts, GError **error);
/* engine/recover.c; @ret_acts: VmsRecoveryAct*, set on failure too: what was done until then. Fails
 * with the first reason when something could not be recovered. */
gboolean vms_engine_recover(VmsEngine *engine, VmsProgress *progress, GPtrArray **ret_acts,
                            GError **error);
