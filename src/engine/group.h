/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "engine/engine.h"
#include "model/evidence.h"

#include <glib.h>

/* Several VMs cut at one time: where their windows, each in a thread of its own, wait for each
 * other. Members are numbered in the order of their VMs' UUIDs, and get their windows in this
 * order: two groups never wait for each other.
 *
 * A member that fails, or is not frozen when the others may not wait any longer, is a straggler: it
 * is dropped, or all are aborted before anything is cut. */

typedef struct VmsGroup VmsGroup;

VmsGroup *vms_group_new(guint size, gboolean abort);
/* Who @number is, before the first begins; borrows the UUID. */
void vms_group_set_vm(VmsGroup *group, guint number, const char *vm_uuid);
gboolean vms_group_has_vm(const VmsGroup *group, const char *vm_uuid);
void vms_group_free(VmsGroup *group);

/* Before @number asks for its window: until all with lower numbers have theirs, or have left. */
gboolean vms_group_take_turn(VmsGroup *group, guint number, VmsProgress *progress, GError **error);
/* Nothing is frozen yet: until all are as far, or have left. */
gboolean vms_group_wait_ready(VmsGroup *group, guint number, VmsProgress *progress, GError **error);
/* Frozen, or as far as it goes: until all are, at most until @until_us (monotonic). TIMEOUT with
 * reason "Straggler" for who comes too late, CANCELLED with "GroupAborted" for all when one did. */
gboolean vms_group_wait_frozen(VmsGroup *group, guint number, gint64 until_us,
                               VmsProgress *progress, GError **error);
/* What a member may share: a disk. Then nobody is thawed before all are cut. To be called before
 * the window. */
void vms_group_link(VmsGroup *group);
/* Cut, in a window that is still open: until all are, or have left, at most until @until_us.
 * Nothing to wait for when nothing is shared. */
void vms_group_wait_taken(VmsGroup *group, guint number, gint64 until_us, VmsProgress *progress);

/* A cut, and the freeze around it; moments on CLOCK_MONOTONIC. */
typedef struct {
    gint64 start_us;
    gint64 end_us;
    gint64 frozen_us; /* 0: it was not */
    gint64 thawed_us;
} VmsGroupCut;

/* It was cut, so. */
void vms_group_note_cut(VmsGroup *group, guint number, const VmsGroupCut *cut);
/* It takes part no more; nothing when it was cut. */
void vms_group_leave(VmsGroup *group, guint number);
/* Wait for the cuts of all, and note in @evidence how far they lie apart. */
void vms_group_tell(VmsGroup *group, VmsEvidence *evidence);

/* Its own VM and images tell, for those it shares a disk with, whether it was frozen. */
void vms_group_note_proof(VmsGroup *group, guint number, gboolean proven);
/* Wait for that VM's proof: TRUE if it was frozen all through @start to @end. After one's own
 * proof: so nobody waits for who waits. */
gboolean vms_group_was_frozen(VmsGroup *group, const char *vm_uuid, gint64 start_us, gint64 end_us);

/* engine/snapshot.c: as vms_engine_snapshot(), as a member of @group. */
gboolean vms_group_snapshot(VmsEngine *engine, const VmsGroupMember *member, VmsGroup *group,
                            guint number, VmsProgress *progress, GError **error);
