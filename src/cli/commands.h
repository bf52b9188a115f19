/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

extern const CliCommand cli_check;
extern const CliCommand cli_freeze;
extern const CliCommand cli_thaw;
extern const CliCommand cli_vm_list;
extern const CliCommand cli_vm_show;
extern const CliCommand cli_disk_list;
extern const CliCommand cli_inventory;
extern const CliCommand cli_disk_restore;
extern const CliCommand cli_image_create;
extern const CliCommand cli_disk_snapshot_create;
extern const CliCommand cli_disk_snapshot_list;
extern const CliCommand cli_disk_snapshot_show;
extern const CliCommand cli_disk_snapshot_delete;
extern const CliCommand cli_disk_snapshot_verify;
extern const CliCommand cli_disk_snapshot_wait;
extern const CliCommand cli_snapshot_adopt;
extern const CliCommand cli_snapshot_create;
extern const CliCommand cli_snapshot_list;
extern const CliCommand cli_snapshot_show;
extern const CliCommand cli_snapshot_delete;
extern const CliCommand cli_snapshot_verify;
extern const CliCommand cli_snapshot_wait;
extern const CliCommand cli_restore;
extern const CliCommand cli_clone;
extern const CliCommand cli_flatten;
extern const CliCommand cli_undo;
extern const CliCommand cli_undo_list;
extern const CliCommand cli_undo_drop;
extern const CliCommand cli_gc;
extern const CliCommand cli_operation_list;
extern const CliCommand cli_operation_show;
extern const CliCommand cli_operation_drop;
extern const CliCommand cli_recover;
