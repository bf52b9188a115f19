/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"
#include "cli/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

CliExit
cli_exit_of(int code)
{
    switch (code) {
    case VMSNAP_E_INVALID:
        return CLI_USAGE;
    case VMSNAP_E_CONFLICT:
    case VMSNAP_E_EXISTS:
    case VMSNAP_E_PLAN_STALE:
    case VMSNAP_E_IN_USE:
        return CLI_CONFLICT;
    case VMSNAP_E_BUSY:
    case VMSNAP_E_TIMEOUT:
        return CLI_BUSY;
    case VMSNAP_E_NOT_FOUND:
        return CLI_NOT_FOUND;
    default:
        return code < 0 ? CLI_FAILED : CLI_DONE;
    }
}

static void
print_error_line(const vmsnap_error *error, const char *head)
{
    const char *code = vmsnap_code_get_name(vmsnap_error_get_code(error));
    const char *reason = vmsnap_error_get_reason(error);

    (void)fprintf(stderr, "%s%s (%s%s%s)\n", head, vmsnap_error_get_message(error), code,
                  strcmp(code, reason) == 0 ? "" : ", ", strcmp(code, reason) == 0 ? "" : reason);
}

static void
print_error(const vmsnap_error *error)
{
    print_error_line(error, "vmsnap: ");
    if (vmsnap_error_get_step(error))
        (void)fprintf(stderr, "  in step: %s\n", vmsnap_error_get_step(error));
    if (vmsnap_error_get_object(error))
        (void)fprintf(stderr, "  about: %s\n", vmsnap_error_get_object(error));
    for (const vmsnap_error *cause = vmsnap_error_get_cause(error); cause;
         cause = vmsnap_error_get_cause(cause))
        print_error_line(cause, "  cause: ");
    if (vmsnap_error_get_frozen(error) == VMSNAP_FROZEN_YES)
        (void)fprintf(stderr, "  the guest is still FROZEN; the guard goes on thawing it\n");
    if (vmsnap_error_get_frozen(error) == VMSNAP_FROZEN_UNKNOWN)
        (void)fprintf(stderr, "  the guest may still be FROZEN; the guard goes on thawing it\n");
}

CliExit
cli_fail(const Cli *cli, vmsnap_error *error)
{
    CliExit status = cli_exit_of(vmsnap_error_get_code(error));

    if (cli->json)
        cli_print_json(vmsnap_error_get_json(error));
    else
        print_error(error);
    vmsnap_error_free(error);
    return status;
}

/* The library's form of an error, for what the command finds itself. */
static void
print_own_json(vmsnap_code code, const char *reason, const char *message)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) root = NULL;
    g_autofree char *text = NULL;
    const char *const names[] = { "code", "reason", "message", "origin", "frozen" };
    const char *const values[] = { vmsnap_code_get_name(code), reason, message, "vmsnap", "no" };

    (void)json_builder_begin_object(builder);
    (void)json_builder_set_member_name(builder, "error");
    (void)json_builder_begin_object(builder);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        (void)json_builder_set_member_name(builder, names[i]);
        (void)json_builder_add_string_value(builder, values[i]);
    }
    for (guint i = 0; i < 3; i++) {
        const char *const empty[] = { "step", "object", "cause" };

        (void)json_builder_set_member_name(builder, empty[i]);
        (void)json_builder_add_null_value(builder);
    }
    (void)json_builder_set_member_name(builder, "origin_code");
    (void)json_builder_add_int_value(builder, 0);
    (void)json_builder_end_object(builder);
    (void)json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    text = json_to_string(root, FALSE);
    cli_print_json(text);
}

CliExit
cli_refuse(const Cli *cli, vmsnap_code code, const char *reason, const char *format, ...)
{
    g_autofree char *message = NULL;
    g_autofree char *valid = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    valid = g_utf8_make_valid(message, -1);
    if (cli->json)
        print_own_json(code, reason, valid);
    else
        (void)fprintf(stderr, "vmsnap: %s\n", valid);
    return cli_exit_of(code);
}

