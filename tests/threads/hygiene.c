/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the library leaves of its host process: everything as it was. State folder: argv[1]. With a
 * libvirt URI and a VM in argv[2] and argv[3] a snapshot of it is taken as well.
 *
 * Compared before and after: descriptors, threads, children, signal dispositions and mask, timers,
 * folder, umask, locale, environment, limits. While it works: every descriptor it opens is
 * CLOEXEC, no thread of it takes signals, nothing is written to stdout or stderr. SIGPIPE keeps its
 * deadly default all the time. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vmsnap/vmsnap.h>

enum { MOST_FDS = 1024, SIGNALS = 64, SETTLE_ROUNDS = 500 };

extern char **environ;

static int failures;
static int report = STDERR_FILENO; /* the real stderr */

static void __attribute__((format(printf, 1, 2))) fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vdprintf(report, format, arguments);
    va_end(arguments);
    (void)dprintf(report, "\n");
    failures++;
}

/* ---- what a process has ---- */

typedef struct {
    struct sigaction actions[SIGNALS + 1];
    char open[MOST_FDS];
    sigset_t mask;
    struct itimerval timer;
    struct rlimit files;
    mode_t umask;
    int threads;
    char folder[4096];
    char locale[1024];
    char environment[65536];
} State;

static int
count_entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = -2; /* "." and ".." */

    while (folder && readdir(folder))
        count++;
    if (folder)
        (void)closedir(folder);
    return count;
}

static void
read_environment(char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (char **at = environ; *at && used < size; at++)
        used += (size_t)snprintf(text + used, size - used, "%s\n", *at);
}

static void
read_state(State *state)
{
    memset(state, 0, sizeof *state);
    for (int number = 1; number <= SIGNALS; number++)
        (void)sigaction(number, NULL, &state->actions[number]);
    for (int fd = 0; fd < MOST_FDS; fd++)
        state->open[fd] = fcntl(fd, F_GETFD) >= 0;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &state->mask);
    (void)getitimer(ITIMER_REAL, &state->timer);
    (void)getrlimit(RLIMIT_NOFILE, &state->files);
    state->umask = umask(022);
    (void)umask(state->umask);
    state->threads = count_entries("/proc/self/task");
    if (!getcwd(state->folder, sizeof state->folder))
        fail("the folder cannot be read");
    (void)snprintf(state->locale, sizeof state->locale, "%s", setlocale(LC_ALL, NULL));
    read_environment(state->environment, sizeof state->environment);
}

static void
name_fd(int fd, char *name, size_t size)
{
    char path[64];
    ssize_t length;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    length = readlink(path, name, size - 1);
    name[length > 0 ? length : 0] = '\0';
}

static void
compare_fds(const State *before, const State *after)
{
    char name[512];

    for (int fd = 0; fd < MOST_FDS; fd++) {
        if (before->open[fd] == after->open[fd])
            continue;
        name_fd(fd, name, sizeof name);
        fail("descriptor %d was %s: %s", fd, after->open[fd] ? "left open" : "closed", name);
    }
}

static void
compare_signals(const State *before, const State *after)
{
    for (int number = 1; number <= SIGNALS; number++) {
        const struct sigaction *old = &before->actions[number];
        const struct sigaction *new = &after->actions[number];

        if (old->sa_handler != new->sa_handler || old->sa_flags != new->sa_flags)
            fail("the disposition of signal %d changed", number);
        if (sigismember(&before->mask, number) != sigismember(&after->mask, number))
            fail("signal %d is blocked otherwise than before", number);
    }
}

static void
compare(const State *before, const State *after)
{
    compare_fds(before, after);
    compare_signals(before, after);
    if (after->timer.it_value.tv_sec != before->timer.it_value.tv_sec)
        fail("a timer was set");
    if (memcmp(&before->files, &after->files, sizeof before->files))
        fail("the limit of descriptors changed");
    if (before->umask != after->umask)
        fail("the umask changed");
    if (before->threads != after->threads)
        fail("%d threads were %d", after->threads, before->threads);
    if (strcmp(before->folder, after->folder) || strcmp(before->locale, after->locale) ||
        strcmp(before->environment, after->environment))
        fail("folder, locale or environment changed");
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        fail("a child process is left");
}

