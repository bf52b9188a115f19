/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/stat.h>

/* Other processes that have the file open, as far as we may look: "process 4711 (qemu-system-x86)".
 * Free with g_ptr_array_unref(). Reads the descriptors of every process: ask only when needed. */
GPtrArray *vms_holders_find(const struct stat *file);
/* The first few in one line; "another process" when none is known. */
char *vms_holders_describe(const GPtrArray *holders);
