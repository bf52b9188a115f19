/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/domain-xml.h"

#include "adapter/libvirt/disk-address.h"
#include "adapter/libvirt/xml.h"
#include "base/error.h"

#include <string.h>

/* More than libvirt itself allows or any machine type can address. */
#define DISK_LIMIT 1024
#define NIC_LIMIT 1024
#define BACKING_LIMIT 256

#define AGENT_CHANNEL "org.qemu.guest_agent.0"

void
vms_domain_xml_free(VmsDomainXml *domain)
{
    if (!domain)
        return;
    g_free(domain->uuid);
    g_free(domain->name);
    g_free(domain->nvram);
    g_free(domain->tpm_state);
    g_free(domain->loader);
    g_free(domain->kernel);
    g_free(domain->initrd);
    g_free(domain->emulator);
    g_free(domain->machine);
    g_free(domain->genid);
    g_free(domain->cid);
    g_clear_pointer(&domain->disks, g_ptr_array_unref);
    g_clear_pointer(&domain->nics, g_ptr_array_unref);
    g_free(domain);
}

static char *
lower(char *text)
{
    g_autofree char *owned = text;

    return owned ? g_ascii_strdown(owned, -1) : NULL;
}

static char *
child_text(const xmlNode *node, const char *name)
{
    return vms_xml_text(vms_xml_child(node, name));
}

static char *
child_attribute(const xmlNode *node, const char *child, const char *name)
{
    return vms_xml_attribute(vms_xml_child(node, child), name);
}

/* ---- sources ---- */

static char *
network_name(const xmlNode *source)
{
    g_autofree char *protocol = vms_xml_attribute(source, "protocol");
    g_autofree char *name = vms_xml_attribute(source, "name");

    return g_strdup_printf("%s:%s", protocol ? protocol : "", name ? name : "");
}

/* A file or a device; NULL for everything that has no path on this host. */
static char *
source_path(const xmlNode *source, const char *type)
{
    if (g_strcmp0(type, "file") == 0)
        return vms_xml_attribute(source, "file");
    if (g_strcmp0(type, "block") == 0)
        return vms_xml_attribute(source, "dev");
    return NULL;
}

/* "pool/volume", for whoever can ask the pool. */
static char *
volume_name(const xmlNode *source)
{
    g_autofree char *pool = vms_xml_attribute(source, "pool");
    g_autofree char *volume = vms_xml_attribute(source, "volume");

    return pool && volume ? g_strconcat(pool, "/", volume, NULL) : NULL;
}

static void
read_source(VmsDisk *disk, const xmlNode *source)
{
    disk->path = source_path(source, disk->source_type);
    if (!source)
        disk->source = VMS_SOURCE_NONE;
    else if (strcmp(disk->source_type, "network") == 0)
        disk->source = VMS_SOURCE_NETWORK;
    else if (strcmp(disk->source_type, "file") == 0)
        disk->source = disk->path ? VMS_SOURCE_FILE : VMS_SOURCE_NONE;
    else if (strcmp(disk->source_type, "block") == 0)
        disk->source = disk->path ? VMS_SOURCE_BLOCK : VMS_SOURCE_NONE;
    else
        disk->source = VMS_SOURCE_OTHER;
    if (disk->source == VMS_SOURCE_NETWORK)
        disk->network = network_name(source);
    if (strcmp(disk->source_type, "volume") == 0)
        disk->volume = volume_name(source);
}

/* Content that is not simply the bytes of one file: a second file, a slice of one, or encrypted. */
static gboolean
is_beyond_one_file(const xmlNode *node)
{
    const xmlNode *source = vms_xml_child(node, "source");

    return vms_xml_child(node, "encryption") || vms_xml_child(source, "encryption") ||
           vms_xml_child(source, "slices") || vms_xml_child(source, "dataStore") ||
           vms_xml_child(node, "dataStore");
}

