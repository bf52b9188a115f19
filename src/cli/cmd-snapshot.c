/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/take.h"

/* ---- create ---- */

static const CliOption create_options[] = {
    CLI_TAKE_OPTIONS,
    { "keep-ip", 0, "always|never", "what becomes of addresses got by DHCP (always)" },
    { "disk", 0, "TARGET", "take this disk only; may be repeated" },
    { "group", 0, "VM=NAME", "instead of VM NAME: all of these at one time; may be repeated" },
    { "on-straggler", 0, "drop|abort", "when one of a group is too late (abort)" },
    { 0 },
};

static gboolean
read_options(const Cli *cli, vmsnap_snapshot_options *options)
{
    static const char *const words[] = { "always", "never", NULL };

    return cli_read_take_options(cli, options) &&
           cli_read_word(cli, "keep-ip", words, VMSNAP_KEEP_IP_ALWAYS, &options->keep_ip);
}

/* The snapshot that the job made, or the job's error. */
static int
create(Cli *cli, const vmsnap_snapshot_options *options, vmsnap_snapshot **ret_snapshot,
       vmsnap_error **error)
{
    g_autoptr(vmsnap_vm) vm = NULL;
    g_autoptr(vmsnap_job) job = NULL;
    int result;

    result = vmsnap_context_find_vm(cli->context, cli_argument(cli, 0), &vm, error);
    if (result >= 0)
        result = vmsnap_snapshot_create(vm, options, &job, error);
    if (result >= 0)
        result = cli_watch(cli, job, error);
    return result < 0 ? result : vmsnap_job_ref_snapshot(job, ret_snapshot, error);
}

/* The snapshots of a group, also of one that failed after the cut. */
static int
create_group(Cli *cli, const vmsnap_snapshot_options *options, guint32 on_straggler,
             vmsnap_snapshot_list **ret_list, vmsnap_error **error)
{
    g_autofree const char **members = cli_values(cli, "group");
    g_autoptr(vmsnap_job) job = NULL;
    int result =
        vmsnap_snapshot_create_group(cli->context, members, options, on_straggler, &job, error);

    if (result >= 0)
        result = cli_watch(cli, job, error);
    return result < 0 ? result : vmsnap_job_ref_snapshot_list(job, ret_list, error);
}

static void
add_member(CliTable *table, const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);

    cli_table_add(table, cli_text(root, "name"));
    cli_table_add(table, cli_text(cli_object(root, "vm"), "name"));
    cli_table_add(table, cli_text(root, "phase"));
    cli_table_add(table, cli_text(root, "consistency"));
}

/* Those that were taken. */
static gboolean
are_consistent(const vmsnap_snapshot_list *list)
{
    for (size_t i = 0; i < vmsnap_snapshot_list_get_count(list); i++) {
        const vmsnap_snapshot *snapshot = vmsnap_snapshot_list_get_item(list, i);

        if (vmsnap_snapshot_get_phase(snapshot) == VMSNAP_SNAPSHOT_READY &&
            !vmsnap_snapshot_get_consistent(snapshot))
            return FALSE;
    }
    return TRUE;
}

static CliExit
run_create_group(Cli *cli)
{
    static const char *const titles[] = { "NAME", "VM", "PHASE", "CONSISTENT", NULL };
    static const char *const words[] = { "abort", "drop", NULL };
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    g_autofree const char **labels = cli_values(cli, "label");
    g_autofree const char **accepted = cli_values(cli, "accept-unfrozen");
    g_autoptr(vmsnap_snapshot_list) list = NULL;
    guint32 on_straggler = VMSNAP_STRAGGLER_ABORT;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!read_options(cli, &options) ||
        !cli_read_word(cli, "on-straggler", words, VMSNAP_STRAGGLER_ABORT, &on_straggler))
        return CLI_USAGE;
    options.name = NULL;
    options.labels = labels;
    options.accept_unfrozen = accepted;
    if (!cli_open(cli, CLI_CHANGE, &status))
        return status;
    if (create_group(cli, &options, on_straggler, &list, &error) < 0)
        return cli_fail(cli, error);
    cli_tell_snapshots(cli, list, titles, add_member);
    return are_consistent(list) || options.consistency != VMSNAP_CONSISTENCY_PREFER
               ? CLI_DONE
               : CLI_NOT_CONSISTENT;
}

static CliExit
run_create(Cli *cli)
{
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    g_autofree const char **labels = cli_values(cli, "label");
    g_autofree const char **disks = cli_values(cli, "disk");
    g_autofree const char **accepted = cli_values(cli, "accept-unfrozen");
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (cli_given(cli, "group"))
        return cli_argument(cli, 0) || disks
                   ? cli_refuse(cli, VMSNAP_E_INVALID, "Usage",
                                "--group stands instead of VM NAME and --disk")
                   : run_create_group(cli);
    if (!cli_argument(cli, 1))
        return cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "missing argument: VM NAME");
    if (!read_options(cli, &options))
        return CLI_USAGE;
    options.labels = labels;
    options.disks = disks;
    options.accept_unfrozen = accepted;
    if (!cli_open(cli, CLI_CHANGE, &status))
        return status;
    if (create(cli, &options, &snapshot, &error) < 0)
        return cli_fail(cli, error);
    return cli_tell_taken(cli, &options, snapshot);
}

const CliCommand cli_snapshot_create = {
    .name = "snapshot create",
    .arguments = "VM NAME",
    .summary = "Take a snapshot of all disks of a VM at one point in time",
    .options = create_options,
    .most = 2,
    .run = run_create,
};

/* ---- list ---- */

static const CliOption list_options[] = {
    { "vm", 0, "VM", "only those of this VM" },
    { "label", 0, "KEY=VALUE", "only those with this label; may be repeated" },
    { 0 },
};

static void
add_snapshot(CliTable *table, const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);
    g_autofree char *created = cli_text(root, "created");

    cli_table_add(table, cli_text(root, "name"));
    cli_table_add(table, cli_text(root, "kind"));
    cli_table_add(table, cli_text(cli_object(root, "vm"), "name"));
    cli_table_add(table, cli_text(root, "phase"));
    cli_table_add(table, cli_text(root, "consistency"));
    cli_table_add(table, cli_format_age(created));
}

static CliExit
run_list(Cli *cli)
{
    static const char *const titles[] = {
        "NAME", "KIND", "VM", "PHASE", "CONSISTENT", "AGE", NULL
    };

    return cli_list_snapshots(cli, "vm", vmsnap_context_list_snapshots, titles, add_snapshot);
}

const CliCommand cli_snapshot_list = {
    .name = "snapshot list",
    .arguments = "",
    .summary = "List snapshots",
    .options = list_options,
    .run = run_list,
};
