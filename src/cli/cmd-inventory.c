/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"

#include <string.h>

#include <vmsnap/inventory.h>

/* "a, b"; NULL: none. */
static char *
join(JsonObject *holder, const char *list, const char *member)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < cli_count(holder, list); i++) {
        g_autofree char *each = cli_text(cli_item(holder, list, i), member);

        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", each ? each : "-");
    }
    return g_string_free(text, text->len == 0);
}

static char *
join_words(JsonObject *holder, const char *list)
{
    JsonArray *array =
        json_object_has_member(holder, list) ? json_object_get_array_member(holder, list) : NULL;
    GString *text = g_string_new(NULL);

    for (guint i = 0; array && i < json_array_get_length(array); i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "",
                               json_array_get_string_element(array, i));
    return g_string_free(text, text->len == 0);
}

static void
add_holder(CliTable *table, JsonObject *holder)
{
    cli_table_add(table, cli_text(holder, "kind"));
    cli_table_add(table, cli_text(holder, "name"));
    cli_table_add(table, cli_text(holder, "host"));
    cli_table_add(table, join_words(holder, "macs"));
    cli_table_add(table, join(holder, "addresses", "address"));
    cli_table_add(table, join(holder, "files", "path"));
}

static CliExit
run_inventory(Cli *cli)
{
    static const char *const titles[] = {
        "KIND", "NAME", "HOST", "MACS", "ADDRESSES", "FILES", NULL
    };
    g_autoptr(vmsnap_inventory) inventory = NULL;
    g_autoptr(JsonNode) document = NULL;
    vmsnap_error *error = NULL;
    JsonObject *root;
    CliTable *table;
    CliExit status;

    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (vmsnap_context_read_inventory(cli->context, &inventory, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json) {
        cli_print_json(vmsnap_inventory_get_json(inventory));
        return CLI_DONE;
    }
    document = cli_document_parse(vmsnap_inventory_get_json(inventory));
    root = cli_document_root(document);
    table = cli_table_new(titles);
    for (guint i = 0; i < cli_count(root, "items"); i++)
        add_holder(table, cli_item(root, "items", i));
    cli_table_print(table);
    return CLI_DONE;
}

const CliCommand cli_inventory = {
    .name = "inventory",
    .arguments = "",
    .summary = "List who holds which identity on all connections",
    .run = run_inventory,
};
