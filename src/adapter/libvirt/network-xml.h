/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/network.h"

#include <glib.h>

/* A libvirt network's XML. Pure. */

/* Name, UUID, subnets and host entries; the rest is left alone. INVALID for what is no network's
 * XML or beyond any sense; addresses that are none are passed by. */
gboolean vms_network_xml_parse(const char *xml, VmsNetwork **ret_network, GError **error);

/* <host> as virNetworkUpdate() takes it. INVALID for what XML cannot hold. */
gboolean vms_network_xml_write_host(const VmsHostEntry *entry, char **ret_xml, GError **error);
