/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef WITH_LIBRARY
#include <vmsnap/vmsnap.h>
#endif

/* A host of the library for the benchmark: one context, open all the time, public calls only.
 * One command a line on stdin, one answer a line on stdout: "ok MS TEXT" or "error MS TEXT".
 *
 *   open STATE_DIR    create VM NAME METHOD    delete NAME    clone VM NAME    rss
 *
 * Built a second time without the library, where it knows only `rss`. */

enum { LINE_SIZE = 4096, WORDS = 4 };

/* Resident KiB of this process; 0 if the kernel does not tell. */
static long
read_rss(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    long kib = 0;

    while (status && fgets(line, sizeof line, status)) {
        if (strncmp(line, "VmRSS:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    }
    if (status)
        (void)fclose(status);
    return kib;
}

static int
answer(int good, double spent_ms, const char *text)
{
    printf("%s %.3f %s\n", good ? "ok" : "error", spent_ms, text);
    return fflush(stdout);
}

static int
run_rss(void)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%ld", read_rss());
    return answer(1, 0, text);
}

#ifdef WITH_LIBRARY

static vmsnap_context *context;

static double
now_ms(void)
{
    struct timespec now = { 0 };

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Answers and forgets the error. */
static int
refuse(vmsnap_error *error)
{
    int result = answer(0, 0, vmsnap_error_get_message(error));

    vmsnap_error_free(error);
    return result;
}

static int
run_open(const char **words)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_error *error = NULL;
    double start = now_ms();

    options.uri = "qemu:///system";
    options.state_dir = words[1];
    if (vmsnap_context_open(&options, &context, &error) < 0)
        return refuse(error);
    return answer(1, now_ms() - start, "open");
}

static vmsnap_method
method_of(const char *word)
{
    if (strcmp(word, "reflink") == 0)
        return VMSNAP_METHOD_REFLINK;
    return strcmp(word, "backup") == 0 ? VMSNAP_METHOD_BACKUP : VMSNAP_METHOD_AUTO;
}

/* From the call to the end of its job. */
static int
run_create(const char **words)
{
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    vmsnap_snapshot *snapshot = NULL;
    vmsnap_error *error = NULL;
    vmsnap_job *job = NULL;
    vmsnap_vm *vm = NULL;
    int result = vmsnap_context_find_vm(context, words[1], &vm, &error);
    double start = now_ms();
    double spent;

    options.name = words[2];
    options.method = method_of(words[3]);
    if (result == 0)
        result = vmsnap_snapshot_create(vm, &options, &job, &error);
    if (result == 0)
        result = vmsnap_job_wait(job, -1, &error);
    spent = now_ms() - start;
    if (result >= 0)
        result = vmsnap_job_ref_snapshot(job, &snapshot, &error);
    result = result < 0 ? refuse(error) : answer(1, spent, vmsnap_snapshot_get_json(snapshot));
    vmsnap_snapshot_unref(snapshot);
    vmsnap_job_unref(job);
    vmsnap_vm_unref(vm);
    return result;
}

static int
run_delete(const char **words)
{
    vmsnap_snapshot *snapshot = NULL;
    vmsnap_error *error = NULL;
    vmsnap_job *job = NULL;
    int result = vmsnap_context_find_snapshot(context, words[1], &snapshot, &error);

    if (result == 0)
        result = vmsnap_snapshot_delete(snapshot, &job, &error);
    if (result == 0)
        result = vmsnap_job_wait(job, -1, &error);
    result = result < 0 ? refuse(error) : answer(1, 0, "deleted");
    vmsnap_job_unref(job);
    vmsnap_snapshot_unref(snapshot);
    return result;
}

/* From the question who the source is to the end of the job. */
static int
run_clone(const char **words)
{
    vmsnap_clone_options options = VMSNAP_CLONE_OPTIONS_INIT;
    vmsnap_error *error = NULL;
    vmsnap_plan *plan = NULL;
    vmsnap_job *job = NULL;
    vmsnap_vm *vm = NULL;
    double start = now_ms();
    double spent;
    int result = vmsnap_context_find_vm(context, words[1], &vm, &error);

    options.name = words[2];
    if (result == 0)
        result = vmsnap_clone_plan(vm, &options, &plan, &error);
    if (result == 0)
        result = vmsnap_clone_start(plan, VMSNAP_MODE_STRICT, &job, &error);
    if (result == 0)
        result = vmsnap_job_wait(job, -1, &error);
    spent = now_ms() - start;
    result = result < 0 ? refuse(error) : answer(1, spent, "cloned");
    vmsnap_job_unref(job);
    vmsnap_plan_unref(plan);
    vmsnap_vm_unref(vm);
    return result;
}

#endif

static int
run(const char **words)
{
    if (strcmp(words[0], "rss") == 0)
        return run_rss();
#ifdef WITH_LIBRARY
    if (strcmp(words[0], "open") == 0)
        return run_open(words);
    if (strcmp(words[0], "create") == 0)
        return run_create(words);
    if (strcmp(words[0], "delete") == 0)
        return run_delete(words);
    if (strcmp(words[0], "clone") == 0)
        return run_clone(words);
#endif
    return answer(0, 0, "unknown command");
}

int
main(void)
{
    char line[LINE_SIZE];

    while (fgets(line, sizeof line, stdin)) {
        const char *words[WORDS] = { "", "", "", "" };
        char *rest = NULL;
        char *word = strtok_r(line, " \n", &rest);

        for (int i = 0; word && i < WORDS; i++) {
            words[i] = word;
            word = strtok_r(NULL, " \n", &rest);
        }
        if (run(words) != 0)
            return 1;
    }
#ifdef WITH_LIBRARY
    vmsnap_context_unref(context);
#endif
    return 0;
}
