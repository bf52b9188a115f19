/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/adapter.h"
#include "adapter/libvirt/domain-xml.h"
#include "adapter/libvirt/errors.h"
#include "adapter/libvirt/host-class.h"
#include "adapter/libvirt/host-device.h"
#include "adapter/libvirt/volume.h"

#include <errno.h>
#include <unistd.h>

/* One configuration held against this host. */
typedef struct {
    virConnectPtr conn;
    const xmlNode *domain;
    VmsNeeds *needs;
} Asking;

static VmsLack *
add(const Asking *self, VmsLack *lack)
{
    g_ptr_array_add(self->needs->lacks, lack);
    return lack;
}

/* ENOENT and its like only: what cannot be looked at is not missing. */
static gboolean
is_missing(const char *path)
{
    return access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* ---- images ---- */

static void
ask_medium(const Asking *self, const VmsDisk *disk, guint index)
{
    gboolean drive = disk->device == VMS_DEVICE_CDROM || disk->device == VMS_DEVICE_FLOPPY;
    const char *name = disk->path ? disk->path : disk->volume;
    VmsLack *lack;

    if (!name || (disk->path && !is_missing(disk->path)))
        return;
    lack = add(self, vms_lack_new("VirtualImage", name,
                                  drive ? "the medium '%s' of drive %s is not there"
                                        : "the image '%s' of disk %s is not there",
                                  name, disk->target));
    lack->element = g_strdup("disk");
    lack->index = index;
    lack->eject = drive;
}

static void
ask_boot_file(const Asking *self, const char *element, const char *path)
{
    if (path && is_missing(path))
        add(self, vms_lack_new("VirtualImage", path, "the %s '%s' is not there", element, path));
}

/* libvirt itself does without media that may be missing. */
static gboolean
may_be_missing(const xmlNode *disk)
{
    return vms_xml_attribute_is(vms_xml_child(disk, "source"), "startupPolicy", "optional");
}

static void
ask_images(const Asking *self, const VmsDomainXml *parts)
{
    const xmlNode *devices = vms_xml_child(self->domain, "devices");
    const xmlNode *node = vms_xml_child(devices, "disk");

    for (guint i = 0; i < parts->disks->len && node; i++, node = vms_xml_next(node, "disk")) {
        const VmsDisk *disk = parts->disks->pdata[i];

        if (!vms_disk_is_owned(disk) && !may_be_missing(node))
            ask_medium(self, disk, i);
    }
    ask_boot_file(self, "kernel", parts->kernel);
    ask_boot_file(self, "initrd", parts->initrd);
}

/* ---- networks ---- */

static gboolean
knows(const Asking *self, const char *network)
{
    for (guint i = 0; i < self->needs->lacks->len; i++) {
        const VmsLack *lack = self->needs->lacks->pdata[i];

        if (g_str_equal(lack->kind, "Network") && g_str_equal(lack->name, network))
            return TRUE;
    }
    return FALSE;
}

static gboolean
ask_network(const Asking *self, const char *name, GError **error)
{
    virNetworkPtr network = virNetworkLookupByName(self->conn, name);
    int active = 0;

    if (!network && vms_libvirt_last_code() != VIR_ERR_NO_NETWORK)
        return vms_libvirt_last_unsupported() ? TRUE : vms_libvirt_fail(error, name);
    if (network) {
        active = virNetworkIsActive(network);
        virNetworkFree(network);
    }
    if (!network)
        add(self, vms_lack_new("Network", name, "there is no network '%s'", name));
    else if (active == 0)
        add(self, vms_lack_new("Network", name, "network '%s' is not active", name));
    return TRUE;
}

static gboolean
ask_networks(const Asking *self, const VmsDomainXml *parts, GError **error)
{
    for (guint i = 0; i < parts->nics->len; i++) {
        const VmsNic *nic = parts->nics->pdata[i];

        if (nic->network && !knows(self, nic->network) && !ask_network(self, nic->network, error))
            return FALSE;
    }
    return TRUE;
}

/* ---- host devices ---- */

static void
ask_devices(const Asking *self, const char *element)
{
    const xmlNode *node = vms_xml_child(vms_xml_child(self->domain, "devices"), element);

    for (guint i = 0; node; i++, node = vms_xml_next(node, element)) {
        g_autofree char *name = NULL;
        VmsLack *lack;

        if (!vms_host_device_is_missing(node, "/sys", &name))
            continue;
        lack = add(self, vms_lack_new("HostDevice", name, "the host has no device %s", name));
        lack->element = g_strdup(element);
        lack->index = i;
    }
}

/* Those that are there: what no other VM can have at the same time. */
static void
list_devices(const Asking *self, const char *element)
{
    const xmlNode *node = vms_xml_child(vms_xml_child(self->domain, "devices"), element);

    for (guint i = 0; node; i++, node = vms_xml_next(node, element)) {
        g_autofree char *name = vms_host_device_name(node);
        g_autofree char *missing = NULL;
        VmsLack *device;

        if (!name || vms_host_device_is_missing(node, "/sys", &missing))
            continue;
        device = vms_lack_new("HostDevice", name, "%s is a device of the host", name);
        device->element = g_strdup(element);
        device->index = i;
        g_ptr_array_add(self->needs->devices, device);
    }
}

/* ---- class ---- */

static const char class_kind[] = "VirtualMachineClass";

/* Of a guest that KVM runs the host's own CPU decides. */
static void
ask_host_cpu(const Asking *self, const VmsHostClass *class)
{
    int answer;

    if (g_strcmp0(class->virt_type, "kvm") != 0 || !class->cpu_xml || class->cpu_unchecked)
        return;
    answer = virConnectCompareHypervisorCPU(self->conn, class->emulator, class->arch,
                                            class->machine, class->virt_type, class->cpu_xml, 0);
    if (answer == VIR_CPU_COMPARE_INCOMPATIBLE)
        add(self, vms_lack_new(class_kind, class->cpu_model ? class->cpu_model : "CPU",
                               "the host's CPU lacks what the VM's CPU has"));
}

static void
add_barred(const Asking *self, VmsLack *lack)
{
    lack->barred = TRUE;
    add(self, lack);
}

/* What libvirt says of an emulator or a machine type it cannot run; anything else is a failure. */
static gboolean
take_refusal(const Asking *self, const VmsHostClass *class, GError **error)
{
    const virError *last = virGetLastError();
    int code = last ? last->code : VIR_ERR_OK;

    if (vms_libvirt_last_unsupported() && code == VIR_ERR_NO_SUPPORT)
        return TRUE; /* a driver that runs nothing */
    if (code != VIR_ERR_INVALID_ARG && code != VIR_ERR_CONFIG_UNSUPPORTED &&
        code != VIR_ERR_INTERNAL_ERROR && code != VIR_ERR_XML_ERROR &&
        code != VIR_ERR_OPERATION_UNSUPPORTED)
        return vms_libvirt_fail(error, NULL);
    add_barred(self, vms_lack_new(class_kind, class->machine ? class->machine : "machine",
                                  "the host cannot run the VM: %s", last->message));
    return TRUE;
}

static gboolean
ask_class(const Asking *self, GError **error)
{
    g_auto(VmsHostClass) class = { 0 };
    g_autofree char *capabilities = NULL;
    g_autofree char *lack = NULL;

    vms_host_class_read(self->domain, &class);
    if (class.loader && is_missing(class.loader))
        add(self,
            vms_lack_new(class_kind, class.loader, "the firmware '%s' is not there", class.loader));
    if (class.emulator && is_missing(class.emulator)) {
        add_barred(self, vms_lack_new(class_kind, class.emulator, "the emulator '%s' is not there",
                                      class.emulator));
        return TRUE;
    }
    capabilities = virConnectGetDomainCapabilities(self->conn, class.emulator, class.arch,
                                                   class.machine, class.virt_type, 0);
    if (!capabilities)
        return take_refusal(self, &class, error);
    lack = vms_host_class_find_lack(&class, capabilities);
    if (lack)
        add(self, vms_lack_new(class_kind, lack, "the host does not offer %s", lack));
    else
        ask_host_cpu(self, &class);
    return TRUE;
}

gboolean
vms_libvirt_read_needs(VmsHypervisor *hv, const char *xml, VmsNeeds **ret_needs, GError **error)
{
    g_auto(VmsCall) call = VMS_CALL_NONE;
    g_autoptr(VmsNeeds) needs = vms_needs_new();
    g_autoptr(VmsDomainXml) parts = NULL;
    g_autoptr(xmlDoc) document = NULL;
    Asking asking = { .needs = needs };

    if (!vms_domain_xml_parse(xml, &parts, error) ||
        !vms_xml_read(xml, VMS_DOMAIN_XML_LIMIT, "domain", &document, error) ||
        !vms_call_begin(&call, ((VmsLibvirt *)hv)->connection, error))
        return FALSE;
    asking.conn = call.conn;
    asking.domain = xmlDocGetRootElement(document);
    vms_volume_resolve(call.conn, parts->disks);
    ask_images(&asking, parts);
    ask_devices(&asking, "hostdev");
    ask_devices(&asking, "interface");
    list_devices(&asking, "hostdev");
    list_devices(&asking, "interface");
    list_devices(&asking, "tpm");
    if (!ask_networks(&asking, parts, error) || !ask_class(&asking, error))
        return FALSE;
    g_ptr_array_unref(needs->disks);
    needs->disks = g_steal_pointer(&parts->disks);
    *ret_needs = g_steal_pointer(&needs);
    return TRUE;
}
