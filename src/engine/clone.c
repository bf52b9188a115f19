/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "base/sys.h"
#include "engine/clone-end.h"
#include "engine/clone-guest.h"
#include "engine/clone-survey.h"
#include "engine/clone-taken.h"
#include "engine/journal.h"
#include "engine/lock.h"
#include "engine/power.h"
#include "engine/restore-act.h"
#include "engine/survey.h"
#include "model/name.h"
#include "plan/restore-xml.h"

#include <vmsnap/job.h>

enum {
    RECORD_WAIT_MS = 10000
}; /* for who deletes the snapshot, or is about to need it as we are */

/* One clone being made. */
typedef struct {
    VmsEngine *engine;
    const char *uuid;     /* of the operation */
    const VmsPlan *asked; /* what the caller was shown */
    vmsnap_mode mode;
    gboolean cuts; /* the source runs */
    VmsProgress *progress;
    VmsCloneSurvey *survey;
    VmsPlan *plan; /* the same, made under the locks */
    VmsIdentityTable *table;
    char *xml;            /* of the source, without what the mode leaves out */
    VmsLock *name_lock;   /* of the clone's name */
    VmsLock *vm_lock;     /* of its UUID: that of the operation */
    VmsLock *source_lock; /* of a VM whose own files are copied, shared; NULL: none are */
    GPtrArray *holds;     /* VmsHold*: on those files */
    VmsWork work;         /* the operation only */
} Cloning;

static void
cloning_clear(Cloning *self)
{
    g_clear_pointer(&self->holds, g_ptr_array_unref);
    vms_clone_survey_free(self->survey);
    vms_plan_unref(self->plan);
    vms_identity_table_free(self->table);
    g_free(self->xml);
    vms_work_clear(&self->work);
    vms_lock_free(self->source_lock);
    vms_lock_free(self->vm_lock);
    vms_lock_free(self->name_lock);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Cloning, cloning_clear)

/* ---- before ---- */

gboolean
vms_engine_plan_clone(VmsEngine *engine, const VmsCloneSource *source,
                      const VmsCloneRequest *request, VmsPlan **ret_plan, GError **error)
{
    g_autoptr(VmsCloneSurvey) survey = NULL;

    if (!vms_engine_check_acting(engine, FALSE, error) ||
        !vms_clone_survey(engine, source, request, &survey, error))
        return FALSE;
    vms_clone_read_guest(engine, &survey->input);
    *ret_plan = vms_clone_make_plan(&survey->input);
    (*ret_plan)->guest_told = !vms_clone_needs_cut(&survey->input);
    return TRUE;
}

static VmsCloneSource
source_of(const VmsPlan *plan)
{
    return (VmsCloneSource){ .vm_uuid = plan->source_uuid, .snapshot_uuid = plan->snapshot_uuid };
}

static gboolean
check_same(const Cloning *self, GError **error)
{
    const VmsPlan *asked = self->asked;
    const VmsCloneInput *input = &self->survey->input;

    return (vms_plan_still_holds(asked->hash, asked->identity, self->plan) &&
            g_strcmp0(asked->vm_name, self->plan->vm_name) == 0 &&
            vms_clone_needs_cut(input) == self->cuts) ||
           vms_fail(error, VMSNAP_E_PLAN_STALE, "what the plan was made from has changed");
}

/* Disks that have not changed have in them what they had. */
static gboolean
guest_is_told(const Cloning *self)
{
    return self->asked->guest_told && g_strcmp0(self->asked->hash, self->plan->hash) == 0;
}

static gboolean
look(Cloning *self, GError **error)
{
    const VmsCloneSource source = source_of(self->asked);

    if (!vms_clone_survey(self->engine, &source, self->asked->cloning, &self->survey, error))
        return FALSE;
    self->plan = vms_clone_make_plan(&self->survey->input);
    if (!check_same(self, error))
        return FALSE;
    if (guest_is_told(self))
        vms_clone_tell_leftovers(self->asked, self->plan);
    return vms_restore_check_findings(self->plan, self->mode, error);
}

static void
copy_plan(VmsOperation *operation, const VmsPlan *plan)
{
    vms_journal_note_plan(operation, plan);
    vms_restore_note_findings(operation, plan);
}

/* ---- who it will be ---- */

/* What others may look it up by. */
static void
note_identity(VmsOperation *operation, const VmsIdentityTable *table)
{
    for (guint i = 0; i < table->rows->len; i++) {
        const VmsTrait *row = table->rows->pdata[i];
        VmsFinding *finding;

        if (row->kind != VMS_TRAIT_MAC || !row->old)
            continue;
        finding = vms_finding_new("MACAddress", row->old, VMS_RESOURCE_NEW);
        finding->new_name = g_strdup(row->value);
        g_ptr_array_add(operation->resources, finding);
    }
}

