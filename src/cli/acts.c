/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"
#include "cli/document.h"

#include <stdio.h>

static void
print_acts(JsonObject *root)
{
    static const char *const titles[] = { "OBJECT", "ACT", "MESSAGE", NULL };
    CliTable *table = cli_table_new(titles);

    for (guint i = 0; i < cli_count(root, "acts"); i++) {
        JsonObject *act = cli_item(root, "acts", i);

        cli_table_add(table, cli_text(act, "object"));
        cli_table_add(table, cli_text(act, "act"));
        cli_table_add(table, cli_text(act, "message"));
    }
    cli_table_print(table);
}

static CliExit
answer(const Cli *cli, const char *json, const char *nothing)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);

    if (cli->json)
        cli_print_json(json);
    else if (cli_count(root, "acts") > 0)
        print_acts(root);
    else
        (void)printf("%s\n", nothing);
    return CLI_DONE;
}

/* What was done is told all the same. In JSON that is the one document; why it failed is a note. */
static CliExit
fail(const Cli *cli, const char *json, vmsnap_error *error)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    CliExit status = cli_exit_of(vmsnap_error_get_code(error));

    if (cli_count(cli_document_root(document), "acts") == 0)
        return cli_fail(cli, error);
    (void)answer(cli, json, "");
    if (!cli->json)
        return cli_fail(cli, error);
    cli_note(cli, "%s", vmsnap_error_get_message(error));
    vmsnap_error_free(error);
    return status;
}

CliExit
cli_tell_acts(const Cli *cli, const char *json, const char *nothing, vmsnap_error *error)
{
    return error ? fail(cli, json, error) : answer(cli, json, nothing);
}
