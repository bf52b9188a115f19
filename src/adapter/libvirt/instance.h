/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/process.h"

#include <glib.h>
#include <sys/types.h>

/* Which process is the QEMU of a domain. libvirt does not tell, so it is looked up once in
 * libvirt's pid file or among all processes, and remembered until that process ends. */

typedef struct VmsInstances VmsInstances;

/* @session: the user's own libvirtd. @qemu_uid: whom QEMU runs as: nobody else's process is
 * believed to be one. */
VmsInstances *vms_instances_new(gboolean session, uid_t qemu_uid);
void vms_instances_free(VmsInstances *instances);

/* The process of the domain that runs under @domain_id; pid 0 when it cannot be told. */
VmsProcessId vms_instances_find(VmsInstances *instances, const char *uuid, const char *name,
                                int domain_id);

/* TRUE if the command line (arguments ended by NUL) has "-uuid UUID". Pure. */
gboolean vms_instances_is_qemu(const char *arguments, gsize size, const char *uuid);
