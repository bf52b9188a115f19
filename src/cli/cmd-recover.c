/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"

#include <stdio.h>

static void
print_acts(const char *json)
{
    static const char *const titles[] = { "OBJECT", "ACT", "MESSAGE", NULL };
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);
    CliTable *table;

    if (cli_count(root, "acts") == 0) {
        (void)printf("nothing to recover\n");
        return;
    }
    table = cli_table_new(titles);
    for (guint i = 0; i < cli_count(root, "acts"); i++) {
        JsonObject *act = cli_item(root, "acts", i);

        cli_table_add(table, cli_text(act, "object"));
        cli_table_add(table, cli_text(act, "act"));
        cli_table_add(table, cli_text(act, "message"));
    }
    cli_table_print(table);
}

static CliExit
run_recover(Cli *cli)
{
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_REPAIR, &status))
        return status;
    if (vmsnap_context_recover(cli->context, &job, &error) < 0)
        return cli_fail(cli, error);
    if (cli_watch(cli, job, &error) < 0) {
        if (!cli->json)
            print_acts(vmsnap_job_get_json(job));
        return cli_fail(cli, error);
    }
    if (cli->json)
        cli_print_json(vmsnap_job_get_json(job));
    else
        print_acts(vmsnap_job_get_json(job));
    return CLI_DONE;
}

const CliCommand cli_recover = {
    .name = "recover",
    .arguments = "",
    .summary = "Finish or undo what killed processes left, thaw what they froze",
    .run = run_recover,
};
