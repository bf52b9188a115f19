/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"
#include "cli/document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void
print_log(int level, const char *message, void *data)
{
    const char *const heads[] = { "", "error: ", "warning: ", "", "debug: " };

    (void)data;
    if (level >= VMSNAP_LOG_ERROR && level <= VMSNAP_LOG_DEBUG)
        (void)fprintf(stderr, "vmsnap: %s%s\n", heads[level], message);
}

static guint32
log_level(const Cli *cli)
{
    g_autofree const char **verbose = cli_values(cli, "verbose");

    if (verbose)
        return verbose[1] ? VMSNAP_LOG_DEBUG : VMSNAP_LOG_INFO;
    return cli_given(cli, "quiet") ? VMSNAP_LOG_ERROR : VMSNAP_LOG_WARNING;
}

/* An option, else its environment variable, else NULL. An empty variable counts as unset. */
static const char *
setting(const Cli *cli, const char *option, const char *variable)
{
    const char *text = cli_value(cli, option);

    if (!text)
        text = getenv(variable);
    return text && *text ? text : NULL;
}

static CliExit
open_context(Cli *cli, CliAccess access)
{
    g_autofree const char **uris = cli_values(cli, "connect");
    g_autofree const char **sockets = cli_values(cli, "agent-socket");
    vmsnap_context_options options = VMSNAP_CONTEXT_OPTIONS_INIT;
    vmsnap_error *error = NULL;

    /* Of several the first is acted on; a variable holds one. */
    options.uri = uris ? uris[0] : setting(cli, "connect", "VMSNAP_URI");
    options.analysis_uris = uris && uris[1] ? uris + 1 : NULL;
    options.catalog = setting(cli, "catalog", "VMSNAP_CATALOG");
    options.state_dir = setting(cli, "state-dir", "VMSNAP_STATE_DIR");
    options.agent_sockets = sockets;
    options.guard_path = setting(cli, "guard", "VMSNAP_GUARD");
    options.log_handler = print_log;
    options.log_level = log_level(cli);
    options.flags = access == CLI_LOOK ? VMSNAP_CONTEXT_READ_ONLY : 0;
    if (vmsnap_context_open(&options, &cli->context, &error) < 0)
        return cli_fail(cli, error);
    return CLI_DONE;
}

static void
note_act(const Cli *cli, JsonObject *act)
{
    g_autofree char *object = cli_text(act, "object");
    g_autofree char *what = cli_text(act, "act");
    g_autofree char *message = cli_text(act, "message");

    cli_note(cli, "recovery: %s: %s%s%s", object ? object : "?", what ? what : "?",
             message ? ": " : "", message ? message : "");
}

/* What could not be repaired is told and does not stop the command: it has locks of its own. */
static void
recover(const Cli *cli)
{
    g_autoptr(vmsnap_job) job = NULL;
    g_autoptr(JsonNode) document = NULL;
    vmsnap_error *error = NULL;
    JsonObject *root;

    if (vmsnap_context_recover(cli->context, &job, &error) >= 0)
        (void)cli_watch(cli, job, &error);
    document = job ? cli_document_parse(vmsnap_job_get_json(job)) : NULL;
    root = cli_document_root(document);
    for (guint i = 0; i < cli_count(root, "acts"); i++)
        note_act(cli, cli_item(root, "acts", i));
    if (error)
        cli_note(cli, "recovery: %s", vmsnap_error_get_message(error));
    vmsnap_error_free(error);
}

static void
look_at_open_things(const Cli *cli, gboolean repair)
{
    vmsnap_context_status status = VMSNAP_CONTEXT_STATUS_INIT;

    /* What cannot be counted is met by the command itself. */
    if (vmsnap_context_read_status(cli->context, &status, NULL) < 0 ||
        status.open_operations + status.open_freezes == 0)
        return;
    cli_note(cli, "killed processes left %" PRIu64 " operation(s) and %" PRIu64 " freeze(s) open%s",
             status.open_operations, status.open_freezes,
             repair ? "; recovering them first" : ": run 'vmsnap recover'");
    if (repair)
        recover(cli);
}

gboolean
cli_open(Cli *cli, CliAccess access, CliExit *ret_exit)
{
    *ret_exit = open_context(cli, access);
    if (!cli->context)
        return FALSE;
    if (access == CLI_CHANGE || access == CLI_REPAIR)
        cli_watch_signals();
    if (access != CLI_REPAIR)
        look_at_open_things(cli, access == CLI_CHANGE && !cli_given(cli, "no-recover"));
    if (!cli_interrupted())
        return TRUE;
    *ret_exit = cli_refuse(cli, VMSNAP_E_CANCELLED, "Cancelled", "cancelled before it began");
    return FALSE;
}
