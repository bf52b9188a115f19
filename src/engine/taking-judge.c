/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/taking.h"
#include "plan/consistency.h"

static void
probe_images(VmsTaking *self)
{
    VmsSnapshot *snapshot = self->work.snapshot;

    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];
        g_autoptr(GPtrArray) states = NULL;
        g_autoptr(GError) error = NULL;

        if (!vms_media_probe(self->engine->drivers->media, disk->image, disk->target, &states,
                             &error)) {
            vms_evidence_warn(snapshot->evidence, "%s could not be looked into: %s", disk->name,
                              error->message);
            continue;
        }
        g_ptr_array_extend_and_steal(snapshot->evidence->fs_states, g_steal_pointer(&states));
    }
}

static gint64
read_writes(const VmsTaking *self, const char *target)
{
    const VmsVm *vm = self->survey->vm;
    gint64 writes = -1;

    if (vm && vms_vm_is_active(vm))
        vms_hypervisor_read_writes(self->engine->drivers->hypervisor, vm->uuid, target, &writes,
                                   NULL);
    return writes;
}

void
vms_taking_note_disks(VmsTaking *self)
{
    VmsSnapshot *snapshot = self->work.snapshot;
    GPtrArray *facts = snapshot->evidence->disks;

    g_ptr_array_set_size(facts, 0);
    g_ptr_array_set_size(snapshot->evidence->accepted, 0);
    for (char **name = self->request->accept_unfrozen; name && *name; name++)
        g_ptr_array_add(snapshot->evidence->accepted, g_strdup(*name));
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const VmsSnapshotDisk *disk = snapshot->disks->pdata[i];
        const VmsSurveyDisk *source = self->survey->disks->pdata[i];

        g_ptr_array_add(facts,
                        vms_disk_facts_new(disk->target, read_writes(self, disk->target),
                                           source->sharer || (source->companions->len == 0 &&
                                                              vms_cut_was_open(self->cuts, i))));
    }
}

/* Each of those who share the disk was frozen all through its cut, or it is open elsewhere. */
static void
note_companions(const VmsTaking *self, const GPtrArray *companions, VmsDiskFacts *facts)
{
    const VmsTimes *times = &self->work.snapshot->evidence->times;
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < companions->len; i++) {
        const VmsSharer *sharer = companions->pdata[i];

        if (!vms_group_was_frozen(self->group, sharer->uuid, times->cut_start, times->cut_end))
            facts->open = TRUE;
        g_string_append_printf(names, "%s%s", i ? ", " : "", sharer->name);
    }
    if (companions->len > 0 && !facts->open)
        facts->frozen_with = g_string_free(g_steal_pointer(&names), FALSE);
}

/* In a group, what those who share a disk came to counts as well. */
static VmsVerdict *
judge_in_group(const VmsTaking *self)
{
    const VmsEvidence *evidence = self->work.snapshot->evidence;
    VmsVerdict *alone = vms_consistency_judge(evidence);

    if (!self->group)
        return alone;
    vms_group_note_proof(self->group, self->number, alone->grade == VMSNAP_GRADE_FROZEN);
    vms_verdict_free(alone);
    for (guint i = 0; i < evidence->disks->len; i++) {
        const VmsSurveyDisk *source = self->survey->disks->pdata[i];

        note_companions(self, source->companions, evidence->disks->pdata[i]);
    }
    return vms_consistency_judge(evidence);
}

/* The grade, from what was seen immediately before and after the cut and in its images. */
gboolean
vms_taking_judge(VmsTaking *self, GError **error)
{
    VmsSnapshot *snapshot = self->work.snapshot;
    g_autoptr(VmsVerdict) verdict = NULL;

    probe_images(self);
    verdict = judge_in_group(self);
    snapshot->grade = verdict->grade;
    for (guint i = 0; i < snapshot->disks->len; i++) {
        VmsSnapshotDisk *disk = snapshot->disks->pdata[i];

        disk->grade = verdict->grades[i];
    }
    if (!vms_verdict_check(verdict, self->request->policy, error))
        return FALSE;
    if (verdict->grade == VMSNAP_GRADE_CRASH) {
        self->flaw = g_strdup(verdict->reason);
        self->flaw_text = g_strdup(verdict->message);
    }
    vms_verdict_store(verdict, snapshot->evidence);
    return TRUE;
}
