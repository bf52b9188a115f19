/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Many threads on one context: questions, readings, jobs, and a close under them all. A plain
 * program, so that ThreadSanitizer and valgrind can watch it. State folder: argv[1]. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmsnap/vmsnap.h>

enum { THREADS = 8, ROUNDS = 40 };

static vmsnap_context *context;
static vmsnap_vm *shared_vm;
static atomic_int rounds_done;
static atomic_int failures;

static void
expect(int good, const char *what)
{
    if (good)
        return;
    (void)fprintf(stderr, "not as expected: %s\n", what);
    atomic_fetch_add(&failures, 1);
}

/* 1: go on; 0: the context was closed under us, which is right. */
static int
ask(void)
{
    vmsnap_snapshot_list *snapshots = NULL;
    vmsnap_vm_list *vms = NULL;
    vmsnap_vm *vm = NULL;
    int code;

    code = vmsnap_context_list_vms(context, &vms, NULL);
    if (code == VMSNAP_E_CLOSED)
        return 0;
    expect(code == 0 && vmsnap_vm_list_get_count(vms) == 1, "one VM listed");
    vm = vmsnap_vm_ref(vmsnap_vm_list_get_item(vms, 0));
    vmsnap_vm_list_unref(vms);
    expect(strcmp(vmsnap_vm_get_name(vm), vmsnap_vm_get_name(shared_vm)) == 0, "its name");
    vmsnap_vm_unref(vm);

    code = vmsnap_context_list_snapshots(context, NULL, &snapshots, NULL);
    if (code == VMSNAP_E_CLOSED)
        return 0;
    expect(code == 0 && vmsnap_snapshot_list_get_count(snapshots) == 0, "no snapshot listed");
    vmsnap_snapshot_list_unref(snapshots);
    return 1;
}

static int
work(int even)
{
    vmsnap_progress progress = VMSNAP_PROGRESS_INIT;
    vmsnap_error *error = NULL;
    vmsnap_job *job = NULL;
    int code = vmsnap_context_recover(context, &job, &error);

    if (code == VMSNAP_E_CLOSED || code == VMSNAP_E_BUSY) {
        vmsnap_error_free(error);
        return code == VMSNAP_E_BUSY;
    }
    expect(code == 0, vmsnap_error_get_message(error));
    expect(vmsnap_job_read_progress(job, &progress, NULL) == 0, "progress");
    if (even)
        expect(vmsnap_job_wait(job, -1, NULL) != 0, "a job ends");
    else
        vmsnap_job_cancel(job);
    vmsnap_job_unref(job);
    return 1;
}

static void *
thread_main(void *argument)
{
    int go_on = 1;

    for (int i = 0; i < ROUNDS && go_on; i++) {
        go_on = ask();
        if (go_on && i % 8 == 0)
            go_on = work(i % 16 == 0);
        atomic_fetch_add(&rounds_done, 1);
    }
    return argument;
}

static int
open_all(const char *folder)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_error *error = NULL;

    /* What GLib makes for the first error is made before there are threads: it is not built for
     * ThreadSanitizer. For the same reason run this with G_SLICE=always-malloc there. */
    expect(vmsnap_context_open(NULL, NULL, NULL) == VMSNAP_E_INVALID, "a missing argument");
    options.uri = "test:///default";
    options.state_dir = folder;
    options.max_jobs = 4;
    if (vmsnap_context_open(&options, &context, &error) == 0 &&
        vmsnap_context_find_vm(context, "test", &shared_vm, &error) == 0)
        return 1;
    (void)fprintf(stderr, "cannot open: %s\n", vmsnap_error_get_message(error));
    vmsnap_error_free(error);
    return 0;
}

int
main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    if (argc != 2 || !open_all(argv[1]))
        return EXIT_FAILURE;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, thread_main, NULL) != 0)
            return EXIT_FAILURE;
    while (atomic_load(&rounds_done) < THREADS * ROUNDS / 2)
        (void)ask();
    vmsnap_context_close(context);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    expect(strcmp(vmsnap_vm_get_name(shared_vm), "test") == 0, "readable after close");
    vmsnap_vm_unref(shared_vm);
    vmsnap_context_unref(context);
    return atomic_load(&failures) ? EXIT_FAILURE : EXIT_SUCCESS;
}
