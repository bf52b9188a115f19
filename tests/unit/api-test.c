/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/context.h"
#include "base/error.h"
#include "model/name.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmsnap/vmsnap.h>

static char *state;

static void
begin(void)
{
    state = g_dir_make_tmp("vms-api-XXXXXX", NULL);
}

static void
finish(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf %s", state);

    (void)g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL);
    g_free(state);
}

TestSuite(api, .init = begin, .fini = finish);

static vmsnap_context *
open_at(const char *uri, guint flags)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_context *context = NULL;
    vmsnap_error *error = NULL;

    options.uri = uri;
    options.state_dir = state;
    options.flags = flags;
    cr_assert_eq(vmsnap_context_open(&options, &context, &error), 0, "%s",
                 vmsnap_error_get_message(error));
    return context;
}

static vmsnap_vm *
find_test_vm(vmsnap_context *context)
{
    vmsnap_error *error = NULL;
    vmsnap_vm *vm = NULL;

    cr_assert_eq(vmsnap_context_find_vm(context, "test", &vm, &error), 0, "%s",
                 vmsnap_error_get_message(error));
    return vm;
}

static int
code_of_open(const vmsnap_context_options *options)
{
    vmsnap_context *context = NULL;
    vmsnap_error *error = NULL;
    int code = vmsnap_context_open(options, &context, &error);

    cr_assert_eq(code, vmsnap_error_get_code(error), "both tell the same");
    cr_assert(code == 0 || context == NULL, "untouched on failure");
    vmsnap_error_free(error);
    vmsnap_context_unref(context);
    return code;
}

/* ---- opening ---- */

static int
code_of_sockets(const char *first, const char *second)
{
    const char *const sockets[] = { first, second, NULL };
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;

    options.uri = "none";
    options.state_dir = state;
    options.agent_sockets = sockets;
    return code_of_open(&options);
}

Test(api, agent_sockets_name_each_vm_once)
{
    char path[120] = "web=/";

    cr_assert_eq(code_of_sockets(NULL, NULL), 0);
    cr_assert_eq(code_of_sockets("web=/run/a.sock", "web==/run/b.sock"), 0);
    cr_assert_eq(code_of_sockets("web=/run/a.sock", "web=/run/b.sock"), VMSNAP_E_INVALID);
    cr_assert_eq(code_of_sockets("web", NULL), VMSNAP_E_INVALID);
    cr_assert_eq(code_of_sockets("web/run/a.sock", NULL), VMSNAP_E_INVALID);
    cr_assert_eq(code_of_sockets("=/run/a.sock", NULL), VMSNAP_E_INVALID);
    cr_assert_eq(code_of_sockets("web=run/a.sock", NULL), VMSNAP_E_INVALID);
    cr_assert_eq(code_of_sockets("web=/run/../a.sock", NULL), VMSNAP_E_INVALID);
    cr_assert_eq(code_of_sockets("", NULL), VMSNAP_E_INVALID);
    memset(path + 5, 'x', sizeof path - 6);
    cr_assert_eq(code_of_sockets(path, NULL), VMSNAP_E_INVALID);
    path[4 + 107] = '\0';
    cr_assert_eq(code_of_sockets(path, NULL), 0);
}

Test(api, options_that_make_no_sense_are_invalid)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;

    options.uri = "none";
    options.state_dir = state;
    cr_assert_eq(code_of_open(&options), 0);
    options.flags = 64;
    cr_assert_eq(code_of_open(&options), VMSNAP_E_INVALID);
    options.flags = 0;
    options.reserved0 = 1;
    cr_assert_eq(code_of_open(&options), VMSNAP_E_INVALID);
    options.reserved0 = 0;
    options.log_level = 5;
    cr_assert_eq(code_of_open(&options), VMSNAP_E_INVALID);
    options.log_level = 0;
    options.max_jobs = 1000000;
    cr_assert_eq(code_of_open(&options), VMSNAP_E_INVALID);
    options.max_jobs = 0;
    options.state_dir = "relative";
    cr_assert_eq(code_of_open(&options), VMSNAP_E_INVALID);
    options.state_dir = "/tmp/../etc";
    cr_assert_eq(code_of_open(&options), VMSNAP_E_INVALID);
    options.state_dir = state;
    options.guard_path = "vmsnap-thaw-guard";
    cr_assert_eq(code_of_open(&options), VMSNAP_E_INVALID);
    options.guard_path = NULL;
    options.catalog = "sqlite:relative.db";
    cr_assert_eq(code_of_open(&options), VMSNAP_E_INVALID);
    options.catalog = NULL;
    options.uri = "";
    cr_assert_eq(code_of_open(&options), VMSNAP_E_INVALID);
    options.uri = "none";
    options.struct_size = 0;
    cr_assert_eq(code_of_open(&options), VMSNAP_E_INVALID);
}

