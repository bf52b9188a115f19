/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/error.h"
#include "engine/lock.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;
static char *runtime;

static void
make_dir(void)
{
    dir = g_dir_make_tmp("vms-lock-XXXXXX", NULL);
    runtime = g_build_filename(dir, "run", NULL);
}

static void
remove_dir(void)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", dir);

    cr_assert_eq(system(command), 0);
    g_free(dir);
    g_free(runtime);
}

TestSuite(lock, .init = make_dir, .fini = remove_dir);

static VmsLock *
must_take(const char *name, guint wait_ms)
{
    g_autoptr(GError) error = NULL;
    VmsLock *lock = NULL;

    cr_assert(vms_lock_take(runtime, name, "op-1", wait_ms, NULL, &lock, &error), "%s",
              error ? error->message : "");
    return lock;
}

static void
must_be_busy(const char *name, guint wait_ms, const char *holder)
{
    g_autoptr(GError) error = NULL;
    VmsLock *lock = NULL;

    cr_assert_not(vms_lock_take(runtime, name, "op-2", wait_ms, NULL, &lock, &error));
    cr_assert_null(lock);
    cr_assert_eq(error->code, VMSNAP_E_BUSY);
    cr_assert_str_eq(vms_error_get_reason(error), "Locked");
    cr_assert_str_eq(vms_error_get_object(error), name);
    cr_assert(strstr(error->message, holder), "%s", error->message);
}

Test(lock, a_held_one_is_busy_and_tells_its_holder)
{
    g_autoptr(VmsLock) lock = must_take("vm", 0);
    g_autofree char *holder = g_strdup_printf("process %d (operation op-1)", getpid());
    g_autoptr(VmsLock) other = must_take("other", 0);

    must_be_busy("vm", 0, holder);
}

Test(lock, a_freed_one_can_be_taken)
{
    vms_lock_free(must_take("vm", 0));
    vms_lock_free(must_take("vm", 0));
    vms_lock_free(NULL);
}

Test(lock, waiting_ends_on_time)
{
    g_autoptr(VmsLock) lock = must_take("vm", 0);
    gint64 start = g_get_monotonic_time();

    must_be_busy("vm", 200, "op-1");
    cr_assert_geq(g_get_monotonic_time() - start, 200000);
    cr_assert_lt(g_get_monotonic_time() - start, 2000000);
}

static void *
free_later(void *lock)
{
    g_usleep(150000);
    vms_lock_free(lock);
    return NULL;
}

Test(lock, waiting_gets_it_when_it_is_freed)
{
    VmsLock *lock = must_take("vm", 0);
    pthread_t thread;

    pthread_create(&thread, NULL, free_later, lock);
    vms_lock_free(must_take("vm", 5000));
    pthread_join(thread, NULL);
}

Test(lock, waiting_can_be_cancelled)
{
    g_autoptr(VmsLock) lock = must_take("vm", 0);
    g_autoptr(GError) error = NULL;
    VmsLock *second = NULL;
    VmsProgress progress;

    vms_progress_init(&progress);
    vms_progress_cancel(&progress);
    cr_assert_not(vms_lock_take(runtime, "vm", "op-2", 10000, &progress, &second, &error));
    cr_assert_eq(error->code, VMSNAP_E_CANCELLED);
}

/* A process that holds the lock until it is killed. */
static pid_t
start_holder(void)
{
    int ready[2];
    char byte = 0;
    pid_t child = -1;

    cr_assert_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        must_take("vm", 0);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        alarm(10);
        pause();
        _exit(0);
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    return child;
}

Test(lock, one_of_a_killed_process_is_free_at_once)
{
    pid_t child = start_holder();
    g_autofree char *holder = g_strdup_printf("process %d ", child);

    must_be_busy("vm", 0, holder);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    vms_lock_free(must_take("vm", 0));
}

/* Fork a child that only waits; what the parent does with @lock meanwhile counts. */
static pid_t
start_idle_child(VmsLock *lock)
{
    pid_t child = fork();

    if (child == 0) {
        vms_lock_free(lock); /* forgets, and takes nothing from the parent */
        alarm(10);
        pause();
        _exit(0);
    }
    g_usleep(100000);
    return child;
}

Test(lock, a_forked_child_neither_frees_nor_keeps_it)
{
    VmsLock *lock = must_take("vm", 0);
    pid_t child = start_idle_child(lock);

    must_be_busy("vm", 0, "op-1");
    vms_lock_free(lock);
    vms_lock_free(must_take("vm", 0));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

Test(lock, one_of_a_dead_parent_is_free_while_its_child_lives)
{
    int ready[2];
    pid_t grandchild = 0;
    pid_t child = -1;

    cr_assert_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        pid_t idle = start_idle_child(must_take("vm", 0));
        if (write(ready[1], &idle, sizeof idle) != sizeof idle)
            _exit(1);
        alarm(10);
        pause();
        _exit(0);
    }
    cr_assert_eq(read(ready[0], &grandchild, sizeof grandchild), sizeof grandchild);
    must_be_busy("vm", 0, "op-1");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    cr_assert_eq(kill(grandchild, 0), 0);
    /* on a busy machine the grandchild may not have come to its fork handler yet */
    vms_lock_free(must_take("vm", 3000));
    kill(grandchild, SIGKILL);
}

static guint
mode_of(const char *below)
{
    g_autofree char *path = g_build_filename(runtime, below, NULL);
    struct stat info;

    cr_assert_eq(stat(path, &info), 0, "%s", path);
    return info.st_mode & 07777;
}

