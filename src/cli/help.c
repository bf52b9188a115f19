/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static void
print_options(const char *title, const CliOption *options)
{
    (void)printf("\n%s:\n", title);
    for (; options->name; options++) {
        g_autofree char *letter =
            options->letter ? g_strdup_printf("-%c, ", options->letter) : g_strdup("    ");
        g_autofree char *left =
            g_strdup_printf("  %s--%s%s%s", letter, options->name, options->value ? " " : "",
                            options->value ? options->value : "");

        if (options->help)
            (void)printf("%-38s %s\n", left, options->help);
    }
}

void
cli_print_help(const CliCommand *const *commands, const char *prefix)
{
    (void)printf("Usage: vmsnap [GLOBAL OPTIONS] COMMAND [ARGUMENTS]\n\nCommands:\n");
    for (; *commands; commands++) {
        const CliCommand *command = *commands;
        g_autofree char *left = g_strdup_printf("  %s %s", command->name, command->arguments);

        if (!prefix || g_str_has_prefix(command->name, prefix))
            (void)printf("%-38s %s\n", left, command->summary);
    }
    print_options("Global options", cli_global_options);
    (void)printf("\nSee vmsnap(1).\n");
}

void
cli_print_command_help(const CliCommand *command)
{
    (void)printf("Usage: vmsnap [GLOBAL OPTIONS] %s %s%s\n\n%s.\n", command->name,
                 command->arguments, command->options ? " [OPTIONS]" : "", command->summary);
    if (command->options)
        print_options("Options", command->options);
    print_options("Global options", cli_global_options);
}
