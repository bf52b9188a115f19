/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/host-device.h"

#include <string.h>

/* A number as libvirt writes it, "0x1d6b" or "7"; FALSE if there is none. */
static gboolean
read_number(const xmlNode *node, const char *name, guint *ret_number)
{
    g_autofree char *text = vms_xml_attribute(node, name);
    guint64 number = 0;
    gboolean hex = text && g_str_has_prefix(text, "0x");

    if (!text || !g_ascii_string_to_unsigned(text + (hex ? 2 : 0), hex ? 16 : 10, 0, G_MAXUINT,
                                             &number, NULL))
        return FALSE;
    *ret_number = (guint)number;
    return TRUE;
}

static gboolean
stands(const char *folder)
{
    return g_file_test(folder, G_FILE_TEST_EXISTS);
}

static gboolean
is_pci_missing(const xmlNode *source, const char *sysfs, char **ret_name)
{
    const xmlNode *address = vms_xml_child(source, "address");
    g_autofree char *at = NULL;
    g_autofree char *folder = NULL;
    guint domain = 0;
    guint bus = 0;
    guint slot = 0;
    guint function = 0;

    if (!read_number(address, "bus", &bus) || !read_number(address, "slot", &slot) ||
        !read_number(address, "function", &function))
        return FALSE;
    (void)read_number(address, "domain", &domain);
    at = g_strdup_printf("%04x:%02x:%02x.%x", domain, bus, slot, function);
    folder = g_build_filename(sysfs, "bus/pci/devices", at, NULL);
    *ret_name = g_strdup_printf("pci %s", at);
    return !stands(folder);
}

static gboolean
is_mdev_missing(const xmlNode *source, const char *sysfs, char **ret_name)
{
    g_autofree char *uuid = vms_xml_attribute(vms_xml_child(source, "address"), "uuid");
    g_autofree char *folder = NULL;

    if (!uuid || !g_uuid_string_is_valid(uuid))
        return FALSE;
    folder = g_build_filename(sysfs, "bus/mdev/devices", uuid, NULL);
    *ret_name = g_strdup_printf("mdev %s", uuid);
    return !stands(folder);
}

static gboolean
is_scsi_missing(const xmlNode *source, const char *sysfs, char **ret_name)
{
    g_autofree char *adapter = vms_xml_attribute(vms_xml_child(source, "adapter"), "name");
    const xmlNode *address = vms_xml_child(source, "address");
    g_autofree char *at = NULL;
    g_autofree char *folder = NULL;
    guint bus = 0;
    guint target = 0;
    guint unit = 0;

    if (!adapter || !g_str_has_prefix(adapter, "scsi_host") || !read_number(address, "bus", &bus) ||
        !read_number(address, "target", &target) || !read_number(address, "unit", &unit))
        return FALSE;
    at = g_strdup_printf("%s:%u:%u:%u", adapter + strlen("scsi_host"), bus, target, unit);
    folder = g_build_filename(sysfs, "bus/scsi/devices", at, NULL);
    *ret_name = g_strdup_printf("scsi %s", at);
    return !stands(folder);
}

/* ---- USB: by what it is, or by where it is plugged in ---- */

typedef struct {
    const char *first_file; /* "idVendor" or "busnum" */
    const char *second_file;
    guint first;
    guint second;
    guint base;
} UsbWanted;

static gboolean
file_says(const char *folder, const char *file, guint base, guint number)
{
    g_autofree char *path = g_build_filename(folder, file, NULL);
    g_autofree char *text = NULL;
    guint64 found = 0;

    return g_file_get_contents(path, &text, NULL, NULL) &&
           g_ascii_string_to_unsigned(g_strstrip(text), base, 0, G_MAXUINT, &found, NULL) &&
           found == number;
}

static gboolean
is_usb_there(const char *sysfs, const UsbWanted *wanted)
{
    g_autofree char *all = g_build_filename(sysfs, "bus/usb/devices", NULL);
    g_autoptr(GDir) dir = g_dir_open(all, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *folder = g_build_filename(all, name, NULL);

        if (file_says(folder, wanted->first_file, wanted->base, wanted->first) &&
            file_says(folder, wanted->second_file, wanted->base, wanted->second))
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_usb_missing(const xmlNode *source, const char *sysfs, char **ret_name)
{
    const xmlNode *address = vms_xml_child(source, "address");
    UsbWanted wanted = { "idVendor", "idProduct", 0, 0, 16 };

    if (vms_xml_attribute_is(source, "startupPolicy", "optional"))
        return FALSE;
    if (read_number(vms_xml_child(source, "vendor"), "id", &wanted.first) &&
        read_number(vms_xml_child(source, "product"), "id", &wanted.second)) {
        *ret_name = g_strdup_printf("usb %04x:%04x", wanted.first, wanted.second);
        return !is_usb_there(sysfs, &wanted);
    }
    wanted = (UsbWanted){ "busnum", "devnum", 0, 0, 10 };
    if (!read_number(address, "bus", &wanted.first) ||
        !read_number(address, "device", &wanted.second))
        return FALSE;
    *ret_name = g_strdup_printf("usb bus %u device %u", wanted.first, wanted.second);
    return !is_usb_there(sysfs, &wanted);
}

typedef gboolean (*IsMissing)(const xmlNode *source, const char *sysfs, char **ret_name);

static const struct {
    const char *type;
    IsMissing is_missing;
} kinds[] = {
    { "pci", is_pci_missing },
    { "usb", is_usb_missing },
    { "mdev", is_mdev_missing },
    { "scsi", is_scsi_missing },
};

gboolean
vms_host_device_is_missing(const xmlNode *device, const char *sysfs, char **ret_name)
{
    const xmlNode *source = vms_xml_child(device, "source");
    gboolean nic = strcmp((const char *)device->name, "interface") == 0;
    g_autofree char *type = nic ? vms_xml_attribute(vms_xml_child(source, "address"), "type")
                                : vms_xml_attribute(device, "type");

    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *name = NULL;

        if (g_strcmp0(type, kinds[i].type) != 0 || !kinds[i].is_missing(source, sysfs, &name))
            continue;
        *ret_name = g_steal_pointer(&name);
        return TRUE;
    }
    return FALSE;
}

/* <hostdev>, <interface type='hostdev'>, <tpm> of the host's own. */
static gboolean
is_of_host(const xmlNode *device)
{
    const char *element = (const char *)device->name;

    if (strcmp(element, "tpm") == 0)
        return vms_xml_attribute_is(vms_xml_child(device, "backend"), "type", "passthrough");
    return strcmp(element, "hostdev") == 0 || vms_xml_attribute_is(device, "type", "hostdev");
}

char *
vms_host_device_name(const xmlNode *device)
{
    g_autofree char *type = NULL;
    char *name = NULL;

    if (!is_of_host(device))
        return NULL;
    /* Where nothing is, everything is missing, and named. */
    if (vms_host_device_is_missing(device, "/dev/null", &name))
        return name;
    type = vms_xml_attribute(device, "type");
    return type ? g_steal_pointer(&type) : g_strdup((const char *)device->name);
}
