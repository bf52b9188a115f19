/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/process.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    DEFAULT_LIMIT_MS = 30000,
    KEEP_BYTES = 1024 * 1024, /* of each output */
    POLL_MS = 100,            /* how soon a cancellation is seen */
    KILL_WAIT_MS = 5000       /* a killed process may hang in the kernel; we do not */
};

/* A child and what it says. */
typedef struct {
    pid_t pid;
    VmsFd pidfd;
    VmsFd out;
    VmsFd err;
    GByteArray *out_text;
    GByteArray *err_text;
} Child;

static void
child_clear(Child *child)
{
    vms_fd_clear(&child->pidfd);
    vms_fd_clear(&child->out);
    vms_fd_clear(&child->err);
    g_clear_pointer(&child->out_text, g_byte_array_unref);
    g_clear_pointer(&child->err_text, g_byte_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Child, child_clear)

/* A fixed PATH: the caller's environment decides nothing here. */
static char *
find_program(const char *name, GError **error)
{
    static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin", NULL };

    if (strchr(name, '/'))
        return g_strdup(name);
    for (gsize i = 0; folders[i]; i++) {
        g_autofree char *path = g_build_filename(folders[i], name, NULL);

        if (access(path, X_OK) == 0)
            return g_steal_pointer(&path);
    }
    vms_refuse(error, VMSNAP_E_UNSUPPORTED, "ProgramMissing", "program %s is not installed", name);
    return NULL;
}

/* Never 0, 1 or 2, also when the host closed its own: they would be overwritten on the way. */
static gboolean
open_pipe(VmsFd *ret_read, VmsFd *ret_write, GError **error)
{
    g_auto(VmsFd) low_read = VMS_FD_NONE;
    g_auto(VmsFd) low_write = VMS_FD_NONE;
    g_auto(VmsFd) high_read = VMS_FD_NONE;
    g_auto(VmsFd) high_write = VMS_FD_NONE;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return vms_fail_errno(error, errno, "pipe");
    low_read = ends[0];
    low_write = ends[1];
    high_read = fcntl(low_read, F_DUPFD_CLOEXEC, 3);
    high_write = fcntl(low_write, F_DUPFD_CLOEXEC, 3);
    if (high_read < 0 || high_write < 0 || fcntl(high_read, F_SETFL, O_NONBLOCK) != 0)
        return vms_fail_errno(error, errno, "pipe");
    *ret_read = vms_fd_steal(&high_read);
    *ret_write = vms_fd_steal(&high_write);
    return TRUE;
}

/* The child's own process group, so that killing it reaches its children too. */
static int
prepare_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all;
    sigset_t none;
    int number;

    sigfillset(&all);
    sigemptyset(&none);
    number = posix_spawnattr_setsigdefault(attributes, &all);
    if (!number)
        number = posix_spawnattr_setsigmask(attributes, &none);
    if (!number)
        number = posix_spawnattr_setpgroup(attributes, 0);
    if (!number)
        number = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    return number;
}

static int
prepare_files(posix_spawn_file_actions_t *actions, int out, int err)
{
    int number = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

    if (!number)
        number = posix_spawn_file_actions_adddup2(actions, out, 1);
    if (!number)
        number = posix_spawn_file_actions_adddup2(actions, err, 2);
    if (!number)
        number = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    return number;
}

