/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/conflict.h"

#include <criterion/criterion.h>
#include <string.h>

#include <vmsnap/clone.h>
#include <vmsnap/restore.h>

#define PROCEED VMS_ACT_PROCEED
#define REFUSE VMS_ACT_REFUSE
#define REMOVE VMS_ACT_REMOVE
#define OFF VMS_ACT_LEAVE_OFF
#define KEEP VMS_ACT_KEEP
#define WARNING VMSNAP_SEVERITY_WARNING
#define CONFLICT VMSNAP_SEVERITY_CONFLICT

/* The contract's table, row for row, in its own words: a change of either is a change of both. */
static const VmsConflict contract[] = {
    { "NotFound", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "IdentityMismatch", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "Transient", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "NotReady", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "Lost", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "Partial", CONFLICT, REFUSE, REFUSE, VMSNAP_RESTORE_ALLOW_PARTIAL, NULL },
    { "AttachedElsewhere", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "OpenElsewhere", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "BackingOfOther", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "ForeignFile", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "MACInUse", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "AddressInUse", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "SecretDiffers", CONFLICT, REFUSE, KEEP, 0, NULL },
    { "ImageMissing", WARNING, OFF, REMOVE, 0, NULL },
    { "NetworkMissing", WARNING, OFF, OFF, 0, NULL },
    { "HostDeviceMissing", WARNING, OFF, REMOVE, 0, NULL },
    { "ClassMissing", WARNING, OFF, OFF, 0, NULL },
    { "OutOfSpace", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "TargetUnsupported", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "TargetMissing", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "TargetTooSmall", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "Busy", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "ManagedSave", CONFLICT, REFUSE, REFUSE, VMSNAP_RESTORE_DROP_MANAGED_SAVE, NULL },
    { "MetadataDropped", WARNING, PROCEED, PROCEED, 0, NULL },
    { "WouldOrphan", WARNING, PROCEED, PROCEED, 0, NULL },
};

/* What is reported besides. It never refuses: what refuses stands in the contract. */
static const char *const reports[] = { "Kept", "TargetLarger", "AddressNotManaged",
                                       "AddressDiffers" };

Test(conflict, table_is_the_contract_row_by_row)
{
    for (gsize i = 0; i < G_N_ELEMENTS(contract); i++) {
        const VmsConflict *row = vms_conflict_find(contract[i].reason);

        cr_assert_str_eq(row->reason, contract[i].reason);
        cr_assert_eq(row->severity, contract[i].severity, "dry-run of %s", row->reason);
        cr_assert_eq(row->strict, contract[i].strict, "strict of %s", row->reason);
        cr_assert_eq(row->best_effort, contract[i].best_effort, "best-effort of %s", row->reason);
        cr_assert_eq(row->told, contract[i].told, "flag of %s", row->reason);
    }
}

static gsize
count(const char *reason)
{
    gsize found = 0;

    for (gsize i = 0; vms_conflict_at(i); i++)
        found += strcmp(vms_conflict_at(i)->reason, reason) == 0 ? 1 : 0;
    return found;
}

Test(conflict, table_has_each_reason_once_and_no_others)
{
    gsize rows = 0;

    for (; vms_conflict_at(rows); rows++)
        cr_assert_eq(count(vms_conflict_at(rows)->reason), 1);
    cr_assert_eq(rows, G_N_ELEMENTS(contract) + G_N_ELEMENTS(reports));
}

Test(conflict, reports_beyond_the_contract_never_refuse)
{
    for (gsize i = 0; i < G_N_ELEMENTS(reports); i++) {
        const VmsConflict *row = vms_conflict_find(reports[i]);

        cr_assert_str_eq(row->reason, reports[i]);
        cr_assert_neq(row->severity, VMSNAP_SEVERITY_CONFLICT);
        cr_assert_eq(row->strict, PROCEED);
        cr_assert_eq(row->best_effort, PROCEED);
    }
}

Test(conflict, what_refuses_says_what_would_resolve_it)
{
    for (gsize i = 0; vms_conflict_at(i); i++) {
        const VmsConflict *row = vms_conflict_at(i);

        if (row->strict != PROCEED)
            cr_assert_not_null(row->resolution, "%s", row->reason);
    }
}

Test(conflict, an_unknown_reason_refuses)
{
    const VmsConflict *row = vms_conflict_find("NeverHeardOf");

    cr_assert_eq(row->severity, CONFLICT);
    cr_assert_eq(row->strict, REFUSE);
    cr_assert_eq(row->best_effort, REFUSE);
}

/* ---- clones ---- */

static const VmsConflict clones[] = {
    { "NotReady", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "Lost", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "Partial", CONFLICT, REFUSE, REFUSE, VMSNAP_CLONE_ALLOW_PARTIAL, NULL },
    { "PotentiallyInconsistent", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "OpenElsewhere", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "TargetUnsupported", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "NameTaken", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "NameCollision", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "NameInvalid", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "RuleUnused", WARNING, PROCEED, PROCEED, 0, NULL },
    { "FolderMissing", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "OutOfSpace", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "MediaNotUnderstood", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "ImageMissing", CONFLICT, REFUSE, REMOVE, 0, NULL },
    { "HostDeviceMissing", CONFLICT, REFUSE, REMOVE, 0, NULL },
    { "HostDeviceShared", CONFLICT, REFUSE, REMOVE, 0, NULL },
    { "NetworkMissing", CONFLICT, REFUSE, REFUSE, 0, NULL },
    { "ClassMissing", CONFLICT, REFUSE, REFUSE, 0, NULL },
};

/* Strict needs every name and every dependency; best-effort does without images and devices. */
Test(conflict, table_of_clones_is_the_contract_row_by_row)
{
    for (gsize i = 0; i < G_N_ELEMENTS(clones); i++) {
        const VmsConflict *row = vms_conflict_find_clone(clones[i].reason);

        cr_assert_str_eq(row->reason, clones[i].reason);
        cr_assert_eq(row->severity, clones[i].severity, "dry-run of %s", row->reason);
        cr_assert_eq(row->strict, clones[i].strict, "strict of %s", row->reason);
        cr_assert_eq(row->best_effort, clones[i].best_effort, "best-effort of %s", row->reason);
        cr_assert_eq(row->told, clones[i].told, "flag of %s", row->reason);
        if (row->strict != PROCEED)
            cr_assert_not_null(row->resolution, "%s", row->reason);
    }
}

/* What refuses a clone stands in the contract, or keeps one from being another machine. */
Test(conflict, table_of_clones_refuses_nothing_else)
{
    for (gsize i = 0; vms_conflict_at_clone(i); i++) {
        const VmsConflict *row = vms_conflict_at_clone(i);
        gboolean known = FALSE;

        for (gsize j = 0; j < G_N_ELEMENTS(clones); j++)
            known = known || strcmp(clones[j].reason, row->reason) == 0;
        cr_assert(known || row->strict == PROCEED, "%s", row->reason);
    }
    cr_assert_eq(vms_conflict_find_clone("NeverHeardOf")->strict, REFUSE);
}
