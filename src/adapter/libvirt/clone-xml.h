/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model/identity.h"

#include <glib.h>

/* The configuration of a clone, made of its source's. Pure: text in, text out. Everything that the
 * table does not speak of stays as it is, in its order. */

/* What of a domain's XML is the VM's own: VmsTrait*. INVALID as vms_domain_xml_parse(). */
gboolean vms_clone_xml_read(const char *xml, GPtrArray **ret_traits, GError **error);
/* INVALID also when the table is not of this XML, or gives what XML cannot name. */
gboolean vms_clone_xml_write(const char *xml, const VmsIdentityTable *table, char **ret_xml,
                             GError **error);