/* Where files go, and in what format they are there. */
static GPtrArray *
list_moves(const VmsCloneInput *input)
{
    GPtrArray *moves = vms_naming_list_moves(input->resources);

    for (guint i = 0; i < input->items->len; i++) {
        const VmsCloneItem *item = input->items->pdata[i];

        if (!item->named)
            g_ptr_array_add(moves, vms_move_new(VMS_TRAIT_TPM, NULL, item->source, NULL));
        for (guint j = 0; !item->part && j < moves->len; j++) {
            VmsMove *move = moves->pdata[j];

            if (g_strcmp0(move->old, item->source) == 0 && !move->format)
                move->format = g_strdup(item->choice.format);
        }
    }
    return moves;
}

static gboolean
choose_identity(Cloning *self, GError **error)
{
    const VmsCloneInput *input = &self->survey->input;
    const VmsCloneRequest *request = self->asked->cloning;
    VmsHypervisor *hv = self->engine->drivers->hypervisor;
    g_autoptr(GPtrArray) moves = list_moves(input);
    g_autoptr(GPtrArray) traits = NULL;
    g_autoptr(GHashTable) taken = vms_clone_taken(self->engine, input->inventory);
    VmsIdentityWish wish = { .moves = moves,
                             .origin = input->snapshot->vm_uuid,
                             .source = input->snapshot->vm_name,
                             .name = vms_clone_name(input),
                             .salt = request->seed,
                             .keep_serial = (request->flags & VMSNAP_CLONE_KEEP_SERIAL) != 0,
                             .inventory = input->inventory,
                             .taken = taken };

    if (!vms_plan_reduce_xml(self->plan, input->needs, self->mode, vms_clone_xml(input), &self->xml,
                             error) ||
        !vms_hypervisor_read_traits(hv, self->xml, &traits, error))
        return FALSE;
    wish.traits = traits;
    return vms_identity_make(&wish, &self->table, error);
}

/* ---- writing it down ---- */

static VmsCloneMaking
making_of(const Cloning *self)
{
    return (VmsCloneMaking){ .engine = self->engine,
                             .input = &self->survey->input,
                             .table = self->table,
                             .operation = self->work.operation,
                             .guest_told = guest_is_told(self),
                             .progress = self->progress };
}

static void
make_record(Cloning *self)
{
    const VmsCloneInput *input = &self->survey->input;
    const VmsSnapshot *snapshot = input->snapshot;
    VmsOperation *operation = vms_journal_new(self->engine, self->uuid, "clone");

    self->work.operation = operation;
    operation->mode = self->mode;
    operation->vm_uuid = g_strdup(self->table->uuid);
    operation->vm_name = g_strdup(self->table->name);
    operation->start_after = vms_clone_starts(input);
    operation->clone = vms_clone_new(snapshot->vm_uuid, snapshot->vm_name);
    operation->clone->autostart = vms_clone_autostarts(input);
    if (!input->vm) {
        operation->snapshot = g_strdup(snapshot->uuid);
        operation->snapshot_name = g_strdup(snapshot->name);
    }
    if (vms_clone_needs_cut(input))
        operation->clone->temporary = g_strdup_printf("clone-%s", operation->uuid);
    copy_plan(operation, self->plan);
    note_identity(operation, self->table);
}

/* Under the lock of its own UUID: who recovers sees by it whether somebody is at work. */
static gboolean
record_intent(Cloning *self, GError **error)
{
    g_autofree char *lock_name = vms_lock_name_vm(self->table->uuid);
    VmsCloneMaking making;

    make_record(self);
    making = making_of(self);
    return vms_clone_describe_files(&making, error) &&
           vms_hypervisor_rewrite(self->engine->drivers->hypervisor, self->xml, self->table,
                                  &self->work.operation->new_xml, error) &&
           vms_lock_take(self->engine->runtime_dir, lock_name, self->uuid, 0, self->progress,
                         &self->vm_lock, error) &&
           vms_journal_check_new_vm(self->engine, self->table->uuid, error) &&
           vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARING, error);
}

static gboolean
look_and_record(Cloning *self, GError **error)
{
    return look(self, error) && choose_identity(self, error) && record_intent(self, error);
}

