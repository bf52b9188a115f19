/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/xml.h"

#include "base/error.h"

#include <libxml/parser.h>
#include <pthread.h>
#include <string.h>

void
vms_xml_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, xmlInitParser);
}

/* Two parsers may disagree about what a document with a DOCTYPE says (libvirt drops entity
 * references silently), so none is ever handed to one. A comment that holds the word is refused
 * as well: nobody needs it. */
static gboolean
check_text(const char *text, gsize limit, gsize *ret_size, GError **error)
{
    gsize size = strnlen(text, limit + 1);

    if (size > limit)
        return vms_fail(error, VMSNAP_E_INVALID, "XML is longer than %" G_GSIZE_FORMAT " bytes",
                        limit);
    if (size == 0)
        return vms_fail(error, VMSNAP_E_INVALID, "XML is empty");
    if (!g_utf8_validate(text, (gssize)size, NULL))
        return vms_fail(error, VMSNAP_E_INVALID, "XML is not UTF-8");
    if (strstr(text, "<!DOCTYPE") || strstr(text, "<!ENTITY"))
        return vms_fail(error, VMSNAP_E_INVALID, "XML has a document type, which is refused");
    *ret_size = size;
    return TRUE;
}

gboolean
vms_xml_read(const char *text, gsize limit, const char *root, xmlDoc **ret_document, GError **error)
{
    const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING;
    g_autoptr(xmlDoc) document = NULL;
    const xmlNode *top;
    gsize size = 0;

    if (!check_text(text, limit, &size, error))
        return FALSE;
    document = xmlReadMemory(text, (int)size, NULL, "UTF-8", options);
    if (!document)
        return vms_fail(error, VMSNAP_E_INVALID, "XML is not well-formed");
    if (document->intSubset || document->extSubset)
        return vms_fail(error, VMSNAP_E_INVALID, "XML has a document type, which is refused");
    top = xmlDocGetRootElement(document);
    if (!top || top->ns || strcmp((const char *)top->name, root) != 0)
        return vms_fail(error, VMSNAP_E_INVALID, "XML is not a <%s>", root);
    *ret_document = g_steal_pointer(&document);
    return TRUE;
}

static const xmlNode *
first_named(const xmlNode *node, const char *name)
{
    for (; node; node = node->next)
        if (node->type == XML_ELEMENT_NODE && !node->ns &&
            strcmp((const char *)node->name, name) == 0)
            return node;
    return NULL;
}

const xmlNode *
vms_xml_child(const xmlNode *node, const char *name)
{
    return node ? first_named(node->children, name) : NULL;
}

const xmlNode *
vms_xml_next(const xmlNode *node, const char *name)
{
    return first_named(node->next, name);
}

/* libxml2's memory becomes GLib's; nothing is worth an empty string. */
static char *
take_text(xmlChar *text)
{
    char *copy = text && *text ? g_strdup((const char *)text) : NULL;

    if (text)
        xmlFree(text);
    return copy;
}

char *
vms_xml_attribute(const xmlNode *node, const char *name)
{
    return node ? take_text(xmlGetNoNsProp(node, (const xmlChar *)name)) : NULL;
}

char *
vms_xml_text(const xmlNode *node)
{
    return node ? take_text(xmlNodeGetContent(node)) : NULL;
}

gboolean
vms_xml_attribute_is(const xmlNode *node, const char *name, const char *value)
{
    g_autofree char *text = vms_xml_attribute(node, name);

    return g_strcmp0(text, value) == 0;
}
