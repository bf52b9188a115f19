/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/take.h"

#include "cli/document.h"

#include <string.h>

gboolean
cli_read_take_options(const Cli *cli, vmsnap_snapshot_options *options)
{
    static const char *const policies[] = { "require", "prefer", "skip", NULL };
    static const char *const methods[] = { "auto", "reflink", "copy", "backup", NULL };

    options->name = cli_argument(cli, 1);
    options->description = cli_value(cli, "description");
    options->store = cli_value(cli, "store");
    options->flags = cli_given(cli, "digest") ? VMSNAP_SNAPSHOT_WITH_DIGEST : 0;
    return cli_read_word(cli, "consistency", policies, VMSNAP_CONSISTENCY_REQUIRE,
                         &options->consistency) &&
           cli_read_word(cli, "method", methods, VMSNAP_METHOD_AUTO, &options->method) &&
           cli_read_seconds(cli, "wait-ready", 1000, &options->wait_ready_ms) &&
           cli_read_limit(cli, "freeze-call", 1000, &options->freeze_call_ms) &&
           cli_read_limit(cli, "freeze-budget", 1000, &options->freeze_budget_ms);
}

void
cli_tell_snapshot(const Cli *cli, const vmsnap_snapshot *snapshot)
{
    if (cli->json)
        cli_print_json(vmsnap_snapshot_get_json(snapshot));
    else
        cli_print_snapshot(vmsnap_snapshot_get_json(snapshot));
}

CliExit
cli_tell_taken(const Cli *cli, const vmsnap_snapshot_options *options,
               const vmsnap_snapshot *snapshot)
{
    cli_tell_snapshot(cli, snapshot);
    return options->consistency == VMSNAP_CONSISTENCY_PREFER &&
                   !vmsnap_snapshot_get_consistent(snapshot)
               ? CLI_NOT_CONSISTENT
               : CLI_DONE;
}

/* ---- lists ---- */

static gboolean
check_labels(const Cli *cli)
{
    g_autofree const char **labels = cli_values(cli, "label");

    for (gsize i = 0; labels && labels[i]; i++) {
        if (strchr(labels[i], '='))
            continue;
        (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "--label: %s is not KEY=VALUE", labels[i]);
        return FALSE;
    }
    return TRUE;
}

static gboolean
has_label(JsonObject *labels, const char *wanted)
{
    g_auto(GStrv) parts = g_strsplit(wanted, "=", 2);
    g_autofree char *value = NULL;

    value = cli_text(labels, parts[0]);
    return g_strcmp0(value, parts[1]) == 0;
}

static gboolean
is_wanted(const vmsnap_snapshot *snapshot, const char *const *labels)
{
    g_autoptr(JsonNode) document = NULL;
    JsonObject *held;

    if (!labels)
        return TRUE;
    document = cli_document_parse(vmsnap_snapshot_get_json(snapshot));
    held = cli_object(cli_document_root(document), "labels");
    for (; *labels; labels++)
        if (!has_label(held, *labels))
            return FALSE;
    return TRUE;
}

void
cli_tell_snapshots(const Cli *cli, const vmsnap_snapshot_list *list, const char *const *titles,
                   void (*add_row)(CliTable *table, const char *json))
{
    g_autofree const char **labels = cli_values(cli, "label");
    g_autoptr(GPtrArray) documents = g_ptr_array_new();

    for (size_t i = 0; i < vmsnap_snapshot_list_get_count(list); i++) {
        const vmsnap_snapshot *snapshot = vmsnap_snapshot_list_get_item(list, i);

        if (is_wanted(snapshot, labels))
            g_ptr_array_add(documents, (char *)vmsnap_snapshot_get_json(snapshot));
    }
    cli_answer_list(cli, documents, titles, add_row);
}

CliExit
cli_list_snapshots(Cli *cli, const char *option,
                   int (*list)(vmsnap_context *, const char *, vmsnap_snapshot_list **,
                               vmsnap_error **),
                   const char *const *titles, void (*add_row)(CliTable *table, const char *json))
{
    g_autoptr(vmsnap_snapshot_list) found = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!check_labels(cli))
        return CLI_USAGE;
    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (list(cli->context, cli_value(cli, option), &found, &error) < 0)
        return cli_fail(cli, error);
    cli_tell_snapshots(cli, found, titles, add_row);
    return CLI_DONE;
}
