/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"
#include "cli/document.h"

#include <string.h>

/* What commands that run plans have in common. */

/* Places in this list are the library's numbers. */
static const char *const modes[] = { "", "dry-run", "strict", "best-effort", NULL };

gboolean
cli_mode_read(const Cli *cli, guint32 *ret_mode)
{
    const char *text = cli_value(cli, "mode");

    if (text && *text)
        return cli_read_word(cli, "mode", modes, 0, ret_mode);
    (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage",
                     "--mode is required: dry-run, strict or best-effort");
    return FALSE;
}

CliExit
cli_plan_answer(const Cli *cli, const vmsnap_plan *plan)
{
    const char *path = cli_value(cli, "plan");
    CliExit status = path ? cli_plan_write(cli, path, vmsnap_plan_get_json(plan)) : CLI_DONE;

    if (status != CLI_DONE)
        return status;
    if (cli->json)
        cli_print_json(vmsnap_plan_get_json(plan));
    else
        cli_print_operation(vmsnap_plan_get_json(plan));
    return vmsnap_plan_get_conflict_count(plan, VMSNAP_MODE_DRY_RUN) ? CLI_CONFLICT : CLI_DONE;
}

CliExit
cli_plan_run(const Cli *cli, vmsnap_plan *plan, guint32 mode, CliPlanStart start)
{
    g_autoptr(vmsnap_job) job = NULL;
    g_autoptr(JsonNode) document = NULL;
    vmsnap_error *error = NULL;

    if (start(plan, mode, &job, &error) >= 0 && cli_watch(cli, job, &error) >= 0) {
        if (cli->json)
            cli_print_json(vmsnap_job_get_json(job));
        else
            cli_print_operation(vmsnap_job_get_json(job));
        return CLI_DONE;
    }
    document = cli_document_parse(vmsnap_plan_get_json(plan));
    if (!cli->json && vmsnap_error_get_code(error) == VMSNAP_E_CONFLICT)
        cli_print_findings(cli_document_root(document), "resources", stderr);
    return cli_fail(cli, error);
}

gboolean
cli_plan_check_options(const Cli *cli, const CliOption *options, guint32 mode)
{
    if (mode == VMSNAP_MODE_DRY_RUN || !cli_given(cli, "plan"))
        return TRUE;
    for (const CliOption *option = options; option->name; option++) {
        if (strcmp(option->name, "mode") == 0 || strcmp(option->name, "plan") == 0 ||
            strcmp(option->name, "from-snapshot") == 0 || !cli_given(cli, option->name))
            continue;
        (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage",
                         "--%s belongs to the dry-run that writes the plan", option->name);
        return FALSE;
    }
    return TRUE;
}
