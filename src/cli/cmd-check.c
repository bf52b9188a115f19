/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"

#include <stdio.h>

static void
print_line(const char *title, char *text)
{
    (void)printf("%-14s %s\n", title, text && *text ? text : "-");
    g_free(text);
}

/* NULL where nothing is known. */
static char *
size_of(JsonObject *object, const char *member)
{
    gint64 bytes = cli_number(object, member, 0);

    return bytes > 0 ? cli_format_size((guint64)bytes) : NULL;
}

static void
print_disks(JsonObject *check)
{
    static const char *const titles[] = { "DISK",  "METHOD", "FORMAT", "SIZE",
                                          "NEEDS", "FREE",   "WHY",    NULL };
    CliTable *table = cli_table_new(titles);

    for (guint i = 0; i < cli_count(check, "disks"); i++) {
        JsonObject *disk = cli_item(check, "disks", i);
        JsonObject *space = cli_object(disk, "space");

        cli_table_add(table, cli_text(disk, "target"));
        cli_table_add(table, cli_text(disk, "method"));
        cli_table_add(table, cli_text(disk, "format"));
        cli_table_add(table, size_of(disk, "virtual_size"));
        cli_table_add(table, size_of(space, "needed"));
        cli_table_add(table, size_of(space, "free"));
        cli_table_add(table, cli_text(disk, "why"));
    }
    (void)printf("\n");
    cli_table_print(table);
}

static void
print_filesystems(JsonObject *check)
{
    static const char *const titles[] = { "MOUNT", "TYPE", "DISKS", "FREEZES", "WHY", NULL };
    CliTable *table;

    if (cli_count(check, "filesystems") == 0)
        return;
    table = cli_table_new(titles);
    for (guint i = 0; i < cli_count(check, "filesystems"); i++) {
        JsonObject *fs = cli_item(check, "filesystems", i);

        cli_table_add(table, cli_text(fs, "mountpoint"));
        cli_table_add(table, cli_text(fs, "type"));
        cli_table_add(table, cli_joined(fs, "disks", ","));
        cli_table_add(table, g_strdup(cli_truth(fs, "freezes") ? "yes" : "no"));
        cli_table_add(table, cli_text(fs, "why"));
    }
    (void)printf("\n");
    cli_table_print(table);
}

static void
print_check(const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);
    JsonObject *vm = cli_object(root, "vm");

    print_line("VM:", cli_text(vm, "name"));
    print_line("State:", cli_text(root, "state"));
    print_line("Agent:", cli_text(root, "agent_version"));
    print_line("Job:", cli_text(root, "job"));
    print_line("Locked by:", cli_text(root, "locked_by"));
    print_line("Verdict:", cli_text(root, "verdict"));
    cli_print_findings(root, "findings", stdout);
    print_filesystems(root);
    print_disks(root);
}

static CliExit
exit_of(vmsnap_verdict verdict)
{
    switch (verdict) {
    case VMSNAP_VERDICT_OFFLINE:
    case VMSNAP_VERDICT_FROZEN:
        return CLI_DONE;
    case VMSNAP_VERDICT_CRASH:
        return CLI_NOT_CONSISTENT;
    case VMSNAP_VERDICT_BLOCKED:
        return CLI_CONFLICT;
    }
    return CLI_FAILED;
}

static CliExit
run_check(Cli *cli)
{
    g_autoptr(vmsnap_vm) vm = NULL;
    g_autoptr(vmsnap_check) check = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_ASK, &status))
        return status;
    if (vmsnap_context_find_vm(cli->context, cli_argument(cli, 0), &vm, &error) < 0 ||
        vmsnap_vm_check(vm, &check, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json)
        cli_print_json(vmsnap_check_get_json(check));
    else
        print_check(vmsnap_check_get_json(check));
    return exit_of(vmsnap_check_get_verdict(check));
}

const CliCommand cli_check = {
    .name = "check",
    .arguments = "VM",
    .summary = "Tell what a consistent snapshot of a VM would meet now",
    .least = 1,
    .most = 1,
    .run = run_check,
};
