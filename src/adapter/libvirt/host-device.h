/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "adapter/libvirt/xml.h"

#include <glib.h>

/* TRUE when the host device that <hostdev> or <interface type='hostdev'> names is not under
 * @sysfs ("/sys"); @ret_name says which: "pci 0000:01:00.0", "usb 1d6b:0002". FALSE for what is
 * there, for what the VM starts without, and for kinds that cannot be told. */
gboolean vms_host_device_is_missing(const xmlNode *device, const char *sysfs, char **ret_name);
/* What the host device is called that a device of a VM is, whether it is there or not; NULL: the
 * device is none. */
char *vms_host_device_name(const xmlNode *device);
