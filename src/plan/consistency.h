/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/evidence.h"
#include "model/vm.h"

#include <glib.h>

#include <vmsnap/snapshot.h>

/* Whether a cut may be made, and what it was worth. Pure: facts in, verdict out. */

typedef enum {
    VMS_FREEZE_NOT = 0,     /* the guest is not asked */
    VMS_FREEZE_IF_POSSIBLE, /* a failed freeze is a warning */
    VMS_FREEZE_MUST         /* a failed freeze is a failure */
} VmsFreezeWish;

/* What the state of @vm allows under @policy, before anything is made. Refuses what no cut can
 * mend: BUSY (Migrating, BlockDevicesNotReady) under every policy; under require also
 * INCONSISTENT (PotentiallyInconsistent) and AGENT (AgentNotReady). Says what to ask of the guest;
 * @ret_why (may be NULL) gets why prefer goes without a freeze, NULL if it does not. */
gboolean vms_consistency_before(const VmsVm *vm, vmsnap_consistency_policy policy,
                                VmsFreezeWish *ret_wish, char **ret_why, GError **error);

/* Why a VM in this state cannot be cut consistently whatever the guest says; NULL: it can, if off
 * as it is, if running with a freeze. */
char *vms_consistency_state_flaw(vmsnap_vm_state state, const char *state_reason,
                                 gboolean managed_save);

/* TRUE if a guest with these file systems would hang in a freeze: a loop mount is frozen after
 * what carries it. @ret_why (may be NULL) names the mount. */
gboolean vms_consistency_freeze_hangs(const GPtrArray *filesystems, char **ret_why);

/* TRUE if there is a file system that the freeze of @evidence was to take. */
gboolean vms_consistency_can_freeze(const VmsEvidence *evidence);

typedef struct {
    vmsnap_grade grade;    /* the worst of the disks */
    vmsnap_grade *grades;  /* of each of the evidence's disks */
    char *reason;          /* "ThawedEarly", …; NULL when consistent */
    char *message;         /* says which thing; NULL when consistent */
    GPtrArray *exceptions; /* char*: what was allowed not to be frozen, and why */
    GPtrArray *warnings;   /* char* */
} VmsVerdict;

/* Judge a finished cut by nothing but @evidence: the facts from immediately before and after it,
 * those of its disks, and what the cut images show (fs_states, as far as known); for a VM that was
 * off state_before, state_reason, managed_save and both instances. */
VmsVerdict *vms_consistency_judge(const VmsEvidence *evidence);

/* What a cut would come to that is made now and finds everything else as it should be; @evidence
 * has the facts from before it, and is filled up to that. */
VmsVerdict *vms_consistency_foresee(VmsEvidence *evidence);

/* FALSE under require when the verdict is not consistent: AGENT when the agent could not or did
 * not freeze, else INCONSISTENT, with the verdict's reason and message. */
gboolean vms_verdict_check(const VmsVerdict *verdict, vmsnap_consistency_policy policy,
                           GError **error);
/* Move exceptions and warnings into @evidence, where they are stored. A crash under prefer or
 * skip is told there as well. */
void vms_verdict_store(VmsVerdict *verdict, VmsEvidence *evidence);
void vms_verdict_free(VmsVerdict *verdict);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsVerdict, vms_verdict_free)
