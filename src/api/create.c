/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/fail.h"
#include "api/launch.h"
#include "api/reading.h"
#include "api/sized.h"
#include "base/error.h"
#include "engine/store.h"
#include "model/name.h"

#include <string.h>

#include <vmsnap/disk.h>
#include <vmsnap/snapshot.h>

/* Bounds of what a record takes from a caller. */
#define MOST_LABELS 64
#define MOST_DISKS 1024
#define MOST_TEXT 4096

static gboolean
check_labels(const char *const *labels, GError **error)
{
    for (guint i = 0; labels && labels[i]; i++) {
        const gsize key = strcspn(labels[i], "=") + 1;

        if (i >= MOST_LABELS)
            return vms_fail(error, VMSNAP_E_INVALID, "more than %d labels", MOST_LABELS);
        if (!vms_name_check_label(labels[i], error))
            return FALSE;
        for (guint j = 0; j < i; j++)
            if (strncmp(labels[i], labels[j], key) == 0)
                return vms_fail(error, VMSNAP_E_INVALID, "label %s is given twice", labels[i]);
    }
    return TRUE;
}

static gboolean
check_disks(const char *const *disks, GError **error)
{
    if (disks && !disks[0])
        return vms_fail(error, VMSNAP_E_INVALID, "the list of disks is empty");
    for (guint i = 0; disks && disks[i]; i++) {
        if (i >= MOST_DISKS || !*disks[i] || strlen(disks[i]) > MOST_TEXT)
            return vms_fail(error, VMSNAP_E_INVALID, "the list of disks is not usable");
        if (g_strv_contains(disks + i + 1, disks[i]))
            return vms_fail(error, VMSNAP_E_INVALID, "disk %s is given twice", disks[i]);
    }
    return TRUE;
}

static gboolean
check_accepted(const char *const *names, GError **error)
{
    for (guint i = 0; names && names[i]; i++)
        if (i >= MOST_DISKS || !*names[i] || strnlen(names[i], MOST_TEXT + 1) > MOST_TEXT ||
            !g_utf8_validate(names[i], -1, NULL))
            return vms_fail(error, VMSNAP_E_INVALID,
                            "the list of what may stay unfrozen is not "
                            "usable");
    return TRUE;
}

static gboolean
check_description(const char *text, GError **error)
{
    if (text && (strnlen(text, MOST_TEXT + 1) > MOST_TEXT || !g_utf8_validate(text, -1, NULL)))
        return vms_fail(error, VMSNAP_E_INVALID,
                        "the description is longer than %d bytes or not UTF-8", MOST_TEXT);
    return TRUE;
}

static gboolean
check_options(const vmsnap_snapshot_options *options, GError **error)
{
    if (!vms_need(options->name != NULL, "the snapshot's name", error) ||
        !vms_name_check_snapshot(options->name, error) ||
        !check_description(options->description, error) || !check_labels(options->labels, error) ||
        !check_disks(options->disks, error) || !check_accepted(options->accept_unfrozen, error))
        return FALSE;
    if (options->store && !vms_name_check_path(options->store, error))
        return FALSE;
    if (options->consistency > VMSNAP_CONSISTENCY_SKIP)
        return vms_fail(error, VMSNAP_E_INVALID, "consistency %u is not known",
                        options->consistency);
    if (options->method > VMSNAP_METHOD_BACKUP)
        return vms_fail(error, VMSNAP_E_INVALID, "method %u is not known", options->method);
    if (options->reserved0 != 0)
        return vms_fail(error, VMSNAP_E_INVALID, "reserved0 must be 0");
    if (options->keep_ip > VMSNAP_KEEP_IP_NEVER)
        return vms_fail(error, VMSNAP_E_INVALID, "keep_ip %u is not known", options->keep_ip);
    if ((options->flags & ~(guint)VMSNAP_SNAPSHOT_WITH_DIGEST) != 0)
        return vms_refuse(error, VMSNAP_E_INVALID, "UnknownFlag", "flags has unknown bits: 0x%x",
                          options->flags);
    return TRUE;
}

static VmsSnapshotRequest *
request_of(const vmsnap_snapshot_options *options)
{
    VmsSnapshotRequest *request = g_new0(VmsSnapshotRequest, 1);

    request->name = g_strdup(options->name);
    request->description = g_strdup(options->description);
    request->labels = g_strdupv((char **)options->labels);
    request->disks = g_strdupv((char **)options->disks);
    request->store = g_strdup(options->store);
    request->accept_unfrozen = g_strdupv((char **)options->accept_unfrozen);
    request->policy = (vmsnap_consistency_policy)options->consistency;
    request->method = (vmsnap_method)options->method;
    request->keep_ip = (vmsnap_keep_ip)options->keep_ip;
    request->wait_ready_ms = options->wait_ready_ms;
    request->freeze_call_ms = options->freeze_call_ms;
    request->freeze_budget_ms = options->freeze_budget_ms;
    request->digest = (options->flags & VMSNAP_SNAPSHOT_WITH_DIGEST) != 0;
    return request;
}

