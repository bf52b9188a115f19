/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"

/* Records: made of what lies there, and dropped where they cannot be read. */

static const CliOption adopt_options[] = {
    { "name", 0, "NAME", "what the one that is found is called from now on" },
    { "accept-times", 0, NULL, "take images whose time is another than recorded" },
    { "dry-run", 0, NULL, "only tell what would be done" },
    { 0 },
};

/* As the shell means them: relative to where it stands. */
static char **
absolute_paths(const Cli *cli)
{
    char **paths = g_new0(char *, cli->arguments->len + 1);

    for (guint i = 0; i < cli->arguments->len; i++)
        paths[i] = g_canonicalize_filename(cli_argument(cli, i), NULL);
    return paths;
}

static CliExit
run_adopt(Cli *cli)
{
    vmsnap_adopt_options options = VMSNAP_ADOPT_OPTIONS_INIT;
    gboolean dry = cli_given(cli, "dry-run");
    g_auto(GStrv) paths = absolute_paths(cli);
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    options.name = cli_value(cli, "name");
    options.flags = (dry ? VMSNAP_ADOPT_DRY_RUN : 0U) |
                    (cli_given(cli, "accept-times") ? VMSNAP_ADOPT_ACCEPT_TIMES : 0U);
    if (!cli_open(cli, dry ? CLI_LOOK : CLI_CHANGE, &status))
        return status;
    if (vmsnap_context_adopt(cli->context, (const char *const *)paths, &options, &job, &error) < 0)
        return cli_fail(cli, error);
    (void)cli_watch(cli, job, &error);
    return cli_tell_acts(cli, vmsnap_job_get_json(job), "nothing to adopt", error);
}

const CliCommand cli_snapshot_adopt = {
    .name = "snapshot adopt",
    .arguments = "PATH...",
    .summary = "Make records of snapshots that lie there, of VMs and of disks",
    .options = adopt_options,
    .least = 1,
    .most = 1000,
    .run = run_adopt,
};

/* ---- records that cannot be read ---- */

static const CliOption drop_options[] = {
    { "damaged", 0, NULL, "its record cannot be read; required" },
    { "newer", 0, NULL, "a later version wrote it" },
    { 0 },
};

static CliExit
run_drop(Cli *cli)
{
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_given(cli, "damaged"))
        return cli_refuse(cli, VMSNAP_E_INVALID, "Usage",
                          "only a damaged record is dropped: say --damaged");
    /* Recovery reads all records, and fails on this one. */
    if (!cli_open(cli, CLI_REPAIR, &status))
        return status;
    if (vmsnap_context_drop_operation(cli->context, cli_argument(cli, 0),
                                      cli_given(cli, "newer") ? VMSNAP_DROP_NEWER : 0, &job,
                                      &error) < 0)
        return cli_fail(cli, error);
    (void)cli_watch(cli, job, &error);
    return cli_tell_acts(cli, vmsnap_job_get_json(job), "nothing was dropped", error);
}

const CliCommand cli_operation_drop = {
    .name = "operation drop",
    .arguments = "OPERATION",
    .summary = "Drop a record that cannot be read; what it may have left stays",
    .options = drop_options,
    .least = 1,
    .most = 1,
    .run = run_drop,
};
