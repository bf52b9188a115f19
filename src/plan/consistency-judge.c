/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/image.h"
#include "plan/consistency.h"
#include "plan/freeze-list.h"
#include "plan/guest-fs.h"

#include <string.h>

/* Windows' VSS ends a freeze by itself after this long. */
#define VSS_LIMIT_US (10 * G_USEC_PER_SEC)

/* One judgement on its way. */
typedef struct {
    const VmsEvidence *evidence;
    VmsVerdict *verdict;
} Judge;

/* Keep the first flaw: it is the cause of those that follow. Takes @message. */
static void
note_flaw(Judge *judge, const char *reason, char *message)
{
    VmsVerdict *verdict = judge->verdict;

    verdict->grade = VMSNAP_GRADE_CRASH;
    if (verdict->reason) {
        g_ptr_array_add(verdict->warnings, message);
        return;
    }
    verdict->reason = g_strdup(reason);
    verdict->message = message;
}

static void G_GNUC_PRINTF(2, 3) note_exception(Judge *judge, const char *format, ...)
{
    g_autofree char *text = NULL;
    GPtrArray *exceptions = judge->verdict->exceptions;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    for (guint i = 0; i < exceptions->len; i++)
        if (strcmp(g_ptr_array_index(exceptions, i), text) == 0)
            return;
    g_ptr_array_add(exceptions, g_steal_pointer(&text));
}

static gboolean
is_vfat(const char *type)
{
    return type && (g_str_has_prefix(type, "vfat") || g_str_has_prefix(type, "exfat"));
}

/* ---- what the caller accepts, and what the partition table tells ---- */

static gboolean
is_accepted(const Judge *judge, const char *name)
{
    return name &&
           g_ptr_array_find_with_equal_func(judge->evidence->accepted, name, g_str_equal, NULL);
}

/* "vda15" or "nvme0n1p2": 15, 2; 0: it ends with no number. */
static guint64
partition_of(const char *name)
{
    gsize at = name ? strlen(name) : 0;

    while (at > 0 && g_ascii_isdigit(name[at - 1]))
        at--;
    return name ? g_ascii_strtoull(name + at, NULL, 10) : 0;
}

/* Where the cut image shows the partition of a vfat mount, its table decides whether that is an
 * EFI system partition; a whole disk is none. */
static VmsFsKind
kind_by_table(const Judge *judge, const VmsGuestFs *fs, VmsFsKind by_mount)
{
    const GPtrArray *states = judge->evidence->fs_states;
    guint64 number = partition_of(fs->name);
    VmsFsKind kind = by_mount;

    for (guint i = 0; i < states->len; i++) {
        const VmsFsState *state = g_ptr_array_index(states, i);

        if (!is_vfat(state->type) || !vms_guest_fs_lies_on(fs, state->disk))
            continue;
        if (state->partition == number)
            return state->efi ? VMS_FS_KIND_EFI : VMS_FS_KIND_CANNOT;
        kind = VMS_FS_KIND_CANNOT;
    }
    return kind;
}

static VmsFsKind
kind_of(const Judge *judge, const VmsGuestFs *fs)
{
    VmsFsKind kind = vms_guest_fs_kind(fs);

    return is_vfat(fs->type) ? kind_by_table(judge, fs, kind) : kind;
}

/* A file system the freeze must have taken. */
static gboolean
must_freeze(const Judge *judge, const VmsGuestFs *fs)
{
    VmsFsKind kind = kind_of(judge, fs);

    if (kind == VMS_FS_KIND_STRANGER && is_accepted(judge, fs->mountpoint))
        return FALSE;
    return kind == VMS_FS_KIND_FREEZES || kind == VMS_FS_KIND_STRANGER;
}

/* ---- the window as a whole ---- */

static gboolean
note_no_freeze(Judge *judge)
{
    const VmsEvidence *e = judge->evidence;
    g_autofree char *state = NULL;

    if (e->frozen_count > 0 && !e->frozen_before && !e->freeze_error)
        return FALSE;
    state = vms_consistency_state_flaw(e->state_before, e->state_reason, e->managed_save);
    if (state)
        note_flaw(judge, "PotentiallyInconsistent", g_steal_pointer(&state));
    else if (e->freeze_error)
        note_flaw(judge, e->freeze_reason ? e->freeze_reason : "FreezeFailed",
                  g_strdup(e->freeze_error));
    else if (e->frozen_before)
        note_flaw(judge, "FreezeFailed", g_strdup("the guest was frozen already, not by us"));
    else if (e->frozen_count == 0)
        note_flaw(judge, "FreezeFailed", g_strdup("the agent froze no file system"));
    else
        note_flaw(judge, "PotentiallyInconsistent", g_strdup("the guest ran and was not frozen"));
    return TRUE;
}