static void
look_and_leave(guint flags)
{
    vmsnap_context *context = open_at("none", flags);
    vmsnap_snapshot_list *list = NULL;
    g_autoptr(GDir) dir = NULL;

    cr_assert_eq(vmsnap_context_list_snapshots(context, NULL, &list, NULL), 0);
    cr_assert_eq(vmsnap_snapshot_list_get_count(list), 0);
    cr_assert_null(vmsnap_snapshot_list_get_item(list, 0));
    vmsnap_snapshot_list_unref(list);
    vmsnap_context_unref(context);
    dir = g_dir_open(state, 0, NULL);
    cr_assert_null(g_dir_read_name(dir));
}

Test(api, opening_and_looking_leaves_nothing_behind)
{
    look_and_leave(0);
    look_and_leave(VMSNAP_CONTEXT_READ_ONLY);
}

Test(api, read_only_refuses_what_changes_something)
{
    vmsnap_context *context = open_at("test:///default", VMSNAP_CONTEXT_READ_ONLY);
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    vmsnap_vm *vm = find_test_vm(context);
    vmsnap_job *job = NULL;

    options.name = "a";
    cr_assert_eq(vmsnap_context_recover(context, &job, NULL), VMSNAP_E_PERMISSION);
    cr_assert_eq(vmsnap_snapshot_create(vm, &options, &job, NULL), VMSNAP_E_PERMISSION);
    cr_assert_null(job);
    vmsnap_vm_unref(vm);
    vmsnap_context_unref(context);
}

/* As a user who reaches the system's hypervisor, but not its folders. */
Test(api, without_rights_the_folder_is_named_and_nothing_is_counted)
{
    vmsnap_context *context = open_at("none", 0);
    vmsnap_context_status status = VMSNAP_CONTEXT_STATUS_INIT;
    vmsnap_error *error = NULL;
    vmsnap_job *job = NULL;

    context->no_write = TRUE;
    context->no_records = TRUE;
    cr_assert_eq(vmsnap_context_recover(context, &job, &error), VMSNAP_E_PERMISSION);
    cr_expect(strstr(vmsnap_error_get_message(error), state));
    cr_expect_eq(vmsnap_context_read_status(context, &status, NULL), VMSNAP_E_PERMISSION);
    vmsnap_error_free(error);
    vmsnap_context_unref(context);
}

Test(api, without_a_hypervisor_there_are_no_vms)
{
    vmsnap_context *context = open_at("none", 0);
    vmsnap_vm_list *list = NULL;
    vmsnap_error *error = NULL;
    vmsnap_vm *vm = NULL;

    cr_assert_eq(vmsnap_context_find_vm(context, "web", &vm, &error), VMSNAP_E_UNSUPPORTED);
    cr_assert_str_eq(vmsnap_error_get_reason(error), "NoHypervisor");
    cr_assert_eq(vmsnap_context_list_vms(context, &list, NULL), VMSNAP_E_UNSUPPORTED);
    vmsnap_error_free(error);
    vmsnap_context_unref(context);
}

/* ---- misuse ---- */

