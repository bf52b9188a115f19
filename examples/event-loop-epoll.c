/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A job in an event loop: one descriptor says when it is finished, a signal cancels it.
 *
 * event-loop-epoll URI [STATE-FOLDER] runs the recovery of what dead processes left. */

#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <vmsnap/vmsnap.h>

static int
complain(const char *what, vmsnap_error *error)
{
    fprintf(stderr, "%s: %s (%s)\n", what, vmsnap_error_get_message(error),
            vmsnap_error_get_reason(error));
    vmsnap_error_free(error);
    return 1;
}

static void
add(int loop, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data = { .fd = fd } };

    if (epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event) < 0)
        perror("epoll_ctl");
}

/* Until the job has finished: once a second show how far it is, on SIGINT cancel it. */
static void
run_loop(int loop, int finished, int interrupted, vmsnap_job *job)
{
    vmsnap_progress progress = VMSNAP_PROGRESS_INIT;
    struct epoll_event event = { .data = { .fd = -1 } };
    struct signalfd_siginfo signal_info;

    while (event.data.fd != finished) {
        event.data.fd = -1;
        if (epoll_wait(loop, &event, 1, 1000) < 0)
            continue;
        if (event.data.fd == interrupted &&
            read(interrupted, &signal_info, sizeof signal_info) == sizeof signal_info)
            vmsnap_job_cancel(job); /* it still has to roll back: stay in the loop */
        if (vmsnap_job_read_progress(job, &progress, NULL) == 0)
            printf("stage %u, %llu of %llu bytes\n", (unsigned)progress.stage,
                   (unsigned long long)progress.bytes_done,
                   (unsigned long long)progress.bytes_total);
    }
}

static int
watch(vmsnap_job *job)
{
    vmsnap_error *error = NULL;
    sigset_t interrupt;
    int finished, interrupted, loop;

    if (vmsnap_job_get_fd(job, &finished, &error) < 0)
        return complain("job", error);
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, NULL);
    interrupted = signalfd(-1, &interrupt, SFD_CLOEXEC);
    loop = epoll_create1(EPOLL_CLOEXEC);
    add(loop, finished);
    add(loop, interrupted);
    run_loop(loop, finished, interrupted, job);
    close(loop);
    close(interrupted);
    close(finished);
    if (vmsnap_job_wait(job, 0, &error) < 0)
        return complain("job", error);
    printf("%s\n", vmsnap_job_get_json(job));
    return 0;
}

int
main(int argc, char **argv)
{
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_context *context;
    vmsnap_job *job;
    vmsnap_error *error = NULL;
    int status;

    if (argc < 2) {
        fprintf(stderr, "usage: event-loop-epoll URI [STATE-FOLDER]\n");
        return 2;
    }
    options.uri = argv[1];
    options.state_dir = argc > 2 ? argv[2] : NULL;
    if (vmsnap_context_open(&options, &context, &error) < 0)
        return complain(argv[1], error);
    if (vmsnap_context_recover(context, &job, &error) < 0) {
        status = complain("recover", error);
    } else {
        status = watch(job);
        vmsnap_job_unref(job);
    }
    vmsnap_context_close(context);
    vmsnap_context_unref(context);
    return status;
}
