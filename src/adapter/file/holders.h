/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/stat.h>

enum { VMS_HOLDERS_MAX = 8 };

/* Who has the file open, as far as we may look: other processes, by a descriptor or a mapping,
 * "process 4711 (qemu-system-x86)"; loop devices on it, "loop device /dev/loop3". Of a device
 * those processes that may write to it, and what vms_device_add_users() finds. An NBD device is its
 * client's, a process. Free with g_ptr_array_unref(). Reads what every process has: ask only when
 * needed. */
GPtrArray *vms_holders_find(const struct stat *file);
/* The first few in one line; "another process" when none is known. */
char *vms_holders_describe(const GPtrArray *holders);
