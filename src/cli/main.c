/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const CliCommand *const commands[] = {
    &cli_check,
    &cli_freeze,
    &cli_thaw,
    &cli_vm_list,
    &cli_vm_show,
    &cli_disk_list,
    &cli_inventory,
    &cli_disk_restore,
    &cli_image_create,
    &cli_snapshot_create,
    &cli_snapshot_list,
    &cli_snapshot_show,
    &cli_snapshot_delete,
    &cli_snapshot_verify,
    &cli_snapshot_wait,
    &cli_snapshot_adopt,
    &cli_disk_snapshot_create,
    &cli_disk_snapshot_list,
    &cli_disk_snapshot_show,
    &cli_disk_snapshot_delete,
    &cli_disk_snapshot_verify,
    &cli_disk_snapshot_wait,
    &cli_restore,
    &cli_clone,
    &cli_flatten,
    &cli_undo,
    &cli_undo_list,
    &cli_undo_drop,
    &cli_gc,
    &cli_operation_list,
    &cli_operation_show,
    &cli_operation_drop,
    &cli_recover,
    NULL,
};

int
main(int argc, char **argv)
{
    Cli cli = { 0 };
    CliExit status = CLI_USAGE;

    (void)argc;
    (void)setlocale(LC_ALL, "");
    /* A reader that goes away must not end us in the middle of an operation. */
    (void)signal(SIGPIPE, SIG_IGN);
    cli.arguments = g_ptr_array_new();
    cli.values = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                       (GDestroyNotify)(void (*)(void))g_ptr_array_unref);
    if (cli_parse(&cli, commands, argv + 1, &status))
        status = cli.command->run(&cli);

    vmsnap_context_close(cli.context);
    vmsnap_context_unref(cli.context);
    g_hash_table_unref(cli.values);
    g_ptr_array_unref(cli.arguments);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        (void)fprintf(stderr, "vmsnap: cannot write the answer: %s\n", strerror(errno));
        if (status == CLI_DONE)
            status = CLI_FAILED;
    }
    return status;
}
