/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Take a consistent snapshot of a VM and say how consistent it is.
 *
 * take-snapshot URI VM NAME [STATE-FOLDER] */

#include <stdio.h>

#include <vmsnap/vmsnap.h>

static const char *const grades[] = { "none", "offline", "frozen", "crash" };

/* Print why a call failed and release the error; always 1, an exit status. */
static int
complain(const char *what, vmsnap_error *error)
{
    fprintf(stderr, "%s: %s (%s)\n", what, vmsnap_error_get_message(error),
            vmsnap_error_get_reason(error));
    if (vmsnap_error_get_frozen(error) != VMSNAP_FROZEN_NO)
        fprintf(stderr, "the guest may be frozen; the guard goes on thawing it\n");
    vmsnap_error_free(error);
    return 1;
}

static int
show_result(vmsnap_job *job)
{
    vmsnap_snapshot *snapshot;
    vmsnap_error *error = NULL;

    if (vmsnap_job_ref_snapshot(job, &snapshot, &error) < 0)
        return complain("snapshot", error);
    printf("%s %s: %s\n", vmsnap_snapshot_get_vm_name(snapshot), vmsnap_snapshot_get_name(snapshot),
           grades[vmsnap_snapshot_get_grade(snapshot) & 3]);
    vmsnap_snapshot_unref(snapshot);
    return 0;
}

static int
take_snapshot(vmsnap_vm *vm, const char *name)
{
    const char *const labels[] = { "made-by=take-snapshot", NULL };
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    vmsnap_job *job;
    vmsnap_error *error = NULL;
    int status;

    options.name = name;
    options.labels = labels;
    options.consistency = VMSNAP_CONSISTENCY_REQUIRE;
    if (vmsnap_snapshot_create(vm, &options, &job, &error) < 0)
        return complain(name, error);
    /* The job does not finish before the guest is thawed. */
    if (vmsnap_job_wait(job, -1, &error) < 0)
        status = complain(name, error);
    else
        status = show_result(job);
    vmsnap_job_unref(job);
    return status;
}

int
main(int argc, char **argv)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_context *context;
    vmsnap_vm *vm;
    vmsnap_error *error = NULL;
    int status;

    if (argc < 4) {
        fprintf(stderr, "usage: take-snapshot URI VM NAME [STATE-FOLDER]\n");
        return 2;
    }
    options.uri = argv[1];
    options.state_dir = argc > 4 ? argv[4] : NULL;
    if (vmsnap_context_open(&options, &context, &error) < 0)
        return complain(argv[1], error);
    if (vmsnap_context_find_vm(context, argv[2], &vm, &error) < 0) {
        status = complain(argv[2], error);
    } else {
        status = take_snapshot(vm, argv[3]);
        vmsnap_vm_unref(vm);
    }
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
    return status;
}