/* The snapshot is Ready, whatever becomes of this. */
static gboolean
make_digests(VmsEngine *engine, const VmsSnapshotRequest *request, const char *snapshot,
             VmsProgress *progress, GError **error)
{
    if (!request->digest || !snapshot || vms_engine_verify(engine, snapshot, progress, error))
        return TRUE;
    g_prefix_error(error, "snapshot %s is there, but its digests are not: ", request->name);
    return FALSE;
}

static gboolean
run_create(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_snapshot(engine, task->operation, task->vm, task->wanted, progress,
                               &task->snapshot, error) &&
           make_digests(engine, task->wanted, task->snapshot, progress, error);
}

static gboolean
run_delete(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_delete_snapshot(engine, task->operation, task->snapshot, progress, error);
}

static gboolean
run_verify(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_verify(engine, task->snapshot, progress, error);
}

static gboolean
run_disk_create(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    return vms_engine_disk_snapshot(engine, task->operation, task->wanted, progress,
                                    &task->snapshot, error) &&
           make_digests(engine, task->wanted, task->snapshot, progress, error);
}

/* Of the VM @vm_uuid, or without one of the disk request->path. Takes @request. */
static gboolean
start_create(const VmsCall *call, const char *vm_uuid, VmsSnapshotRequest *request,
             vmsnap_job **ret_job, GError **error)
{
    g_autoptr(VmsTask) task =
        vms_task_new("vmsnap-snapshot", vm_uuid ? run_create : run_disk_create);

    task->operation = vms_name_new_uuid();
    task->vm = g_strdup(vm_uuid);
    task->wanted = request;
    return vms_call_need_write(call, error) &&
           vms_store_check_free(call->context->drivers->catalog, request->subject, request->name,
                                error) &&
           vms_launch(call, g_steal_pointer(&task), ret_job, error);
}