static gboolean
read_backing(VmsDisk *disk, const xmlNode *node, GError **error)
{
    const xmlNode *layer = vms_xml_child(node, "backingStore");

    for (; layer; layer = vms_xml_child(layer, "backingStore")) {
        g_autofree char *type = vms_xml_attribute(layer, "type");
        g_autofree char *path = NULL;
        g_autofree char *format = NULL;

        if (!type) /* an empty <backingStore/> ends the chain */
            break;
        if (disk->backing->len >= BACKING_LIMIT)
            return vms_fail(error, VMSNAP_E_INVALID, "backing chain of disk %s has no end",
                            disk->target);
        path = source_path(vms_xml_child(layer, "source"), type);
        format = child_attribute(layer, "format", "type");
        disk->has_data_file = disk->has_data_file || is_beyond_one_file(layer);
        g_ptr_array_add(disk->backing, vms_backing_new(path, format));
    }
    return TRUE;
}

/* ---- disks ---- */

static VmsDeviceKind
device_kind(const xmlNode *node)
{
    g_autofree char *device = vms_xml_attribute(node, "device");

    if (g_strcmp0(device, "cdrom") == 0)
        return VMS_DEVICE_CDROM;
    if (g_strcmp0(device, "floppy") == 0)
        return VMS_DEVICE_FLOPPY;
    if (g_strcmp0(device, "lun") == 0)
        return VMS_DEVICE_LUN;
    return VMS_DEVICE_DISK;
}

static guint
boot_order(const xmlNode *node)
{
    g_autofree char *text = child_attribute(node, "boot", "order");
    guint64 order = 0;

    if (!text || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &order, NULL))
        return 0;
    return (guint)order;
}

static void
read_disk_details(VmsDisk *disk, const xmlNode *node)
{
    disk->bus = child_attribute(node, "target", "bus");
    disk->serial = child_text(node, "serial");
    disk->wwn = child_text(node, "wwn");
    disk->alias = child_attribute(node, "alias", "name");
    disk->format = child_attribute(node, "driver", "type");
    disk->device = device_kind(node);
    disk->readonly = vms_xml_child(node, "readonly") != NULL;
    disk->shareable = vms_xml_child(node, "shareable") != NULL;
    disk->transient = vms_xml_child(node, "transient") != NULL;
    disk->has_data_file = is_beyond_one_file(node);
    disk->busy = vms_xml_child(node, "mirror") != NULL;
    disk->boot_order = boot_order(node);
}

static gboolean
add_disk(VmsDomainXml *domain, const xmlNode *devices, const xmlNode *node, GError **error)
{
    g_autofree char *target = child_attribute(node, "target", "dev");
    g_autoptr(VmsDisk) disk = NULL;

    if (!target)
        return vms_fail(error, VMSNAP_E_INVALID, "a disk of the domain has no target");
    if (domain->disks->len >= DISK_LIMIT)
        return vms_fail(error, VMSNAP_E_INVALID, "the domain has more than %d disks", DISK_LIMIT);
    disk = vms_disk_new(target);
    disk->source_type = vms_xml_attribute(node, "type");
    if (!disk->source_type)
        disk->source_type = g_strdup("file");
    disk->address = vms_disk_address(node, devices);
    read_disk_details(disk, node);
    read_source(disk, vms_xml_child(node, "source"));
    if (!read_backing(disk, node, error))
        return FALSE;
    g_ptr_array_add(domain->disks, g_steal_pointer(&disk));
    return TRUE;
}

/* ---- the other devices ---- */

static gboolean
add_nic(VmsDomainXml *domain, const xmlNode *node, GError **error)
{
    VmsNic *nic;

    if (domain->nics->len >= NIC_LIMIT)
        return vms_fail(error, VMSNAP_E_INVALID, "the domain has more than %d interfaces",
                        NIC_LIMIT);
    nic = vms_nic_new();
    nic->type = vms_xml_attribute(node, "type");
    nic->mac = lower(child_attribute(node, "mac", "address"));
    nic->model = child_attribute(node, "model", "type");
    nic->alias = child_attribute(node, "alias", "name");
    if (g_strcmp0(nic->type, "network") == 0)
        nic->network = child_attribute(node, "source", "network");
    g_ptr_array_add(domain->nics, nic);
    return TRUE;
}