void
cli_note(const Cli *cli, const char *format, ...)
{
    va_list args;

    if (cli_given(cli, "quiet"))
        return;
    va_start(args, format);
    (void)fputs("vmsnap: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
}

void
cli_print_json(const char *json)
{
    (void)printf("%s\n", json ? json : "{}");
}

void
cli_print_list(const GPtrArray *documents)
{
    (void)fputs("{\"items\":[", stdout);
    for (guint i = 0; i < documents->len; i++)
        (void)printf("%s%s", i ? "," : "", (const char *)g_ptr_array_index(documents, i));
    (void)fputs("]}\n", stdout);
}

/* ---- tables ---- */

struct CliTable {
    guint columns;
    GPtrArray *cells; /* char*, titles first */
};

CliTable *
cli_table_new(const char *const *titles)
{
    CliTable *table = g_new0(CliTable, 1);

    table->cells = g_ptr_array_new_with_free_func(g_free);
    for (; titles[table->columns]; table->columns++)
        g_ptr_array_add(table->cells, g_strdup(titles[table->columns]));
    return table;
}

void
cli_table_add(CliTable *table, char *text)
{
    if (text && *text) {
        g_ptr_array_add(table->cells, text);
        return;
    }
    g_free(text);
    g_ptr_array_add(table->cells, g_strdup("-"));
}

static glong
column_width(const CliTable *table, guint column)
{
    glong width = 0;

    for (guint i = column; i < table->cells->len; i += table->columns)
        width = MAX(width, g_utf8_strlen(g_ptr_array_index(table->cells, i), -1));
    return width;
}

void
cli_table_print(CliTable *table)
{
    g_autofree glong *widths = g_new0(glong, table->columns);
    guint column = 0;

    for (guint i = 0; i < table->columns; i++)
        widths[i] = column_width(table, i);
    for (guint i = 0; i < table->cells->len; i++) {
        const char *cell = g_ptr_array_index(table->cells, i);
        const gboolean last = column + 1 == table->columns;
        const int blanks = last ? 0 : (int)(widths[column] - g_utf8_strlen(cell, -1)) + 2;

        (void)printf("%s%*s%s", cell, blanks, "", last ? "\n" : "");
        column = last ? 0 : column + 1;
    }
    g_ptr_array_unref(table->cells);
    g_free(table);
}

void
cli_answer_list(const Cli *cli, const GPtrArray *documents, const char *const *titles,
                void (*add_row)(CliTable *table, const char *json))
{
    CliTable *table;

    if (cli->json) {
        cli_print_list(documents);
        return;
    }
    table = cli_table_new(titles);
    for (guint i = 0; i < documents->len; i++)
        add_row(table, g_ptr_array_index(documents, i));
    cli_table_print(table);
}

char *
cli_format_size(guint64 bytes)
{
    g_autofree char *text = g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
    g_auto(GStrv) parts = g_strsplit(text, "\302\240", -1); /* GLib's no-break space */

    return g_strjoinv(" ", parts);
}

char *
cli_format_age(const char *time)
{
    g_autoptr(GDateTime) then = time ? g_date_time_new_from_iso8601(time, NULL) : NULL;
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    gint64 seconds;

    if (!then)
        return NULL;
    seconds = MAX(g_date_time_difference(now, then) / G_USEC_PER_SEC, 0);
    if (seconds < 60)
        return g_strdup_printf("%ds", (int)seconds);
    if (seconds < 3600)
        return g_strdup_printf("%dm%ds", (int)(seconds / 60), (int)(seconds % 60));
    if (seconds < 86400)
        return g_strdup_printf("%dh%dm", (int)(seconds / 3600), (int)(seconds % 3600 / 60));
    return g_strdup_printf("%dd%dh", (int)(seconds / 86400), (int)(seconds % 86400 / 3600));
}
