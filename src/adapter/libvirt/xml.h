/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

/* Reading XML that somebody else wrote, without any of the things XML parsers can be talked into:
 * no DOCTYPE (so no entities), no network, no other encoding than UTF-8, a size limit. Elements
 * in a namespace are not seen: libvirt's own have none. */

/* TRUE and @ret_document when @text is well-formed and its root is @root; INVALID otherwise. */
gboolean vms_xml_read(const char *text, gsize limit, const char *root, xmlDoc **ret_document,
                      GError **error);

/* The first child element of that name; NULL if there is none or @node is NULL. */
const xmlNode *vms_xml_child(const xmlNode *node, const char *name);
/* The next sibling element of that name. */
const xmlNode *vms_xml_next(const xmlNode *node, const char *name);
/* Owned by the caller; NULL if it is absent, empty or @node is NULL. The same for the text. */
char *vms_xml_attribute(const xmlNode *node, const char *name);
char *vms_xml_text(const xmlNode *node);
gboolean vms_xml_attribute_is(const xmlNode *node, const char *name, const char *value);

/* Once per process, before threads parse: libxml2 wants it so. */
void vms_xml_init(void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)