int
vmsnap_snapshot_create(vmsnap_vm *vm, const vmsnap_snapshot_options *options, vmsnap_job **ret_job,
                       vmsnap_error **ret_error)
{
    vmsnap_snapshot_options ours;
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;

    if (!vms_call_enter(&call, vm, VMS_MAGIC_VM, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !vms_sized_copy(&ours, sizeof ours, options, &error) || !check_options(&ours, &error) ||
        !start_create(&call, vm->vm->uuid, request_of(&ours), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

static gboolean
check_disk_options(const vmsnap_snapshot_options *options, GError **error)
{
    if (options->disks)
        return vms_fail(error, VMSNAP_E_INVALID, "disks is not for a snapshot of one disk");
    return check_options(options, error);
}

static VmsSnapshotRequest *
disk_request_of(const vmsnap_snapshot_options *options, const VmsDiskInfo *disk)
{
    VmsSnapshotRequest *request = request_of(options);

    request->subject = VMSNAP_SNAPSHOT_KIND_DISK;
    if (disk->vm_uuid) {
        request->disks = g_new0(char *, 2);
        request->disks[0] = g_strdup(disk->target);
    } else {
        request->path = g_strdup(disk->path);
        request->format = g_strdup(disk->format);
    }
    return request;
}

/* ---- of a group ---- */

#define MOST_MEMBERS 128

/* One that was dropped has a record, too. */
static gboolean
is_ready(VmsEngine *engine, const char *uuid)
{
    g_autoptr(VmsSnapshot) snapshot = NULL;

    return uuid && vms_engine_load_snapshot(engine, uuid, &snapshot, NULL) &&
           snapshot->phase == VMSNAP_SNAPSHOT_READY;
}

static gboolean
run_group(VmsEngine *engine, VmsTask *task, VmsProgress *progress, GError **error)
{
    if (!vms_engine_snapshot_group(engine, task->members, task->aborts, progress, error))
        return FALSE;
    for (guint i = 0; i < task->members->len; i++) {
        const VmsGroupMember *member = task->members->pdata[i];

        if (is_ready(engine, member->snapshot) &&
            !make_digests(engine, member->request, member->snapshot, progress, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
check_other(const GPtrArray *members, const VmsGroupMember *added, GError **error)
{
    for (guint i = 0; i < members->len; i++) {
        const VmsGroupMember *member = members->pdata[i];

        if (strcmp(member->vm_uuid, added->vm_uuid) == 0 ||
            strcmp(member->request->name, added->request->name) == 0)
            return vms_fail(error, VMSNAP_E_INVALID, "VM %s or snapshot %s is named twice",
                            added->vm_name, added->request->name);
    }
    return TRUE;
}

/* "VM=NAME" */
static gboolean
add_member(const VmsCall *call, const char *text, vmsnap_snapshot_options options,
           GPtrArray *members, GError **error)
{
    VmsEngine *engine = &call->context->engine;
    const char *split = strrchr(text, '=');
    g_autofree char *name = split ? g_strndup(text, (gsize)(split - text)) : NULL;
    g_autoptr(VmsVm) vm = NULL;
    VmsGroupMember *member;

    if (!split || split == text)
        return vms_fail(error, VMSNAP_E_INVALID, "'%s' is not VM=NAME", text);
    options.name = split + 1;
    if (!check_options(&options, error) ||
        !vms_store_check_free(engine->drivers->catalog, VMSNAP_SNAPSHOT_KIND_VM, options.name,
                              error) ||
        !vms_hypervisor_find_vm(engine->drivers->hypervisor, name, FALSE, &vm, error))
        return FALSE;
    member = g_new0(VmsGroupMember, 1);
    member->vm_uuid = g_strdup(vm->uuid);
    member->vm_name = g_strdup(vm->name);
    member->operation = vms_name_new_uuid();
    member->request = request_of(&options);
    if (check_other(members, member, error)) {
        g_ptr_array_add(members, member);
        return TRUE;
    }
    vms_group_member_free(member);
    return FALSE;
}

static gboolean
check_group(const char *const *members, const vmsnap_snapshot_options *options,
            uint32_t on_straggler, GError **error)
{
    if (!vms_need(members && members[0], "members", error))
        return FALSE;
    if (g_strv_length((char **)members) > MOST_MEMBERS)
        return vms_fail(error, VMSNAP_E_INVALID, "more than %d VMs", MOST_MEMBERS);
    if (options->name || options->disks)
        return vms_fail(error, VMSNAP_E_INVALID,
                        "a group's members have names of their own, and all their disks");
    return on_straggler <= VMSNAP_STRAGGLER_DROP ||
           vms_fail(error, VMSNAP_E_INVALID, "on_straggler %u is not known", on_straggler);
}

static gboolean
start_group(const VmsCall *call, const char *const *members, const vmsnap_snapshot_options *options,
            uint32_t on_straggler, vmsnap_job **ret_job, GError **error)
{
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-group", run_group);

    if (!vms_call_need_write(call, error) || !vms_call_need_hypervisor(call, error))
        return FALSE;
    task->aborts = on_straggler == VMSNAP_STRAGGLER_ABORT;
    task->members = g_ptr_array_new_with_free_func((GDestroyNotify)vms_group_member_free);
    for (; *members; members++) {
        if (!add_member(call, *members, *options, task->members, error))
            return FALSE;
    }
    return vms_launch(call, g_steal_pointer(&task), ret_job, error);
}

int
vmsnap_snapshot_create_group(vmsnap_context *context, const char *const *members,
                             const vmsnap_snapshot_options *options, uint32_t on_straggler,
                             vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    vmsnap_snapshot_options ours;
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;

    if (!vms_call_enter(&call, context, VMS_MAGIC_CONTEXT, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !vms_sized_copy(&ours, sizeof ours, options, &error) ||
        !check_group(members, &ours, on_straggler, &error) ||
        !start_group(&call, members, &ours, on_straggler, ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

int
vmsnap_disk_snapshot_create(vmsnap_disk *disk, const vmsnap_snapshot_options *options,
                            vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    vmsnap_snapshot_options ours;
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;

    if (!vms_call_enter(&call, disk, VMS_MAGIC_DISK, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) ||
        !vms_sized_copy(&ours, sizeof ours, options, &error) ||
        !check_disk_options(&ours, &error) ||
        !start_create(&call, disk->disk->vm_uuid, disk_request_of(&ours, disk->disk), ret_job,
                      &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

int
vmsnap_snapshot_delete(vmsnap_snapshot *snapshot, vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-delete", run_delete);

    if (!vms_call_enter(&call, snapshot, VMS_MAGIC_SNAPSHOT, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) || !vms_call_need_write(&call, &error))
        return vms_api_fail(ret_error, error);
    task->operation = vms_name_new_uuid();
    task->snapshot = g_strdup(snapshot->snapshot->uuid);
    if (!vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}

int
vmsnap_snapshot_verify(vmsnap_snapshot *snapshot, vmsnap_job **ret_job, vmsnap_error **ret_error)
{
    g_auto(VmsCall) call = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(VmsTask) task = vms_task_new("vmsnap-verify", run_verify);

    if (!vms_call_enter(&call, snapshot, VMS_MAGIC_SNAPSHOT, &error) ||
        !vms_need(ret_job != NULL, "ret_job", &error) || !vms_call_need_write(&call, &error))
        return vms_api_fail(ret_error, error);
    task->snapshot = g_strdup(snapshot->snapshot->uuid);
    if (!vms_launch(&call, g_steal_pointer(&task), ret_job, &error))
        return vms_api_fail(ret_error, error);
    return VMSNAP_OK;
}
