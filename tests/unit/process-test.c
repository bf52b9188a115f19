/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static gboolean
run(const char *script, const VmsProcessLimits *limits, char **ret_text, GError **error)
{
    const char *argv[] = { "sh", "-c", script, NULL };

    return vms_process_run(argv, limits, ret_text, error);
}

Test(process, tells_whose_a_process_is)
{
    VmsProcessId self = vms_process_self();
    VmsProcessId other = { .pid = self.pid, .start = self.start + 1 };

    cr_assert_eq(vms_process_user(&self), (gint64)geteuid());
    cr_assert_eq(vms_process_user(&other), -1, "another one had this pid");
    cr_assert_eq(vms_process_user(&(VmsProcessId){ .pid = 0 }), -1);
}

Test(process, its_output_is_taken)
{
    g_autofree char *text = NULL;

    cr_assert(run("echo one; echo two", NULL, &text, NULL));
    cr_assert_str_eq(text, "one\ntwo\n");
}

Test(process, a_failing_program_gives_its_last_line)
{
    g_autoptr(GError) error = NULL;

    cr_assert_not(run("echo first >&2; echo the reason >&2; exit 3", NULL, NULL, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_IO);
    cr_assert_eq(vms_error_get_origin_code(error), 3);
    cr_assert(strstr(error->message, "the reason"));
    cr_assert_not(strstr(error->message, "first"));
}

Test(process, a_program_ended_by_a_signal_is_a_failure)
{
    cr_assert_not(run("kill -9 $$", NULL, NULL, NULL));
}

Test(process, a_missing_program_is_named)
{
    const char *argv[] = { "no-such-program-here", NULL };
    g_autoptr(GError) error = NULL;

    cr_assert_not(vms_process_run(argv, NULL, NULL, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_UNSUPPORTED);
    cr_assert(strstr(error->message, "no-such-program-here"));
}

Test(process, it_ends_at_its_limit_with_its_children)
{
    /* Nobody else sleeps so long: several runs may go on at once. */
    g_autofree char *sleeper = g_strdup_printf("sleep 9%d & wait", (int)getpid());
    g_autofree char *search = g_strdup_printf("pgrep -xf 'sleep 9%d' || true", (int)getpid());
    VmsProcessLimits limits = { .limit_ms = 200 };
    gint64 begin = vms_clock_monotonic_us();
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    cr_assert_not(run(sleeper, &limits, NULL, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_TIMEOUT);
    cr_assert_lt(vms_clock_monotonic_us() - begin, 2 * G_USEC_PER_SEC);
    vms_clock_sleep_us(50000);
    cr_assert(run(search, NULL, &text, NULL));
    cr_assert_str_eq(text, "");
}

Test(process, cancellation_ends_it_soon)
{
    VmsProgress progress;
    VmsProcessLimits limits = { .progress = &progress };
    g_autoptr(GError) error = NULL;

    vms_progress_init(&progress);
    vms_progress_cancel(&progress);
    cr_assert_not(run("sleep 20", &limits, NULL, &error));
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_CANCELLED);
}

Test(process, the_environment_is_ours_and_clean)
{
    g_autofree char *text = NULL;

    cr_assert_eq(setenv("VMS_SECRET", "1", 1), 0);
    cr_assert(run("env | sort | grep -v -e ^PWD -e ^_ -e ^SHLVL -e ^OLDPWD", NULL, &text, NULL));
    cr_assert_str_eq(text, "LC_ALL=C\nMALLOC_ARENA_MAX=1\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n");
}

Test(process, no_descriptor_is_inherited)
{
    g_autofree char *text = NULL;
    int leak = open("/dev/null", O_RDONLY); /* as a careless host would */

    cr_assert_geq(dup2(leak, 77), 0);
    cr_assert(run("exec ls /proc/self/fd", NULL, &text, NULL));
    cr_assert_str_eq(text, "0\n1\n2\n3\n", "3 is what ls itself opened: %s", text);
}

Test(process, it_works_when_the_host_closed_its_own)
{
    g_autofree char *text = NULL;
    int in = fcntl(0, F_DUPFD_CLOEXEC, 100);
    int out = fcntl(1, F_DUPFD_CLOEXEC, 100);
    int err = fcntl(2, F_DUPFD_CLOEXEC, 100);
    gboolean done;

    close(0);
    close(1);
    close(2);
    done = run("echo out; echo err >&2", NULL, &text, NULL);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    cr_assert(done);
    cr_assert_str_eq(text, "out\n");
}

Test(process, signals_are_default_and_unblocked_in_it)
{
    g_autofree char *blocked = NULL;
    g_autofree char *ignored = NULL;
    sigset_t all;

    signal(SIGTERM, SIG_IGN);
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    cr_assert(run("grep SigBlk /proc/self/status | cut -f 2", NULL, &blocked, NULL));
    cr_assert_str_eq(blocked, "0000000000000000\n");
    cr_assert(run("grep SigIgn /proc/self/status | cut -f 2", NULL, &ignored, NULL));
    /* 32 and 33 belong to the C library. */
    cr_assert_eq(g_ascii_strtoull(ignored, NULL, 16) & ~G_GUINT64_CONSTANT(0x180000000), 0);
}

Test(process, its_memory_is_limited)
{
    VmsProcessLimits limits = { .memory_bytes = G_GUINT64_CONSTANT(1) << 30, .cpu_s = 7 };
    g_autofree char *text = NULL;

    cr_assert(run("sleep 0.05; ulimit -v; ulimit -t; ulimit -c", &limits, &text, NULL));
    cr_assert_str_eq(text, "1048576\n7\n0\n");
}

Test(process, much_output_is_cut_and_does_not_block)
{
    g_autofree char *text = NULL;

    cr_assert(run("head -c 3000000 /dev/zero | tr '\\0' x", NULL, &text, NULL));
    cr_assert_eq(strlen(text), 1024 * 1024);
}

Test(process, a_host_that_reaps_every_child_gets_an_error)
{
    g_autoptr(GError) error = NULL;

    signal(SIGCHLD, SIG_IGN);
    cr_assert_not(run("sleep 0.1", NULL, NULL, &error));
    cr_assert(strstr(error->message, "not known"));
}

Test(process, it_does_not_outlive_a_killed_host)
{
    g_autofree char *sleeper = g_strdup_printf("exec sleep 8%d", (int)getpid());
    g_autofree char *search = g_strdup_printf("pgrep -xf 'sleep 8%d'", (int)getpid());
    pid_t host = fork();

    if (host == 0) {
        run(sleeper, NULL, NULL, NULL);
        _exit(0);
    }
    for (guint i = 0; i < 100 && !run(search, NULL, NULL, NULL); i++)
        vms_clock_sleep_us(20000);
    cr_assert(run(search, NULL, NULL, NULL));
    kill(host, SIGKILL);
    waitpid(host, NULL, 0);
    vms_clock_sleep_us(200000);
    cr_assert_not(run(search, NULL, NULL, NULL));
}

Test(process, it_can_be_named_for_ever)
{
    VmsProcessId self = vms_process_self();
    VmsProcessId other = self;
    VmsProcessId zombie = { 0 };
    pid_t pid;

    cr_assert_eq(self.pid, getpid());
    cr_assert_gt(self.start, 0);
    cr_assert(vms_process_alive(&self));
    other.start++;
    cr_assert_not(vms_process_alive(&other));
    cr_assert_not(vms_process_alive(&zombie));
    cr_assert_not(vms_process_identify(0, &zombie));
    pid = fork();
    if (pid == 0)
        _exit(0);
    vms_clock_sleep_us(50000);
    cr_assert_not(vms_process_identify(pid, &zombie), "a zombie does not live");
    waitpid(pid, NULL, 0);
}
