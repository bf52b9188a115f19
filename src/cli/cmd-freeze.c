/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"

#include <stdio.h>

/* ---- freeze ---- */

static const CliOption freeze_options[] = {
    { "timeout", 0, "S", "seconds until it is thawed by itself (30, at most 600, Windows 8)" },
    { "wait-ready", 0, "S", "seconds to wait for locks, agent, other jobs (0)" },
    { "freeze-call", 0, "S", "seconds to wait for the freeze (10, Windows 60)" },
    { "disk", 0, "TARGET", "this disk will be cut; may be repeated (all)" },
    { "accept-unfrozen", 0, "MOUNT|TARGET", "may pass the freeze by; may be repeated" },
    { 0 },
};

static void
print_frozen(const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);
    g_autofree char *vm = cli_text(cli_object(root, "vm"), "name");
    g_autofree char *deadline = cli_text(root, "deadline");

    (void)printf("%s: frozen until %s, or 'vmsnap thaw %s'\n", vm ? vm : "?",
                 deadline ? deadline : "?", vm ? vm : "?");
}

static void
print_thawed(const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);
    JsonObject *evidence = cli_object(root, "evidence");
    g_autofree char *vm = cli_text(cli_object(root, "vm"), "name");
    g_autofree char *reason = cli_text(root, "reason");
    g_autofree char *message = cli_text(root, "message");

    if (reason)
        (void)printf("%s: thawed, not proven: %s: %s\n", vm ? vm : "?", reason,
                     message ? message : "");
    else
        (void)printf("%s: thawed, proven: %d file systems frozen, %d thawed\n", vm ? vm : "?",
                     (int)cli_number(evidence, "frozen_count", -1),
                     (int)cli_number(evidence, "thawed_count", -1));
}

static int
freeze(Cli *cli, const vmsnap_freeze_options *options, vmsnap_job **ret_job, vmsnap_error **error)
{
    g_autoptr(vmsnap_vm) vm = NULL;
    int result;

    result = vmsnap_context_find_vm(cli->context, cli_argument(cli, 0), &vm, error);
    if (result >= 0)
        result = vmsnap_freeze_start(vm, options, ret_job, error);
    return result < 0 ? result : cli_watch(cli, *ret_job, error);
}

static CliExit
run_freeze(Cli *cli)
{
    vmsnap_freeze_options options = VMSNAP_FREEZE_OPTIONS_INIT;
    g_autofree const char **disks = cli_values(cli, "disk");
    g_autofree const char **accepted = cli_values(cli, "accept-unfrozen");
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_read_limit(cli, "timeout", 1000, &options.hold_ms) ||
        !cli_read_seconds(cli, "wait-ready", 1000, &options.wait_ready_ms) ||
        !cli_read_limit(cli, "freeze-call", 1000, &options.freeze_call_ms))
        return CLI_USAGE;
    options.disks = disks;
    options.accept_unfrozen = accepted;
    options.flags = VMSNAP_FREEZE_DETACHED;
    if (!cli_open(cli, CLI_CHANGE, &status))
        return status;
    if (freeze(cli, &options, &job, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json)
        cli_print_json(vmsnap_job_get_json(job));
    else
        print_frozen(vmsnap_job_get_json(job));
    return CLI_DONE;
}

const CliCommand cli_freeze = {
    .name = "freeze",
    .arguments = "VM",
    .summary = "Freeze a guest for a cut by other means, until thaw or a deadline",
    .options = freeze_options,
    .least = 1,
    .most = 1,
    .run = run_freeze,
};

/* ---- thaw ---- */

int
cli_thaw_job(Cli *cli, const char *name, guint32 flags, vmsnap_job **ret_job, vmsnap_error **error)
{
    vmsnap_thaw_options options = VMSNAP_THAW_OPTIONS_INIT;
    g_autoptr(vmsnap_vm) vm = NULL;
    int result;

    options.flags = flags;
    result = vmsnap_context_find_vm(cli->context, name, &vm, error);
    if (result >= 0)
        result = vmsnap_vm_thaw(vm, &options, ret_job, error);
    return result < 0 ? result : cli_watch(cli, *ret_job, error);
}

static CliExit
run_thaw(Cli *cli)
{
    g_autoptr(vmsnap_job) job = NULL;
    g_autoptr(vmsnap_freeze) over = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    /* Recovery would end it too, but not tell what it proved. */
    if (!cli_open(cli, CLI_REPAIR, &status))
        return status;
    if (cli_thaw_job(cli, cli_argument(cli, 0), 0, &job, &error) < 0 ||
        vmsnap_job_ref_freeze(job, &over, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json)
        cli_print_json(vmsnap_freeze_get_json(over));
    else
        print_thawed(vmsnap_freeze_get_json(over));
    return vmsnap_freeze_get_proven(over) ? CLI_DONE : CLI_NOT_CONSISTENT;
}

const CliCommand cli_thaw = {
    .name = "thaw",
    .arguments = "VM",
    .summary = "End a freeze, and tell whether it is proven to have held",
    .least = 1,
    .most = 1,
    .run = run_thaw,
};
