/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/engine.h"
#include "engine/journal.h"
#include "engine/lease.h"
#include "engine/lock.h"
#include "engine/rehearsal.h"
#include "engine/survey.h"
#include "plan/consistency.h"
#include "plan/guest-fs.h"

/* A preflight never waits long for a guest that does not answer. */
#define AGENT_LIMIT_MS 3000

static void
add_refusal(VmsCheckResult *check, const char *kind, const char *name, const GError *why)
{
    g_ptr_array_add(check->findings,
                    vms_finding_new_reason(kind, name, VMSNAP_SEVERITY_CONFLICT,
                                           vms_error_get_reason(why), "%s", why->message));
}

static gint64
read_writes(const VmsEngine *engine, const VmsVm *vm, const char *target)
{
    gint64 writes = -1;

    if (vms_vm_is_active(vm))
        vms_hypervisor_read_writes(engine->drivers->hypervisor, vm->uuid, target, &writes, NULL);
    return writes;
}

static guint64
space_free(const VmsSurveyDisk *disk)
{
    return disk->place.free_bytes == VMS_SPACE_UNASKED ? 0 : disk->place.free_bytes;
}

static void
add_disks(const VmsEngine *engine, VmsCheckResult *check, const VmsSurvey *survey)
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
        disk->space_free = space_free(from);
        disk->writes = read_writes(engine, survey->vm, from->disk->target);
        disk->sharer = g_strdup(from->sharer);
        g_ptr_array_add(check->disks, disk);
        if (from->refusal)
            add_refusal(check, "VirtualDisk", from->disk->target, from->refusal);
    }
}

/* ---- what stands against any snapshot at all ---- */

static gboolean
check_lock(const VmsEngine *engine, const VmsVm *vm, VmsCheckResult *check, GError **error)
{
    g_autofree char *alone = vms_lock_name_vm(vm->uuid);
    g_autofree char *window = vms_lock_name_window(vm->uuid);

    check->locked_by = vms_lock_find_holder(engine->runtime_dir, alone);
    if (!check->locked_by)
        check->locked_by = vms_lock_find_holder(engine->runtime_dir, window);
    if (check->locked_by)
        return vms_refuse(error, VMSNAP_E_BUSY, "Locked", "VM %s is locked by %s", vm->name,
                          check->locked_by);
    return TRUE;
}

/* A freeze that nobody settled, or nobody who would settle the next. */
static gboolean
check_guard(const VmsEngine *engine, const VmsVm *vm, GError **error)
{
    g_autoptr(VmsLease) lease = NULL;

    if (vms_lease_read(engine->state_dir, vm->uuid, &lease, NULL))
        return vms_refuse(error, VMSNAP_E_BUSY, "MaybeFrozen",
                          "an earlier freeze of VM %s is not settled: recover it first", vm->name);
    if (vm->state == VMSNAP_VM_RUNNING && !engine->self_guard &&
        (!engine->guard_path || !g_file_test(engine->guard_path, G_FILE_TEST_IS_EXECUTABLE)))
        return vms_refuse(error, VMSNAP_E_UNSUPPORTED, "NoGuard", "there is no guard program at %s",
                          engine->guard_path ? engine->guard_path : "(no path)");
    return TRUE;
}

static gboolean
find_blocks(const VmsEngine *engine, VmsCheckResult *check, const VmsSurvey *survey)
{
    const VmsVm *vm = survey->vm;
    VmsFreezeWish wish = VMS_FREEZE_NOT;
    g_autoptr(GError) locked = NULL;
    g_autoptr(GError) left = NULL;
    g_autoptr(GError) space = NULL;
    g_autoptr(GError) state = NULL;
    g_autoptr(GError) guard = NULL;

    if (!check_lock(engine, vm, check, &locked))
        add_refusal(check, "VirtualMachine", vm->name, locked);
    if (!vms_journal_check_settled(engine, vm->uuid, &left))
        add_refusal(check, "VirtualMachine", vm->name, left);
    if (!vms_consistency_before(vm, VMSNAP_CONSISTENCY_SKIP, &wish, NULL, &state))
        add_refusal(check, "VirtualMachine", vm->name, state);
    if (!vms_survey_check_space(survey, &space))
        add_refusal(check, "VirtualDisk", vm->name, space);
    if (!locked && !check_guard(engine, vm, &guard))
        add_refusal(check, "VirtualMachine", vm->name, guard);
    return check->findings->len > 0;
}

