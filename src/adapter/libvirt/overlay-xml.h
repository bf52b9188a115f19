/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "port/hypervisor.h"

#include <glib.h>

/* Texts about overlays. Pure: in and out are XML. */

/* <domainsnapshot>: disks without an overlay take no part. */
gboolean vms_overlay_xml_write(const VmsOverlayDisk *disks, char **ret_xml, GError **error);

/* A domain's configuration that names @disk's overlay, as it was before: the base again, with what
 * was beneath it. *ret_xml is NULL when it does not name the overlay. */
gboolean vms_overlay_xml_return(const char *xml, const VmsDiskReturn *disk, char **ret_xml,
                                GError **error);
