/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"

static const CliOption recover_options[] = {
    { "force-thaw", 0, "VM", "only thaw this VM, whoever froze it" },
    { 0 },
};

static int
recover(Cli *cli, vmsnap_job **ret_job, vmsnap_error **error)
{
    int result;

    if (cli_given(cli, "force-thaw"))
        return cli_thaw_job(cli, cli_value(cli, "force-thaw"), VMSNAP_THAW_FORCE, ret_job, error);
    result = vmsnap_context_recover(cli->context, ret_job, error);
    return result < 0 ? result : cli_watch(cli, *ret_job, error);
}

static CliExit
run_recover(Cli *cli)
{
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_REPAIR, &status))
        return status;
    if (recover(cli, &job, &error) < 0 && !job)
        return cli_fail(cli, error);
    return cli_tell_acts(cli, vmsnap_job_get_json(job), "nothing to recover", error);
}

const CliCommand cli_recover = {
    .name = "recover",
    .arguments = "",
    .summary = "Finish or undo what killed processes left, thaw what they froze",
    .options = recover_options,
    .run = run_recover,
};
