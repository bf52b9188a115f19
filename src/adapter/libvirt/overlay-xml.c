/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/overlay-xml.h"

#include "adapter/libvirt/domain-xml.h"
#include "adapter/libvirt/xml-write.h"
#include "base/error.h"

static gboolean
add_disk(xmlNode *parent, const VmsOverlayDisk *disk, GError **error)
{
    xmlNode *node = vms_xml_add(parent, "disk");

    if (!vms_xml_check_text(disk->target, error))
        return FALSE;
    vms_xml_set(node, "name", disk->target);
    vms_xml_set(node, "snapshot", disk->overlay ? "external" : "no");
    if (!disk->overlay)
        return TRUE;
    if (!vms_xml_check_text(disk->overlay, error))
        return FALSE;
    vms_xml_set(node, "type", "file");
    vms_xml_set(vms_xml_add(node, "driver"), "type", "qcow2");
    vms_xml_set(vms_xml_add(node, "source"), "file", disk->overlay);
    return TRUE;
}

gboolean
vms_overlay_xml_write(const VmsOverlayDisk *disks, char **ret_xml, GError **error)
{
    g_autoptr(xmlDoc) document = vms_xml_new("domainsnapshot");
    xmlNode *node = vms_xml_add(xmlDocGetRootElement(document), "disks");

    for (; disks->target; disks++)
        if (!add_disk(node, disks, error))
            return FALSE;
    return vms_xml_to_text(document, ret_xml, error);
}

/* Found by the reading half, which takes and gives const. */
static xmlNode *
find_disk(xmlDoc *document, const VmsDiskReturn *disk)
{
    const xmlNode *devices = vms_xml_child(xmlDocGetRootElement(document), "devices");

    for (const xmlNode *node = vms_xml_child(devices, "disk"); node;
         node = vms_xml_next(node, "disk")) {
        if (vms_xml_attribute_is(vms_xml_child(node, "target"), "dev", disk->target) &&
            vms_xml_attribute_is(vms_xml_child(node, "source"), "file", disk->overlay))
            return (xmlNode *)node;
    }
    return NULL;
}

/* libvirt listed the base beneath the overlay; what was listed beneath the base comes up in its
 * place, and where nothing was, nothing is left. */
static void
lift_backing(xmlNode *node)
{
    xmlNode *layer = (xmlNode *)vms_xml_child(node, "backingStore");
    xmlNode *below = (xmlNode *)vms_xml_child(layer, "backingStore");

    if (!layer)
        return;
    if (below) {
        xmlUnlinkNode(below);
        xmlReplaceNode(layer, below);
    } else {
        xmlUnlinkNode(layer);
    }
    xmlFreeNode(layer);
}

gboolean
vms_overlay_xml_return(const char *xml, const VmsDiskReturn *disk, char **ret_xml, GError **error)
{
    g_autoptr(xmlDoc) document = NULL;
    xmlNode *node;
    xmlNode *driver;

    vms_xml_init();
    if (!vms_xml_check_text(disk->base, error) ||
        !vms_xml_read(xml, VMS_DOMAIN_XML_LIMIT, "domain", &document, error))
        return FALSE;
    node = find_disk(document, disk);
    if (!node) {
        *ret_xml = NULL;
        return TRUE;
    }
    driver = (xmlNode *)vms_xml_child(node, "driver");
    if (!driver)
        driver = vms_xml_add(node, "driver");
    vms_xml_set(driver, "type", disk->format);
    vms_xml_set((xmlNode *)vms_xml_child(node, "source"), "file", disk->base);
    lift_backing(node);
    return vms_xml_to_text(document, ret_xml, error);
}