/* Signs that the guest was thawed before the cut ended. */
static gboolean
note_early_thaw(Judge *judge)
{
    const VmsEvidence *e = judge->evidence;
    const VmsTimes *t = &e->times;

    if (e->thaw_failed || t->thaw_acked == 0)
        note_flaw(judge, "ThawedEarly",
                  g_strconcat("the thaw was not acknowledged", e->thaw_error ? ": " : NULL,
                              e->thaw_error, NULL));
    else if (e->thawed_count < e->frozen_count)
        note_flaw(judge, "ThawedEarly",
                  g_strdup_printf("%d file systems were frozen, but only %d still at the thaw",
                                  e->frozen_count, MAX(e->thawed_count, 0)));
    else if (e->overdue)
        note_flaw(judge, "ThawedEarly", g_strdup("the freeze lasted longer than its budget"));
    else if (e->windows && t->thaw_acked - t->freeze_acked >= VSS_LIMIT_US)
        note_flaw(judge, "ThawedEarly", g_strdup("the freeze lasted longer than VSS holds it"));
    else
        return FALSE;
    return TRUE;
}

static gboolean
note_outside(Judge *judge)
{
    const VmsEvidence *e = judge->evidence;
    const VmsTimes *t = &e->times;

    if (t->freeze_acked == 0 || t->cut_start < t->freeze_acked || t->cut_end < t->cut_start ||
        t->thaw_sent < t->cut_end)
        note_flaw(judge, "PotentiallyInconsistent",
                  g_strdup("the cut does not lie between freeze and thaw"));
    else if (e->before.domain_id < 0 || !vms_instance_equal(&e->before, &e->after))
        note_flaw(judge, "PotentiallyInconsistent",
                  g_strdup("the VM was restarted during the freeze"));
    else
        return FALSE;
    return TRUE;
}

/* How many distinct file systems the freeze was to take, of the whole guest or of a list. */
static guint
count_wanted(const Judge *judge)
{
    const VmsEvidence *e = judge->evidence;
    g_autoptr(GHashTable) distinct = g_hash_table_new(g_str_hash, g_str_equal);
    guint wanted = 0;

    for (guint i = 0; i < e->filesystems->len; i++) {
        const VmsGuestFs *fs = g_ptr_array_index(e->filesystems, i);

        if (g_hash_table_add(distinct, (gpointer)vms_guest_fs_identity(fs)))
            wanted += must_freeze(judge, fs) && vms_freeze_list_has(e, fs);
    }
    return wanted;
}

gboolean
vms_consistency_can_freeze(const VmsEvidence *evidence)
{
    const Judge judge = { .evidence = evidence };

    return count_wanted(&judge) > 0;
}

/* Those that can be frozen must all be among those that the agent counted. */
static gboolean
note_uncounted(Judge *judge)
{
    const VmsEvidence *e = judge->evidence;
    guint wanted = count_wanted(judge);

    if ((guint)e->frozen_count >= wanted)
        return FALSE;
    note_flaw(judge, "PotentiallyInconsistent",
              g_strdup_printf("the agent froze %d of %u file systems", e->frozen_count, wanted));
    return TRUE;
}

/* ---- one disk ---- */

static const char *
why_no_flaw(VmsFsKind kind, const VmsDiskFacts *disk)
{
    if (kind == VMS_FS_KIND_READ_ONLY)
        return "read-only by type";
    if (kind == VMS_FS_KIND_EFI)
        return "EFI system partition";
    return disk->writes == 0 ? "its disk was not written to" : "accepted by the caller";
}

/* What a freeze passes by; no flaw when nothing was written to it, or it is of no weight. */
static char *
flaw_of_mount(Judge *judge, const VmsDiskFacts *disk, const VmsGuestFs *fs)
{
    VmsFsKind kind = kind_of(judge, fs);
    gboolean accepted = is_accepted(judge, fs->mountpoint) || is_accepted(judge, disk->target);

    if (must_freeze(judge, fs))
        return vms_freeze_list_has(judge->evidence, fs)
                   ? NULL
                   : g_strdup_printf("%s on %s was not among those to be frozen: %s", fs->type,
                                     disk->target, fs->mountpoint);
    if (kind == VMS_FS_KIND_CANNOT && disk->writes != 0 && !accepted)
        return g_strdup_printf("%s on %s cannot be frozen and was written to: %s", fs->type,
                               disk->target, fs->mountpoint);
    note_exception(judge, "%s: %s is not frozen: %s", fs->mountpoint, fs->type,
                   why_no_flaw(kind, disk));
    return NULL;
}

