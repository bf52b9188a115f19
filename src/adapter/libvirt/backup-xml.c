/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/backup-xml.h"

#include "adapter/libvirt/xml-write.h"
#include "base/error.h"

#define BACKUP_XML_LIMIT ((gsize)1024 * 1024)

static gboolean
add_disk(xmlNode *parent, const VmsBackupDisk *disk, GError **error)
{
    xmlNode *node = vms_xml_add(parent, "disk");

    if (!vms_xml_check_text(disk->target, error))
        return FALSE;
    vms_xml_set(node, "name", disk->target);
    vms_xml_set(node, "backup", disk->scratch ? "yes" : "no");
    if (!disk->scratch)
        return TRUE;
    if (!vms_xml_check_text(disk->scratch, error))
        return FALSE;
    vms_xml_set(node, "type", "file");
    vms_xml_set(node, "exportname", disk->target);
    vms_xml_set(vms_xml_add(node, "driver"), "type", "qcow2");
    vms_xml_set(vms_xml_add(node, "scratch"), "file", disk->scratch);
    return TRUE;
}

gboolean
vms_backup_xml_write(const char *socket, const VmsBackupDisk *disks, char **ret_xml, GError **error)
{
    g_autoptr(xmlDoc) document = NULL;
    xmlNode *root;
    xmlNode *node;

    if (!vms_xml_check_text(socket, error))
        return FALSE;
    document = vms_xml_new("domainbackup");
    root = xmlDocGetRootElement(document);
    vms_xml_set(root, "mode", "pull");
    node = vms_xml_add(root, "server");
    vms_xml_set(node, "transport", "unix");
    vms_xml_set(node, "socket", socket);
    node = vms_xml_add(root, "disks");
    for (; disks->target; disks++)
        if (!add_disk(node, disks, error))
            return FALSE;
    return vms_xml_to_text(document, ret_xml, error);
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