/* From the moment it is recorded nobody deletes the snapshot. */
static gboolean
claim_snapshot(Cloning *self, GError **error)
{
    g_autofree char *name = vms_lock_name_snapshot(self->asked->snapshot_uuid);
    g_autoptr(VmsLock) lock = NULL;

    return vms_lock_share(self->engine->runtime_dir, name, self->uuid,
                          MAX(self->asked->cloning->wait_ready_ms, RECORD_WAIT_MS), self->progress,
                          &lock, error) &&
           look_and_record(self, error);
}

/* What only reads a VM's disks shares its lock. What runs is read by a snapshot, which takes the
 * lock itself. */
static gboolean
claim_vm(Cloning *self, GError **error)
{
    const char *uuid = self->asked->source_uuid;
    g_autofree char *name = vms_lock_name_vm(uuid);

    if (self->cuts)
        return look_and_record(self, error);
    return vms_lock_share(self->engine->runtime_dir, name, self->uuid,
                          self->asked->cloning->wait_ready_ms, self->progress, &self->source_lock,
                          error) &&
           vms_journal_check_settled(self->engine, uuid, error) && look_and_record(self, error);
}

static gboolean
read_power(Cloning *self, GError **error)
{
    vmsnap_vm_state state = VMSNAP_VM_UNKNOWN;
    VmsInstance instance = { .domain_id = -1 };

    if (self->asked->source_uuid &&
        !vms_hypervisor_read_state(self->engine->drivers->hypervisor, self->asked->source_uuid,
                                   &state, &instance, error))
        return FALSE;
    self->cuts = instance.domain_id >= 0;
    return TRUE;
}

/* Under the lock of the name it will have: of two who want it one waits. */
static gboolean
claim(Cloning *self, GError **error)
{
    const VmsPlan *asked = self->asked;
    g_autofree char *name = NULL;

    if (!asked->vm_name)
        return vms_restore_check_findings(asked, self->mode, error) &&
               vms_fail(error, VMSNAP_E_PLAN_STALE, "the plan names no VM");
    name = vms_lock_name_new_vm(asked->vm_name);
    return read_power(self, error) &&
           vms_lock_take(self->engine->runtime_dir, name, self->uuid, asked->cloning->wait_ready_ms,
                         self->progress, &self->name_lock, error) &&
           (asked->snapshot_uuid ? claim_snapshot(self, error) : claim_vm(self, error));
}

/* ---- what it is made from ---- */

/* Nobody writes to what is copied where it is, nor starts the VM. */
static gboolean
hold_source(Cloning *self, GError **error)
{
    const VmsCloneInput *input = &self->survey->input;

    self->holds = g_ptr_array_new_with_free_func((GDestroyNotify)vms_hold_free);
    for (guint i = 0; i < input->items->len; i++) {
        const VmsCloneItem *item = input->items->pdata[i];
        VmsHold *hold = NULL;

        if (item->part)
            continue;
        if (!vms_volume_hold(self->engine->drivers->volume, item->input.stored->image->path,
                             VMS_HOLD_READ, &hold, error))
            return FALSE;
        g_ptr_array_add(self->holds, hold);
    }
    return TRUE;
}

static gboolean
take_temporary(Cloning *self, char **ret_uuid, GError **error)
{
    const VmsOperation *operation = self->work.operation;
    const VmsSnapshotRequest request = { .name = operation->clone->temporary,
                                         .description = (char *)"for a clone, removed after it",
                                         .policy = VMSNAP_CONSISTENCY_REQUIRE,
                                         .keep_ip = VMSNAP_KEEP_IP_NEVER,
                                         .wait_ready_ms = self->asked->cloning->wait_ready_ms };
    g_autofree char *taking = vms_name_new_uuid();

    return vms_engine_snapshot(self->engine, taking, self->asked->source_uuid, &request,
                               self->progress, ret_uuid, error);
}

/* What was planned is the VM's configuration as it was a moment ago. */
static gboolean
check_same_vm(const VmsCloneInput *before, const VmsCloneInput *now, GError **error)
{
    return g_strcmp0(vms_clone_xml(before), vms_clone_xml(now)) == 0 ||
           vms_fail(error, VMSNAP_E_PLAN_STALE, "the VM's configuration was changed meanwhile");
}

static gboolean
cut_source(Cloning *self, GError **error)
{
    VmsOperation *operation = self->work.operation;
    VmsCloneSource source = { 0 };
    g_autofree char *uuid = NULL;
    g_autoptr(VmsCloneSurvey) survey = NULL;
    VmsCloneMaking making;

    if (!take_temporary(self, &uuid, error))
        return FALSE;
    vms_crash_point("clone-cut");
    source.snapshot_uuid = uuid;
    if (!vms_clone_survey(self->engine, &source, self->asked->cloning, &survey, error) ||
        !check_same_vm(&self->survey->input, &survey->input, error))
        return FALSE;
    vms_clone_survey_free(self->survey);
    self->survey = g_steal_pointer(&survey);
    operation->snapshot = g_strdup(uuid);
    operation->snapshot_name = g_strdup(operation->clone->temporary);
    making = making_of(self);
    return vms_clone_update_files(&making, error) &&
           vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARING, error);
}

