/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"

#include <stdio.h>

/* Undo sets; the undo itself is beside the restore, which has its options. */

static void
add_set(CliTable *table, const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);
    g_autofree char *created = cli_text(root, "created");

    cli_table_add(table, cli_text(root, "uuid"));
    cli_table_add(table, cli_text(cli_object(root, "target"), "name"));
    cli_table_add(table, cli_text(cli_object(root, "source"), "name"));
    cli_table_add(table, cli_text(root, "state"));
    cli_table_add(table, cli_format_size((guint64)cli_number(root, "allocated", 0)));
    cli_table_add(table, cli_format_age(created));
    cli_table_add(table, cli_text(root, "undo_until"));
}

static CliExit
run_list(Cli *cli)
{
    static const char *const titles[] = { "OPERATION", "VM",  "SNAPSHOT", "STATE",
                                          "SIZE",      "AGE", "UNTIL",    NULL };
    g_autoptr(vmsnap_undo_set_list) list = NULL;
    g_autoptr(GPtrArray) documents = g_ptr_array_new();
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (vmsnap_context_list_undo_sets(cli->context, &list, &error) < 0)
        return cli_fail(cli, error);
    for (size_t i = 0; i < vmsnap_undo_set_list_get_count(list); i++)
        g_ptr_array_add(documents,
                        (char *)vmsnap_undo_set_get_json(vmsnap_undo_set_list_get_item(list, i)));
    cli_answer_list(cli, documents, titles, add_set);
    return CLI_DONE;
}

const CliCommand cli_undo_list = {
    .name = "undo list",
    .arguments = "",
    .summary = "List restores that can be taken back, and what they keep",
    .run = run_list,
};

static CliExit
run_drop(Cli *cli)
{
    const char *uuid = cli_argument(cli, 0);
    g_autoptr(vmsnap_operation) operation = NULL;
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!g_uuid_string_is_valid(uuid))
        return cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "%s is not an operation's UUID", uuid);
    if (!cli_open(cli, CLI_CHANGE, &status))
        return status;
    if (vmsnap_context_find_operation(cli->context, uuid, &operation, &error) < 0 ||
        vmsnap_operation_drop_undo(operation, &job, &error) < 0 || cli_watch(cli, job, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json)
        cli_print_json(vmsnap_job_get_json(job));
    else
        (void)printf("%s: dropped\n", uuid);
    return CLI_DONE;
}

const CliCommand cli_undo_drop = {
    .name = "undo drop",
    .arguments = "OPERATION",
    .summary = "Remove what a restore keeps; it cannot be undone then",
    .least = 1,
    .most = 1,
    .run = run_drop,
};

static const CliOption gc_options[] = {
    { "dry-run", 0, NULL, "only tell what would be done" },
    { 0 },
};

static CliExit
run_gc(Cli *cli)
{
    vmsnap_collect_options options = VMSNAP_COLLECT_OPTIONS_INIT;
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    options.flags = cli_given(cli, "dry-run") ? VMSNAP_COLLECT_DRY_RUN : 0;
    if (!cli_open(cli, options.flags ? CLI_LOOK : CLI_CHANGE, &status))
        return status;
    if (vmsnap_context_collect(cli->context, &options, &job, &error) < 0)
        return cli_fail(cli, error);
    (void)cli_watch(cli, job, &error);
    return cli_tell_acts(cli, vmsnap_job_get_json(job), "nothing to collect", error);
}

const CliCommand cli_gc = {
    .name = "gc",
    .arguments = "",
    .summary = "Collect expired undo sets, and what finished operations left",
    .options = gc_options,
    .run = run_gc,
};
