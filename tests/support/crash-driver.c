/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs one operation and dies at a given crash point of it, for tests/system/test_crash_points.py.
 *
 *   crash-driver POINT create VM NAME | restore SNAPSHOT | undo OPERATION | delete SNAPSHOT |
 *                      create-disk DISK NAME | delete-disk SNAPSHOT | recover |
 *                      clone VM NAME | clone-snapshot SNAPSHOT NAME | clone-linked SNAPSHOT NAME |
 *                      flatten VM
 *
 * POINT 0 kills nobody; a name means the first point of that name. "=NAME" stops the process there,
 * to be continued by whoever waits for that; "~N" cancels the operation at its n-th point. One that
 * ends prints how many points it passed and, for a restore, its UUID. Exit 0 when it succeeded, 1
 * when it failed. */
#include "base/sys.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmsnap/vmsnap.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_context, vmsnap_context_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_disk, vmsnap_disk_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_job, vmsnap_job_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_operation, vmsnap_operation_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_plan, vmsnap_plan_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_snapshot, vmsnap_snapshot_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_vm, vmsnap_vm_unref)

static int
start_create(vmsnap_context *context, char **words, vmsnap_job **ret_job, vmsnap_error **error)
{
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    g_autoptr(vmsnap_vm) vm = NULL;

    options.name = words[1];
    if (vmsnap_context_find_vm(context, words[0], &vm, error) < 0)
        return -1;
    return vmsnap_snapshot_create(vm, &options, ret_job, error);
}

static int
start_restore(vmsnap_context *context, char **words, vmsnap_job **ret_job, vmsnap_error **error)
{
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    g_autoptr(vmsnap_plan) plan = NULL;

    if (vmsnap_context_find_snapshot(context, words[0], &snapshot, error) < 0 ||
        vmsnap_restore_plan(snapshot, NULL, NULL, &plan, error) < 0)
        return -1;
    return vmsnap_restore_start(plan, VMSNAP_MODE_STRICT, ret_job, error);
}

static int
start_undo(vmsnap_context *context, char **words, vmsnap_job **ret_job, vmsnap_error **error)
{
    g_autoptr(vmsnap_operation) operation = NULL;

    if (vmsnap_context_find_operation(context, words[0], &operation, error) < 0)
        return -1;
    return vmsnap_operation_undo(operation, NULL, ret_job, error);
}

static int
start_delete(vmsnap_context *context, char **words, vmsnap_job **ret_job, vmsnap_error **error)
{
    g_autoptr(vmsnap_snapshot) snapshot = NULL;

    if (vmsnap_context_find_snapshot(context, words[0], &snapshot, error) < 0)
        return -1;
    return vmsnap_snapshot_delete(snapshot, ret_job, error);
}

static int
start_create_disk(vmsnap_context *context, char **words, vmsnap_job **ret_job, vmsnap_error **error)
{
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    g_autoptr(vmsnap_disk) disk = NULL;

    options.name = words[1];
    if (vmsnap_context_find_disk(context, words[0], NULL, &disk, error) < 0)
        return -1;
    return vmsnap_disk_snapshot_create(disk, &options, ret_job, error);
}

static int
start_delete_disk(vmsnap_context *context, char **words, vmsnap_job **ret_job, vmsnap_error **error)
{
    g_autoptr(vmsnap_snapshot) snapshot = NULL;

    if (vmsnap_context_find_disk_snapshot(context, words[0], &snapshot, error) < 0)
        return -1;
    return vmsnap_snapshot_delete(snapshot, ret_job, error);
}

static int
start_clone(vmsnap_context *context, char **words, vmsnap_job **ret_job, vmsnap_error **error)
{
    vmsnap_clone_options options = VMSNAP_CLONE_OPTIONS_INIT;
    g_autoptr(vmsnap_vm) vm = NULL;
    g_autoptr(vmsnap_plan) plan = NULL;

    options.name = words[1];
    if (vmsnap_context_find_vm(context, words[0], &vm, error) < 0 ||
        vmsnap_clone_plan(vm, &options, &plan, error) < 0)
        return -1;
    return vmsnap_clone_start(plan, VMSNAP_MODE_STRICT, ret_job, error);
}

static int
clone_snapshot(vmsnap_context *context, char **words, vmsnap_clone_method method,
               vmsnap_job **ret_job, vmsnap_error **error)
{
    vmsnap_clone_options options = VMSNAP_CLONE_OPTIONS_INIT;
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    g_autoptr(vmsnap_plan) plan = NULL;

    options.name = words[1];
    options.method = method;
    if (vmsnap_context_find_snapshot(context, words[0], &snapshot, error) < 0 ||
        vmsnap_clone_plan_from_snapshot(snapshot, &options, &plan, error) < 0)
        return -1;
    return vmsnap_clone_start(plan, VMSNAP_MODE_STRICT, ret_job, error);
}

