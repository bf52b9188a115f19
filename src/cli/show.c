/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"
#include "cli/document.h"

/* The library's documents for people. */

static void
print_line(FILE *to, const char *title, char *text)
{
    if (text && *text)
        (void)fprintf(to, "%-13s %s\n", title, text);
    g_free(text);
}

void
cli_print_findings(JsonObject *root, const char *member, FILE *to)
{
    for (guint i = 0; i < cli_count(root, member); i++) {
        JsonObject *item = cli_item(root, member, i);
        g_autofree char *severity = cli_text(item, "severity");
        g_autofree char *reason = cli_text(item, "reason");
        g_autofree char *name = cli_text(item, "name");
        g_autofree char *message = cli_text(item, "message");
        g_autofree char *resolution = cli_text(item, "resolution");

        if (reason)
            (void)fprintf(to, "%s: %s: %s: %s%s%s\n", severity ? severity : "info", reason,
                          name ? name : "-", message ? message : "", resolution ? "; " : "",
                          resolution ? resolution : "");
    }
}

/* What a clone has instead of what its source has. */
static void
print_new_names(JsonObject *root)
{
    guint printed = 0;

    for (guint i = 0; i < cli_count(root, "resources"); i++) {
        JsonObject *item = cli_item(root, "resources", i);
        g_autofree char *name = cli_text(item, "name");
        g_autofree char *made = cli_text(item, "new_name");

        if (name && made)
            print_line(stdout, printed++ == 0 ? "New:" : "",
                       g_strdup_printf("%s -> %s", name, made));
    }
}

static void
print_conditions(JsonObject *root)
{
    for (guint i = 0; i < cli_count(root, "conditions"); i++) {
        JsonObject *item = cli_item(root, "conditions", i);
        g_autofree char *type = cli_text(item, "type");
        g_autofree char *status = cli_text(item, "status");
        g_autofree char *reason = cli_text(item, "reason");
        g_autofree char *message = cli_text(item, "message");

        (void)printf("%-13s %s=%s %s%s%s\n", i == 0 ? "Conditions:" : "", type ? type : "-",
                     status ? status : "-", reason ? reason : "", message ? ": " : "",
                     message ? message : "");
    }
}

static void
print_labels(JsonObject *root)
{
    JsonObject *labels = cli_object(root, "labels");
    g_autoptr(GList) keys = labels ? json_object_get_members(labels) : NULL;

    for (GList *key = keys; key; key = key->next) {
        g_autofree char *value = cli_text(labels, key->data);

        print_line(stdout, key == keys ? "Labels:" : "",
                   g_strdup_printf("%s=%s", (char *)key->data, value ? value : ""));
    }
}

static void
print_snapshot_disks(JsonObject *root)
{
    static const char *const titles[] = { "DISK",      "METHOD", "FORMAT", "SIZE",
                                          "ALLOCATED", "PATH",   NULL };
    CliTable *table = cli_table_new(titles);

    for (guint i = 0; i < cli_count(root, "disks"); i++) {
        JsonObject *disk = cli_item(root, "disks", i);

        cli_table_add(table, cli_text(disk, "target"));
        cli_table_add(table, cli_text(disk, "method"));
        cli_table_add(table, cli_text(disk, "format"));
        cli_table_add(table, cli_format_size((guint64)cli_number(disk, "virtual_size", 0)));
        cli_table_add(table, cli_format_size((guint64)cli_number(disk, "allocated", 0)));
        cli_table_add(table, cli_text(disk, "path"));
    }
    (void)printf("\n");
    cli_table_print(table);
}

static char *
grade_of(JsonObject *root)
{
    g_autofree char *grade = cli_text(root, "consistency");

    if (!grade)
        return NULL;
    return g_strdup_printf("%s (%s)%s", cli_truth(root, "consistent") ? "yes" : "no", grade,
                           cli_truth(root, "partial") ? ", partial" : "");
}