/* ---- what one would be worth ---- */

/* Mounts that make a freeze dangerous, or look like more file systems than there are. */
static void
note_mounts(VmsCheckResult *check)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < check->filesystems->len; i++) {
        const VmsGuestFs *fs = check->filesystems->pdata[i];
        gboolean loop = fs->name && g_str_has_prefix(fs->name, "loop");
        gboolean again = !g_hash_table_add(seen, (gpointer)vms_guest_fs_identity(fs));

        if (loop && vms_guest_fs_kind(fs) != VMS_FS_KIND_READ_ONLY)
            g_ptr_array_add(check->findings,
                            vms_finding_new_reason("VirtualMachine", check->vm_name,
                                                   VMSNAP_SEVERITY_WARNING, "LoopMount",
                                                   "%s is a loop mount (%s): with a bind mount "
                                                   "beside it a freeze would hang",
                                                   fs->mountpoint, fs->name));
        else if (again && !loop)
            g_ptr_array_add(check->findings,
                            vms_finding_new_reason(
                                "VirtualMachine", check->vm_name, VMSNAP_SEVERITY_INFO, "BindMount",
                                "%s is mounted elsewhere too (%s)", fs->mountpoint, fs->name));
    }
}

/* The rehearsal of a freeze is all there is to ask. */
static gboolean
ask_agent(VmsEngine *engine, const VmsVm *vm, VmsCheckResult *check, VmsEvidence *seen,
          GError **error)
{
    const VmsDrivers *drivers = engine->drivers;
    g_autoptr(VmsAgent) agent =
        drivers->open_agent(drivers->hypervisor, vm->uuid, vm->agent_socket);
    const VmsRehearsal wanted = { .agent = agent, .vm = vm, .limit_ms = AGENT_LIMIT_MS };
    gboolean ready = vms_rehearsal_run(&wanted, seen, error);

    check->agent_version = g_strdup(seen->agent_version);
    g_ptr_array_unref(check->filesystems);
    check->filesystems = g_ptr_array_ref(seen->filesystems);
    note_mounts(check);
    return ready;
}

static void
probe_images(VmsEngine *engine, const VmsSurvey *survey, VmsEvidence *seen)
{
    for (guint i = 0; i < survey->disks->len; i++) {
        const VmsSurveyDisk *disk = survey->disks->pdata[i];
        g_autoptr(GPtrArray) states = NULL;

        if (vms_media_probe(engine->drivers->media, disk->image, disk->disk->target, &states, NULL))
            g_ptr_array_extend_and_steal(seen->fs_states, g_steal_pointer(&states));
    }
}

/* The facts as a window would note them before its freeze. */
static VmsEvidence *
gather(const VmsSurvey *survey, const VmsCheckResult *check)
{
    VmsEvidence *seen = vms_evidence_new();

    seen->state_before = survey->vm->state;
    seen->state_reason = g_strdup(survey->vm->state_reason);
    seen->managed_save = survey->vm->managed_save;
    seen->before.domain_id = survey->vm->domain_id;
    for (guint i = 0; i < check->disks->len; i++) {
        const VmsCheckDisk *disk = check->disks->pdata[i];

        g_ptr_array_add(seen->disks,
                        vms_disk_facts_new(disk->target, disk->writes, disk->sharer != NULL));
    }
    return seen;
}

/* Nobody keeps a VM that is off from being cut but who has an image open. */
static gboolean
check_unused(VmsEngine *engine, const VmsSurvey *survey, GError **error)
{
    for (guint i = 0; i < survey->disks->len; i++) {
        const VmsSurveyDisk *disk = survey->disks->pdata[i];
        g_auto(VmsImageUse) use = { 0 };

        if (!vms_volume_read_use(engine->drivers->volume, disk->path, &use, error))
            return FALSE;
        if (use.writer)
            return vms_refuse(
                error, VMSNAP_E_BUSY, "OpenElsewhere", "image %s is open in %s", disk->path,
                use.holders && use.holders->len > 0 ? (const char *)use.holders->pdata[0]
                                                    : "another process");
    }
    return TRUE;
}

