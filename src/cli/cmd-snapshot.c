/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/document.h"

#include <stdio.h>
#include <string.h>

static void
print_one(const Cli *cli, const vmsnap_snapshot *snapshot)
{
    if (cli->json)
        cli_print_json(vmsnap_snapshot_get_json(snapshot));
    else
        cli_print_snapshot(vmsnap_snapshot_get_json(snapshot));
}

/* ---- create ---- */

static const CliOption create_options[] = {
    { "consistency", 0, "require|prefer|skip", "what to do about a running guest (require)" },
    { "disk", 0, "TARGET", "take this disk only; may be repeated" },
    { "method", 0, "auto|reflink|copy|backup", "how disks are cut (auto)" },
    { "wait-ready", 0, "S", "seconds to wait for locks, agent, other jobs (0)" },
    { "freeze-call", 0, "S", "seconds to wait for the freeze (10, Windows 60)" },
    { "freeze-budget", 0, "S", "seconds the guest may stay frozen (5)" },
    { "store", 0, "DIR", "folder for the images (beside each disk)" },
    { "label", 0, "KEY=VALUE", "label; may be repeated" },
    { "description", 0, "TEXT", "free text" },
    { 0 },
};

static gboolean
read_create_options(const Cli *cli, vmsnap_snapshot_options *options)
{
    static const char *const policies[] = { "require", "prefer", "skip", NULL };
    static const char *const methods[] = { "auto", "reflink", "copy", "backup", NULL };

    options->name = cli_argument(cli, 1);
    options->description = cli_value(cli, "description");
    options->store = cli_value(cli, "store");
    return cli_read_word(cli, "consistency", policies, VMSNAP_CONSISTENCY_REQUIRE,
                         &options->consistency) &&
           cli_read_word(cli, "method", methods, VMSNAP_METHOD_AUTO, &options->method) &&
           cli_read_seconds(cli, "wait-ready", 1000, &options->wait_ready_ms) &&
           cli_read_limit(cli, "freeze-call", 1000, &options->freeze_call_ms) &&
           cli_read_limit(cli, "freeze-budget", 1000, &options->freeze_budget_ms);
}

/* The snapshot that the job made, or the job's error. */
static int
create(Cli *cli, const vmsnap_snapshot_options *options, vmsnap_snapshot **ret_snapshot,
       vmsnap_error **error)
{
    g_autoptr(vmsnap_vm) vm = NULL;
    g_autoptr(vmsnap_job) job = NULL;
    int result;

    result = vmsnap_context_find_vm(cli->context, cli_argument(cli, 0), &vm, error);
    if (result >= 0)
        result = vmsnap_snapshot_create(vm, options, &job, error);
    if (result >= 0)
        result = cli_watch(cli, job, error);
    return result < 0 ? result : vmsnap_job_ref_snapshot(job, ret_snapshot, error);
}

static CliExit
run_create(Cli *cli)
{
    vmsnap_snapshot_options options = VMSNAP_SNAPSHOT_OPTIONS_INIT;
    g_autofree const char **labels = cli_values(cli, "label");
    g_autofree const char **disks = cli_values(cli, "disk");
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!read_create_options(cli, &options))
        return CLI_USAGE;
    options.labels = labels;
    options.disks = disks;
    if (!cli_open(cli, CLI_CHANGE, &status))
        return status;
    if (create(cli, &options, &snapshot, &error) < 0)
        return cli_fail(cli, error);
    print_one(cli, snapshot);
    return options.consistency == VMSNAP_CONSISTENCY_PREFER &&
                   !vmsnap_snapshot_get_consistent(snapshot)
               ? CLI_NOT_CONSISTENT
               : CLI_DONE;
}

const CliCommand cli_snapshot_create = {
    .name = "snapshot create",
    .arguments = "VM NAME",
    .summary = "Take a snapshot of all disks of a VM at one point in time",
    .options = create_options,
    .least = 2,
    .most = 2,
    .run = run_create,
};

/* ---- list ---- */

static const CliOption list_options[] = {
    { "vm", 0, "VM", "only those of this VM" },
    { "label", 0, "KEY=VALUE", "only those with this label; may be repeated" },
    { 0 },
};

