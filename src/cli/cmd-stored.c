/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/take.h"

#include <stdio.h>

/* What is done with stored snapshots, of VMs and of disks alike. */

static int
find(const Cli *cli, vmsnap_snapshot **ret_snapshot, vmsnap_error **error)
{
    const char *name = cli_argument(cli, 0);

    if (g_str_has_prefix(cli->command->name, "disk-snapshot "))
        return vmsnap_context_find_disk_snapshot(cli->context, name, ret_snapshot, error);
    return vmsnap_context_find_snapshot(cli->context, name, ret_snapshot, error);
}

/* ---- show ---- */

static CliExit
run_show(Cli *cli)
{
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (find(cli, &snapshot, &error) < 0)
        return cli_fail(cli, error);
    cli_tell_snapshot(cli, snapshot);
    return CLI_DONE;
}

const CliCommand cli_snapshot_show = {
    .name = "snapshot show",
    .arguments = "NAME",
    .summary = "Show one snapshot with its evidence",
    .least = 1,
    .most = 1,
    .run = run_show,
};

const CliCommand cli_disk_snapshot_show = {
    .name = "disk-snapshot show",
    .arguments = "NAME",
    .summary = "Show one disk snapshot with its evidence",
    .least = 1,
    .most = 1,
    .run = run_show,
};

/* ---- delete, verify ---- */

typedef int (*Start)(vmsnap_snapshot *, vmsnap_job **, vmsnap_error **);

static CliExit
run_job(Cli *cli, Start start, const char *done)
{
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_CHANGE, &status))
        return status;
    if (find(cli, &snapshot, &error) < 0 || start(snapshot, &job, &error) < 0 ||
        cli_watch(cli, job, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json)
        cli_print_json(vmsnap_job_get_json(job));
    else
        (void)printf("%s: %s\n", vmsnap_snapshot_get_name(snapshot), done);
    return CLI_DONE;
}

static CliExit
run_delete(Cli *cli)
{
    return run_job(cli, vmsnap_snapshot_delete, "deleted");
}

const CliCommand cli_snapshot_delete = {
    .name = "snapshot delete",
    .arguments = "NAME",
    .summary = "Delete a snapshot and its images",
    .least = 1,
    .most = 1,
    .run = run_delete,
};

const CliCommand cli_disk_snapshot_delete = {
    .name = "disk-snapshot delete",
    .arguments = "NAME",
    .summary = "Delete a disk snapshot and its image",
    .least = 1,
    .most = 1,
    .run = run_delete,
};

static CliExit
run_verify(Cli *cli)
{
    return run_job(cli, vmsnap_snapshot_verify, "verified, all images are as recorded");
}

const CliCommand cli_snapshot_verify = {
    .name = "snapshot verify",
    .arguments = "NAME",
    .summary = "Read a snapshot's images again and compare",
    .least = 1,
    .most = 1,
    .run = run_verify,
};

const CliCommand cli_disk_snapshot_verify = {
    .name = "disk-snapshot verify",
    .arguments = "NAME",
    .summary = "Read a disk snapshot's image again and compare",
    .least = 1,
    .most = 1,
    .run = run_verify,
};

/* ---- wait ---- */

static const CliOption wait_options[] = {
    { "timeout", 0, "S", "seconds to wait at most (no limit)" },
    { 0 },
};

enum { LOOK_US = 500000 };

static gboolean
is_settled(const vmsnap_snapshot *snapshot)
{
    vmsnap_snapshot_phase phase = vmsnap_snapshot_get_phase(snapshot);

    return phase == VMSNAP_SNAPSHOT_READY || phase == VMSNAP_SNAPSHOT_FAILED;
}

static CliExit
run_wait(Cli *cli)
{
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    vmsnap_error *error = NULL;
    guint32 limit_ms = 0;
    gint64 deadline;
    CliExit status;

    if (!cli_read_seconds(cli, "timeout", 1000, &limit_ms))
        return CLI_USAGE;
    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    deadline = g_get_monotonic_time() + (gint64)limit_ms * 1000;
    for (;;) {
        g_clear_pointer(&snapshot, vmsnap_snapshot_unref);
        if (find(cli, &snapshot, &error) < 0)
            return cli_fail(cli, error);
        if (is_settled(snapshot))
            break;
        if (cli_given(cli, "timeout") && g_get_monotonic_time() >= deadline)
            return cli_refuse(cli, VMSNAP_E_TIMEOUT, "StillRunning", "%s is not ready yet",
                              vmsnap_snapshot_get_name(snapshot));
        g_usleep(LOOK_US);
    }
    cli_tell_snapshot(cli, snapshot);
    return vmsnap_snapshot_get_phase(snapshot) == VMSNAP_SNAPSHOT_READY ? CLI_DONE : CLI_FAILED;
}

const CliCommand cli_snapshot_wait = {
    .name = "snapshot wait",
    .arguments = "NAME",
    .summary = "Wait until another process's snapshot is Ready or Failed",
    .options = wait_options,
    .least = 1,
    .most = 1,
    .run = run_wait,
};

const CliCommand cli_disk_snapshot_wait = {
    .name = "disk-snapshot wait",
    .arguments = "NAME",
    .summary = "Wait until another process's disk snapshot is Ready or Failed",
    .options = wait_options,
    .least = 1,
    .most = 1,
    .run = run_wait,
};