static void
read_channel(VmsDomainXml *domain, const xmlNode *node)
{
    const xmlNode *target = vms_xml_child(node, "target");

    if (!vms_xml_attribute_is(target, "name", AGENT_CHANNEL))
        return;
    domain->has_agent_channel = TRUE;
    domain->agent_connected = vms_xml_attribute_is(target, "state", "connected");
}

/* A device of the host is not ours to copy; one whose state is kept elsewhere is not known. */
static void
read_tpm(VmsDomainXml *domain, const xmlNode *node)
{
    const xmlNode *backend = vms_xml_child(node, "backend");

    domain->has_tpm = node != NULL;
    if (!vms_xml_attribute_is(backend, "type", "emulator") || vms_xml_child(backend, "source"))
        return;
    if (vms_xml_attribute_is(backend, "version", "2.0"))
        domain->tpm_state = g_strdup("tpm2/tpm2-00.permall");
    else if (vms_xml_attribute_is(backend, "version", "1.2"))
        domain->tpm_state = g_strdup("tpm1.2/tpm-00.permall");
}

static gboolean
read_devices(VmsDomainXml *domain, const xmlNode *devices, GError **error)
{
    const xmlNode *node;

    for (node = vms_xml_child(devices, "disk"); node; node = vms_xml_next(node, "disk"))
        if (!add_disk(domain, devices, node, error))
            return FALSE;
    for (node = vms_xml_child(devices, "interface"); node; node = vms_xml_next(node, "interface"))
        if (!add_nic(domain, node, error))
            return FALSE;
    for (node = vms_xml_child(devices, "channel"); node; node = vms_xml_next(node, "channel"))
        read_channel(domain, node);
    domain->emulator = child_text(devices, "emulator");
    domain->cid = child_attribute(vms_xml_child(devices, "vsock"), "cid", "address");
    read_tpm(domain, vms_xml_child(devices, "tpm"));
    return TRUE;
}

/* <nvram>PATH</nvram>, or since libvirt 8.5 <nvram type='…'><source …/></nvram>. One that is not
 * a local file is named all the same: forgetting it would lose it. */
static char *
read_nvram(const xmlNode *node)
{
    const xmlNode *source = vms_xml_child(node, "source");
    g_autofree char *type = vms_xml_attribute(node, "type");

    if (!source) {
        g_autofree char *text = vms_xml_text(node);

        return text && *g_strstrip(text) ? g_steal_pointer(&text) : NULL;
    }
    if (g_strcmp0(type, "network") == 0)
        return network_name(source);
    return source_path(source, type ? type : "file");
}

static void
read_boot(VmsDomainXml *domain, const xmlNode *os)
{
    domain->nvram = read_nvram(vms_xml_child(os, "nvram"));
    domain->loader = child_text(os, "loader");
    domain->kernel = child_text(os, "kernel");
    domain->initrd = child_text(os, "initrd");
    domain->machine = child_attribute(os, "type", "machine");
}

gboolean
vms_domain_xml_parse(const char *text, VmsDomainXml **ret_domain, GError **error)
{
    g_autoptr(VmsDomainXml) domain = NULL;
    g_autoptr(xmlDoc) document = NULL;
    const xmlNode *root;

    vms_xml_init();
    if (!vms_xml_read(text, VMS_DOMAIN_XML_LIMIT, "domain", &document, error))
        return FALSE;
    root = xmlDocGetRootElement(document);
    domain = g_new0(VmsDomainXml, 1);
    domain->disks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_disk_free);
    domain->nics = g_ptr_array_new_with_free_func((GDestroyNotify)vms_nic_free);
    domain->uuid = lower(child_text(root, "uuid"));
    domain->name = child_text(root, "name");
    domain->genid = child_text(root, "genid");
    read_boot(domain, vms_xml_child(root, "os"));
    if (!read_devices(domain, vms_xml_child(root, "devices"), error))
        return FALSE;
    *ret_domain = g_steal_pointer(&domain);
    return TRUE;
}
