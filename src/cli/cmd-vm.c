/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"

#include <stdio.h>
#include <string.h>

/* ---- vm list ---- */

static void
add_vm(CliTable *table, const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *vm = cli_document_root(document);

    cli_table_add(table, cli_text(vm, "name"));
    cli_table_add(table, cli_text(vm, "uuid"));
    cli_table_add(table, cli_text(vm, "state"));
    cli_table_add(table, g_strdup_printf("%u", cli_count(vm, "disks")));
}

static CliExit
run_vm_list(Cli *cli)
{
    static const char *const titles[] = { "NAME", "UUID", "STATE", "DISKS", NULL };
    g_autoptr(vmsnap_vm_list) list = NULL;
    g_autoptr(GPtrArray) documents = g_ptr_array_new();
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (vmsnap_context_list_vms(cli->context, &list, &error) < 0)
        return cli_fail(cli, error);
    for (size_t i = 0; i < vmsnap_vm_list_get_count(list); i++)
        g_ptr_array_add(documents, (char *)vmsnap_vm_get_json(vmsnap_vm_list_get_item(list, i)));
    cli_answer_list(cli, documents, titles, add_vm);
    return CLI_DONE;
}

const CliCommand cli_vm_list = {
    .name = "vm list",
    .arguments = "",
    .summary = "List the virtual machines",
    .run = run_vm_list,
};

/* ---- disks ---- */

static void
add_disk(CliTable *table, JsonObject *vm, JsonObject *disk)
{
    cli_table_add(table, cli_text(vm, "name"));
    cli_table_add(table, cli_text(disk, "target"));
    cli_table_add(table, cli_text(disk, "device"));
    cli_table_add(table, cli_text(disk, "format"));
    cli_table_add(table, g_strdup(cli_truth(disk, "readonly") ? "read-only" : "writable"));
    cli_table_add(table, cli_text(disk, "path"));
}

static void
add_disks(CliTable *table, const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *vm = cli_document_root(document);

    for (guint i = 0; i < cli_count(vm, "disks"); i++)
        add_disk(table, vm, cli_item(vm, "disks", i));
}

static const char *const disk_titles[] = { "VM",     "TARGET", "DEVICE", "FORMAT",
                                           "ACCESS", "PATH",   NULL };

/* ---- vm show ---- */

static void
print_vm(const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *vm = cli_document_root(document);
    g_autofree char *name = cli_text(vm, "name");
    g_autofree char *uuid = cli_text(vm, "uuid");
    g_autofree char *state = cli_text(vm, "state");
    CliTable *table = cli_table_new(disk_titles);

    (void)printf("Name:   %s\nUUID:   %s\nState:  %s\n", name ? name : "-", uuid ? uuid : "-",
                 state ? state : "-");
    for (guint i = 0; i < cli_count(vm, "nics"); i++) {
        JsonObject *nic = cli_item(vm, "nics", i);
        g_autofree char *mac = cli_text(nic, "mac");
        g_autofree char *network = cli_text(nic, "network");

        (void)printf("NIC:    %s %s\n", mac ? mac : "-", network ? network : "");
    }
    (void)printf("\n");
    add_disks(table, json);
    cli_table_print(table);
}

static CliExit
run_vm_show(Cli *cli)
{
    g_autoptr(vmsnap_vm) vm = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (vmsnap_context_find_vm(cli->context, cli_argument(cli, 0), &vm, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json)
        cli_print_json(vmsnap_vm_get_json(vm));
    else
        print_vm(vmsnap_vm_get_json(vm));
    return CLI_DONE;
}

const CliCommand cli_vm_show = {
    .name = "vm show",
    .arguments = "VM",
    .summary = "Show one virtual machine: identity, disks, interfaces",
    .least = 1,
    .most = 1,
    .run = run_vm_show,
};

/* ---- disk list ---- */

static void
add_row(CliTable *table, const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *disk = cli_document_root(document);

    add_disk(table, cli_object(disk, "vm"), disk);
}

static CliExit
run_disk_list(Cli *cli)
{
    g_autoptr(vmsnap_disk_list) list = NULL;
    g_autoptr(GPtrArray) documents = g_ptr_array_new();
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (vmsnap_context_list_disks(cli->context, cli_argument(cli, 0), &list, &error) < 0)
        return cli_fail(cli, error);
    for (size_t i = 0; i < vmsnap_disk_list_get_count(list); i++)
        g_ptr_array_add(documents,
                        (char *)vmsnap_disk_get_json(vmsnap_disk_list_get_item(list, i)));
    cli_answer_list(cli, documents, disk_titles, add_row);
    return CLI_DONE;
}

const CliCommand cli_disk_list = {
    .name = "disk list",
    .arguments = "[VM]",
    .summary = "List the disks of one or all virtual machines",
    .most = 1,
    .run = run_disk_list,
};
