/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

/* Where the guest sees a disk, as VmsDisk.address spells it: "0000:00:04.0" for a PCI device,
 * "0000:00:1f.2/0.0.1" (controller/bus.target.unit) for one behind a controller. Pure. NULL if the
 * XML does not say. */
char *vms_disk_address(const xmlNode *disk, const xmlNode *devices);