/* ---- while it works ---- */

typedef struct {
    const State *before;
    ino_t seen[MOST_FDS]; /* not CLOEXEC when last looked at */
    int naked;            /* more than a moment so */
    int open_threads;     /* that take signals */
    atomic_int stop;
} Watch;

/* libvirt opens it without CLOEXEC for as long as it reads it, which under valgrind is long. */
static int
is_libvirts(const char *name)
{
    return strstr(name, "/libvirt.conf") != NULL;
}

/* By its name in /proc: fstat() on a descriptor that another thread may close is a race to
 * ThreadSanitizer. */
static int
look_at_fd(int fd, struct stat *info)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return stat(path, info);
}

static void
watch_fds(Watch *watch)
{
    for (int fd = 0; fd < MOST_FDS; fd++) {
        int flags = watch->before->open[fd] ? FD_CLOEXEC : fcntl(fd, F_GETFD);
        struct stat info = { 0 };
        char name[512];

        if (flags < 0 || (flags & FD_CLOEXEC) || look_at_fd(fd, &info) != 0) {
            watch->seen[fd] = 0;
            continue;
        }
        if (watch->seen[fd] == info.st_ino && info.st_ino && watch->naked++ < 5) {
            name_fd(fd, name, sizeof name);
            if (is_libvirts(name))
                continue;
            fail("descriptor %d is not CLOEXEC: %s", fd, name);
        }
        watch->seen[fd] = info.st_ino;
    }
}

/* SIGTERM, for all the signals that a host handles, must not be delivered to a thread of ours. */
static void
watch_thread(Watch *watch, const char *id)
{
    char path[288];
    char line[256];
    char name[64] = "";
    unsigned long long blocked = 0;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/self/task/%s/status", id);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (!strncmp(line, "Name:", 5))
            (void)snprintf(name, sizeof name, "%.40s", line + 6);
        if (!strncmp(line, "SigBlk:", 7))
            blocked = strtoull(line + 7, NULL, 16);
    }
    if (file)
        (void)fclose(file);
    if (!strncmp(name, "vmsnap", 6) && !(blocked & (1ULL << (SIGTERM - 1))) &&
        watch->open_threads++ < 5)
        fail("thread %s takes signals", name);
}

static void
watch_threads(Watch *watch)
{
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;

    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            watch_thread(watch, entry->d_name);
    if (folder)
        (void)closedir(folder);
}

static void *
watch_main(void *data)
{
    const struct timespec pause = { .tv_nsec = 2000000 };
    Watch *watch = data;

    while (!atomic_load(&watch->stop)) {
        watch_fds(watch);
        watch_threads(watch);
        (void)nanosleep(&pause, NULL);
    }
    return NULL;
}

/* ---- what it is asked for ---- */

static void
expect(int code, vmsnap_error **error, const char *what)
{
    if (code < 0)
        fail("%s: %s", what, vmsnap_error_get_message(*error));
    vmsnap_error_free(*error);
    *error = NULL;
}

static void
finish(vmsnap_job *job, const char *what)
{
    vmsnap_error *error = NULL;

    if (job)
        expect(vmsnap_job_wait(job, -1, &error), &error, what);
    vmsnap_job_unref(job);
}

static vmsnap_context *
open_context(const char *folder, const char *uri)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_context *context = NULL;
    vmsnap_error *error = NULL;

    options.uri = uri;
    options.state_dir = folder;
    expect(vmsnap_context_open(&options, &context, &error), &error, "open");
    return context;
}

