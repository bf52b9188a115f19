/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/vm.h"

#include <glib.h>

/* Other VMs of the host of a disk machine, which only stand there: a configuration each, in
 * HOST/NAME.xml. */

/* Owned. */
char *disk_others_path(const char *host, const char *name);
/* Refused when another VM has the name. */
gboolean disk_others_define(const char *host, const char *xml, GError **error);
/* By name or UUID. */
gboolean disk_others_find(const char *host, const char *vm, VmsVm **ret_vm, GError **error);
/* Adds them all to @vms. */
void disk_others_list(const char *host, GPtrArray *vms);
/* One configuration, as libvirt does: it is synced before it gets its name, the folder is not. */
gboolean disk_others_write(const char *path, const char *xml, GError **error);
