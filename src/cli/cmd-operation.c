/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"

#include <stdio.h>

static void
add_operation(CliTable *table, const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);

    cli_table_add(table, cli_text(root, "uuid"));
    cli_table_add(table, cli_text(root, "type"));
    cli_table_add(table, cli_text(root, "phase"));
    cli_table_add(table, cli_text(cli_object(root, "source"), "name"));
    cli_table_add(table, cli_text(cli_object(root, "target"), "name"));
    cli_table_add(table,
                  cli_truth(root, "undone") ? g_strdup("undone") : cli_text(root, "undo_until"));
}

static CliExit
run_list(Cli *cli)
{
    static const char *const titles[] = { "OPERATION", "TYPE",       "PHASE", "SOURCE",
                                          "TARGET",    "UNDO UNTIL", NULL };
    g_autoptr(vmsnap_operation_list) list = NULL;
    g_autoptr(GPtrArray) documents = g_ptr_array_new();
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (vmsnap_context_list_operations(cli->context, &list, &error) < 0)
        return cli_fail(cli, error);
    for (size_t i = 0; i < vmsnap_operation_list_get_count(list); i++) {
        const char *json = vmsnap_operation_get_json(vmsnap_operation_list_get_item(list, i));

        g_ptr_array_add(documents, (char *)json);
    }
    cli_answer_list(cli, documents, titles, add_operation);
    return CLI_DONE;
}

const CliCommand cli_operation_list = {
    .name = "operation list",
    .arguments = "",
    .summary = "List what was done and what runs",
    .run = run_list,
};

static CliExit
run_show(Cli *cli)
{
    g_autoptr(vmsnap_operation) operation = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (vmsnap_context_find_operation(cli->context, cli_argument(cli, 0), &operation, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json)
        cli_print_json(vmsnap_operation_get_json(operation));
    else
        cli_print_operation(vmsnap_operation_get_json(operation));
    return CLI_DONE;
}

const CliCommand cli_operation_show = {
    .name = "operation show",
    .arguments = "OPERATION",
    .summary = "Show one operation: plan, findings, outcome",
    .least = 1,
    .most = 1,
    .run = run_show,
};