static int
spawn(const char *path, const char *const *argv, int out, int err, pid_t *ret_pid)
{
    /* One arena: RLIMIT_AS counts the address space that each further one only reserves. */
    static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
                                               "MALLOC_ARENA_MAX=1", NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int number = posix_spawn_file_actions_init(&actions);

    if (number)
        return number;
    number = posix_spawnattr_init(&attributes);
    if (number) {
        posix_spawn_file_actions_destroy(&actions);
        return number;
    }
    number = prepare_attributes(&attributes);
    if (!number)
        number = prepare_files(&actions, out, err);
    if (!number)
        number = posix_spawn(ret_pid, path, &actions, &attributes, (char *const *)argv,
                             (char *const *)environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return number;
}

/* posix_spawn() returns when the program is loaded; it has not had time for anything yet. */
static gboolean
set_limits(pid_t pid, const VmsProcessLimits *limits, GError **error)
{
    struct rlimit memory = { limits->memory_bytes, limits->memory_bytes };
    struct rlimit cpu = { limits->cpu_s, limits->cpu_s };
    struct rlimit core = { 0, 0 };

    if (limits->own)
        return TRUE;
    if (limits->memory_bytes && prlimit(pid, RLIMIT_AS, &memory, NULL) != 0 && errno != ESRCH)
        return vms_fail_errno(error, errno, "memory limit");
    if (limits->cpu_s && prlimit(pid, RLIMIT_CPU, &cpu, NULL) != 0 && errno != ESRCH)
        return vms_fail_errno(error, errno, "cpu limit");
    if (prlimit(pid, RLIMIT_CORE, &core, NULL) != 0 && errno != ESRCH)
        return vms_fail_errno(error, errno, "core limit");
    return TRUE;
}

/* Wait for the end at most @limit_ms; FALSE when it did not come. @ret_info.si_pid stays 0 when the
 * host program reaps every child itself and took the status away. */
static gboolean
reap(const Child *child, int limit_ms, siginfo_t *ret_info)
{
    struct pollfd wait = { .fd = child->pidfd, .events = POLLIN };
    gint64 deadline = vms_clock_monotonic_us() + (gint64)limit_ms * 1000;
    gint64 left = deadline - vms_clock_monotonic_us();
    int ready = 0;

    while (ready <= 0 && left > 0) {
        ready = poll(&wait, 1, (int)(left / 1000) + 1);
        left = deadline - vms_clock_monotonic_us();
    }
    if (ready <= 0)
        return FALSE;
    memset(ret_info, 0, sizeof(*ret_info));
    if (waitid((idtype_t)P_PIDFD, (id_t)child->pidfd, ret_info, WEXITED) != 0)
        ret_info->si_pid = 0;
    return TRUE;
}

static void
end_child(const Child *child)
{
    siginfo_t info;

    kill(-child->pid, SIGKILL);
    reap(child, KILL_WAIT_MS, &info);
}

/* Take what is there; closes the descriptor at its end. What exceeds the limit is read and lost:
 * the child must not block on us. */
static void
drain(VmsFd *fd, GByteArray *text)
{
    guint8 buffer[8192];

    for (;;) {
        ssize_t n = *fd < 0 ? 0 : read(*fd, buffer, sizeof(buffer));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            vms_fd_clear(fd);
            return;
        }
        if (text->len < KEEP_BYTES)
            g_byte_array_append(text, buffer, MIN((guint)n, KEEP_BYTES - text->len));
    }
}

/* Read and wait until the child ends, a limit runs out or somebody cancels. */
static gboolean
follow(Child *child, const VmsProcessLimits *limits, const char *name, GError **error)
{
    guint limit_ms = limits->limit_ms ? limits->limit_ms : DEFAULT_LIMIT_MS;
    gint64 deadline = vms_clock_monotonic_us() + (gint64)limit_ms * 1000;

    for (;;) {
        struct pollfd fds[] = { { .fd = child->pidfd, .events = POLLIN },
                                { .fd = child->out, .events = POLLIN },
                                { .fd = child->err, .events = POLLIN } };
        gint64 left = deadline - vms_clock_monotonic_us();

        if (left <= 0)
            return vms_fail(error, VMSNAP_E_TIMEOUT, "%s did not end within %u ms", name, limit_ms);
        if (!vms_progress_check(limits->progress, error))
            return FALSE;
        if (limits->tick)
            limits->tick(limits->tick_data);
        if (poll(fds, G_N_ELEMENTS(fds), (int)MIN(left / 1000 + 1, POLL_MS)) < 0 && errno != EINTR)
            return vms_fail_errno(error, errno, "waiting for %s", name);
        drain(&child->out, child->out_text);
        drain(&child->err, child->err_text);
        if (fds[0].revents) {
            /* Written between our reading and its end. */
            drain(&child->out, child->out_text);
            drain(&child->err, child->err_text);
            return TRUE;
        }
    }
}

static char *
text_of(const GByteArray *text)
{
    return g_strndup(text->len ? (const char *)text->data : "", text->len);
}

