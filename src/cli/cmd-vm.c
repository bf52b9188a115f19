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

/* Each disk's own object, with the VM it belongs to beside it. */
static void
collect_disks(GPtrArray *items, const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *vm = cli_document_root(document);

    for (guint i = 0; i < cli_count(vm, "disks"); i++) {
        JsonObject *disk = cli_item(vm, "disks", i);
        g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
        JsonObject *owner = json_object_new();

        json_object_set_string_member(owner, "name", json_object_get_string_member(vm, "name"));
        json_object_set_string_member(owner, "uuid", json_object_get_string_member(vm, "uuid"));
        json_object_set_object_member(disk, "vm", owner);
        json_node_set_object(node, disk);
        g_ptr_array_add(items, json_to_string(node, FALSE));
    }
}

static int
read_vms(Cli *cli, GPtrArray *handles, vmsnap_error **error)
{
    g_autoptr(vmsnap_vm_list) list = NULL;
    vmsnap_vm *vm = NULL;
    int result;

    if (cli_argument(cli, 0)) {
        result = vmsnap_context_find_vm(cli->context, cli_argument(cli, 0), &vm, error);
        if (result >= 0)
            g_ptr_array_add(handles, vm);
        return result;
    }
    result = vmsnap_context_list_vms(cli->context, &list, error);
    for (size_t i = 0; result >= 0 && i < vmsnap_vm_list_get_count(list); i++)
        g_ptr_array_add(handles, vmsnap_vm_ref(vmsnap_vm_list_get_item(list, i)));
    return result;
}

static void
release_vm(void *vm)
{
    vmsnap_vm_unref(vm);
}

static CliExit
run_disk_list(Cli *cli)
{
    g_autoptr(GPtrArray) vms = g_ptr_array_new_with_free_func(release_vm);
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);
    vmsnap_error *error = NULL;
    CliTable *table;
    CliExit status;

    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (read_vms(cli, vms, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json) {
        for (guint i = 0; i < vms->len; i++)
            collect_disks(items, vmsnap_vm_get_json(g_ptr_array_index(vms, i)));
        cli_print_list(items);
        return CLI_DONE;
    }
    table = cli_table_new(disk_titles);
    for (guint i = 0; i < vms->len; i++)
        add_disks(table, vmsnap_vm_get_json(g_ptr_array_index(vms, i)));
    cli_table_print(table);
    return CLI_DONE;
}

const CliCommand cli_disk_list = {
    .name = "disk list",
    .arguments = "[VM]",
    .summary = "List the disks of one or all virtual machines",
    .most = 1,
    .run = run_disk_list,
};
