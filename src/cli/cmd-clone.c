/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"

#include <string.h>

/* New VMs from others. */

static const CliOption clone_options[] = {
    { "from-snapshot", 0, "SNAPSHOT", "clone this snapshot, instead of a VM as it is" },
    { "mode", 0, "MODE", "dry-run, strict or best-effort; required" },
    { "name", 0, "NEW", "the clone's name" },
    { "replace", 0, "[KIND:]OLD=NEW", "name a resource; repeatable, the first that fits counts" },
    { "prefix", 0, "P", "put before every name" },
    { "suffix", 0, "S", "put behind every name" },
    { "run-policy", 0, "always-off|inherit", "whether it is to run as its source does" },
    { "full", 0, NULL, "depends on nothing (the default)" },
    { "linked", 0, NULL, "overlays over the snapshot's images, which are needed then" },
    { "seed", 0, "SALT", "an identity that follows from source, name and this" },
    { "keep-serial", 0, NULL, "disks keep serial numbers and WWNs" },
    { "start", 0, NULL, "start it" },
    { "allow-partial", 0, NULL, "clone a partial snapshot" },
    { "wait-ready", 0, "S", "seconds to wait for locks, and for a guest to be ready (0)" },
    { "plan", 0, "FILE", "dry-run: write the plan; else: run this one, if it still holds" },
    { 0 },
};

/* What was asked, and what it is held in. */
typedef struct {
    vmsnap_clone_options options;
    const char **rules;
} Asked;

static void
asked_clear(Asked *asked)
{
    g_free(asked->rules);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Asked, asked_clear)

static gboolean
read_method(const Cli *cli, guint32 *ret_method)
{
    gboolean linked = cli_given(cli, "linked");

    *ret_method = linked ? VMSNAP_CLONE_LINKED : VMSNAP_CLONE_FULL;
    if (!linked || !cli_given(cli, "full"))
        return TRUE;
    (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "only one of --full and --linked");
    return FALSE;
}

static gboolean
read_options(const Cli *cli, Asked *asked)
{
    static const char *const policies[] = { "always-off", "inherit", NULL };
    vmsnap_clone_options *options = &asked->options;

    *options = (vmsnap_clone_options)VMSNAP_CLONE_OPTIONS_INIT;
    asked->rules = cli_values(cli, "replace");
    options->name = cli_value(cli, "name");
    options->rules = asked->rules;
    options->prefix = cli_value(cli, "prefix");
    options->suffix = cli_value(cli, "suffix");
    options->seed = cli_value(cli, "seed");
    options->flags = (cli_given(cli, "keep-serial") ? VMSNAP_CLONE_KEEP_SERIAL : 0) |
                     (cli_given(cli, "start") ? VMSNAP_CLONE_START : 0) |
                     (cli_given(cli, "allow-partial") ? VMSNAP_CLONE_ALLOW_PARTIAL : 0);
    return read_method(cli, &options->method) &&
           cli_read_word(cli, "run-policy", policies, 0, &options->run_policy) &&
           cli_read_seconds(cli, "wait-ready", 1000, &options->wait_ready_ms);
}

/* ---- of what ---- */

static gboolean
check_source(const Cli *cli)
{
    gboolean snapshot = cli_given(cli, "from-snapshot");

    if ((cli->arguments->len > 0) != snapshot)
        return TRUE;
    (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage",
                     snapshot ? "either a VM or --from-snapshot, not both"
                              : "a VM, or --from-snapshot, is required");
    return FALSE;
}

static CliExit
plan_vm(const Cli *cli, const vmsnap_clone_options *options, vmsnap_plan **ret_plan)
{
    g_autoptr(vmsnap_vm) vm = NULL;
    vmsnap_error *error = NULL;

    if (vmsnap_context_find_vm(cli->context, cli_argument(cli, 0), &vm, &error) < 0 ||
        vmsnap_clone_plan(vm, options, ret_plan, &error) < 0)
        return cli_fail(cli, error);
    return CLI_DONE;
}

static CliExit
plan_snapshot(const Cli *cli, const vmsnap_clone_options *options, vmsnap_plan **ret_plan)
{
    const char *name = cli_value(cli, "from-snapshot");
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    vmsnap_error *error = NULL;

    if (vmsnap_context_find_snapshot(cli->context, name, &snapshot, &error) < 0 ||
        vmsnap_clone_plan_from_snapshot(snapshot, options, ret_plan, &error) < 0)
        return cli_fail(cli, error);
    return CLI_DONE;
}

/* The UUID of what is to be cloned. */
static CliExit
find_source(const Cli *cli, char **ret_uuid)
{
    const char *name = cli_value(cli, "from-snapshot");
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    g_autoptr(vmsnap_vm) vm = NULL;
    vmsnap_error *error = NULL;

    if (name ? vmsnap_context_find_snapshot(cli->context, name, &snapshot, &error) < 0
             : vmsnap_context_find_vm(cli->context, cli_argument(cli, 0), &vm, &error) < 0)
        return cli_fail(cli, error);
    *ret_uuid = g_strdup(name ? vmsnap_snapshot_get_uuid(snapshot) : vmsnap_vm_get_uuid(vm));
    return CLI_DONE;
}

static CliExit
read_plan(const Cli *cli, const char *path, vmsnap_plan **ret_plan)
{
    g_autofree char *uuid = NULL;
    CliExit status = find_source(cli, &uuid);

    return status == CLI_DONE ? cli_plan_read_clone(cli, path, uuid, ret_plan) : status;
}

static CliExit
find_plan(const Cli *cli, guint32 mode, const vmsnap_clone_options *options, vmsnap_plan **ret_plan)
{
    const char *path = mode == VMSNAP_MODE_DRY_RUN ? NULL : cli_value(cli, "plan");

    if (path)
        return read_plan(cli, path, ret_plan);
    if (cli_given(cli, "from-snapshot"))
        return plan_snapshot(cli, options, ret_plan);
    return plan_vm(cli, options, ret_plan);
}

/* ---- the command ---- */

static CliExit
run_clone(Cli *cli)
{
    g_auto(Asked) asked = { 0 };
    g_autoptr(vmsnap_plan) plan = NULL;
    guint32 mode = 0;
    CliExit status;

    if (!check_source(cli) || !cli_mode_read(cli, &mode) || !read_options(cli, &asked) ||
        !cli_plan_check_options(cli, clone_options, mode))
        return CLI_USAGE;
    if (!cli_open(cli, mode == VMSNAP_MODE_DRY_RUN ? CLI_ASK : CLI_CHANGE, &status))
        return status;
    status = find_plan(cli, mode, &asked.options, &plan);
    if (status != CLI_DONE)
        return status;
    return mode == VMSNAP_MODE_DRY_RUN ? cli_plan_answer(cli, plan)
                                       : cli_plan_run(cli, plan, mode, vmsnap_clone_start);
}

const CliCommand cli_clone = {
    .name = "clone",
    .arguments = "VM",
    .summary = "Make a new VM from another, or from a snapshot",
    .options = clone_options,
    .least = 0,
    .most = 1,
    .run = run_clone,
};
