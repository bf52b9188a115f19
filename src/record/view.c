/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record/view.h"

#include "base/error.h"
#include "plan/guest-fs.h"
#include "record/json-writer.h"
#include "record/view-parts.h"
#include "record/words.h"

/* Deeper causes than this say nothing new. */
#define CAUSE_LIMIT 8

/* ---- virtual machines ---- */

const char *
vms_view_device_word(VmsDeviceKind device)
{
    switch (device) {
    case VMS_DEVICE_CDROM:
        return "cdrom";
    case VMS_DEVICE_FLOPPY:
        return "floppy";
    case VMS_DEVICE_LUN:
        return "lun";
    case VMS_DEVICE_DISK:
        break;
    }
    return "disk";
}

static void
add_vm_disk(VmsJson *json, const VmsVm *vm, const VmsDisk *disk)
{
    g_autofree char *name = g_strdup_printf("%s/%s", vm->name, disk->target);

    vms_json_open_object(json, NULL);
    vms_json_add_text(json, "target", disk->target);
    vms_json_add_text(json, "name", name);
    vms_json_add_text(json, "device", vms_view_device_word(disk->device));
    vms_json_add_text(json, "source_type", disk->source_type);
    vms_json_add_text(json, "path", disk->path);
    vms_json_add_text_if(json, "network", disk->network);
    vms_json_add_text(json, "format", disk->format);
    vms_json_add_text(json, "bus", disk->bus);
    vms_json_add_text(json, "serial", disk->serial);
    vms_json_add_bool(json, "readonly", disk->readonly);
    vms_json_add_bool(json, "shareable", disk->shareable);
    vms_json_close_object(json);
}

