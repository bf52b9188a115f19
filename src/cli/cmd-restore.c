/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"

#include <string.h>

#define STOP_OPTIONS                                                                               \
    { "stop-timeout", 0, "S", "seconds to wait for the guest to shut down (60)" },                 \
        { "force-stop", 0, NULL, "cut the power when it does not" },                               \
        { "no-start", 0, NULL, "leave the VM off afterwards" },                                    \
        { "wait-ready", 0, "S", "seconds to wait for locks and other jobs (0)" },

static const CliOption restore_options[] = {
    { "mode", 0, "MODE", "dry-run, strict or best-effort; required" },
    STOP_OPTIONS{ "allow-partial", 0, NULL, "restore from a partial snapshot" },
    { "drop-managed-save", 0, NULL, "drop a managed save that stands in the way" },
    { "undo-ttl", 0, "S", "seconds to keep what was replaced (86400)" },
    { "plan", 0, "FILE", "dry-run: write the plan; else: run this one, if it still holds" },
    { 0 },
};

static const CliOption undo_options[] = {
    STOP_OPTIONS{ 0 },
};

static gboolean
read_options(const Cli *cli, vmsnap_restore_options *options)
{
    options->flags = (cli_given(cli, "force-stop") ? VMSNAP_RESTORE_FORCE_STOP : 0) |
                     (cli_given(cli, "allow-partial") ? VMSNAP_RESTORE_ALLOW_PARTIAL : 0) |
                     (cli_given(cli, "drop-managed-save") ? VMSNAP_RESTORE_DROP_MANAGED_SAVE : 0) |
                     (cli_given(cli, "no-start") ? VMSNAP_RESTORE_NO_START : 0);
    return cli_read_limit(cli, "stop-timeout", 1000, &options->stop_timeout_ms) &&
           cli_read_seconds(cli, "wait-ready", 1000, &options->wait_ready_ms) &&
           cli_read_limit(cli, "undo-ttl", 1, &options->undo_ttl_s);
}

/* ---- restore ---- */

static void
print_done(const Cli *cli, const char *json)
{
    if (cli->json)
        cli_print_json(json);
    else
        cli_print_operation(json);
}

/* The one in a file, or one made now. */
static CliExit
find_plan(const Cli *cli, guint32 mode, const vmsnap_restore_options *options,
          vmsnap_plan **ret_plan)
{
    const char *path = mode == VMSNAP_MODE_DRY_RUN ? NULL : cli_value(cli, "plan");
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    vmsnap_error *error = NULL;

    if (vmsnap_context_find_snapshot(cli->context, cli_argument(cli, 1), &snapshot, &error) < 0)
        return cli_fail(cli, error);
    if (path)
        return cli_plan_read(cli, path, snapshot, ret_plan);
    if (vmsnap_restore_plan(snapshot, cli_argument(cli, 0), options, ret_plan, &error) < 0)
        return cli_fail(cli, error);
    return CLI_DONE;
}

static CliExit
run_restore(Cli *cli)
{
    vmsnap_restore_options options = VMSNAP_RESTORE_OPTIONS_INIT;
    g_autoptr(vmsnap_plan) plan = NULL;
    guint32 mode = 0;
    CliExit status;

    if (!cli_mode_read(cli, &mode) || !read_options(cli, &options) ||
        !cli_plan_check_options(cli, restore_options, mode))
        return CLI_USAGE;
    if (!cli_open(cli, mode == VMSNAP_MODE_DRY_RUN ? CLI_ASK : CLI_CHANGE, &status))
        return status;
    status = find_plan(cli, mode, &options, &plan);
    if (status != CLI_DONE)
        return status;
    return mode == VMSNAP_MODE_DRY_RUN ? cli_plan_answer(cli, plan)
                                       : cli_plan_run(cli, plan, mode, vmsnap_restore_start);
}

const CliCommand cli_restore = {
    .name = "restore",
    .arguments = "VM SNAPSHOT",
    .summary = "Bring a VM back to a snapshot, in place",
    .options = restore_options,
    .least = 2,
    .most = 2,
    .run = run_restore,
};

/* ---- undo ---- */

static CliExit
run_undo(Cli *cli)
{
    vmsnap_restore_options options = VMSNAP_RESTORE_OPTIONS_INIT;
    g_autoptr(vmsnap_operation) operation = NULL;
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    const char *uuid = cli_argument(cli, 0);
    CliExit status;

    if (!g_uuid_string_is_valid(uuid))
        return cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "%s is not an operation's UUID", uuid);
    if (!read_options(cli, &options))
        return CLI_USAGE;
    if (!cli_open(cli, CLI_CHANGE, &status))
        return status;
    if (vmsnap_context_find_operation(cli->context, uuid, &operation, &error) < 0 ||
        vmsnap_operation_undo(operation, &options, &job, &error) < 0 ||
        cli_watch(cli, job, &error) < 0)
        return cli_fail(cli, error);
    print_done(cli, vmsnap_job_get_json(job));
    return CLI_DONE;
}

const CliCommand cli_undo = {
    .name = "undo",
    .arguments = "OPERATION",
    .summary = "Bring back what a restore replaced",
    .options = undo_options,
    .least = 1,
    .most = 1,
    .run = run_undo,
};
