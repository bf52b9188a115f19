/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "api/context.h"
#include "engine/freeze.h"

#include <glib.h>
#include <stdatomic.h>

/* Starting a job: what it has to do, deep-copied, and the public handle around its thread. */

typedef struct VmsTask {
    const char *name; /* of its thread, at most 15 characters */
    gboolean (*run)(VmsEngine *engine, struct VmsTask *task, VmsProgress *progress, GError **error);
    char *operation; /* UUID of its record; NULL: it has none */
    char *vm;        /* NULL where there is none; so for all below */
    char *snapshot;  /* UUID: what it is about, or what it made */
    char *restore;   /* undo, drop: UUID of the restore, or of the record */
    char *hash;      /* restore: of its plan, as the next */
    char *identity;
    vmsnap_mode mode;            /* restore, clone */
    VmsSnapshotRequest *wanted;  /* snapshot */
    GPtrArray *members;          /* group, adopt: VmsGroupMember* */
    gboolean aborts;             /* group: on a straggler */
    VmsRestoreRequest restoring; /* restore, undo */
    VmsNewDiskRequest *making;   /* new disk or image */
    VmsAdoptRequest *adopting;   /* adopt */
    VmsPlan *plan;               /* clone */
    gboolean dry;                /* collect: only tell */
    gboolean newer;              /* drop of a record: also of a later version's */
    GPtrArray *acts; /* recover, forced thaw, collect, …: VmsRecoveryAct*, what it did */
    VmsFreezeRequest *freezing; /* freeze */
    VmsFrozenVm *frozen;        /* freeze: what it made; end: what it ends */
    atomic_int holds;           /* freeze: 1: no handle took it over yet */
} VmsTask;

VmsTask *vms_task_new(const char *name,
                      gboolean (*run)(VmsEngine *, VmsTask *, VmsProgress *, GError **));
void vms_task_free(VmsTask *task);

/* Takes @task, on failure too. */
gboolean vms_launch(const VmsCall *call, VmsTask *task, vmsnap_job **ret_job, GError **error);

/* In api/freeze.c: one more handle on what a job froze or thawed. */
vmsnap_freeze *vms_freeze_handle_new(vmsnap_context *context, VmsTask *task);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsTask, vms_task_free)
