/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const CliOption cli_global_options[] = {
    { "connect", 'c', "URI", "libvirt URI to act on, or none (default $VMSNAP_URI)" },
    { "catalog", 0, "URI", "where records are kept, sqlite:PATH (default $VMSNAP_CATALOG)" },
    { "state-dir", 0, "DIR", "folder of catalog, leases and locks (default $VMSNAP_STATE_DIR)" },
    { "agent-socket", 0, "VM=PATH", "ask this VM's agent on a UNIX socket of its own" },
    { "guard", 0, "PATH", NULL },
    { "output", 'o', "table|json", "how to answer" },
    { "no-recover", 0, NULL, "do not repair first what a killed process left" },
    { "no-progress", 0, NULL, "no progress bar" },
    { "quiet", 'q', NULL, "no notes, no warnings" },
    { "verbose", 'v', NULL, "tell more; twice: everything" },
    { "version", 0, NULL, "print the version" },
    { "help", 'h', NULL, "print help" },
    { 0 },
};

/* ---- reading what was parsed ---- */

static const GPtrArray *
values_of(const Cli *cli, const char *option)
{
    return g_hash_table_lookup(cli->values, option);
}

gboolean
cli_given(const Cli *cli, const char *option)
{
    return values_of(cli, option) != NULL;
}

const char *
cli_value(const Cli *cli, const char *option)
{
    const GPtrArray *values = values_of(cli, option);

    return values ? g_ptr_array_index(values, values->len - 1) : NULL;
}

const char **
cli_values(const Cli *cli, const char *option)
{
    const GPtrArray *values = values_of(cli, option);
    const char **list;

    if (!values)
        return NULL;
    list = g_new0(const char *, values->len + 1);
    for (guint i = 0; i < values->len; i++)
        list[i] = g_ptr_array_index(values, i);
    return list;
}

const char *
cli_argument(const Cli *cli, guint index)
{
    return index < cli->arguments->len ? g_ptr_array_index(cli->arguments, index) : NULL;
}

gboolean
cli_read_seconds(const Cli *cli, const char *option, guint per_second, guint32 *ret_time)
{
    const char *text = cli_value(cli, option);
    char *end = NULL;
    double units;

    *ret_time = 0;
    if (!text)
        return TRUE;
    units = g_ascii_strtod(text, &end) * per_second + 0.5;
    /* Also refuses "nan", "inf", hexadecimal and blanks: only digits and a point may stand. */
    if (!*text || *end || strspn(text, "0123456789.") != strlen(text) || units >= G_MAXUINT32) {
        (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "--%s: %s is not a number of seconds",
                         option, text);
        return FALSE;
    }
    *ret_time = (guint32)units;
    return TRUE;
}

/* For the library 0 means its default: who asks for no wait at all gets the shortest there is. */
gboolean
cli_read_limit(const Cli *cli, const char *option, guint per_second, guint32 *ret_time)
{
    if (!cli_read_seconds(cli, option, per_second, ret_time))
        return FALSE;
    if (*ret_time == 0 && cli_given(cli, option))
        *ret_time = 1;
    return TRUE;
}

gboolean
cli_read_word(const Cli *cli, const char *option, const char *const *words, guint32 fallback,
              guint32 *ret_index)
{
    const char *text = cli_value(cli, option);
    g_autofree char *known = NULL;

    *ret_index = fallback;
    for (guint32 i = 0; text && words[i]; i++) {
        if (strcmp(words[i], text) != 0)
            continue;
        *ret_index = i;
        return TRUE;
    }
    if (!text)
        return TRUE;
    known = g_strjoinv(", ", (char **)words);
    (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "--%s: %s is none of %s", option, text, known);
    return FALSE;
}

/* ---- parsing ---- */

typedef struct {
    Cli *cli;
    char **rest;          /* what is not looked at yet */
    GPtrArray *words;     /* char*: what is not an option */
    gboolean options_end; /* after "--" */
} Parser;

static const CliOption *
find_in(const CliOption *options, const char *name, gsize length, char letter)
{
    for (; options && options->name; options++) {
        if (letter && options->letter == letter)
            return options;
        if (!letter && strlen(options->name) == length && strncmp(options->name, name, length) == 0)
            return options;
    }
    return NULL;
}

static const CliOption *
find_option(const Cli *cli, const char *name, gsize length, char letter)
{
    const CliOption *found = find_in(cli_global_options, name, length, letter);

    if (found || !cli->command)
        return found;
    return find_in(cli->command->options, name, length, letter);
}

static void
store(Cli *cli, const CliOption *option, const char *value)
{
    GPtrArray *values = g_hash_table_lookup(cli->values, option->name);

    if (!values) {
        values = g_ptr_array_new();
        g_hash_table_insert(cli->values, (char *)option->name, values);
    }
    g_ptr_array_add(values, (char *)value);
}