static char *
last_line(const GByteArray *text)
{
    g_autofree char *all = text_of(text);
    const char *line;

    g_strchomp(all);
    line = strrchr(all, '\n');
    return g_strdup(line ? line + 1 : all);
}

static gboolean
judge_end(const Child *child, const siginfo_t *info, const char *name, GError **error)
{
    g_autofree char *line = NULL;

    if (info->si_pid == 0)
        return vms_fail(
            error, VMSNAP_E_IO,
            "how %s ended is not known: the host program takes the status of every child", name);
    if (info->si_code == CLD_EXITED && info->si_status == 0)
        return TRUE;
    line = last_line(child->err_text);
    if (info->si_code == CLD_EXITED)
        vms_fail(error, VMSNAP_E_IO, "%s failed with status %d: %s", name, info->si_status, line);
    else
        vms_fail(error, VMSNAP_E_IO, "%s was ended by signal %d: %s", name, info->si_status, line);
    if (error)
        vms_error_set_origin(*error, name, info->si_status);
    return FALSE;
}

/* The program must not outlive us: it may hold locks on an image for minutes, and writes what
 * recovery removes. The signal comes when the thread that started it ends, and that one waits. */
static const char *const *
lead_with_death(const char *path, const char *const *argv, GPtrArray *longer)
{
    static const char *const lead[] = { "/usr/bin/setpriv", "--pdeathsig", "KILL", "--" };

    if (access(lead[0], X_OK) != 0)
        return argv;
    for (gsize i = 0; i < G_N_ELEMENTS(lead); i++)
        g_ptr_array_add(longer, (gpointer)lead[i]);
    g_ptr_array_add(longer, (gpointer)path);
    for (gsize i = 1; argv[i]; i++)
        g_ptr_array_add(longer, (gpointer)argv[i]);
    g_ptr_array_add(longer, NULL);
    return (const char *const *)longer->pdata;
}

static gboolean
start(const char *const *argv, gboolean own, Child *child, GError **error)
{
    g_autofree char *path = find_program(argv[0], error);
    g_autoptr(GPtrArray) longer = g_ptr_array_new();
    const char *const *words;
    g_auto(VmsFd) out = VMS_FD_NONE;
    g_auto(VmsFd) err = VMS_FD_NONE;
    siginfo_t info;
    int number;

    if (!path || !open_pipe(&child->out, &out, error) || !open_pipe(&child->err, &err, error))
        return FALSE;
    words = own ? argv : lead_with_death(path, argv, longer);
    number = spawn(words == argv ? path : words[0], words, out, err, &child->pid);
    if (number)
        return vms_fail_errno(error, number, "starting %s", path);
    child->pidfd = pidfd_open(child->pid, 0);
    if (child->pidfd >= 0)
        return TRUE;
    vms_fail_errno(error, errno, "watching %s", path);
    kill(-child->pid, SIGKILL);
    waitid(P_PID, (id_t)child->pid, &info, WEXITED);
    return FALSE;
}

gboolean
vms_process_run(const char *const *argv, const VmsProcessLimits *limits, char **ret_stdout,
                GError **error)
{
    static const VmsProcessLimits defaults = { 0 };
    g_auto(Child) child = { .pidfd = VMS_FD_NONE,
                            .out = VMS_FD_NONE,
                            .err = VMS_FD_NONE,
                            .out_text = g_byte_array_new(),
                            .err_text = g_byte_array_new() };
    siginfo_t info;

    if (!argv || !argv[0])
        return vms_fail(error, VMSNAP_E_INVALID, "no program is given");
    if (!limits)
        limits = &defaults;
    if (!vms_progress_check(limits->progress, error) || !start(argv, limits->own, &child, error))
        return FALSE;
    if (!set_limits(child.pid, limits, error) || !follow(&child, limits, argv[0], error)) {
        end_child(&child);
        return FALSE;
    }
    if (!reap(&child, KILL_WAIT_MS, &info))
        return vms_fail(error, VMSNAP_E_TIMEOUT, "%s does not end", argv[0]);
    if (!judge_end(&child, &info, argv[0], error))
        return FALSE;
    if (ret_stdout)
        *ret_stdout = text_of(child.out_text);
    return TRUE;
}