static gboolean
check_labels(const Cli *cli, const char *const *labels)
{
    for (; labels && *labels; labels++) {
        if (strchr(*labels, '='))
            continue;
        (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "--label: %s is not KEY=VALUE", *labels);
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

static void
add_snapshot(CliTable *table, const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);
    g_autofree char *created = cli_text(root, "created");

    cli_table_add(table, cli_text(root, "name"));
    cli_table_add(table, cli_text(root, "kind"));
    cli_table_add(table, cli_text(cli_object(root, "vm"), "name"));
    cli_table_add(table, cli_text(root, "phase"));
    cli_table_add(table, cli_text(root, "consistency"));
    cli_table_add(table, cli_format_age(created));
}

static CliExit
run_list(Cli *cli)
{
    static const char *const titles[] = {
        "NAME", "KIND", "VM", "PHASE", "CONSISTENT", "AGE", NULL
    };
    g_autofree const char **labels = cli_values(cli, "label");
    g_autoptr(vmsnap_snapshot_list) list = NULL;
    g_autoptr(GPtrArray) documents = g_ptr_array_new();
    vmsnap_error *error = NULL;
    CliExit status;

    if (!check_labels(cli, labels))
        return CLI_USAGE;
    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (vmsnap_context_list_snapshots(cli->context, cli_value(cli, "vm"), &list, &error) < 0)
        return cli_fail(cli, error);
    for (size_t i = 0; i < vmsnap_snapshot_list_get_count(list); i++) {
        const vmsnap_snapshot *snapshot = vmsnap_snapshot_list_get_item(list, i);

        if (is_wanted(snapshot, labels))
            g_ptr_array_add(documents, (char *)vmsnap_snapshot_get_json(snapshot));
    }
    cli_answer_list(cli, documents, titles, add_snapshot);
    return CLI_DONE;
}

const CliCommand cli_snapshot_list = {
    .name = "snapshot list",
    .arguments = "",
    .summary = "List snapshots",
    .options = list_options,
    .run = run_list,
};

/* ---- show ---- */

static CliExit
run_show(Cli *cli)
{
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    if (vmsnap_context_find_snapshot(cli->context, cli_argument(cli, 0), &snapshot, &error) < 0)
        return cli_fail(cli, error);
    print_one(cli, snapshot);
    return CLI_DONE;
}

const CliCommand cli_snapshot_show = {
    .name = "snapshot show",
    .arguments = "NAME",
    .summary = "Show one snapshot with its evidence",
    .least = 1,
    .most = 1,
    .run = run_show,
};

/* ---- delete, verify ---- */

typedef int (*Start)(vmsnap_snapshot *, vmsnap_job **, vmsnap_error **);

static CliExit
run_job(Cli *cli, Start start, const char *done)
{
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    g_autoptr(vmsnap_job) job = NULL;
    vmsnap_error *error = NULL;
    CliExit status;

    if (!cli_open(cli, CLI_CHANGE, &status))
        return status;
    if (vmsnap_context_find_snapshot(cli->context, cli_argument(cli, 0), &snapshot, &error) < 0 ||
        start(snapshot, &job, &error) < 0 || cli_watch(cli, job, &error) < 0)
        return cli_fail(cli, error);
    if (cli->json)
        cli_print_json(vmsnap_job_get_json(job));
    else
        (void)printf("%s: %s\n", vmsnap_snapshot_get_name(snapshot), done);
    return CLI_DONE;
}

static CliExit
run_delete(Cli *cli)
{
    return run_job(cli, vmsnap_snapshot_delete, "deleted");
}

const CliCommand cli_snapshot_delete = {
    .name = "snapshot delete",
    .arguments = "NAME",
    .summary = "Delete a snapshot and its images",
    .least = 1,
    .most = 1,
    .run = run_delete,
};

static CliExit
run_verify(Cli *cli)
{
    return run_job(cli, vmsnap_snapshot_verify, "verified, all images are as recorded");
}

const CliCommand cli_snapshot_verify = {
    .name = "snapshot verify",
    .arguments = "NAME",
    .summary = "Read a snapshot's images again and compare",
    .least = 1,
    .most = 1,
    .run = run_verify,
};

/* ---- wait ---- */

static const CliOption wait_options[] = {
    { "timeout", 0, "S", "seconds to wait at most (no limit)" },
    { 0 },
};

enum { LOOK_US = 500000 };

static gboolean
is_settled(const vmsnap_snapshot *snapshot)
{
    vmsnap_snapshot_phase phase = vmsnap_snapshot_get_phase(snapshot);

    return phase == VMSNAP_SNAPSHOT_READY || phase == VMSNAP_SNAPSHOT_FAILED;
}

static CliExit
run_wait(Cli *cli)
{
    g_autoptr(vmsnap_snapshot) snapshot = NULL;
    vmsnap_error *error = NULL;
    guint32 limit_ms = 0;
    gint64 deadline;
    CliExit status;

    if (!cli_read_seconds(cli, "timeout", 1000, &limit_ms))
        return CLI_USAGE;
    if (!cli_open(cli, CLI_LOOK, &status))
        return status;
    deadline = g_get_monotonic_time() + (gint64)limit_ms * 1000;
    for (;;) {
        g_clear_pointer(&snapshot, vmsnap_snapshot_unref);
        if (vmsnap_context_find_snapshot(cli->context, cli_argument(cli, 0), &snapshot, &error) < 0)
            return cli_fail(cli, error);
        if (is_settled(snapshot))
            break;
        if (cli_given(cli, "timeout") && g_get_monotonic_time() >= deadline)
            return cli_refuse(cli, VMSNAP_E_TIMEOUT, "StillRunning", "%s is not ready yet",
                              vmsnap_snapshot_get_name(snapshot));
        g_usleep(LOOK_US);
    }
    print_one(cli, snapshot);
    return vmsnap_snapshot_get_phase(snapshot) == VMSNAP_SNAPSHOT_READY ? CLI_DONE : CLI_FAILED;
}

const CliCommand cli_snapshot_wait = {
    .name = "snapshot wait",
    .arguments = "NAME",
    .summary = "Wait until another process's snapshot is Ready or Failed",
    .options = wait_options,
    .least = 1,
    .most = 1,
    .run = run_wait,
};