static char *
flaw_of_mounts(Judge *judge, const VmsDiskFacts *disk)
{
    const GPtrArray *filesystems = judge->evidence->filesystems;
    char *flaw = NULL;

    for (guint i = 0; i < filesystems->len && !flaw; i++) {
        const VmsGuestFs *fs = g_ptr_array_index(filesystems, i);

        if (vms_guest_fs_may_lie_on(fs, disk->target))
            flaw = flaw_of_mount(judge, disk, fs);
    }
    return flaw;
}

static gboolean
any_mount(const Judge *judge, const char *target)
{
    const GPtrArray *filesystems = judge->evidence->filesystems;

    for (guint i = 0; i < filesystems->len; i++)
        if (vms_guest_fs_lies_on(g_ptr_array_index(filesystems, i), target))
            return TRUE;
    return FALSE;
}

/* Everything the cut image shows is at rest: swap, read-only, or clean. */
static gboolean
image_at_rest(const Judge *judge, const char *target)
{
    const GPtrArray *states = judge->evidence->fs_states;
    gboolean any = FALSE;

    for (guint i = 0; i < states->len; i++) {
        const VmsFsState *state = g_ptr_array_index(states, i);
        VmsFsKind kind = vms_fs_type_kind(state->type);

        if (g_strcmp0(state->disk, target) != 0)
            continue;
        if (kind != VMS_FS_KIND_SWAP && kind != VMS_FS_KIND_READ_ONLY &&
            state->clean != VMS_FS_CLEAN)
            return FALSE;
        any = TRUE;
    }
    return any;
}

/* A disk on which the agent lists nothing: a raw database, ZFS, a member of something. */
static char *
flaw_of_bare_disk(Judge *judge, const VmsDiskFacts *disk)
{
    if (any_mount(judge, disk->target))
        return NULL;
    if (disk->writes == 0)
        note_exception(judge, "disk %s: nothing mounted, not written to", disk->target);
    else if (image_at_rest(judge, disk->target))
        note_exception(judge, "disk %s: nothing mounted, what it holds is at rest", disk->target);
    else if (is_accepted(judge, disk->target))
        note_exception(judge, "disk %s: nothing mounted, accepted by the caller", disk->target);
    else
        return g_strdup_printf("disk %s holds no file system the agent knows and was written to",
                               disk->target);
    return NULL;
}

/* In use without a mount the agent would list. */
static gboolean
passes_unseen(const char *type)
{
    return strstr(type, "zfs") != NULL || strstr(type, "bcachefs") != NULL;
}

/* A file system of a running VM's cut image that contradicts the freeze. vfat has its dirty bit
 * set as long as it is mounted and is judged by its mount. */
static char *
flaw_of_image(Judge *judge, const VmsDiskFacts *disk, gboolean off)
{
    const GPtrArray *states = judge->evidence->fs_states;

    for (guint i = 0; i < states->len; i++) {
        const VmsFsState *state = g_ptr_array_index(states, i);

        if (g_strcmp0(state->disk, disk->target) != 0)
            continue;
        if (state->clean == VMS_FS_NEEDS_REPLAY && (off || !is_vfat(state->type)))
            return g_strdup_printf("%s on disk %s at offset %" G_GUINT64_FORMAT
                                   " needs its journal replayed%s",
                                   state->type, disk->target, state->offset,
                                   off ? "" : ": it was not frozen, whatever the agent says");
        if (off || disk->writes == 0 || !passes_unseen(state->type))
            continue;
        if (!is_accepted(judge, disk->target))
            return g_strdup_printf("%s on disk %s cannot be frozen and was written to", state->type,
                                   disk->target);
        note_exception(judge, "disk %s: %s is not frozen: accepted by the caller", disk->target,
                       state->type);
    }
    return NULL;
}

static char *
flaw_of_sharing(const VmsDiskFacts *disk)
{
    return g_strdup_printf("somebody else has disk %s open", disk->target);
}

