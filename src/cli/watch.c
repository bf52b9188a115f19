/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { LOOK_MS = 200, BAR_WIDTH = 24 };

static volatile sig_atomic_t interrupted;

static void
on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

void
cli_watch_signals(void)
{
    const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
    struct sigaction action = { .sa_handler = on_signal };

    (void)sigemptyset(&action.sa_mask);
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
        (void)sigaction(numbers[i], &action, NULL);
}

gboolean
cli_interrupted(void)
{
    return interrupted != 0;
}

/* ---- the progress bar ---- */

typedef struct {
    gboolean shown;
    guint32 stage;
    gint64 since; /* of this stage, monotonic */
} Bar;

static const char *
stage_name(guint32 stage)
{
    static const char *const names[] = {
        [VMSNAP_STAGE_STARTING] = "starting",         [VMSNAP_STAGE_WAITING] = "waiting",
        [VMSNAP_STAGE_SURVEYING] = "looking",         [VMSNAP_STAGE_PREPARING] = "preparing",
        [VMSNAP_STAGE_FREEZING] = "freezing",         [VMSNAP_STAGE_CAPTURING] = "cutting",
        [VMSNAP_STAGE_THAWING] = "thawing",           [VMSNAP_STAGE_COPYING] = "copying",
        [VMSNAP_STAGE_STOPPING] = "stopping",         [VMSNAP_STAGE_EXCHANGING] = "exchanging",
        [VMSNAP_STAGE_RESTARTING] = "restarting",     [VMSNAP_STAGE_FINISHING] = "finishing",
        [VMSNAP_STAGE_ROLLING_BACK] = "rolling back", [VMSNAP_STAGE_DONE] = "done",
    };

    return stage < G_N_ELEMENTS(names) ? names[stage] : "working";
}

static void
draw_bytes(const Bar *bar, const vmsnap_progress *now)
{
    const double seconds = (double)(g_get_monotonic_time() - bar->since) / G_USEC_PER_SEC;
    const double part = MIN((double)now->bytes_done / (double)now->bytes_total, 1.0);
    const double rate = seconds > 0.5 ? (double)now->bytes_done / seconds : 0;
    const int filled = (int)(part * BAR_WIDTH);
    g_autofree char *done = cli_format_size(now->bytes_done);
    g_autofree char *total = cli_format_size(now->bytes_total);
    g_autofree char *speed = cli_format_size((guint64)rate);

    (void)fprintf(stderr, " [%.*s%*s] %3d%% %s of %s", filled, "########################",
                  BAR_WIDTH - filled, "", (int)(part * 100), done, total);
    if (rate >= 1) {
        const gint64 left = (gint64)((double)(now->bytes_total - now->bytes_done) / rate);

        (void)fprintf(stderr, " %s/s, %d:%02d left", speed, (int)(left / 60), (int)(left % 60));
    }
}

static void
draw(Bar *bar, vmsnap_job *job)
{
    vmsnap_progress now = VMSNAP_PROGRESS_INIT;

    if (!bar->shown || vmsnap_job_read_progress(job, &now, NULL) < 0)
        return;
    if (now.stage != bar->stage) {
        bar->stage = now.stage;
        bar->since = g_get_monotonic_time();
    }
    (void)fprintf(stderr, "\r\033[K%s", stage_name(now.stage));
    if (now.bytes_total > 0 && now.bytes_done <= now.bytes_total)
        draw_bytes(bar, &now);
    (void)fflush(stderr);
}

static void
wipe(const Bar *bar)
{
    if (bar->shown)
        (void)fputs("\r\033[K", stderr);
}

/* ---- waiting ---- */

/* Sleep until the job ends, a signal comes, or it is time to look again. */
static void
sleep_beside(vmsnap_job *job, int fd)
{
    struct pollfd item = { .fd = fd, .events = POLLIN };

    if (fd >= 0)
        (void)poll(&item, 1, LOOK_MS);
    else
        (void)vmsnap_job_wait(job, LOOK_MS, NULL);
}

int
cli_watch(const Cli *cli, vmsnap_job *job, vmsnap_error **ret_error)
{
    Bar bar = { .since = g_get_monotonic_time() };
    gboolean asked = FALSE;
    int fd = -1;
    int result;

    bar.shown = isatty(STDERR_FILENO) && !cli_given(cli, "no-progress") && !cli_given(cli, "quiet");
    (void)vmsnap_job_get_fd(job, &fd, NULL);
    while ((result = vmsnap_job_wait(job, 0, ret_error)) == 0) {
        draw(&bar, job);
        sleep_beside(job, fd);
        if (!cli_interrupted() || asked)
            continue;
        wipe(&bar);
        cli_note(cli, "cancelling, please wait");
        vmsnap_job_cancel(job);
        asked = TRUE;
    }
    wipe(&bar);
    if (fd >= 0)
        (void)close(fd);
    return result;
}