static gboolean
is_possible(VmsEngine *engine, const VmsSurvey *survey, VmsCheckResult *check, VmsEvidence *seen,
            GError **error)
{
    VmsFreezeWish wish = VMS_FREEZE_NOT;

    if (!vms_consistency_before(survey->vm, VMSNAP_CONSISTENCY_REQUIRE, &wish, NULL, error) ||
        !vms_survey_check_sharers(survey, error))
        return FALSE;
    if (wish != VMS_FREEZE_NOT)
        return ask_agent(engine, survey->vm, check, seen, error);
    if (vms_vm_is_active(survey->vm))
        return TRUE;
    if (!check_unused(engine, survey, error))
        return FALSE;
    probe_images(engine, survey, seen);
    return TRUE;
}

static vmsnap_verdict
tell_verdict(const VmsSurvey *survey, VmsCheckResult *check, VmsEvidence *seen)
{
    g_autoptr(VmsVerdict) verdict = vms_consistency_foresee(seen);
    const char *name = survey->vm->name;

    if (verdict->message)
        g_ptr_array_add(check->findings,
                        vms_finding_new_reason("VirtualMachine", name, VMSNAP_SEVERITY_CONFLICT,
                                               verdict->reason, "%s", verdict->message));
    for (guint i = 0; i < verdict->warnings->len; i++)
        g_ptr_array_add(check->findings,
                        vms_finding_new_reason("VirtualMachine", name, VMSNAP_SEVERITY_WARNING,
                                               "Warning", "%s",
                                               (const char *)verdict->warnings->pdata[i]));
    g_ptr_array_extend_and_steal(check->exceptions, g_steal_pointer(&verdict->exceptions));
    if (verdict->grade == VMSNAP_GRADE_OFFLINE)
        return VMSNAP_VERDICT_OFFLINE;
    return verdict->grade == VMSNAP_GRADE_FROZEN ? VMSNAP_VERDICT_FROZEN : VMSNAP_VERDICT_CRASH;
}

static vmsnap_verdict
judge(VmsEngine *engine, const VmsSurvey *survey, VmsCheckResult *check)
{
    g_autoptr(VmsEvidence) seen = gather(survey, check);
    g_autoptr(GError) why = NULL;

    if (is_possible(engine, survey, check, seen, &why))
        return tell_verdict(survey, check, seen);
    add_refusal(check, "VirtualMachine", survey->vm->name, why);
    return VMSNAP_VERDICT_CRASH;
}

static VmsCheckResult *
new_result(const VmsVm *vm)
{
    VmsCheckResult *check = vms_check_result_new();

    check->vm_name = g_strdup(vm->name);
    check->vm_uuid = g_strdup(vm->uuid);
    check->state = vm->state;
    check->state_reason = g_strdup(vm->state_reason);
    check->managed_save = vm->managed_save;
    check->agent_channel = vms_vm_may_have_agent(vm);
    check->agent_connected = vm->agent_connected;
    check->job = g_strdup(vm->job);
    return check;
}

gboolean
vms_engine_check(VmsEngine *engine, const char *vm_uuid, VmsCheckResult **ret_check, GError **error)
{
    const VmsSurveyRequest request = { .vm = vm_uuid, .look_only = TRUE };
    g_autoptr(VmsSurvey) survey = NULL;
    g_autoptr(VmsCheckResult) check = NULL;

    if (!vms_engine_check_acting(engine, FALSE, error) ||
        !vms_survey_vm(engine, &request, &survey, error))
        return FALSE;
    check = new_result(survey->vm);
    add_disks(engine, check, survey);
    if (find_blocks(engine, check, survey))
        check->verdict = VMSNAP_VERDICT_BLOCKED;
    else
        check->verdict = judge(engine, survey, check);
    *ret_check = g_steal_pointer(&check);
    return TRUE;
}
