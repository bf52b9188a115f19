/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole operations side by side: each thread takes, verifies, restores and deletes snapshots of
 * VMs that are off, and often meets another one at the same VM, which must be told BUSY. On
 * libvirt's test driver, which believes that every disk has DISK_SIZE bytes: sparse files.
 * Folder: argv[1]. */

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmsnap/vmsnap.h>

enum { THREADS = 6, VMS = 3, ROUNDS = 4 };

#define DISK_SIZE 1099506450432

static vmsnap_context *context;
static atomic_int failures;
static atomic_int taken;

static void
fail(const char *what, const vmsnap_error *error)
{
    (void)fprintf(stderr, "%s: %s\n", what, vmsnap_error_get_message(error));
    atomic_fetch_add(&failures, 1);
}

/* 1 done, 0 somebody else was at it, -1 failed. */
static int
finish(const char *what, int code, vmsnap_job *job, vmsnap_error *error)
{
    int result = 1;

    if (code >= 0)
        code = vmsnap_job_wait(job, -1, &error);
    if (code == VMSNAP_E_BUSY)
        result = 0;
    else if (code < 0)
        result = -1;
    if (result < 0)
        fail(what, error);
    vmsnap_error_free(error);
    vmsnap_job_unref(job);
    return result;
}

static vmsnap_snapshot *
take(const char *vm_name, const char *name)
{
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    vmsnap_snapshot *snapshot = NULL;
    vmsnap_error *error = NULL;
    vmsnap_job *job = NULL;
    vmsnap_vm *vm = NULL;
    int code = vmsnap_context_find_vm(context, vm_name, &vm, &error);

    options.name = name;
    if (code >= 0)
        code = vmsnap_snapshot_create(vm, &options, &job, &error);
    vmsnap_vm_unref(vm);
    if (finish("take", code, job, error) != 1)
        return NULL;
    if (vmsnap_context_find_snapshot(context, name, &snapshot, NULL) < 0)
        fail("find", NULL);
    return snapshot;
}

static void
restore(vmsnap_snapshot *snapshot)
{
    vmsnap_error *error = NULL;
    vmsnap_plan *plan = NULL;
    vmsnap_job *job = NULL;
    int code = vmsnap_restore_plan(snapshot, NULL, NULL, &plan, &error);

    if (code >= 0)
        code = vmsnap_restore_start(plan, VMSNAP_MODE_STRICT, &job, &error);
    vmsnap_plan_unref(plan);
    /* Another thread's restore makes the plan old, or its files stand in the way for a moment. */
    if (code >= 0)
        code = vmsnap_job_wait(job, -1, &error);
    if (code < 0 && code != VMSNAP_E_BUSY && code != VMSNAP_E_PLAN_STALE &&
        code != VMSNAP_E_CONFLICT)
        fail("restore", error);
    vmsnap_error_free(error);
    vmsnap_job_unref(job);
}

static void
drop(vmsnap_snapshot *snapshot)
{
    int result = 0;

    while (result == 0) {
        vmsnap_error *error = NULL;
        vmsnap_job *job = NULL;
        int code = vmsnap_snapshot_delete(snapshot, &job, &error);

        result = finish("delete", code, job, error);
        (void)usleep(1000);
    }
}

static void
one_round(int number, int round)
{
    char name[32], vm[32];
    vmsnap_snapshot *snapshot;

    (void)snprintf(name, sizeof name, "s-%d-%d", number, round);
    (void)snprintf(vm, sizeof vm, "vm%d", (number + round) % VMS);
    snapshot = take(vm, name);
    if (!snapshot)
        return;
    atomic_fetch_add(&taken, 1);
    restore(snapshot);
    drop(snapshot);
    vmsnap_snapshot_unref(snapshot);
}

static void *
thread_main(void *argument)
{
    const int number = *(const int *)argument;

    for (int i = 0; i < ROUNDS; i++)
        one_round(number, i);
    return NULL;
}

static int
make_disk(const char *folder, int number)
{
    char path[512];
    int fd, result;

    (void)snprintf(path, sizeof path, "%s/%d.img", folder, number);
    fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return 0;
    result = ftruncate(fd, DISK_SIZE) == 0;
    return close(fd) == 0 && result;
}

static int
make_world(const char *folder)
{
    char path[512];
    FILE *file;
    int good = folder && (mkdir(folder, 0700) == 0 || access(folder, W_OK) == 0);

    if (!good)
        return 0;
    (void)snprintf(path, sizeof path, "%s/node.xml", folder);
    file = fopen(path, "we");
    if (!file)
        return 0;
    (void)fputs("<node>", file);
    for (int i = 0; i < VMS && good; i++) {
        (void)fprintf(file,
                      "<domain type='test' "
                      "xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>vm%d</name>"
                      "<memory>1024</memory><os><type>hvm</type></os><devices>"
                      "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
                      "<source file='%s/%d.img'/><target dev='vda' bus='virtio'/></disk>"
                      "</devices><test:runstate>5</test:runstate></domain>",
                      i, folder, i);
        good = make_disk(folder, i);
    }
    (void)fputs("</node>", file);
    return fclose(file) == 0 && good;
}

static int
open_all(const char *folder)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_error *error = NULL;
    char uri[512], state[512];

    (void)snprintf(uri, sizeof uri, "test://%s/node.xml", folder);
    (void)snprintf(state, sizeof state, "%s/state", folder);
    options.uri = uri;
    options.state_dir = state;
    if (vmsnap_context_open(&options, &context, &error) == 0)
        return 1;
    fail("open", error);
    vmsnap_error_free(error);
    return 0;
}

int
main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];

    if (argc != 2 || !make_world(argv[1]) || !open_all(argv[1]))
        return EXIT_FAILURE;
    one_round(THREADS, 0); /* what GLib makes on first use: see one-context.c */
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, thread_main, &numbers[i]) != 0)
            return EXIT_FAILURE;
    }
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
    (void)printf("%d snapshots taken\n", atomic_load(&taken));
    return atomic_load(&failures) || atomic_load(&taken) == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