static void
look(vmsnap_context *context, const char *name)
{
    vmsnap_operation_list *operations = NULL;
    vmsnap_check *check = NULL;
    vmsnap_vm_list *vms = NULL;
    vmsnap_error *error = NULL;
    vmsnap_vm *vm = NULL;
    vmsnap_job *job = NULL;

    expect(vmsnap_context_list_vms(context, &vms, &error), &error, "list");
    expect(vmsnap_context_list_operations(context, &operations, &error), &error, "operations");
    expect(vmsnap_context_find_vm(context, name, &vm, &error), &error, "find");
    if (vm && vmsnap_vm_check(vm, &check, &error) < 0)
        expect(0, &error, "check"); /* the test driver's VM has no files: an answer as well */
    expect(vmsnap_context_recover(context, &job, &error), &error, "recover");
    finish(job, "recover");
    if (vmsnap_context_find_vm(context, "no such VM", &vm, NULL) != VMSNAP_E_NOT_FOUND)
        fail("a VM that is none was found");
    vmsnap_check_unref(check);
    vmsnap_vm_unref(vm);
    vmsnap_vm_list_unref(vms);
    vmsnap_operation_list_unref(operations);
}

static void
take(vmsnap_context *context, const char *name)
{
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    vmsnap_snapshot *snapshot = NULL;
    vmsnap_error *error = NULL;
    vmsnap_job *job = NULL;
    vmsnap_vm *vm = NULL;

    options.name = "hygiene";
    expect(vmsnap_context_find_vm(context, name, &vm, &error), &error, "find");
    expect(vmsnap_snapshot_create(vm, &options, &job, &error), &error, "create");
    finish(job, "create");
    vmsnap_vm_unref(vm);
    job = NULL;
    expect(vmsnap_context_find_snapshot(context, "hygiene", &snapshot, &error), &error, "find");
    expect(vmsnap_snapshot_verify(snapshot, &job, &error), &error, "verify");
    finish(job, "verify");
    job = NULL;
    expect(vmsnap_snapshot_delete(snapshot, &job, &error), &error, "delete");
    finish(job, "delete");
    vmsnap_snapshot_unref(snapshot);
}

static void
work(const char *folder, const char *uri, const char *vm, int real)
{
    vmsnap_context *context = open_context(folder, uri);

    if (!context)
        return;
    look(context, vm);
    if (real)
        take(context, vm);
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
}

/* Threads of libvirt, and ours that were joined, go a moment later. */
static void
settle(const State *before)
{
    const struct timespec pause = { .tv_nsec = 2000000 };

    for (int i = 0; i < SETTLE_ROUNDS; i++) {
        if (count_entries("/proc/self/task") <= before->threads)
            return;
        (void)nanosleep(&pause, NULL);
    }
}

int
main(int argc, char **argv)
{
    const int real = argc == 4;
    static State before, after;
    static Watch watch;
    pthread_t thread;
    struct stat said = { 0 };
    int silence = memfd_create("said", MFD_CLOEXEC);

    if ((argc != 2 && !real) || silence < 0)
        return EXIT_FAILURE;
    report = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 100);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)fflush(NULL);
    (void)dup2(silence, STDOUT_FILENO);
    (void)dup2(silence, STDERR_FILENO);

    atomic_store(&watch.stop, 1); /* a sanitizer adds a thread of its own to the first */
    if (pthread_create(&thread, NULL, watch_main, &watch) != 0 || pthread_join(thread, NULL) != 0)
        return EXIT_FAILURE;
    atomic_store(&watch.stop, 0);
    read_state(&before);
    watch.before = &before;
    if (pthread_create(&thread, NULL, watch_main, &watch) != 0)
        return EXIT_FAILURE;
    work(argv[1], real ? argv[2] : "test:///default", real ? argv[3] : "test", real);
    work(argv[1], real ? argv[2] : "test:///default", real ? argv[3] : "test", real);
    atomic_store(&watch.stop, 1);
    (void)pthread_join(thread, NULL);
    settle(&before);
    read_state(&after);
    compare(&before, &after);
    (void)fflush(NULL);
    if (fstat(silence, &said) != 0 || said.st_size != 0)
        fail("%lld bytes were written to stdout or stderr", (long long)said.st_size);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