static vmsnap_grade
judge_running_disk(Judge *judge, const VmsDiskFacts *disk)
{
    char *flaw = flaw_of_mounts(judge, disk);

    if (!flaw)
        flaw = flaw_of_bare_disk(judge, disk);
    if (!flaw)
        flaw = flaw_of_image(judge, disk, FALSE);
    if (!flaw && disk->open)
        flaw = flaw_of_sharing(disk);
    if (flaw)
        note_flaw(judge, "PotentiallyInconsistent", flaw);
    return flaw ? VMSNAP_GRADE_CRASH : VMSNAP_GRADE_FROZEN;
}

/* A name that matched nothing was mistyped, or belongs to another VM. */
static void
note_unused(Judge *judge)
{
    const VmsEvidence *e = judge->evidence;

    for (guint i = 0; i < e->accepted->len; i++) {
        const char *name = g_ptr_array_index(e->accepted, i);
        gboolean used = FALSE;

        for (guint j = 0; j < e->filesystems->len && !used; j++)
            used = g_strcmp0(((VmsGuestFs *)e->filesystems->pdata[j])->mountpoint, name) == 0;
        for (guint j = 0; j < e->disks->len && !used; j++)
            used = g_strcmp0(((VmsDiskFacts *)e->disks->pdata[j])->target, name) == 0;
        if (!used)
            g_ptr_array_add(judge->verdict->warnings,
                            g_strdup_printf("AcceptUnused: there is no mount or disk %s", name));
    }
}

static void
judge_running(Judge *judge)
{
    const GPtrArray *disks = judge->evidence->disks;
    gboolean flawed = note_no_freeze(judge) || note_early_thaw(judge) || note_outside(judge) ||
                      note_uncounted(judge);

    for (guint i = 0; i < disks->len; i++)
        judge->verdict->grades[i] =
            flawed ? VMSNAP_GRADE_CRASH : judge_running_disk(judge, disks->pdata[i]);
    if (!flawed)
        note_unused(judge);
}

/* ---- a VM that was off ---- */

static void
judge_off(Judge *judge)
{
    const VmsEvidence *e = judge->evidence;
    char *whole = vms_consistency_state_flaw(e->state_before, e->state_reason, e->managed_save);
    gboolean flawed;

    if (!whole && e->after.domain_id >= 0)
        whole = g_strdup("the VM was started during the cut");
    flawed = whole != NULL;
    if (flawed)
        note_flaw(judge, "PotentiallyInconsistent", whole);
    else if (g_strcmp0(e->state_reason, "destroyed") == 0)
        g_ptr_array_add(judge->verdict->warnings,
                        g_strdup("HardStopped: the VM was not shut down but cut off"));
    for (guint i = 0; i < e->disks->len; i++) {
        const VmsDiskFacts *disk = e->disks->pdata[i];
        char *flaw = disk->open ? flaw_of_sharing(disk) : flaw_of_image(judge, disk, TRUE);

        judge->verdict->grades[i] = flaw || flawed ? VMSNAP_GRADE_CRASH : VMSNAP_GRADE_OFFLINE;
        if (flaw)
            note_flaw(judge, "PotentiallyInconsistent", flaw);
    }
}

VmsVerdict *
vms_consistency_judge(const VmsEvidence *evidence)
{
    VmsVerdict *verdict = g_new0(VmsVerdict, 1);
    Judge judge = { .evidence = evidence, .verdict = verdict };
    gboolean off = evidence->before.domain_id < 0 && evidence->frozen_count < 0;

    verdict->grade = off ? VMSNAP_GRADE_OFFLINE : VMSNAP_GRADE_FROZEN;
    verdict->grades = g_new0(vmsnap_grade, evidence->disks->len + 1);
    verdict->exceptions = g_ptr_array_new_with_free_func(g_free);
    verdict->warnings = g_ptr_array_new_with_free_func(g_free);
    if (off)
        judge_off(&judge);
    else
        judge_running(&judge);
    return verdict;
}

VmsVerdict *
vms_consistency_foresee(VmsEvidence *evidence)
{
    const Judge judge = { .evidence = evidence };

    evidence->after = evidence->before;
    if (evidence->before.domain_id < 0)
        return vms_consistency_judge(evidence);
    evidence->frozen_count = (int)count_wanted(&judge);
    evidence->thawed_count = evidence->frozen_count;
    evidence->times = (VmsTimes){ .freeze_sent = 1,
                                  .freeze_acked = 2,
                                  .cut_start = 3,
                                  .cut_end = 4,
                                  .thaw_sent = 5,
                                  .thaw_acked = 6 };
    return vms_consistency_judge(evidence);
}
