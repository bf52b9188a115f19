/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"

#include <stdio.h>

static CliExit
run(Cli *cli)
{
    const char *name = cli_argument(cli, 0);
    g_autoptr(vmsnap_vm) vm = NULL;
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_CHANGE, &status))
        return status;
    if (vmsnap_context_find_vm(cli->context, name, &vm, &error) < 0 ||
        vmsnap_vm_flatten(vm, &job, &error) < 0 || cli_watch(cli, job, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json)
        cli_print_json(vmsnap_job_get_json(job));
    else
        (void)printf("%s: its disks depend on nothing\n", name);
    return CLI_DONE;
}

const CliCommand cli_flatten = {
    .name = "flatten",
    .arguments = "VM",
    .summary = "Free a linked clone, or any VM that is off, from what its disks are built on",
    .least = 1,
    .most = 1,
    .run = run,
};
