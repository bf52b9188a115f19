/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/xml-write.h"

#include "base/error.h"

/* The other characters libxml2 escapes by itself. */
gboolean
vms_xml_check_text(const char *text, GError **error)
{
    gboolean valid = g_utf8_validate(text, -1, NULL);

    for (const char *at = text; valid && *at; at++)
        valid = !g_ascii_iscntrl(*at);
    if (!valid)
        return vms_fail(error, VMSNAP_E_INVALID, "cannot be named in XML: %s", text);
    return TRUE;
}

void
vms_xml_set(xmlNode *node, const char *name, const char *value)
{
    xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)value);
}

xmlNode *
vms_xml_add(xmlNode *parent, const char *name)
{
    return xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);
}

xmlDoc *
vms_xml_new(const char *root)
{
    xmlDoc *document;

    vms_xml_init();
    document = xmlNewDoc((const xmlChar *)"1.0");
    xmlDocSetRootElement(document, xmlNewNode(NULL, (const xmlChar *)root));
    return document;
}

gboolean
vms_xml_to_text(xmlDoc *document, char **ret_text, GError **error)
{
    xmlChar *text = NULL;
    int size = 0;

    xmlDocDumpMemoryEnc(document, &text, &size, "UTF-8");
    if (!text)
        return vms_fail(error, VMSNAP_E_INTERNAL, "XML could not be written");
    *ret_text = g_strndup((const char *)text, (gsize)size);
    xmlFree(text);
    return TRUE;
}