Test(api, null_is_invalid_everywhere_and_never_a_crash)
{
    vmsnap_context *context = open_at("none", 0);
    vmsnap_context_status status = { 0 };

    cr_expect_eq(vmsnap_context_open(NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_context_read_status(NULL, &status, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_context_read_status(context, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_context_read_status(context, &status, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_context_recover(context, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_context_find_vm(context, NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_context_list_vms(context, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_context_find_snapshot(context, NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_context_find_snapshot(context, "a", NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_context_list_snapshots(context, NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_context_find_operation(context, "", NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_context_list_operations(NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_vm_check(NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_snapshot_create(NULL, NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_snapshot_delete(NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_snapshot_verify(NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_restore_plan(NULL, NULL, NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_restore_start(NULL, 2, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_operation_undo(NULL, NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_new_disk_plan(NULL, NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_new_disk_start(NULL, NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_null(vmsnap_operation_get_new_path(NULL));
    cr_expect_null(vmsnap_operation_get_new_format(NULL));
    cr_expect_eq(vmsnap_operation_get_new_size(NULL), 0);
    cr_expect_null(vmsnap_operation_get_new_sha256(NULL));
    cr_expect_eq(vmsnap_job_wait(NULL, 0, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_job_get_fd(NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_job_read_progress(NULL, NULL, NULL), VMSNAP_E_INVALID);
    cr_expect_eq(vmsnap_job_ref_snapshot(NULL, NULL, NULL), VMSNAP_E_INVALID);
    vmsnap_context_unref(context);
}

Test(api, getters_of_null_answer_nothing)
{
    cr_expect_null(vmsnap_vm_get_name(NULL));
    cr_expect_null(vmsnap_vm_get_json(NULL));
    cr_expect_eq(vmsnap_vm_list_get_count(NULL), 0);
    cr_expect_null(vmsnap_vm_list_get_item(NULL, 0));
    cr_expect_null(vmsnap_check_get_reason(NULL));
    cr_expect_eq(vmsnap_check_get_verdict(NULL), VMSNAP_VERDICT_BLOCKED);
    cr_expect_null(vmsnap_snapshot_get_uuid(NULL));
    cr_expect_eq(vmsnap_snapshot_get_consistent(NULL), 0);
    cr_expect_eq(vmsnap_snapshot_list_get_count(NULL), 0);
    cr_expect_null(vmsnap_operation_get_type(NULL));
    cr_expect_eq(vmsnap_operation_list_get_count(NULL), 0);
    cr_expect_null(vmsnap_plan_get_hash(NULL));
    cr_expect_null(vmsnap_plan_get_finding_reason(NULL, 0));
    cr_expect_eq(vmsnap_plan_get_conflict_count(NULL, 1), 0);
    cr_expect_null(vmsnap_job_get_json(NULL));
    cr_expect_null(vmsnap_job_get_operation_uuid(NULL));
    cr_expect_eq(vmsnap_error_get_code(NULL), VMSNAP_OK);
    cr_expect_str_eq(vmsnap_error_get_reason(NULL), "");
    cr_expect_str_eq(vmsnap_code_get_name(-6), "BUSY");
    cr_expect_str_eq(vmsnap_code_get_name(4711), "UNKNOWN");
    vmsnap_context_close(NULL);
    vmsnap_context_unref(NULL);
    vmsnap_vm_unref(NULL);
    vmsnap_job_unref(NULL);
    vmsnap_job_cancel(NULL);
    vmsnap_error_free(NULL);
    cr_expect_null(vmsnap_context_ref(NULL));
}

Test(api, a_handle_of_another_kind_is_invalid)
{
    vmsnap_context *context = open_at("test:///default", 0);
    vmsnap_vm *vm = find_test_vm(context);
    vmsnap_vm_list *list = NULL;

    cr_assert_eq(vmsnap_context_list_vms((vmsnap_context *)vm, &list, NULL), VMSNAP_E_INVALID);
    cr_assert_null(vmsnap_snapshot_get_name((vmsnap_snapshot *)vm));
    vmsnap_vm_unref(vm);
    vmsnap_context_unref(context);
}

/* ---- lifetimes ---- */

Test(api, a_child_keeps_its_context)
{
    vmsnap_context *context = open_at("test:///default", 0);
    vmsnap_vm_list *list = NULL;
    vmsnap_vm *vm, *again = NULL;

    cr_assert_eq(vmsnap_context_list_vms(context, &list, NULL), 0);
    vmsnap_context_unref(context);
    cr_assert_eq(vmsnap_vm_list_get_count(list), 1);
    vm = vmsnap_vm_ref(vmsnap_vm_list_get_item(list, 0));
    vmsnap_vm_list_unref(list);
    cr_assert_str_eq(vmsnap_vm_get_name(vm), "test");
    cr_assert_eq(vmsnap_vm_get_state(vm), VMSNAP_VM_RUNNING);
    cr_assert_eq(vmsnap_context_find_vm(((VmsHandle *)vm)->context, "test", &again, NULL), 0);
    vmsnap_vm_unref(again);
    vmsnap_vm_unref(vm);
}

Test(api, after_close_calls_are_refused_and_readings_stay)
{
    vmsnap_context *context = open_at("test:///default", 0);
    vmsnap_vm *vm = find_test_vm(context);
    vmsnap_check *check = NULL;
    vmsnap_vm *other = NULL;

    vmsnap_context_close(context);
    vmsnap_context_close(context);
    cr_assert_eq(vmsnap_context_find_vm(context, "test", &other, NULL), VMSNAP_E_CLOSED);
    cr_assert_eq(vmsnap_vm_check(vm, &check, NULL), VMSNAP_E_CLOSED);
    cr_assert_str_eq(vmsnap_vm_get_name(vm), "test");
    vmsnap_context_unref(context);
    vmsnap_vm_unref(vm);
}

/* In the child: 0 when all is as it must be, else which line was wrong. */
static int
look_in_child(vmsnap_context *context, vmsnap_vm *vm, vmsnap_job *job)
{
    vmsnap_error *error = NULL;
    vmsnap_vm *other = NULL;
    int fd = -1;

    if (vmsnap_context_find_vm(context, "test", &other, &error) != VMSNAP_E_FORKED)
        return 1;
    if (vmsnap_error_get_code(error) != VMSNAP_E_FORKED)
        return 2;
    if (vmsnap_job_wait(job, -1, NULL) != VMSNAP_E_FORKED)
        return 3;
    if (vmsnap_job_get_fd(job, &fd, NULL) != VMSNAP_E_FORKED)
        return 4;
    if (vmsnap_vm_check(vm, NULL, NULL) != VMSNAP_E_FORKED)
        return 5;
    vmsnap_error_free(error);
    vmsnap_job_cancel(job);
    vmsnap_job_unref(job);
    vmsnap_vm_unref(vm);
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
    return 0;
}

Test(api, in_a_forked_child_everything_is_refused_and_only_forgotten)
{
    vmsnap_context *context = open_at("test:///default", 0);
    vmsnap_vm *vm = find_test_vm(context), *again;
    vmsnap_job *job = NULL;
    int status = -1;
    pid_t child;

    cr_assert_eq(vmsnap_context_recover(context, &job, NULL), 0);
    child = fork();
    if (child == 0)
        _exit(look_in_child(context, vm, job));
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0, "line %d", WEXITSTATUS(status));
    again = find_test_vm(context);
    vmsnap_vm_unref(again);
    cr_assert_eq(vmsnap_job_wait(job, -1, NULL), 1);
    vmsnap_job_unref(job);
    vmsnap_vm_unref(vm);
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
}

/* ---- jobs ---- */

Test(api, a_job_tells_its_end_by_wait_descriptor_progress_and_result)
{
    vmsnap_context *context = open_at("none", 0);
    vmsnap_progress progress = VMSNAP_PROGRESS_INIT;
    vmsnap_snapshot *snapshot = NULL;
    struct pollfd item = { .events = POLLIN };
    vmsnap_job *job = NULL;

    cr_assert_eq(vmsnap_context_recover(context, &job, NULL), 0);
    cr_assert_eq(vmsnap_job_get_fd(job, &item.fd, NULL), 0);
    cr_assert_eq(poll(&item, 1, 10000), 1);
    cr_assert_eq(vmsnap_job_wait(job, 0, NULL), 1);
    cr_assert_eq(vmsnap_job_read_progress(job, &progress, NULL), 0);
    cr_assert_eq(progress.stage, VMSNAP_STAGE_DONE);
    cr_assert_not_null(vmsnap_job_get_json(job));
    cr_assert_null(vmsnap_job_get_operation_uuid(job), "recovery has no record of its own");
    cr_assert_eq(vmsnap_job_ref_snapshot(job, &snapshot, NULL), VMSNAP_E_NOT_FOUND);
    close(item.fd);
    vmsnap_context_close(context);
    cr_assert_eq(vmsnap_job_wait(job, 0, NULL), 1, "readable after close");
    vmsnap_job_unref(job);
    vmsnap_context_unref(context);
}

Test(api, folders_have_the_right_modes_whatever_the_umask)
{
    vmsnap_context *context = open_at("none", 0);
    g_autofree char *run = g_build_filename(state, "run", NULL);
    mode_t before = umask(0777);
    vmsnap_job *job = NULL;
    struct stat status;

    cr_assert_eq(vmsnap_context_recover(context, &job, NULL), 0);
    umask(before);
    cr_assert_eq(stat(run, &status), 0);
    cr_assert_eq(status.st_mode & 07777, 0711);
    vmsnap_job_unref(job);
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
}

/* ---- snapshot options ---- */

static int
code_of_create(vmsnap_vm *vm, const vmsnap_snapshot_options *options)
{
    vmsnap_error *error = NULL;
    vmsnap_job *job = NULL;
    int code = vmsnap_snapshot_create(vm, options, &job, &error);

    cr_assert_eq(code, vmsnap_error_get_code(error));
    if (code == 0)
        (void)vmsnap_job_wait(job, -1, NULL);
    vmsnap_job_unref(job);
    vmsnap_error_free(error);
    return code;
}

Test(api, a_snapshots_options_are_checked_before_anything_starts)
{
    const char *const twice[] = { "a=1", "a=2", NULL }, *const bad[] = { "A B=1", NULL };
    const char *const disks[] = { "vda", "vda", NULL }, *const none[] = { NULL };
    vmsnap_context *context = open_at("test:///default", 0);
    vmsnap_vm *vm = find_test_vm(context);
    const vmsnap_snapshot_options good = { .struct_size = sizeof good, .name = "good" };
    vmsnap_snapshot_options options;

    cr_expect_eq(code_of_create(vm, NULL), VMSNAP_E_INVALID, "a name is required");
#define EXPECT_INVALID(field, value)                                                               \
    options = good;                                                                                \
    options.field = value;                                                                         \
    cr_expect_eq(code_of_create(vm, &options), VMSNAP_E_INVALID, "%s = %s", #field, #value)
    EXPECT_INVALID(name, NULL);
    EXPECT_INVALID(name, "");
    EXPECT_INVALID(name, "Bad");
    EXPECT_INVALID(name, "../up");
    EXPECT_INVALID(name, "1b4e28ba-2fa1-11d2-883f-0016d3cca427");
    EXPECT_INVALID(labels, twice);
    EXPECT_INVALID(labels, bad);
    EXPECT_INVALID(disks, disks);
    EXPECT_INVALID(disks, none);
    EXPECT_INVALID(store, "relative");
    EXPECT_INVALID(description, "\xff");
    EXPECT_INVALID(consistency, 3);
    EXPECT_INVALID(method, 99);
    EXPECT_INVALID(flags, 2);
    EXPECT_INVALID(struct_size, 0);
    vmsnap_vm_unref(vm);
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
}

Test(api, a_taken_name_is_told_at_once)
{
    vmsnap_context *context = open_at("test:///default", 0);
    const VmsChange change = {
        .kind = "snapshot",
        .id = "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
        .name = "taken",
        .created_us = 1,
        .text = "{}",
    };
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    vmsnap_vm *vm = find_test_vm(context);

    cr_assert(vms_catalog_apply(context->drivers->catalog, &change, 1, NULL));
    options.name = "taken";
    cr_assert_eq(code_of_create(vm, &options), VMSNAP_E_EXISTS);
    vmsnap_vm_unref(vm);
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
}