static gboolean
prepare_source(Cloning *self, GError **error)
{
    if (self->asked->snapshot_uuid)
        return TRUE;
    return self->cuts ? cut_source(self, error) : hold_source(self, error);
}

/* Its NVRAM and TPM are under no lock. */
static gboolean
check_still_off(const Cloning *self, GError **error)
{
    return !self->holds || vms_power_check_off(self->engine, self->asked->source_uuid, error);
}

static gboolean
make_files(Cloning *self, GError **error)
{
    const VmsCloneMaking making = making_of(self);

    vms_progress_enter(self->progress, VMSNAP_STAGE_COPYING);
    return vms_clone_make_files(&making, error) && check_still_off(self, error) &&
           vms_journal_advance(self->engine, &self->work, VMS_JOURNAL_PREPARED, error);
}

/* ---- the VM ---- */

/* Takes @failed: the answer of a definition that may have been done all the same. */
static gboolean
was_defined(Cloning *self, GError *failed, GError **error)
{
    gboolean defined = FALSE;
    GError *unknown = NULL;

    if (!vms_clone_is_defined(self->engine, self->work.operation, &defined, &unknown))
        return vms_journal_stay(failed, unknown, error);
    if (!defined) {
        g_propagate_error(error, failed);
        return FALSE;
    }
    g_error_free(failed);
    return TRUE;
}

static gboolean
define(Cloning *self, GError **error)
{
    const VmsOperation *operation = self->work.operation;
    GError *failed = NULL;

    vms_progress_enter(self->progress, VMSNAP_STAGE_FINISHING);
    if (!vms_progress_check(self->progress, error) ||
        !vms_clone_place(self->engine, operation, error))
        return FALSE;
    vms_crash_point("clone-define");
    if (vms_hypervisor_define(self->engine->drivers->hypervisor, operation->new_xml, &failed))
        return TRUE;
    return was_defined(self, failed, error);
}

/* ---- the ends ---- */

static gboolean
complete(Cloning *self, GError **error)
{
    VmsOperation *operation = self->work.operation;
    GError *failed = NULL;

    vms_crash_point("clone-defined");
    if (!vms_clone_settle(self->engine, operation, &failed))
        return vms_journal_leave(failed, error);
    if (!vms_clone_finish_drop(self->engine, operation, &failed))
        return vms_journal_leave(failed, error);
    vms_crash_point("clone-dropped");
    vms_journal_complete(operation, "the clone is there");
    return vms_journal_close(self->engine, &self->work, error);
}

/* Takes @why; always FALSE. */
static gboolean
roll_back(Cloning *self, GError *why, GError **error)
{
    VmsOperation *operation = self->work.operation;
    GError *worse = NULL;

    vms_progress_enter(self->progress, VMSNAP_STAGE_ROLLING_BACK);
    if (!vms_clone_remove(self->engine, operation, &worse) ||
        !vms_clone_drop_temporary(self->engine, operation, &worse))
        return vms_journal_stay(why, worse, error);
    vms_crash_point("clone-removed");
    vms_journal_fail(operation, why);
    if (!vms_journal_commit(self->engine, &self->work, &worse))
        return vms_journal_stay(why, worse, error);
    g_propagate_error(error, why);
    return FALSE;
}

static gboolean
run(Cloning *self, GError **error)
{
    GError *failed = NULL;

    vms_progress_enter(self->progress, VMSNAP_STAGE_PREPARING);
    if (prepare_source(self, &failed) && make_files(self, &failed) && define(self, &failed))
        return complete(self, error);
    if (vms_error_get_code(failed) != VMSNAP_E_UNCERTAIN)
        return roll_back(self, failed, error);
    g_propagate_error(error, failed);
    return FALSE;
}

gboolean
vms_engine_clone(VmsEngine *engine, const char *operation_uuid, const VmsPlan *plan,
                 vmsnap_mode mode, VmsProgress *progress, GError **error)
{
    g_auto(Cloning) self = {
        .engine = engine, .uuid = operation_uuid, .asked = plan, .mode = mode, .progress = progress
    };

    vms_progress_enter(progress, VMSNAP_STAGE_SURVEYING);
    return vms_engine_check_acting(engine, TRUE, error) && claim(&self, error) && run(&self, error);
}