static char *
window_of(JsonObject *root)
{
    JsonObject *evidence = cli_object(root, "evidence");
    gint64 window = cli_number(evidence, "freeze_window_ms", -1);

    return window < 0 ? NULL : g_strdup_printf("%" G_GINT64_FORMAT " ms", window);
}

void
cli_print_snapshot(const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);
    JsonObject *evidence = cli_object(root, "evidence");

    print_line(stdout, "Name:", cli_text(root, "name"));
    print_line(stdout, "UUID:", cli_text(root, "uuid"));
    print_line(stdout, "VM:", cli_text(cli_object(root, "vm"), "name"));
    print_line(stdout, "Disk:", cli_text(root, "disk"));
    print_line(stdout, "Phase:", cli_text(root, "phase"));
    print_line(stdout, "Consistent:", grade_of(root));
    print_line(stdout, "Window:", window_of(root));
    print_line(stdout, "Created:", cli_text(root, "created"));
    print_line(stdout, "Description:", cli_text(root, "description"));
    print_labels(root);
    print_conditions(root);
    print_line(stdout, "Warnings:", cli_joined(evidence, "warnings", "; "));
    cli_print_findings(root, "resources", stdout);
    print_snapshot_disks(root);
}

static void
print_plan(JsonObject *root)
{
    JsonObject *plan = cli_object(root, "plan");
    JsonObject *space = cli_object(plan, "space");
    g_autofree char *needed = cli_format_size((guint64)cli_number(space, "needed", 0));
    g_autofree char *unused = cli_format_size((guint64)cli_number(space, "free", 0));
    gint64 downtime = cli_number(plan, "expected_downtime_ms", -1);

    if (!plan)
        return;
    print_line(stdout, "Plan:", cli_text(plan, "hash"));
    if (space)
        print_line(stdout, "Space:", g_strdup_printf("needs %s of %s", needed, unused));
    if (downtime >= 0)
        print_line(stdout,
                   "Downtime:", g_strdup_printf("about %.1f s expected", (double)downtime / 1000));
    for (guint i = 0; i < cli_count(plan, "steps"); i++)
        print_line(stdout, i == 0 ? "Steps:" : "", cli_text(cli_item(plan, "steps", i), "name"));
}

static void
print_new_disk(JsonObject *made)
{
    g_autofree char *format = made ? cli_text(made, "format") : NULL;
    g_autofree char *method = made ? cli_text(made, "method") : NULL;

    if (!made)
        return;
    print_line(stdout, "Made:",
               g_strdup_printf("%s of %" G_GINT64_FORMAT " bytes (%s)", format,
                               cli_number(made, "virtual_size", 0), method));
    print_line(stdout, "Backing:", cli_text(made, "backing"));
    print_line(stdout, "SHA-256:", cli_text(made, "sha256"));
}

void
cli_print_operation(const char *json)
{
    g_autoptr(JsonNode) document = cli_document_parse(json);
    JsonObject *root = cli_document_root(document);
    gint64 downtime = cli_number(root, "downtime_ms", -1);

    print_line(stdout, "Operation:", cli_text(root, "uuid"));
    print_line(stdout, "Type:", cli_text(root, "type"));
    print_line(stdout, "Mode:", cli_text(root, "mode"));
    print_line(stdout, "Phase:", cli_text(root, "phase"));
    print_line(stdout, "Source:", cli_text(cli_object(root, "source"), "name"));
    print_line(stdout, "Target:", cli_text(cli_object(root, "target"), "name"));
    print_new_disk(cli_object(root, "new_disk"));
    if (downtime > 0)
        print_line(stdout, "Was down:", g_strdup_printf("%.1f s", (double)downtime / 1000));
    if (!cli_truth(root, "undone"))
        print_line(stdout, "Undo until:", cli_text(root, "undo_until"));
    print_conditions(root);
    print_plan(root);
    print_new_names(root);
    cli_print_findings(root, "resources", stdout);
}
