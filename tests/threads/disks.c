/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots of disks that no VM has, side by side and without a hypervisor: threads share disks and
 * their handles, and wait for each other. Folder: argv[1]. */

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmsnap/vmsnap.h>

enum { THREADS = 6, DISKS = 3, ROUNDS = 4, DISK_SIZE = 1 << 20, WAIT_MS = 60000 };

static vmsnap_context *context;
static vmsnap_disk *disks[DISKS];
static atomic_int failures;

static void
fail(const char *what, vmsnap_error *error)
{
    (void)fprintf(stderr, "%s: %s\n", what, error ? vmsnap_error_get_message(error) : "wrong");
    vmsnap_error_free(error);
    atomic_fetch_add(&failures, 1);
}

/* The code with which the job ended. */
static int
finish(int code, vmsnap_job *job, vmsnap_error **error)
{
    if (code >= 0)
        code = vmsnap_job_wait(job, -1, error);
    vmsnap_job_unref(job);
    return code;
}

static vmsnap_snapshot *
take(vmsnap_disk *disk, const char *name)
{
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    vmsnap_snapshot *snapshot = NULL;
    vmsnap_error *error = NULL;
    vmsnap_job *job = NULL;
    int code;

    options.name = name;
    options.wait_ready_ms = WAIT_MS;
    code = vmsnap_disk_snapshot_create(disk, &options, &job, &error);
    if (finish(code, job, &error) < 0) {
        fail("take", error);
        return NULL;
    }
    if (vmsnap_context_find_disk_snapshot(context, name, &snapshot, &error) < 0)
        fail("find", error);
    return snapshot;
}

/* Another thread may be at the same disk. */
static void
drop(vmsnap_snapshot *snapshot)
{
    for (;;) {
        vmsnap_error *error = NULL;
        vmsnap_job *job = NULL;
        int code = vmsnap_snapshot_delete(snapshot, &job, &error);

        code = finish(code, job, &error);
        if (code < 0 && code != VMSNAP_E_BUSY) {
            fail("delete", error);
            return;
        }
        vmsnap_error_free(error);
        if (code >= 0)
            return;
        (void)usleep(1000);
    }
}

static void
one_round(int number, int round)
{
    vmsnap_disk *disk = disks[(number + round) % DISKS];
    vmsnap_snapshot_list *list = NULL;
    vmsnap_error *error = NULL;
    vmsnap_snapshot *snapshot;
    char name[32];

    (void)snprintf(name, sizeof name, "d-%d-%d", number, round);
    snapshot = take(disk, name);
    if (!snapshot)
        return;
    if (!vmsnap_snapshot_get_consistent(snapshot) ||
        strcmp(vmsnap_snapshot_get_disk_name(snapshot), vmsnap_disk_get_name(disk)) != 0)
        fail("snapshot", NULL);
    if (vmsnap_context_list_disk_snapshots(context, vmsnap_disk_get_name(disk), &list, &error) < 0)
        fail("list", error);
    vmsnap_snapshot_list_unref(list);
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
    vmsnap_error *error = NULL;
    char path[512];
    int fd, result;

    (void)snprintf(path, sizeof path, "%s/%d.img", folder, number);
    fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return 0;
    result = ftruncate(fd, DISK_SIZE) == 0;
    if (close(fd) != 0 || !result)
        return 0;
    if (vmsnap_context_find_disk(context, path, NULL, &disks[number], &error) < 0)
        fail("disk", error);
    return disks[number] != NULL;
}

static int
open_all(const char *folder)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_error *error = NULL;
    int made = mkdir(folder, 0700) == 0 || access(folder, W_OK) == 0;

    options.uri = "none";
    options.state_dir = folder;
    if (!made || vmsnap_context_open(&options, &context, &error) < 0) {
        fail("open", error);
        return 0;
    }
    for (int i = 0; i < DISKS; i++) {
        if (!make_disk(folder, i))
            return 0;
    }
    return 1;
}

static void
run(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    int count = 0;

    for (; count < THREADS; count++) {
        numbers[count] = count;
        if (pthread_create(&threads[count], NULL, thread_main, &numbers[count]) != 0)
            break;
    }
    for (int i = 0; i < count; i++)
        (void)pthread_join(threads[i], NULL);
}

int
main(int argc, char **argv)
{
    if (argc != 2 || !open_all(argv[1]))
        return EXIT_FAILURE;
    one_round(THREADS, 0); /* what GLib makes on first use: see one-context.c */
    run();
    for (int i = 0; i < DISKS; i++)
        vmsnap_disk_unref(disks[i]);
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
    (void)printf("%d failures\n", atomic_load(&failures));
    return atomic_load(&failures) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