static int
start_clone_snapshot(vmsnap_context *context, char **words, vmsnap_job **ret_job,
                     vmsnap_error **error)
{
    return clone_snapshot(context, words, VMSNAP_CLONE_FULL, ret_job, error);
}

static int
start_clone_linked(vmsnap_context *context, char **words, vmsnap_job **ret_job,
                   vmsnap_error **error)
{
    return clone_snapshot(context, words, VMSNAP_CLONE_LINKED, ret_job, error);
}

static int
start_flatten(vmsnap_context *context, char **words, vmsnap_job **ret_job, vmsnap_error **error)
{
    g_autoptr(vmsnap_vm) vm = NULL;

    if (vmsnap_context_find_vm(context, words[0], &vm, error) < 0)
        return -1;
    return vmsnap_vm_flatten(vm, ret_job, error);
}

static int
start_recover(vmsnap_context *context, char **words, vmsnap_job **ret_job, vmsnap_error **error)
{
    (void)words;
    return vmsnap_context_recover(context, ret_job, error);
}

static const struct {
    const char *name;
    int words;
    int (*start)(vmsnap_context *context, char **words, vmsnap_job **ret_job, vmsnap_error **error);
} acts[] = {
    { "create", 2, start_create },
    { "restore", 1, start_restore },
    { "undo", 1, start_undo },
    { "delete", 1, start_delete },
    { "create-disk", 2, start_create_disk },
    { "delete-disk", 1, start_delete_disk },
    { "flatten", 1, start_flatten },
    { "recover", 0, start_recover },
    { "clone", 2, start_clone },
    { "clone-snapshot", 2, start_clone_snapshot },
    { "clone-linked", 2, start_clone_linked },
};

static int
fail(vmsnap_error *error)
{
    (void)fprintf(stderr, "%s: %s\n", vmsnap_error_get_reason(error),
                  vmsnap_error_get_message(error));
    vmsnap_error_free(error);
    return EXIT_FAILURE;
}

/* The operation that runs; it may get to a point before it is known. */
static vmsnap_job *_Atomic running;
static guint64 last; /* the point to cancel it at */

static void
cancel_by_number(guint64 count, const char *name)
{
    (void)name;
    if (count != last)
        return;
    while (!running)
        g_usleep(100);
    vmsnap_job_cancel(running);
}

/* POINT is the name of one: its first time. */
static const char *fatal_name;

static void
stop_by_name(guint64 count, const char *name)
{
    (void)count;
    if (!fatal_name || strcmp(name, fatal_name) != 0)
        return;
    fatal_name = NULL;
    raise(SIGSTOP); /* this thread first of all */
}

static void
die_by_name(guint64 count, const char *name)
{
    (void)count;
    if (strcmp(name, fatal_name) == 0)
        kill(getpid(), SIGKILL);
}

static void
arm(const char *point)
{
    if (g_ascii_isdigit(point[0])) {
        vms_crash_arm(g_ascii_strtoull(point, NULL, 10), 0);
        return;
    }
    if (point[0] == '~') {
        last = g_ascii_strtoull(point + 1, NULL, 10);
        vms_crash_hook(cancel_by_number);
        return;
    }
    fatal_name = point[0] == '=' ? point + 1 : point;
    vms_crash_hook(point[0] == '=' ? stop_by_name : die_by_name);
}

static int
run(gsize act, const char *point, char **words)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    g_autoptr(vmsnap_context) context = NULL;
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    const char *uuid;

    options.uri = "qemu:///system";
    if (vmsnap_context_open(&options, &context, &error) < 0)
        return fail(error);
    arm(point);
    if (acts[act].start(context, words, &job, &error) < 0)
        return fail(error);
    running = job;
    if (vmsnap_job_wait(job, -1, &error) < 0)
        return fail(error);
    uuid = vmsnap_job_get_operation_uuid(job);
    (void)printf("%" G_GUINT64_FORMAT " %s\n", vms_crash_passed(), uuid ? uuid : "-");
    return EXIT_SUCCESS;
}

int
main(int argc, char **argv)
{
    for (gsize i = 0; argc > 2 && i < G_N_ELEMENTS(acts); i++) {
        if (strcmp(argv[2], acts[i].name) == 0 && argc == 3 + acts[i].words)
            return run(i, argv[1], argv + 3);
    }
    (void)fprintf(stderr, "usage: crash-driver POINT ACT [WORD...]\n");
    return 2;
}
