/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/vm.h"

#include <glib.h>

/* The facts from which the grade of a snapshot is judged, stored with it and public. */

/* A file system as the guest's agent listed it. */
typedef struct {
    char *mountpoint;
    char *type;        /* "ext4", … */
    char *name;        /* the guest's device name, "vda1" */
    GPtrArray *disks;  /* char*: targets it lies on; empty: none that we know */
    gboolean unmapped; /* lies on a disk that could not be matched to a target */
} VmsGuestFs;

/* What was known of one disk right after its cut. */
typedef struct {
    char *target;
    gint64 writes; /* bytes written to it since the VM started; -1: not known, or the VM was off */
    gboolean open; /* somebody else than the VM had the image open */
    char *frozen_with; /* running VM that shares it, frozen all through the cut; NULL: none */
} VmsDiskFacts;

/* Moments on CLOCK_MONOTONIC, microseconds; 0: did not happen. */
typedef struct {
    gint64 freeze_sent;
    gint64 freeze_acked;
    gint64 suspend_sent;
    gint64 suspended;
    gint64 cut_start;
    gint64 cut_end;
    gint64 resumed;
    gint64 thaw_sent;
    gint64 thaw_acked;
} VmsTimes;

typedef enum {
    VMS_GUARD_NONE = 0, /* nothing was frozen */
    VMS_GUARD_PROCESS,  /* a guard process stood by */
    VMS_GUARD_SELF      /* the caller answered for the thaw */
} VmsGuardKind;

typedef struct {
    /* About the guest */
    char *agent_version; /* NULL: not asked */
    gboolean windows;
    GPtrArray *filesystems; /* VmsGuestFs* */
    GPtrArray *freeze_list; /* char*: the only mount points that were to be frozen; empty: all */
    int frozen_count;       /* what the freeze answered; -1: no freeze, or no answer */
    int thawed_count;       /* what the thaw answered; -1 likewise */
    gboolean frozen_before; /* the guest was frozen when we came */
    gboolean thaw_failed;   /* thaw answered with an error */
    char *thaw_error;       /* the agent's own text of the first one that failed; NULL: none did */
    char *freeze_error;     /* why the freeze failed, the agent's own text; NULL: it did not */
    char *freeze_reason;    /* "AgentNotReady", "FreezeUnsupported", …; NULL: "FreezeFailed" */
    /* About the cut */
    VmsTimes times;
    VmsInstance before;
    VmsInstance after;
    vmsnap_vm_state state_before;
    char *state_reason;
    gboolean managed_save;
    gboolean detached; /* a disk that no VM has */
    gboolean unasked;  /* no hypervisor could be asked whether a VM has it */
    VmsGuardKind guard;
    gboolean guard_shares_cgroup;
    gboolean overdue;      /* the freeze budget ran out before the thaw was sent */
    char *group;           /* UUID of the group it was cut with; NULL: none */
    guint group_size;      /* how many VMs of it were cut */
    gint64 group_skew_us;  /* from the beginning of the first cut to that of the last */
    gint64 group_span_us;  /* to the end of the last */
    GPtrArray *exceptions; /* char*: what was allowed not to be frozen, and why */
    GPtrArray *warnings;   /* char* */
    /* About the disks and the images of the cut */
    GPtrArray *disks;     /* VmsDiskFacts*: those that were cut */
    GPtrArray *accepted;  /* char*: mount points and targets the caller takes unfrozen */
    GPtrArray *fs_states; /* VmsFsState* */
} VmsEvidence;

VmsGuestFs *vms_guest_fs_new(const char *mountpoint, const char *type, const char *name);
void vms_guest_fs_free(VmsGuestFs *fs);
VmsDiskFacts *vms_disk_facts_new(const char *target, gint64 writes, gboolean open);
void vms_disk_facts_free(VmsDiskFacts *facts);
VmsEvidence *vms_evidence_new(void);
void vms_evidence_free(VmsEvidence *evidence);
void vms_evidence_warn(VmsEvidence *evidence, const char *format, ...) G_GNUC_PRINTF(2, 3);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsGuestFs, vms_guest_fs_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsEvidence, vms_evidence_free)
