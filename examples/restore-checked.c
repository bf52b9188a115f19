/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Restore a VM from a snapshot, but only if nothing stands against it.
 *
 * restore-checked URI SNAPSHOT [STATE-FOLDER]
 *
 * The plan that is shown is the plan that runs: if what decided changes in between, the job fails
 * with PLAN_STALE and nothing is touched. */

#include <stdio.h>

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
    for (size_t i = 0; i < vmsnap_plan_get_finding_count(plan); i++)
        printf("%s %s: %s\n", severities[vmsnap_plan_get_finding_severity(plan, i) & 3],
               vmsnap_plan_get_finding_reason(plan, i), vmsnap_plan_get_finding_message(plan, i));
}

static int
run_plan(vmsnap_plan *plan)
{
    vmsnap_job *job;
    vmsnap_error *error = NULL;
    int status = 0;

    if (vmsnap_restore_start(plan, VMSNAP_MODE_STRICT, &job, &error) < 0)
        return complain("restore", error);
    if (vmsnap_job_wait(job, -1, &error) < 0)
        status = complain("restore", error);
    else
        printf("restored; undo it with operation %s\n", vmsnap_job_get_operation_uuid(job));
    vmsnap_job_unref(job);
    return status;
}

static int
restore(vmsnap_snapshot *snapshot)
{
    vmsnap_restore_options options = VMSNAP_RESTORE_OPTIONS_INIT;
    vmsnap_plan *plan;
    vmsnap_error *error = NULL;
    int status = 1;

    if (vmsnap_restore_plan(snapshot, NULL, &options, &plan, &error) < 0)
        return complain("plan", error);
    show_plan(plan);
    if (vmsnap_plan_get_conflict_count(plan, VMSNAP_MODE_STRICT) == 0)
        status = run_plan(plan);
    vmsnap_plan_unref(plan);
    return status;
}

int
main(int argc, char **argv)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_context *context;
    vmsnap_snapshot *snapshot;
    vmsnap_error *error = NULL;
    int status;

    if (argc < 3) {
        fprintf(stderr, "usage: restore-checked URI SNAPSHOT [STATE-FOLDER]\n");
        return 2;
    }
    options.uri = argv[1];
    options.state_dir = argc > 3 ? argv[3] : NULL;
    if (vmsnap_context_open(&options, &context, &error) < 0)
        return complain(argv[1], error);
    if (vmsnap_context_find_snapshot(context, argv[2], &snapshot, &error) < 0) {
        status = complain(argv[2], error);
    } else {
        status = restore(snapshot);
        vmsnap_snapshot_unref(snapshot);
    }
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
    return status;
}
