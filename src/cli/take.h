/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

/* What the commands that take and list snapshots have in common, of VMs and of disks. */

#define CLI_TAKE_OPTIONS                                                                           \
    { "consistency", 0, "require|prefer|skip", "what to do about a running guest (require)" },     \
        { "method", 0, "auto|reflink|copy|backup", "how disks are cut (auto)" },                   \
        { "wait-ready", 0, "S", "seconds to wait for locks, agent, other jobs (0)" },              \
        { "freeze-call", 0, "S", "seconds to wait for the freeze (10, Windows 60)" },              \
        { "freeze-budget", 0, "S", "seconds the guest may stay frozen (5)" },                      \
        { "accept-unfrozen", 0, "MOUNT|TARGET", "may stay unfrozen; may be repeated" },            \
        { "digest", 0, NULL, "record the images' SHA-256 once they are there" },                   \
        { "store", 0, "DIR", "folder for the images (beside each disk)" },                         \
        { "label", 0, "KEY=VALUE", "label; may be repeated" },                                     \
    {                                                                                              \
        "description", 0, "TEXT", "free text"                                                      \
    }

/* All but the lists, which the caller owns; the name is the second argument. FALSE after a
 * message. */
gboolean cli_read_take_options(const Cli *cli, vmsnap_snapshot_options *options);
/* Print one snapshot. */
void cli_tell_snapshot(const Cli *cli, const vmsnap_snapshot *snapshot);
/* Print the snapshot that was taken, and tell the exit code. */
CliExit cli_tell_taken(const Cli *cli, const vmsnap_snapshot_options *options,
                       const vmsnap_snapshot *snapshot);
/* The whole of a list command: @list reads those of the value of @option, of which the ones that
 * have every --label are printed. */
CliExit cli_list_snapshots(Cli *cli, const char *option,
                           int (*list)(vmsnap_context *, const char *, vmsnap_snapshot_list **,
                                       vmsnap_error **),
                           const char *const *titles,
                           void (*add_row)(CliTable *table, const char *json));
/* Print those of @list that have every --label. */
void cli_tell_snapshots(const Cli *cli, const vmsnap_snapshot_list *list, const char *const *titles,
                        void (*add_row)(CliTable *table, const char *json));
