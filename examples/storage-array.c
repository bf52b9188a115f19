/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Freeze a VM, let a storage array cut its volumes, thaw, and keep the cut only if the freeze is
 * proven to have held.
 *
 * storage-array URI VM CUT-COMMAND [STATE-FOLDER] */

#include <stdio.h>
#include <stdlib.h>

#include <vmsnap/vmsnap.h>

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

/* Wait for a job and take its freeze; NULL after a message. Releases the job. */
static vmsnap_freeze *
finish(vmsnap_job *job, const char *what)
{
    vmsnap_freeze *freeze = NULL;
    vmsnap_error *error = NULL;

    if (vmsnap_job_wait(job, -1, &error) < 0 || vmsnap_job_ref_freeze(job, &freeze, &error) < 0)
        complain(what, error);
    vmsnap_job_unref(job);
    return freeze;
}

/* Thaw in any case: a cut that failed is no reason to leave the guest frozen. */
static int
thaw_and_judge(vmsnap_freeze *freeze, int cut)
{
    vmsnap_job *job;
    vmsnap_error *error = NULL;
    vmsnap_freeze *over;
    int proven;

    if (vmsnap_freeze_end(freeze, &job, &error) < 0)
        return complain("thaw", error);
    over = finish(job, "thaw");
    if (!over)
        return 1;
    proven = vmsnap_freeze_get_proven(over);
    printf("%s\n", vmsnap_freeze_get_json(over));
    vmsnap_freeze_unref(over);
    if (cut != 0)
        fprintf(stderr, "the cut failed: %d\n", cut);
    else if (!proven)
        fprintf(stderr, "the freeze did not hold: the cut is crash-consistent only\n");
    return cut != 0 || !proven;
}

static int
freeze_and_cut(vmsnap_vm *vm, const char *command)
{
    vmsnap_freeze_options options = VMSNAP_FREEZE_OPTIONS_INIT;
    vmsnap_freeze *freeze;
    vmsnap_job *job;
    vmsnap_error *error = NULL;
    int status;

    options.hold_ms = 20000; /* an array that takes longer is of no use to a guest */
    options.wait_ready_ms = 60000;
    if (vmsnap_freeze_start(vm, &options, &job, &error) < 0)
        return complain("freeze", error);
    freeze = finish(job, "freeze");
    if (!freeze)
        return 1;
    /* If this program dies here the guard thaws the guest. */
    status = thaw_and_judge(freeze, system(command));
    vmsnap_freeze_unref(freeze);
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
        fprintf(stderr, "usage: storage-array URI VM CUT-COMMAND [STATE-FOLDER]\n");
        return 2;
    }
    options.uri = argv[1];
    options.state_dir = argc > 4 ? argv[4] : NULL;
    if (vmsnap_context_open(&options, &context, &error) < 0)
        return complain(argv[1], error);
    if (vmsnap_context_find_vm(context, argv[2], &vm, &error) < 0) {
        status = complain(argv[2], error);
    } else {
        status = freeze_and_cut(vm, argv[3]);
        vmsnap_vm_unref(vm);
    }
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
    return status;
}
