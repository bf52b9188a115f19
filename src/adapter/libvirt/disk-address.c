/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/disk-address.h"

#include "adapter/libvirt/xml.h"

/* "0x1f" or "31". */
static gboolean
read_number(const xmlNode *node, const char *name, guint *ret_number)
{
    g_autofree char *text = vms_xml_attribute(node, name);
    gboolean hex = text && g_str_has_prefix(text, "0x");
    guint64 number = 0;

    if (!text || !g_ascii_string_to_unsigned(hex ? text + 2 : text, hex ? 16 : 10, 0, G_MAXUINT32,
                                             &number, NULL))
        return FALSE;
    *ret_number = (guint)number;
    return TRUE;
}

static char *
pci_address(const xmlNode *device)
{
    const xmlNode *address = vms_xml_child(device, "address");
    guint domain = 0;
    guint bus = 0;
    guint slot = 0;
    guint function = 0;

    if (!vms_xml_attribute_is(address, "type", "pci") || !read_number(address, "domain", &domain) ||
        !read_number(address, "bus", &bus) || !read_number(address, "slot", &slot) ||
        !read_number(address, "function", &function))
        return NULL;
    return g_strdup_printf("%04x:%02x:%02x.%x", domain, bus, slot, function);
}

static const xmlNode *
find_controller(const xmlNode *devices, const char *type, guint index)
{
    const xmlNode *controller = vms_xml_child(devices, "controller");

    for (; controller; controller = vms_xml_next(controller, "controller")) {
        guint number = 0;

        if (vms_xml_attribute_is(controller, "type", type) &&
            read_number(controller, "index", &number) && number == index)
            return controller;
    }
    return NULL;
}

static char *
drive_address(const xmlNode *disk, const xmlNode *devices)
{
    const xmlNode *address = vms_xml_child(disk, "address");
    /* the controllers bear the names of the buses: "scsi", "sata", "ide", "fdc" */
    g_autofree char *type = vms_xml_attribute(vms_xml_child(disk, "target"), "bus");
    g_autofree char *controller = NULL;
    guint index = 0;
    guint bus = 0;
    guint target = 0;
    guint unit = 0;

    if (!type || !vms_xml_attribute_is(address, "type", "drive") ||
        !read_number(address, "controller", &index) || !read_number(address, "bus", &bus) ||
        !read_number(address, "target", &target) || !read_number(address, "unit", &unit))
        return NULL;
    controller = pci_address(find_controller(devices, type, index));
    return controller ? g_strdup_printf("%s/%u.%u.%u", controller, bus, target, unit) : NULL;
}

char *
vms_disk_address(const xmlNode *disk, const xmlNode *devices)
{
    char *address = pci_address(disk);

    return address ? address : drive_address(disk, devices);
}