static gboolean usage(const Cli *cli, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
usage(const Cli *cli, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    (void)cli_refuse(cli, VMSNAP_E_INVALID, "Usage", "%s (see vmsnap --help)", message);
    return FALSE;
}

/* --name, --name=value, --name value */
static gboolean
parse_long(Parser *parser, const char *text)
{
    const gsize length = strcspn(text, "=");
    const CliOption *option = find_option(parser->cli, text, length, 0);
    const char *value = text[length] ? text + length + 1 : NULL;

    if (!option)
        return usage(parser->cli, "unknown option --%s", text);
    if (!option->value && value)
        return usage(parser->cli, "--%s takes no value", option->name);
    if (option->value && !value) {
        value = *parser->rest;
        if (!value)
            return usage(parser->cli, "--%s needs a value", option->name);
        parser->rest++;
    }
    store(parser->cli, option, value ? value : "");
    return TRUE;
}

/* -qv, -ojson, -o json */
static gboolean
parse_short(Parser *parser, const char *text)
{
    for (; *text; text++) {
        const CliOption *option = find_option(parser->cli, NULL, 0, *text);

        if (!option)
            return usage(parser->cli, "unknown option -%s", text);
        if (!option->value) {
            store(parser->cli, option, "");
            continue;
        }
        if (text[1]) {
            store(parser->cli, option, text + 1);
            return TRUE;
        }
        if (!*parser->rest)
            return usage(parser->cli, "-%s needs a value", text);
        store(parser->cli, option, *parser->rest++);
        return TRUE;
    }
    return TRUE;
}

static gboolean
parse_one(Parser *parser)
{
    const char *text = *parser->rest++;

    if (parser->options_end || text[0] != '-' || !text[1]) {
        g_ptr_array_add(parser->words, (char *)text);
        return TRUE;
    }
    if (strcmp(text, "--") == 0) {
        parser->options_end = TRUE;
        return TRUE;
    }
    return text[1] == '-' ? parse_long(parser, text + 2) : parse_short(parser, text + 1);
}

/* A name of two words wins over one of one word. */
static const CliCommand *
find_command(const CliCommand *const *commands, const char *first, const char *second)
{
    g_autofree char *both = second ? g_strconcat(first, " ", second, NULL) : NULL;
    const CliCommand *found = NULL;

    for (; *commands; commands++) {
        if (both && strcmp((*commands)->name, both) == 0)
            return *commands;
        if (strcmp((*commands)->name, first) == 0)
            found = *commands;
    }
    return found;
}

/* Global options, then the command's words. FALSE after a message. */
static gboolean
parse_command(Parser *parser, const CliCommand *const *commands)
{
    Cli *cli = parser->cli;
    const char *first, *second = NULL;

    while (*parser->rest && parser->words->len == 0)
        if (!parse_one(parser))
            return FALSE;
    if (parser->words->len == 0)
        return TRUE;
    first = g_ptr_array_index(parser->words, 0);
    if (*parser->rest && (*parser->rest)[0] != '-')
        second = *parser->rest;
    cli->command = find_command(commands, first, second);
    if (cli->command && strchr(cli->command->name, ' '))
        parser->rest++;
    return TRUE;
}

static gboolean
parse_rest(Parser *parser)
{
    g_ptr_array_set_size(parser->words, 0);
    while (*parser->rest)
        if (!parse_one(parser))
            return FALSE;
    return TRUE;
}

/* Known before all else is: errors must already come in the right form. */
static gboolean
wants_json(char **argv)
{
    for (; *argv && strcmp(*argv, "--") != 0; argv++) {
        const char *text = *argv;

        if (strcmp(text, "-ojson") == 0 || strcmp(text, "--output=json") == 0)
            return TRUE;
        if ((strcmp(text, "-o") == 0 || strcmp(text, "--output") == 0) && argv[1])
            return strcmp(argv[1], "json") == 0;
    }
    return FALSE;
}

static gboolean
check_arguments(Cli *cli, const GPtrArray *words)
{
    static const char *const forms[] = { "table", "json", NULL };
    const CliCommand *command = cli->command;
    guint32 form;

    if (words->len < command->least)
        return usage(cli, "missing argument: %s", command->arguments);
    if (words->len > command->most)
        return usage(cli, "too many arguments for %s", command->name);
    if (!cli_read_word(cli, "output", forms, 0, &form))
        return FALSE;
    cli->json = form == 1;
    for (guint i = 0; i < words->len; i++)
        g_ptr_array_add(cli->arguments, g_ptr_array_index(words, i));
    return TRUE;
}

/* No known command: help was asked for, or it is a mistake. */
static gboolean
without_command(const Parser *parser, const CliCommand *const *commands, CliExit *ret_exit)
{
    const GPtrArray *words = parser->words;
    const char *word = words->len > 0 ? g_ptr_array_index(words, 0) : NULL;
    const char *next = word && *parser->rest ? *parser->rest : "";
    g_autofree char *asked = word ? g_strdup_printf("%s %s", word, next) : NULL;

    if (cli_given(parser->cli, "help") ||
        g_strv_contains((const char *const *)parser->rest, "--help") ||
        g_strv_contains((const char *const *)parser->rest, "-h")) {
        cli_print_help(commands, word);
        *ret_exit = CLI_DONE;
        return FALSE;
    }
    return asked ? usage(parser->cli, "unknown command: %s", g_strchomp(asked))
                 : usage(parser->cli, "no command was given");
}

gboolean
cli_parse(Cli *cli, const CliCommand *const *commands, char **argv, CliExit *ret_exit)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();
    Parser parser = { .cli = cli, .rest = argv, .words = words };

    *ret_exit = CLI_USAGE;
    cli->json = wants_json(argv);
    if (!parse_command(&parser, commands))
        return FALSE;
    if (cli_given(cli, "version")) {
        (void)printf("vmsnap %s\n", vmsnap_get_version());
        *ret_exit = CLI_DONE;
        return FALSE;
    }
    if (!cli->command)
        return without_command(&parser, commands, ret_exit);
    if (!parse_rest(&parser))
        return FALSE;
    if (cli_given(cli, "help")) {
        cli_print_command_help(cli->command);
        *ret_exit = CLI_DONE;
        return FALSE;
    }
    return check_arguments(cli, words);
}
