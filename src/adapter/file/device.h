/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/stat.h>

/* Add to @holders (char*) what the kernel itself does with a block device or a partition of it:
 * "device /dev/dm-3", "file system at /mnt", "swap". */
void vms_device_add_users(const struct stat *device, GPtrArray *holders);
