/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"
#include "cli/take.h"

/* ---- create ---- */

static const CliOption create_options[] = {
    CLI_TAKE_OPTIONS,
    { "format", 0, "raw|qcow2", "what a file that no VM has holds (by its name)" },
    { 0 },
};

/* The snapshot that the job made, or the job's error. */
static int
create(Cli *cli, const vmsnap_snapshot_options *options, vmsnap_snapshot **ret_snapshot,
       vmsnap_error **error)
{
    g_autoptr(vmsnap_disk) disk = NULL;
    g_autoptr(vmsnap_job) job = NULL;
    int result;

    result = vmsnap_context_find_disk(cli->context, cli_argument(cli, 0), cli_value(cli, "format"),
                                      &disk, error);
    if (result >= 0)
        result = vmsnap_disk_snapshot_create(disk, options, &job, error);
    if (result >= 0)
        result = cli_watch(cli, job, error);
    return result < 0 ? result : vmsnap_job_ref_snapshot(job, ret_snapshot, error);
}

static CliExit
run_create(Cli *cli)
{
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    g_autofree const char **labels = cli_values(cli, "label");
    g_autofree const char **accepted = cli_values(cli, "accept-unfrozen");
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_read_take_options(cli, &options))
        return CLI_USAGE;
    options.labels = labels;
    options.accept_unfrozen = accepted;
    if (!cli_open(cli, CLI_CHANGE, &status))
        return status;
    if (create(cli, &options, &snapshot, &error) < 0)
        return cli_fail(cli, error);
    return cli_tell_taken(cli, &options, snapshot);
}

const CliCommand cli_disk_snapshot_create = {
    .name = "disk-snapshot create",
    .arguments = "DISK NAME",
    .summary = "Take a snapshot of one disk: VM/TARGET, or a path",
    .options = create_options,
    .least = 2,
    .most = 2,
    .run = run_create,
};

/* ---- list ---- */

static const CliOption list_options[] = {
    { "disk", 0, "DISK", "only those of this disk" },
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
    cli_table_add(table, cli_text(root, "disk"));
    cli_table_add(table, cli_text(root, "phase"));
    cli_table_add(table, cli_text(root, "consistency"));
    cli_table_add(table, cli_format_age(created));
}

static CliExit
run_list(Cli *cli)
{
    static const char *const titles[] = { "NAME", "DISK", "PHASE", "CONSISTENT", "AGE", NULL };

    return cli_list_snapshots(cli, "disk", vmsnap_context_list_disk_snapshots, titles,
                              add_snapshot);
}

const CliCommand cli_disk_snapshot_list = {
    .name = "disk-snapshot list",
    .arguments = "",
    .summary = "List disk snapshots",
    .options = list_options,
    .run = run_list,
};
