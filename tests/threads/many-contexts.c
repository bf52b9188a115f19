/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each thread opens, uses and lets go contexts of its own on one state folder; handles outlive
 * them and jobs are let go while they run. State folder: argv[1]. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmsnap/vmsnap.h>

enum { THREADS = 6, ROUNDS = 8 };

static const char *folder;
static atomic_int failures;

static void
fail(const char *what, const vmsnap_error *error)
{
    (void)fprintf(stderr, "%s: %s\n", what, vmsnap_error_get_message(error));
    atomic_fetch_add(&failures, 1);
}

static void
one_round(int number)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_operation_list *list = NULL;
    vmsnap_context *context = NULL;
    vmsnap_error *error = NULL;
    vmsnap_job *job = NULL;

    options.uri = "none";
    options.state_dir = folder;
    if (vmsnap_context_open(&options, &context, &error) < 0) {
        fail("open", error);
        vmsnap_error_free(error);
        return;
    }
    if (vmsnap_context_list_operations(context, &list, &error) < 0)
        fail("list", error);
    else if (vmsnap_context_recover(context, &job, &error) < 0)
        fail("recover", error);
    if (number % 3 == 0)
        vmsnap_context_close(context);
    vmsnap_context_unref(context);
    if (job && number % 3 == 1 && vmsnap_job_wait(job, -1, &error) != 1)
        fail("wait", error);
    vmsnap_job_unref(job);
    vmsnap_operation_list_unref(list);
    vmsnap_error_free(error);
}

static void *
thread_main(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        one_round(i);
    return argument;
}

int
main(int argc, char **argv)
{
    pthread_t threads[THREADS];

    if (argc != 2)
        return EXIT_FAILURE;
    folder = argv[1];
    (void)vmsnap_context_open(NULL, NULL, NULL); /* as in one-context.c */
    one_round(0);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, thread_main, NULL) != 0)
            return EXIT_FAILURE;
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    return atomic_load(&failures) ? EXIT_FAILURE : EXIT_SUCCESS;
}
