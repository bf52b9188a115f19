/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/host-class.h"
#include "adapter/libvirt/host-device.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>

/* What a host lacks of a configuration, told from texts and a made-up /sys. */

/* ---- host devices ---- */

/* Beneath a new folder: a PCI device, a USB device, and nothing else. */
static char *
make_sysfs(void)
{
    char *sysfs = g_dir_make_tmp("sysfs-XXXXXX", NULL);
    g_autofree char *pci = g_build_filename(sysfs, "bus/pci/devices/0000:01:00.1", NULL);
    g_autofree char *usb = g_build_filename(sysfs, "bus/usb/devices/1-1", NULL);
    g_autofree char *vendor = g_build_filename(usb, "idVendor", NULL);
    g_autofree char *product = g_build_filename(usb, "idProduct", NULL);

    cr_assert_eq(g_mkdir_with_parents(pci, 0700), 0);
    cr_assert_eq(g_mkdir_with_parents(usb, 0700), 0);
    cr_assert(g_file_set_contents(vendor, "1d6b\n", -1, NULL));
    cr_assert(g_file_set_contents(product, "0002\n", -1, NULL));
    return sysfs;
}

/* The name of what is missing; NULL: it is there. */
static char *
missing(const char *element, const char *xml)
{
    g_autofree char *sysfs = make_sysfs();
    g_autofree char *remove = g_strdup_printf("rm -r '%s'", sysfs);
    g_autoptr(xmlDoc) document = NULL;
    char *name = NULL;

    vms_xml_init();
    cr_assert(vms_xml_read(xml, 4096, element, &document, NULL), "%s", xml);
    if (!vms_host_device_is_missing(xmlDocGetRootElement(document), sysfs, &name))
        name = NULL;
    cr_assert(g_spawn_command_line_sync(remove, NULL, NULL, NULL, NULL));
    return name;
}

#define PCI(function)                                                                              \
    "<source><address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='" function       \
    "'/></source>"
#define USB(policy, product)                                                                       \
    "<hostdev type='usb'><source" policy "><vendor id='0x1d6b'/><product id='" product             \
    "'/></source></hostdev>"

Test(host_device, is_found_or_named)
{
    static const struct {
        const char *element;
        const char *xml;
        const char *name;
    } cases[] = {
        { "hostdev", "<hostdev type='pci'>" PCI("0x1") "</hostdev>", NULL },
        { "hostdev", "<hostdev type='pci'>" PCI("0x0") "</hostdev>", "pci 0000:01:00.0" },
        { "interface", "<interface type='hostdev'>" PCI("0x7") "</interface>", "pci 0000:01:00.7" },
        { "interface", "<interface type='network'><source network='lab'/></interface>", NULL },
        { "hostdev", USB("", "0x0002"), NULL },
        { "hostdev", USB("", "0x0003"), "usb 1d6b:0003" },
        { "hostdev", USB(" startupPolicy='optional'", "0x0003"), NULL },
        { "hostdev", "<hostdev type='usb'><source><address bus='1' device='9'/></source></hostdev>",
          "usb bus 1 device 9" },
        { "hostdev",
          "<hostdev type='mdev'><source><address uuid='9d5b9fd2-40ac-4ad9-9af9-7c40eb5f8b1e'/>"
          "</source></hostdev>",
          "mdev 9d5b9fd2-40ac-4ad9-9af9-7c40eb5f8b1e" },
        { "hostdev",
          "<hostdev type='scsi'><source><adapter name='scsi_host2'/>"
          "<address bus='0' target='1' unit='3'/></source></hostdev>",
          "scsi 2:0:1:3" },
        { "hostdev", "<hostdev type='unheard-of'><source/></hostdev>", NULL },
        { "hostdev", "<hostdev type='pci'><source><address bus='../..'/></source></hostdev>",
          NULL },
        { "hostdev", "<hostdev type='mdev'><source><address uuid='../../..'/></source></hostdev>",
          NULL },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *name = missing(cases[i].element, cases[i].xml);

        cr_expect(g_strcmp0(name, cases[i].name) == 0, "%s: %s", cases[i].xml, name);
    }
}

/* ---- class ---- */

static const char capabilities[] =
    "<domainCapabilities><os><enum name='firmware'><value>bios</value></enum></os>"
    "<cpu><mode name='host-passthrough' supported='no'/><mode name='custom' supported='yes'>"
    "<model usable='yes'>qemu64</model><model usable='no'>EPYC</model></mode></cpu>"
    "</domainCapabilities>";

static char *
lack_of(const char *inner)
{
    g_autofree char *xml = g_strdup_printf("<domain type='qemu'>%s</domain>", inner);
    g_auto(VmsHostClass) class = { 0 };
    g_autoptr(xmlDoc) document = NULL;

    vms_xml_init();
    cr_assert(vms_xml_read(xml, 4096, "domain", &document, NULL));
    vms_host_class_read(xmlDocGetRootElement(document), &class);
    return vms_host_class_find_lack(&class, capabilities);
}

#define CPU(fallback, model)                                                                       \
    "<cpu mode='custom'><model fallback='" fallback "'>" model "</model></cpu>"

Test(host_class, is_offered_or_named)
{
    static const struct {
        const char *inner;
        const char *lack;
    } cases[] = {
        { "", NULL },
        { CPU("forbid", "qemu64"), NULL },
        { CPU("forbid", "EPYC"), NULL }, /* libvirt itself says at the start */
        { CPU("forbid", "Unheard"), "CPU model Unheard" },
        { CPU("allow", "Unheard"), NULL },
        { "<cpu mode='host-passthrough'/>", "CPU mode host-passthrough" },
        { "<os firmware='efi'/>", "firmware efi" },
        { "<os firmware='bios'/>", NULL },
        { "<os firmware='efi'><loader>/a.fd</loader></os>", NULL }, /* it has one */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *lack = lack_of(cases[i].inner);

        cr_expect(g_strcmp0(lack, cases[i].lack) == 0, "%s: %s", cases[i].inner, lack);
    }
}
