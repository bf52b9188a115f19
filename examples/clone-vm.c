/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Make a new VM from a snapshot, or from a VM as it is.
 *
 * clone-vm URI VM|snapshot:SNAPSHOT NAME [STATE-FOLDER]
 *
 * The clone is left off; nothing of the source's identity is in it. What the plan warns of is told:
 * what is inside the guest stays as it was. */

#include <stdio.h>
#include <string.h>

#include <vmsnap/vmsnap.h>

static const char *const severities[] = { "info", "warning", "conflict", "unknown" };

static int
complain(const char *what, vmsnap_error *error)
{
    fprintf(stderr, "%s: %s (%s)\n", what, vmsnap_error_get_message(error),
            vmsnap_error_get_reason(error));
    vmsnap_error_free(error);
    return 1;
}

static void
show_plan(const vmsnap_plan *plan)
{
    for (size_t i = 0; i < vmsnap_plan_get_finding_count(plan); i++) {
        const char *reason = vmsnap_plan_get_finding_reason(plan, i);

        if (reason && *reason)
            printf("%s %s: %s\n", severities[vmsnap_plan_get_finding_severity(plan, i) & 3], reason,
                   vmsnap_plan_get_finding_message(plan, i));
    }
}

static int
make_plan(vmsnap_context *context, const char *source, const vmsnap_clone_options *options,
          vmsnap_plan **ret_plan)
{
    vmsnap_error *error = NULL;

    if (strncmp(source, "snapshot:", 9) == 0) {
        vmsnap_snapshot *snapshot;

        if (vmsnap_context_find_snapshot(context, source + 9, &snapshot, &error) < 0)
            return complain(source, error);
        if (vmsnap_clone_plan_from_snapshot(snapshot, options, ret_plan, &error) < 0)
            complain(source, error);
        vmsnap_snapshot_unref(snapshot);
    } else {
        vmsnap_vm *vm;

        if (vmsnap_context_find_vm(context, source, &vm, &error) < 0)
            return complain(source, error);
        if (vmsnap_clone_plan(vm, options, ret_plan, &error) < 0)
            complain(source, error);
        vmsnap_vm_unref(vm);
    }
    return *ret_plan ? 0 : 1;
}

static int
show_made(vmsnap_context *context, const char *uuid)
{
    vmsnap_operation *operation;
    vmsnap_error *error = NULL;

    if (vmsnap_context_find_operation(context, uuid, &operation, &error) < 0)
        return complain(uuid, error);
    printf("made %s (%s)\n", vmsnap_operation_get_new_vm_name(operation),
           vmsnap_operation_get_new_vm_uuid(operation));
    vmsnap_operation_unref(operation);
    return 0;
}

static int
run_plan(vmsnap_context *context, vmsnap_plan *plan)
{
    vmsnap_job *job;
    vmsnap_error *error = NULL;
    int status;

    if (vmsnap_clone_start(plan, VMSNAP_MODE_STRICT, &job, &error) < 0)
        return complain("clone", error);
    if (vmsnap_job_wait(job, -1, &error) < 0)
        status = complain("clone", error);
    else
        status = show_made(context, vmsnap_job_get_operation_uuid(job));
    vmsnap_job_unref(job);
    return status;
}

static int
clone(vmsnap_context *context, const char *source, const char *name)
{
    vmsnap_clone_options options = VMSNAP_CLONE_OPTIONS_INIT;
    vmsnap_plan *plan = NULL;
    int status = 1;

    options.name = name;
    if (make_plan(context, source, &options, &plan) != 0)
        return 1;
    show_plan(plan);
    if (vmsnap_plan_get_conflict_count(plan, VMSNAP_MODE_STRICT) == 0)
        status = run_plan(context, plan);
    vmsnap_plan_unref(plan);
    return status;
}

int
main(int argc, char **argv)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_context *context;
    vmsnap_error *error = NULL;
    int status;

    if (argc < 4) {
        fprintf(stderr, "usage: clone-vm URI VM|snapshot:SNAPSHOT NAME [STATE-FOLDER]\n");
        return 2;
    }
    options.uri = argv[1];
    options.state_dir = argc > 4 ? argv[4] : NULL;
    if (vmsnap_context_open(&options, &context, &error) < 0)
        return complain(argv[1], error);
    status = clone(context, argv[2], argv[3]);
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
    return status;
}
