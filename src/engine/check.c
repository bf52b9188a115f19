/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/engine.h"
#include "engine/journal.h"
#include "engine/rehearsal.h"
#include "engine/survey.h"
#include "plan/consistency.h"

/* A preflight never waits long for a guest that does not answer. */
#define AGENT_LIMIT_MS 3000

static void
add_refusal(VmsCheckResult *check, const char *kind, const char *name, const GError *why)
{
    g_ptr_array_add(check->findings,
                    vms_finding_new_reason(kind, name, VMSNAP_SEVERITY_CONFLICT,
                                           vms_error_get_reason(why), "%s", why->message));
}

static void
add_disks(VmsCheckResult *check, const VmsSurvey *survey)
{
    for (guint i = 0; i < survey->disks->len; i++) {
        const VmsSurveyDisk *from = survey->disks->pdata[i];
        VmsCheckDisk *disk = vms_check_disk_new(from->disk->target);

        disk->path = g_strdup(from->path);
        disk->format = g_strdup(from->disk->format);
        disk->method = from->refusal ? VMSNAP_METHOD_AUTO : from->placement.method;
        disk->why = g_strdup(from->refusal ? from->refusal->message : from->placement.why);
        disk->virtual_size = from->image ? from->image->virtual_size : 0;
        disk->space_needed = from->placement.space_needed;
        disk->space_free = from->place.free_bytes;
        g_ptr_array_add(check->disks, disk);
        if (from->refusal)
            add_refusal(check, "VirtualDisk", from->disk->target, from->refusal);
    }
}

/* What stands against any snapshot at all. */
static gboolean
find_blocks(const VmsEngine *engine, VmsCheckResult *check, const VmsSurvey *survey)
{
    g_autoptr(GError) left = NULL;
    g_autoptr(GError) space = NULL;
    g_autoptr(GError) state = NULL;
    VmsFreezeWish wish = VMS_FREEZE_NOT;

    if (!vms_journal_check_settled(engine, survey->vm->uuid, &left) ||
        !vms_journal_check_overlays(engine, survey->vm->uuid, vms_vm_current_disks(survey->vm),
                                    &left))
        add_refusal(check, "VirtualMachine", survey->vm->name, left);
    if (!vms_survey_check_space(survey, &space))
        add_refusal(check, "VirtualDisk", survey->vm->name, space);
    if (!vms_consistency_before(survey->vm, VMSNAP_CONSISTENCY_SKIP, &wish, NULL, &state))
        add_refusal(check, "VirtualMachine", survey->vm->name, state);
    return check->findings->len > 0;
}

/* The rehearsal of a freeze is all there is to ask. */
static gboolean
ask_agent(VmsEngine *engine, const VmsVm *vm, VmsCheckResult *check, GError **error)
{
    const VmsDrivers *drivers = engine->drivers;
    g_autoptr(VmsAgent) agent =
        drivers->open_agent(drivers->hypervisor, vm->uuid, vm->agent_socket);
    g_autoptr(VmsEvidence) seen = vms_evidence_new();
    const VmsRehearsal wanted = { .agent = agent, .vm = vm, .limit_ms = AGENT_LIMIT_MS };
    gboolean ready = vms_rehearsal_run(&wanted, seen, error);

    check->agent_version = g_steal_pointer(&seen->agent_version);
    g_ptr_array_unref(check->filesystems);
    check->filesystems = g_ptr_array_ref(seen->filesystems);
    return ready;
}

/* TRUE if a file system on one of the disks says that its journal must be replayed. */
static gboolean
find_replay(VmsEngine *engine, const VmsSurvey *survey, VmsCheckResult *check)
{
    gboolean found = FALSE;

    for (guint i = 0; i < survey->disks->len; i++) {
        const VmsSurveyDisk *disk = survey->disks->pdata[i];
        g_autoptr(GPtrArray) states = NULL;

        if (!vms_media_probe(engine->drivers->media, disk->image, disk->disk->target, &states,
                             NULL))
            continue;
        for (guint j = 0; j < states->len; j++) {
            const VmsFsState *state = states->pdata[j];

            if (state->clean != VMS_FS_NEEDS_REPLAY)
                continue;
            found = TRUE;
            g_ptr_array_add(
                check->findings,
                vms_finding_new_reason("VirtualDisk", disk->disk->target, VMSNAP_SEVERITY_WARNING,
                                       "PotentiallyInconsistent",
                                       "the %s on it needs a journal replay", state->type));
        }
    }
    return found;
}

static void
judge(VmsEngine *engine, const VmsSurvey *survey, VmsCheckResult *check)
{
    VmsFreezeWish wish = VMS_FREEZE_NOT;
    g_autoptr(GError) why = NULL;

    check->verdict = VMSNAP_VERDICT_CRASH;
    if (!vms_consistency_before(survey->vm, VMSNAP_CONSISTENCY_REQUIRE, &wish, NULL, &why) ||
        !vms_survey_check_sharers(survey, &why)) {
        add_refusal(check, "VirtualMachine", survey->vm->name, why);
    } else if (wish == VMS_FREEZE_NOT) {
        if (!find_replay(engine, survey, check))
            check->verdict = VMSNAP_VERDICT_OFFLINE;
    } else if (ask_agent(engine, survey->vm, check, &why)) {
        check->verdict = VMSNAP_VERDICT_FROZEN;
    } else {
        add_refusal(check, "VirtualMachine", survey->vm->name, why);
    }
}

gboolean
vms_engine_check(VmsEngine *engine, const char *vm_uuid, VmsCheckResult **ret_check, GError **error)
{
    const VmsSurveyRequest request = { .vm = vm_uuid };
    g_autoptr(VmsSurvey) survey = NULL;
    g_autoptr(VmsCheckResult) check = NULL;

    if (!vms_engine_check_acting(engine, FALSE, error) ||
        !vms_survey_vm(engine, &request, &survey, error))
        return FALSE;
    check = vms_check_result_new();
    check->vm_name = g_strdup(survey->vm->name);
    check->vm_uuid = g_strdup(survey->vm->uuid);
    check->state = survey->vm->state;
    add_disks(check, survey);
    if (find_blocks(engine, check, survey))
        check->verdict = VMSNAP_VERDICT_BLOCKED;
    else
        judge(engine, survey, check);
    *ret_check = g_steal_pointer(&check);
    return TRUE;
}
