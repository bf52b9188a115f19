/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Takes one snapshot of a VM and tells of each micro-step of its freeze window.
 *
 *   freeze-driver VM NAME [KEY=VALUE...]
 *
 * Steps are crash points, counted from 1, the first one that has to do with a guard.
 *
 *   trace=1      prints `point NAME` at each
 *   stop=N       prints `at NAME` at the N-th and waits for a line on standard input
 *   pass=N       prints `at NAME` at the N-th and goes on
 *   cancel=N     cancels the job at the N-th
 *   cancel_us=T  cancels it that long after its start
 *   child=1      makes a child, which prints `child PID` and lives on
 *   call=MS budget=MS policy=N  of the snapshot
 *
 * Prints `started`, and `ended` as soon as the job has, then `done JSON` (exit 0) or `failed JSON`
 * (exit 1). */
#include "base/sys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmsnap/vmsnap.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_context, vmsnap_context_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_error, vmsnap_error_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_job, vmsnap_job_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(vmsnap_vm, vmsnap_vm_unref)

static struct {
    gboolean trace;
    gboolean child;
    guint64 stop;
    guint64 pass;
    guint64 cancel;
    guint cancel_us;
} wish;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static guint64 steps; /* under the lock; 0: no guard yet */
static _Atomic(vmsnap_job *) job;

/* One line in one write: nothing is lost when the process dies next. */
static void
say(const char *word, const char *text)
{
    g_autofree char *line = g_strdup_printf("%s%s%s\n", word, *text ? " " : "", text);

    if (write(STDOUT_FILENO, line, strlen(line)) < 0)
        _exit(2);
}

static void
wait_for_line(void)
{
    char byte = 0;

    while (byte != '\n' && read(STDIN_FILENO, &byte, 1) > 0)
        continue;
}

static void
cancel_job(void)
{
    while (!atomic_load(&job))
        usleep(100);
    vmsnap_job_cancel(atomic_load(&job));
}

static void
reach(guint64 count, const char *name)
{
    guint64 step;

    (void)count;
    pthread_mutex_lock(&lock);
    step = steps > 0 || g_str_has_prefix(name, "guard-") ? ++steps : 0;
    pthread_mutex_unlock(&lock);
    if (step == 0)
        return;
    if (wish.trace)
        say("point", name);
    if (step == wish.stop || step == wish.pass)
        say("at", name);
    if (step == wish.stop)
        wait_for_line();
    if (step == wish.cancel)
        cancel_job();
}

static void
leave_child(void)
{
    g_autofree char *text = NULL;
    pid_t pid = fork();

    if (pid == 0) {
        pause();
        _exit(0);
    }
    text = g_strdup_printf("%d", (int)pid);
    say("child", text);
}

static gboolean
set_wish(const char *word, vmsnap_snapshot_options *options)
{
    g_auto(GStrv) pair = g_strsplit(word, "=", 2);
    guint64 number = pair[0] && pair[1] ? g_ascii_strtoull(pair[1], NULL, 10) : 0;

    if (g_str_equal(pair[0], "trace"))
        wish.trace = number != 0;
    else if (g_str_equal(pair[0], "stop"))
        wish.stop = number;
    else if (g_str_equal(pair[0], "pass"))
        wish.pass = number;
    else if (g_str_equal(pair[0], "cancel"))
        wish.cancel = number;
    else if (g_str_equal(pair[0], "cancel_us"))
        wish.cancel_us = (guint)number;
    else if (g_str_equal(pair[0], "child"))
        wish.child = number != 0;
    else if (g_str_equal(pair[0], "call"))
        options->freeze_call_ms = (guint32)number;
    else if (g_str_equal(pair[0], "budget"))
        options->freeze_budget_ms = (guint32)number;
    else if (g_str_equal(pair[0], "policy"))
        options->consistency = (guint32)number;
    else
        return FALSE;
    return TRUE;
}

static int
start(vmsnap_context *context, const char *name, const vmsnap_snapshot_options *options,
      vmsnap_job **ret_job, vmsnap_error **error)
{
    g_autoptr(vmsnap_vm) vm = NULL;
    int code = vmsnap_context_find_vm(context, name, &vm, error);

    return code < 0 ? code : vmsnap_snapshot_create(vm, options, ret_job, error);
}

/* Takes one snapshot; NULL when it was taken. */
static vmsnap_error *
take(vmsnap_context *context, const char *vm, const vmsnap_snapshot_options *options)
{
    vmsnap_error *error = NULL;
    vmsnap_job *taking = NULL;
    int code;

    vms_crash_hook(reach);
    if (start(context, vm, options, &taking, &error) < 0)
        return error;
    atomic_store(&job, taking);
    say("started", "");
    if (wish.child)
        leave_child();
    if (wish.cancel_us > 0) {
        usleep(wish.cancel_us);
        cancel_job();
    }
    code = vmsnap_job_wait(taking, -1, &error);
    say("ended", "");
    if (code >= 0)
        say("done", vmsnap_job_get_json(taking));
    vmsnap_job_unref(taking);
    return error;
}

int
main(int argc, char **argv)
{
    vmsnap_context_options opening = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    g_autoptr(vmsnap_context) context = NULL;
    g_autoptr(vmsnap_error) error = NULL;

    if (argc < 3)
        return 2;
    options.name = argv[2];
    for (int i = 3; i < argc; i++)
        if (!set_wish(argv[i], &options))
            return 2;
    opening.uri = "qemu:///system";
    if (vmsnap_context_open(&opening, &context, &error) == VMSNAP_OK)
        error = take(context, argv[1], &options);
    if (!error)
        return EXIT_SUCCESS;
    say("failed", vmsnap_error_get_json(error));
    return EXIT_FAILURE;
}
