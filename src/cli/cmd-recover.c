/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
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
answer(const Cli *cli, const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);

    if (cli->json)
        cli_print_json(json);
    else if (cli_count(root, "acts") > 0)
        print_acts(root);
    else
        (void)printf("nothing to recover\n");
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
    (void)answer(cli, json);
    if (!cli->json)
        return cli_fail(cli, error);
    cli_note(cli, "%s", vmsnap_error_get_message(error));
    vmsnap_error_free(error);
    return status;
}

static const CliOption recover_options[] = {
    { "force-thaw", 0, "VM", "only thaw this VM, whoever froze it" },
    { 0 },
};

static int
recover(Cli *cli, vmsnap_job **ret_job, vmsnap_error **error)
{
    int result;

    if (cli_given(cli, "force-thaw"))
        return cli_thaw_job(cli, cli_value(cli, "force-thaw"), VMSNAP_THAW_FORCE, ret_job, error);
    result = vmsnap_context_recover(cli->context, ret_job, error);
    return result < 0 ? result : cli_watch(cli, *ret_job, error);
}

static CliExit
run_recover(Cli *cli)
{
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_REPAIR, &status))
        return status;
    if (recover(cli, &job, &error) < 0 && !job)
        return cli_fail(cli, error);
    return error ? fail(cli, vmsnap_job_get_json(job), error)
                 : answer(cli, vmsnap_job_get_json(job));
}

const CliCommand cli_recover = {
    .name = "recover",
    .arguments = "",
    .summary = "Finish or undo what killed processes left, thaw what they froze",
    .options = recover_options,
    .run = run_recover,
};