Test(lock, folders_let_qemu_pass_and_no_further)
{
    g_autoptr(VmsLock) lock = NULL;

    umask(077);
    lock = must_take("vm", 0);
    cr_assert_eq(mode_of("."), 0711);
    cr_assert_eq(mode_of("locks"), 0700);
    cr_assert_eq(mode_of("locks/vm.lock"), 0600);
}

Test(lock, a_link_in_its_place_is_refused)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *victim = g_build_filename(dir, "victim", NULL);
    g_autofree char *link = g_build_filename(runtime, "locks", "vm.lock", NULL);
    VmsLock *lock = NULL;

    vms_lock_free(must_take("other", 0));
    cr_assert(g_file_set_contents(victim, "precious", -1, NULL));
    cr_assert_eq(symlink(victim, link), 0);
    cr_assert_not(vms_lock_take(runtime, "vm", "op", 0, NULL, &lock, &error));
    cr_assert_not(vms_lock_take(runtime, "../vm", "op", 0, NULL, &lock, NULL));
}

Test(lock, names_differ_by_what_they_lock)
{
    g_autofree char *vm = vms_lock_name_vm("9E107D9D-372B-4C9A-8AD4-A1D1B6B1A001");
    g_autofree char *window = vms_lock_name_window(vm);
    g_autofree char *disk = vms_lock_name_disk("/a");
    g_autofree char *other = vms_lock_name_disk("/b");

    cr_assert_str_eq(vm, "9e107d9d-372b-4c9a-8ad4-a1d1b6b1a001");
    cr_assert_str_neq(vm, window);
    cr_assert(g_str_has_prefix(disk, "disk-"));
    cr_assert_eq(strlen(disk), 69);
    cr_assert_str_neq(disk, other);
}

/* ---- shared ---- */

static VmsLock *
must_share(const char *name, const char *operation)
{
    g_autoptr(GError) error = NULL;
    VmsLock *lock = NULL;

    cr_assert(vms_lock_share(runtime, name, operation, 0, NULL, &lock, &error), "%s",
              error ? error->message : "");
    return lock;
}

Test(lock, who_wants_it_alone_hears_of_all_who_share_it)
{
    VmsLock *a = must_share("vm", "op-a");
    g_autoptr(VmsLock) b = must_share("vm", "op-b");

    must_be_busy("vm", 0, "(operation op-a), process");
    must_be_busy("vm", 0, "(operation op-b)");
    vms_lock_free(a);
    must_be_busy("vm", 0, "by process");
    vms_lock_free(must_share("vm", "op-c"));
    must_be_busy("vm", 0, "(operation op-b)");
}

Test(lock, one_taken_alone_is_not_shared)
{
    g_autoptr(VmsLock) alone = must_take("vm", 0);
    g_autoptr(GError) error = NULL;
    VmsLock *lock = NULL;

    cr_assert_not(vms_lock_share(runtime, "vm", "op-2", 0, NULL, &lock, &error));
    cr_assert(strstr(error->message, "(operation op-1)"), "%s", error->message);
}

Test(lock, an_operation_has_it_once)
{
    g_autoptr(VmsLock) other = must_share("vm", "op-b");
    VmsLock *lock = must_share("vm", "op-a");
    VmsLock *again = NULL;

    cr_assert_not(vms_lock_share(runtime, "vm", "op-a", 0, NULL, &again, NULL));
    vms_lock_free(lock);
    vms_lock_free(must_share("vm", "op-a"));
}

Test(lock, the_line_of_a_dead_holder_is_not_believed)
{
    pid_t child = start_holder();
    g_autofree char *holder = g_strdup_printf("process %d (", child);
    g_autoptr(VmsLock) lock = NULL;
    g_autoptr(GError) error = NULL;
    VmsLock *second = NULL;

    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    lock = must_share("vm", "op-a");
    cr_assert_not(vms_lock_take(runtime, "vm", "op-2", 0, NULL, &second, &error));
    cr_assert_null(strstr(error->message, holder), "%s", error->message);
}

/* ---- those who come and go ---- */

static gboolean crowd_leaves;

/* Shares the lock again and again, never long, mostly overlapping with the others. */
static void *
come_and_go(void *data)
{
    guint *count = data;

    while (!g_atomic_int_get(&crowd_leaves)) {
        VmsLock *lock = NULL;

        if (vms_lock_share(runtime, "vm", NULL, 2000, NULL, &lock, NULL)) {
            (*count)++;
            g_usleep(30000);
        }
        vms_lock_free(lock);
    }
    return NULL;
}

Test(lock, who_wants_it_alone_gets_it_though_others_share_it_by_turns)
{
    pthread_t threads[4];
    guint counts[G_N_ELEMENTS(threads)] = { 0 };
    guint before = 0;
    guint after = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, come_and_go, &counts[i]), 0);
        g_usleep(8000);
    }
    for (int i = 0; i < 3; i++) {
        VmsLock *lock = must_take("vm", 3000);

        g_usleep(20000);
        vms_lock_free(lock);
        g_usleep(100000);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++)
        before += counts[i];
    g_usleep(200000);
    g_atomic_int_set(&crowd_leaves, TRUE);
    for (gsize i = 0; i < G_N_ELEMENTS(threads); i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        after += counts[i];
    }
    cr_assert_gt(after, before, "they share it again once he is gone");
}

Test(lock, who_gave_up_waiting_keeps_nobody_out)
{
    VmsLock *shared = NULL;
    VmsLock *second = NULL;

    cr_assert(vms_lock_share(runtime, "vm", NULL, 0, NULL, &shared, NULL));
    must_be_busy("vm", 50, "process");
    cr_assert(vms_lock_share(runtime, "vm", NULL, 0, NULL, &second, NULL));
    vms_lock_free(second);
    vms_lock_free(shared);
}
