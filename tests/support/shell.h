/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Run @format by /bin/sh; the test fails when it does. Returns what it wrote, owned. */
char *vms_shell(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* Its exit status. */
int vms_shell_status(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* A new folder in a mount namespace of this process: what a test mounts in it goes with the
 * process. Owned. */
char *vms_shell_private_folder(void);
/* A new file system of @kind ("xfs", "btrfs", …; may carry options) below @folder. Owned. */
char *vms_shell_make_fs(const char *folder, const char *kind, unsigned megabytes);
/* Unmount everything below @folder and remove it. */
void vms_shell_remove(const char *folder);
