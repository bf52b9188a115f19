/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>

/* Disks of <source pool='…' volume='…'/> name a file or a device by way of a storage pool. Find
 * out which, where the pool is active and its volume has a path; the others stay as they are. */
void vms_volume_resolve(virConnectPtr conn, GPtrArray *disks);