static void
add_nics(VmsJson *json, const GPtrArray *nics)
{
    vms_json_open_array(json, "nics");
    for (guint i = 0; nics && i < nics->len; i++) {
        const VmsNic *nic = nics->pdata[i];

        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "mac", nic->mac);
        vms_json_add_text(json, "type", nic->type);
        vms_json_add_text(json, "network", nic->network);
        vms_json_add_text(json, "model", nic->model);
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

static void
add_image(VmsJson *json, const char *role, const char *path)
{
    if (!path)
        return;
    vms_json_open_object(json, NULL);
    vms_json_add_text(json, "role", role);
    vms_json_add_text(json, "path", path);
    vms_json_close_object(json);
}

/* Media it refers to but does not own. */
static void
add_images(VmsJson *json, const VmsVm *vm, const GPtrArray *disks)
{
    vms_json_open_array(json, "images");
    for (guint i = 0; i < disks->len; i++) {
        const VmsDisk *disk = disks->pdata[i];

        if (!vms_disk_is_owned(disk))
            add_image(json,
                      disk->device == VMS_DEVICE_DISK ? "disk" : vms_view_device_word(disk->device),
                      disk->path);
    }
    add_image(json, "loader", vm->loader);
    add_image(json, "kernel", vm->kernel);
    add_image(json, "initrd", vm->initrd);
    vms_json_close_array(json);
}

char *
vms_view_vm(const VmsVm *vm)
{
    VmsJson json = vms_json_start();
    const GPtrArray *disks = vms_vm_current_disks(vm);

    vms_json_open_object(&json, NULL);
    vms_json_add_text(&json, "name", vm->name);
    vms_json_add_text(&json, "uuid", vm->uuid);
    vms_json_add_text(&json, "kind", "VirtualMachine");
    vms_json_add_text(&json, "state", vms_vm_state_name(vm->state));
    vms_json_add_text(&json, "state_reason", vm->state_reason);
    vms_json_add_bool(&json, "persistent", vm->persistent);
    vms_json_add_bool(&json, "autostart", vm->autostart);
    vms_json_add_bool(&json, "managed_save", vm->managed_save);
    vms_json_add_bool(&json, "agent_channel", vm->has_agent_channel);
    vms_json_add_bool(&json, "agent_connected", vm->agent_connected);
    vms_json_add_bool(&json, "tpm", vm->has_tpm);
    vms_json_add_text(&json, "job", vm->job);
    vms_json_add_text(&json, "machine", vm->machine);
    vms_json_add_text(&json, "nvram", vm->nvram);
    vms_json_open_array(&json, "disks");
    for (guint i = 0; i < disks->len; i++)
        add_vm_disk(&json, vm, disks->pdata[i]);
    vms_json_close_array(&json);
    add_images(&json, vm, disks);
    add_nics(&json, vms_vm_is_active(vm) && vm->live_nics ? vm->live_nics : vm->nics);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}

/* ---- plans and operations ---- */

static void
add_space(VmsJson *json, guint64 needed, guint64 free_bytes)
{
    vms_json_open_object(json, "space");
    vms_json_add_uint(json, "needed", needed);
    vms_json_add_uint(json, "free", free_bytes);
    vms_json_close_object(json);
}

static void
add_downtime(VmsJson *json, const char *key, gint64 us)
{
    if (us > 0)
        vms_json_add_ms(json, key, us);
    else
        vms_json_add_null(json, key);
}

static void
add_steps(VmsJson *json, const GPtrArray *steps)
{
    vms_json_open_array(json, "steps");
    for (guint i = 0; i < steps->len; i++) {
        const VmsStep *step = steps->pdata[i];

        vms_json_open_object(json, NULL);
        vms_json_add_text(json, "name", step->name);
        vms_json_add_bool(json, "reversible", step->reversible);
        vms_json_close_object(json);
    }
    vms_json_close_array(json);
}

/* The part "plan" of an operation. */
static void
add_plan(VmsJson *json, const VmsPlan *plan)
{
    vms_json_open_object(json, "plan");
    vms_json_add_text(json, "hash", plan->hash);
    vms_json_add_text(json, "identity", plan->identity);
    add_steps(json, plan->steps);
    add_space(json, plan->space_needed, plan->space_free);
    add_downtime(json, "expected_downtime_ms", plan->expected_downtime_us);
    vms_json_close_object(json);
}

/* A bit without a word makes the text one that is not read back, instead of another plan. */
static void
add_flags(VmsJson *json, const VmsWord *words, guint flags)
{
    vms_json_open_array(json, "flags");
    for (guint bit = 0; bit < 32; bit++) {
        const char *word = vms_words_find(words, (int)(1U << bit));

        if ((flags & (1U << bit)) != 0)
            vms_json_add_text(json, NULL, word ? word : "unknown");
    }
    vms_json_close_array(json);
}

static void
add_cloning(VmsJson *json, const VmsPlan *plan)
{
    const VmsCloneRequest *request = plan->cloning;

    vms_json_open_object(json, "options");
    vms_json_add_text(json, "name", request->name);
    vms_json_open_array(json, "rules");
    for (guint i = 0; request->rules && request->rules[i]; i++)
        vms_json_add_text(json, NULL, request->rules[i]);
    vms_json_close_array(json);
    vms_json_add_text(json, "prefix", request->prefix);
    vms_json_add_text(json, "suffix", request->suffix);
    vms_json_add_text(json, "seed", request->seed);
    vms_json_add_text(json, "method", vms_words_find(vms_words_clone_method, (int)request->method));
    vms_json_add_text(json, "run_policy",
                      vms_words_find(vms_words_run_policy, (int)request->run_policy));
    add_flags(json, vms_words_clone_flag, request->flags);
    vms_json_add_uint(json, "wait_ready_ms", request->wait_ready_ms);
    vms_json_close_object(json);
}

/* What was asked, so that the plan can be run from its text alone. */
static void
add_request(VmsJson *json, const VmsPlan *plan)
{
    vms_json_open_object(json, "options");
    vms_json_add_text(json, "vm", plan->asked);
    add_flags(json, vms_words_restore_flag, plan->request.flags);
    vms_json_add_uint(json, "stop_timeout_ms", plan->request.stop_timeout_ms);
    vms_json_add_uint(json, "undo_ttl_s", plan->request.undo_ttl_s);
    vms_json_add_uint(json, "wait_ready_ms", plan->request.wait_ready_ms);
    vms_json_close_object(json);
}

/* Of a clone, which has two of them. */
static const char *
source_kind(gboolean vm)
{
    return vm ? "VirtualMachine" : "VirtualMachineSnapshot";
}

/* A plan looks like the operation it would be, so that one reader reads both. */
char *
vms_view_plan(const VmsPlan *plan)
{
    VmsJson json = vms_json_start();

    vms_json_open_object(&json, NULL);
    vms_json_add_null(&json, "uuid");
    vms_json_add_text(&json, "type", plan->type);
    vms_json_add_text(&json, "mode", vms_words_find(vms_words_mode, VMSNAP_MODE_DRY_RUN));
    vms_json_add_text(&json, "phase", vms_operation_phase_name(VMSNAP_OPERATION_COMPLETED));
    if (plan->source_uuid) /* the VM that is cloned */
        vms_view_add_name(&json, "source", plan->source_name, plan->source_uuid);
    else
        vms_view_add_name(&json, "source", plan->snapshot_name, plan->snapshot_uuid);
    if (plan->cloning)
        vms_json_add_text(&json, "source_kind", source_kind(plan->source_uuid != NULL));
    vms_view_add_name(&json, "target", plan->vm_name, plan->vm_uuid);
    vms_json_open_array(&json, "conditions");
    vms_json_close_array(&json);
    vms_json_add_uint(&json, "conflicts", vms_plan_count_conflicts(plan, VMSNAP_MODE_DRY_RUN));
    vms_view_add_findings(&json, "resources", plan->findings);
    if (plan->cloning)
        add_cloning(&json, plan);
    else
        add_request(&json, plan);
    add_plan(&json, plan);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}

static void
add_operation_plan(VmsJson *json, const VmsOperation *operation)
{
    if (!operation->plan_hash) {
        vms_json_add_null(json, "plan");
        return;
    }
    vms_json_open_object(json, "plan");
    vms_json_add_text(json, "hash", operation->plan_hash);
    add_steps(json, operation->steps);
    add_space(json, operation->space_needed, operation->space_free);
    add_downtime(json, "expected_downtime_ms", operation->expected_downtime_us);
    vms_json_close_object(json);
}

/* As of the last record: of one that runs its job tells more. */
static void
add_progress(VmsJson *json, const VmsOperation *operation)
{
    if (operation->progress_total == 0) {
        vms_json_add_null(json, "progress");
        return;
    }
    vms_json_open_object(json, "progress");
    vms_json_add_uint(json, "done", operation->progress_done);
    vms_json_add_uint(json, "total", operation->progress_total);
    vms_json_add_text(json, "unit", "bytes");
    vms_json_close_object(json);
}

static void
add_operation_error(VmsJson *json, const VmsOperation *operation)
{
    if (operation->error_code == 0) {
        vms_json_add_null(json, "error");
        return;
    }
    vms_json_open_object(json, "error");
    vms_json_add_text(json, "code", vms_code_name(operation->error_code));
    vms_json_add_text(json, "reason", operation->error_reason);
    vms_json_add_text(json, "message", operation->error_message);
    vms_json_close_object(json);
}

static void
add_clone_ends(VmsJson *json, const VmsOperation *operation)
{
    gboolean vm = !operation->snapshot || operation->clone->temporary;

    if (vm)
        vms_view_add_name(json, "source", operation->clone->source_name,
                          operation->clone->source_uuid);
    else
        vms_view_add_name(json, "source", operation->snapshot_name, operation->snapshot);
    vms_json_add_text(json, "source_kind", source_kind(vm));
    vms_view_add_name(json, "target", operation->vm_name, operation->vm_uuid);
}

/* What it was made from, and what it made or changed. */
static void
add_ends(VmsJson *json, const VmsOperation *operation)
{
    gboolean makes = g_strcmp0(operation->type, "snapshot") == 0 ||
                     g_strcmp0(operation->type, "disk-snapshot") == 0;

    vms_view_add_name(json, makes ? "target" : "source", operation->snapshot_name,
                      operation->snapshot);
    vms_view_add_name(json, makes ? "source" : "target",
                      operation->disk ? operation->disk : operation->vm_name, operation->vm_uuid);
}

/* Only of operations that make one. */
static void
add_new_disk(VmsJson *json, const VmsNewDisk *made)
{
    if (!made)
        return;
    vms_json_open_object(json, "new_disk");
    vms_json_add_text(json, "path", made->path);
    vms_json_add_text(json, "pool", made->pool);
    vms_json_add_text(json, "format", made->format);
    vms_json_add_text(json, "method", vms_new_disk_way_name(made->way));
    vms_json_add_uint(json, "virtual_size", made->virtual_size);
    vms_json_add_text(json, "backing", made->way == VMS_NEW_DISK_OVERLAY ? made->base : NULL);
    vms_json_add_text(json, "sha256", made->sha256);
    vms_json_close_object(json);
}

char *
vms_view_operation(const VmsOperation *operation)
{
    VmsJson json = vms_json_start();

    vms_json_open_object(&json, NULL);
    vms_json_add_text(&json, "uuid", operation->uuid);
    vms_json_add_text(&json, "type", operation->type);
    vms_json_add_text(&json, "mode",
                      operation->mode ? vms_words_find(vms_words_mode, operation->mode) : NULL);
    vms_json_add_text(&json, "phase", vms_operation_phase_name(operation->phase));
    if (operation->clone)
        add_clone_ends(&json, operation);
    else
        add_ends(&json, operation);
    vms_json_add_text_if(&json, "undo_of", operation->undo_of);
    vms_json_add_time(&json, "created", operation->created_us);
    vms_json_add_time(&json, "finished", operation->finished_us);
    add_new_disk(&json, operation->made);
    vms_view_add_conditions(&json, operation->conditions);
    vms_view_add_findings(&json, "resources", operation->resources);
    add_operation_plan(&json, operation);
    add_operation_error(&json, operation);
    add_progress(&json, operation);
    add_downtime(&json, "downtime_ms", operation->downtime_us);
    vms_json_add_time(&json, "undo_until", operation->undo_until_us);
    vms_json_add_bool(&json, "undone", operation->undone);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}

/* ---- the rest ---- */

static void
add_check_disk(VmsJson *json, const VmsCheckDisk *disk)
{
    vms_json_open_object(json, NULL);
    vms_json_add_text(json, "target", disk->target);
    vms_json_add_text(json, "path", disk->path);
    vms_json_add_text(json, "format", disk->format);
    vms_json_add_text(json, "method",
                      disk->method == VMSNAP_METHOD_AUTO ? NULL : vms_method_name(disk->method));
    vms_json_add_text(json, "why", disk->why);
    vms_json_add_uint(json, "virtual_size", disk->virtual_size);
    add_space(json, disk->space_needed, disk->space_free);
    if (disk->writes < 0)
        vms_json_add_null(json, "written");
    else
        vms_json_add_int(json, "written", disk->writes);
    vms_json_add_text(json, "shared_with", disk->sharer);
    vms_json_close_object(json);
}

static void
add_check_fs(VmsJson *json, const VmsGuestFs *fs)
{
    const char *unfrozen = vms_fs_kind_unfrozen(vms_guest_fs_kind(fs));

    vms_json_open_object(json, NULL);
    vms_json_add_text(json, "mountpoint", fs->mountpoint);
    vms_json_add_text(json, "type", fs->type);
    vms_json_add_text_if(json, "name", fs->name);
    vms_json_add_texts(json, "disks", fs->disks);
    vms_json_add_bool(json, "freezes", unfrozen == NULL);
    vms_json_add_text(json, "why", unfrozen);
    vms_json_close_object(json);
}

static void
add_check_agent(VmsJson *json, const VmsCheckResult *check)
{
    vms_json_open_object(json, "agent");
    vms_json_add_bool(json, "channel", check->agent_channel);
    vms_json_add_bool(json, "connected", check->agent_connected);
    vms_json_add_text(json, "version", check->agent_version);
    vms_json_close_object(json);
}

char *
vms_view_check(const VmsCheckResult *check)
{
    VmsJson json = vms_json_start();

    vms_json_open_object(&json, NULL);
    vms_view_add_name(&json, "vm", check->vm_name, check->vm_uuid);
    vms_json_add_text(&json, "state", vms_vm_state_name(check->state));
    vms_json_add_text(&json, "state_reason", check->state_reason);
    vms_json_add_bool(&json, "managed_save", check->managed_save);
    vms_json_add_text(&json, "verdict", vms_words_find(vms_words_verdict, check->verdict));
    vms_json_add_text(&json, "agent_version", check->agent_version);
    add_check_agent(&json, check);
    vms_json_add_text(&json, "job", check->job);
    vms_json_add_text(&json, "locked_by", check->locked_by);
    vms_json_open_array(&json, "filesystems");
    for (guint i = 0; i < check->filesystems->len; i++)
        add_check_fs(&json, check->filesystems->pdata[i]);
    vms_json_close_array(&json);
    vms_json_add_texts(&json, "exceptions", check->exceptions);
    vms_json_open_array(&json, "disks");
    for (guint i = 0; i < check->disks->len; i++)
        add_check_disk(&json, check->disks->pdata[i]);
    vms_json_close_array(&json);
    vms_view_add_findings(&json, "findings", check->findings);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}

static const char *
frozen_word(vmsnap_frozen frozen)
{
    switch (frozen) {
    case VMSNAP_FROZEN_NO:
        return "no";
    case VMSNAP_FROZEN_YES:
        return "yes";
    case VMSNAP_FROZEN_UNKNOWN:
        break;
    }
    return "unknown";
}

static void
add_error(VmsJson *json, const char *key, const GError *error, guint depth)
{
    if (!error || depth > CAUSE_LIMIT) {
        vms_json_add_null(json, key);
        return;
    }
    vms_json_open_object(json, key);
    vms_json_add_text(json, "code", vms_code_name(vms_error_get_code(error)));
    vms_json_add_text(json, "reason", vms_error_get_reason(error));
    vms_json_add_text(json, "step", vms_error_get_step(error));
    vms_json_add_text(json, "object", vms_error_get_object(error));
    vms_json_add_text(json, "message", error->message);
    vms_json_add_text(json, "origin", vms_error_get_origin(error));
    vms_json_add_int(json, "origin_code", vms_error_get_origin_code(error));
    add_error(json, "cause", vms_error_get_cause(error), depth + 1);
    vms_json_add_text(json, "frozen", frozen_word(vms_error_get_frozen(error)));
    vms_json_close_object(json);
}

char *
vms_view_error(const GError *error)
{
    VmsJson json = vms_json_start();

    vms_json_open_object(&json, NULL);
    add_error(&json, "error", error, 0);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}

char *
vms_view_acts(const GPtrArray *acts)
{
    VmsJson json = vms_json_start();

    vms_json_open_object(&json, NULL);
    vms_json_open_array(&json, "acts");
    for (guint i = 0; i < acts->len; i++) {
        const VmsRecoveryAct *act = acts->pdata[i];

        vms_json_open_object(&json, NULL);
        vms_json_add_text(&json, "object", act->object);
        vms_json_add_text(&json, "act", act->act);
        vms_json_add_text(&json, "message", act->message);
        vms_json_close_object(&json);
    }
    vms_json_close_array(&json);
    vms_json_close_object(&json);
    return vms_json_finish(&json);
}
