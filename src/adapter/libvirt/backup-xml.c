/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/backup-xml.h"

#include "adapter/libvirt/xml.h"
#include "base/error.h"

#include <libxml/tree.h>

#define BACKUP_XML_LIMIT ((gsize)1024 * 1024)

/* The other characters libxml2 escapes by itself. */
static gboolean
check_text(const char *text, GError **error)
{
    gboolean valid = g_utf8_validate(text, -1, NULL);

    for (const char *at = text; valid && *at; at++)
        valid = !g_ascii_iscntrl(*at);
    if (!valid)
        return vms_fail(error, VMSNAP_E_INVALID, "cannot be named in XML: %s", text);
    return TRUE;
}

static void
set(xmlNode *node, const char *name, const char *value)
{
    xmlNewProp(node, (const xmlChar *)name, (const xmlChar *)value);
}

static xmlNode *
add(xmlNode *parent, const char *name)
{
    return xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);
}

static gboolean
add_disk(xmlNode *parent, const VmsBackupDisk *disk, GError **error)
{
    xmlNode *node = add(parent, "disk");

    if (!check_text(disk->target, error))
        return FALSE;
    set(node, "name", disk->target);
    set(node, "backup", disk->scratch ? "yes" : "no");
    if (!disk->scratch)
        return TRUE;
    if (!check_text(disk->scratch, error))
        return FALSE;
    set(node, "type", "file");
    set(node, "exportname", disk->target);
    set(add(node, "driver"), "type", "qcow2");
    set(add(node, "scratch"), "file", disk->scratch);
    return TRUE;
}

static char *
to_text(xmlDoc *document)
{
    xmlChar *text = NULL;
    int size = 0;
    char *copy;

    xmlDocDumpMemoryEnc(document, &text, &size, "UTF-8");
    copy = text ? g_strndup((const char *)text, (gsize)size) : NULL;
    xmlFree(text);
    return copy;
}

gboolean
vms_backup_xml_write(const char *socket, const VmsBackupDisk *disks, char **ret_xml, GError **error)
{
    g_autoptr(xmlDoc) document = NULL;
    g_autofree char *text = NULL;
    xmlNode *root;
    xmlNode *node;

    vms_xml_init();
    if (!check_text(socket, error))
        return FALSE;
    document = xmlNewDoc((const xmlChar *)"1.0");
    root = xmlNewNode(NULL, (const xmlChar *)"domainbackup");
    xmlDocSetRootElement(document, root);
    set(root, "mode", "pull");
    node = add(root, "server");
    set(node, "transport", "unix");
    set(node, "socket", socket);
    node = add(root, "disks");
    for (; disks->target; disks++)
        if (!add_disk(node, disks, error))
            return FALSE;
    text = to_text(document);
    if (!text)
        return vms_fail(error, VMSNAP_E_INTERNAL, "XML of a backup job could not be written");
    *ret_xml = g_steal_pointer(&text);
    return TRUE;
}

gboolean
vms_backup_xml_read_socket(const char *xml, char **ret_socket, GError **error)
{
    g_autoptr(xmlDoc) document = NULL;
    const xmlNode *server;

    vms_xml_init();
    if (!vms_xml_read(xml, BACKUP_XML_LIMIT, "domainbackup", &document, error))
        return FALSE;
    server = vms_xml_child(xmlDocGetRootElement(document), "server");
    *ret_socket = vms_xml_attribute_is(server, "transport", "unix")
                      ? vms_xml_attribute(server, "socket")
                      : NULL;
    return TRUE;
}
