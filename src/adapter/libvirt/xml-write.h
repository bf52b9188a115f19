/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "adapter/libvirt/xml.h"

#include <glib.h>

/* Writing XML for libvirt. */

/* INVALID for what cannot be named in XML: other than UTF-8, control characters. */
gboolean vms_xml_check_text(const char *text, GError **error);
void vms_xml_set(xmlNode *node, const char *name, const char *value);
xmlNode *vms_xml_add(xmlNode *parent, const char *name);
/* A new document with its root. */
xmlDoc *vms_xml_new(const char *root);
/* Owned by the caller; INTERNAL when it cannot be written. */
gboolean vms_xml_to_text(xmlDoc *document, char **ret_text, GError **error);
