/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "support/random-domain.h"

#include "plan/naming.h"

#include <string.h>

/* Where a domain is being written. */
typedef struct {
    GRand *rand;
    GString *xml;
    RandomDomain *domain;
    guint devices;
    gboolean own_folder; /* its files stand in a folder named after it */
    char *mac;           /* of its last NIC */
} Writing;

static gboolean
chance(const Writing *self, guint percent)
{
    return (guint)g_rand_int_range(self->rand, 0, 100) < percent;
}

static guint
upto(const Writing *self, guint most)
{
    return (guint)g_rand_int_range(self->rand, 0, (gint32)most + 1);
}

static void put(Writing *self, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
put(Writing *self, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_markup_vprintf_escaped(format, args);
    va_end(args);
    g_string_append(self->xml, text);
}

static char *
new_uuid(GRand *rand)
{
    return g_strdup_printf("%08x-%04x-4%03x-a%03x-%08x%04x", g_rand_int(rand),
                           g_rand_int(rand) & 0xffff, g_rand_int(rand) & 0xfff,
                           g_rand_int(rand) & 0xfff, g_rand_int(rand), g_rand_int(rand) & 0xffff);
}

static char *
new_mac(GRand *rand)
{
    return g_strdup_printf("52:54:00:%02X:%02x:%02x", g_rand_int(rand) & 0xff,
                           g_rand_int(rand) & 0xff, g_rand_int(rand) & 0xff);
}

static void
put_address(Writing *self)
{
    put(self, "<alias name='ua-%u'/><address type='pci' domain='0x0000' bus='0x%02x' slot='0x00'/>",
        self->devices, self->devices + 1);
    self->devices++;
}

/* ---- files ---- */

static char *
new_path(const Writing *self, const char *what, const char *extension)
{
    static const char *const folders[] = { "/var/lib/libvirt/images", "/img", "/srv/a b" };
    g_autofree char *own = g_strdup_printf("/vms/%s/files", self->domain->name);
    const char *folder =
        self->own_folder && chance(self, 70) ? own : folders[upto(self, G_N_ELEMENTS(folders) - 1)];
    const char *name = chance(self, 50) ? self->domain->name : "some";

    return g_strdup_printf("%s/%s%s%s%s", folder, name, chance(self, 50) ? "-" : ".", what,
                           extension);
}

/* Its own from now on. */
static char *
own(const Writing *self, char *path)
{
    g_ptr_array_add(self->domain->owned, g_strdup(path));
    return path;
}

static void
resource(const Writing *self, VmsNamedKind kind, const char *path, const char *target)
{
    g_ptr_array_add(self->domain->resources, vms_named_new(kind, path, target));
}

/* ---- devices ---- */

static void
put_chain(Writing *self)
{
    if (chance(self, 30))
        put(self,
            "<backingStore type='file'><format type='raw'/><source file='/base/%u.raw'/>"
            "<backingStore/></backingStore>",
            upto(self, 99));
    else if (chance(self, 50))
        put(self, "<backingStore/>");
}

static void
put_disk(Writing *self, guint index)
{
    g_autofree char *target = g_strdup_printf("vd%c", 'a' + (int)index);
    gboolean block = chance(self, 20);
    g_autofree char *path =
        block ? g_strdup_printf("/dev/vg%u/%s-%s", upto(self, 9), self->domain->name, target)
              : new_path(self, target, chance(self, 70) ? ".qcow2" : "");

    own(self, path);
    resource(self, VMS_NAMED_DISK, path, target);
    put(self, "<disk type='%s' device='disk'><driver name='qemu' type='qcow2' cache='none'/>",
        block ? "block" : "file");
    put(self, block ? "<source dev='%s'/>" : "<source file='%s'/>", path);
    put_chain(self);
    put(self, "<target dev='%s' bus='virtio'/>", target);
    if (chance(self, 50))
        put(self, "<serial>SER%x</serial>", g_rand_int(self->rand));
    if (chance(self, 30))
        put(self, "<wwn>5000c5%02x%08x</wwn>", upto(self, 255), g_rand_int(self->rand));
    if (chance(self, 50))
        put(self, "<boot order='%u'/>", index + 1);
    put_address(self);
    put(self, "</disk>");
}

static void
put_drive(Writing *self)
{
    gboolean seed = chance(self, 50);
    g_autofree char *path = seed ? new_path(self, "seed", ".iso") : g_strdup("/iso/debian.iso");

    if (seed) {
        own(self, path);
        resource(self, VMS_NAMED_SECRET, path, "sda");
    }
    put(self,
        "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>"
        "<source file='%s' startupPolicy='optional'/><target dev='sda' bus='sata'/>"
        "<readonly/></disk>",
        path);
}

static void
put_port(Writing *self)
{
    g_autofree char *interface = new_uuid(self->rand);
    g_autofree char *instance = new_uuid(self->rand);

    if (chance(self, 30))
        put(self,
            "<virtualport type='openvswitch'><parameters interfaceid='%s' profileid='p'/>"
            "</virtualport>",
            interface);
    else if (chance(self, 30))
        put(self,
            "<virtualport type='802.1Qbg'><parameters managerid='11' typeid='1' "
            "instanceid='%s'/></virtualport>",
            instance);
    if (chance(self, 30))
        put(self,
            "<filterref filter='clean-traffic'><parameter name='IP' value='10.0.0.%u'/>"
            "<parameter name='CTRL_IP_LEARNING' value='none'/></filterref>",
            upto(self, 250));
}

static void
put_nic(Writing *self, guint index)
{
    g_autofree char *mac = new_mac(self->rand);
    g_autofree char *port = new_uuid(self->rand);

    put(self, "<interface type='network'><mac address='%s'/>", mac);
    if (chance(self, 30))
        put(self, "<source network='default' portid='%s'/>", port);
    else
        put(self, "<source network='default'/>");
    if (chance(self, 30))
        put(self, "<target dev='tap%u'/>", index);
    put_port(self);
    put(self, "<model type='virtio'/><driver name='vhost' queues='4'/>");
    put_address(self);
    put(self, "</interface>");
    g_free(self->mac);
    self->mac = g_ascii_strdown(mac, -1);
}

static void
put_socket(Writing *self, const char *element, guint number)
{
    g_autofree char *what = g_strdup_printf("%s%u", element, number);
    g_autofree char *path = own(self, new_path(self, what, ".sock"));

    put(self, "<%s type='unix'><source mode='bind' path='%s'/><target port='%u'/></%s>", element,
        path, number, element);
}

static void
put_file(Writing *self, const char *element, guint number)
{
    g_autofree char *what = g_strdup_printf("%s%u", element, number);
    g_autofree char *path = own(self, new_path(self, what, ".log"));
    g_autofree char *log = own(self, new_path(self, what, ".more"));

    put(self, "<%s type='file'><source path='%s' append='on'/>", element, path);
    if (chance(self, 50))
        put(self, "<log file='%s' append='off'/>", log);
    put(self, "<target port='%u'/></%s>", number, element);
}

static void
put_lines(Writing *self)
{
    if (chance(self, 50))
        put_socket(self, "serial", 0);
    if (chance(self, 50))
        put_file(self, "serial", 1);
    if (chance(self, 30))
        put_file(self, "parallel", 0);
    if (chance(self, 30))
        put(self,
            "<console type='tcp'><source mode='bind' host='127.0.0.1' service='%u'/>"
            "<target type='serial' port='0'/></console>",
            20000 + upto(self, 12000));
    put(self,
        "<channel type='unix'><source mode='bind' path='/var/lib/libvirt/qemu/channel/target/"
        "domain-3-%s/org.qemu.guest_agent.0'/><target type='virtio' "
        "name='org.qemu.guest_agent.0'/></channel>",
        self->domain->name);
}

static void
put_graphics(Writing *self)
{
    g_autofree char *path = NULL;

    if (chance(self, 50))
        put(self,
            "<graphics type='vnc' port='59%02u' autoport='no' websocket='57%02u' "
            "listen='127.0.0.1'><listen type='address' address='127.0.0.1'/></graphics>",
            upto(self, 99), upto(self, 99));
    if (!chance(self, 30))
        return;
    path = own(self, new_path(self, "vnc", ".sock"));
    put(self, "<graphics type='vnc' socket='%s'><listen type='socket' socket='%s'/></graphics>",
        path, path);
}

static void
put_rest(Writing *self)
{
    if (chance(self, 40))
        put(self, "<vsock model='virtio'><cid auto='no' address='%u'/></vsock>",
            3 + upto(self, 1000));
    if (chance(self, 30))
        put(self, "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>");
    if (chance(self, 20))
        put(self, "<filesystem type='mount'><source dir='/share'/><target dir='tag'/>"
                  "</filesystem>");
    if (chance(self, 20))
        put(self, "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/></source>"
                  "</hostdev>");
    put(self, "<memballoon model='virtio'/>");
}

/* ---- the rest of it ---- */

static void
put_metadata(Writing *self)
{
    const char *path =
        self->domain->owned->len > 0 ? self->domain->owned->pdata[0] : "/nothing/at/all";

    put(self,
        "<metadata><app:vm xmlns:app='http://example.org/app' id='%s'><app:name>%s</app:name>"
        "<app:path>%s</app:path><app:note>made of %s by hand</app:note>",
        self->domain->uuid, self->domain->name, path, self->domain->uuid);
    put(self, "<app:home>/home/%s/x</app:home><app:mac a='%s'/></app:vm></metadata>",
        self->domain->name, self->mac ? self->mac : "none");
}

static void
put_head(Writing *self)
{
    g_autofree char *genid = new_uuid(self->rand);
    g_autofree char *serial = new_uuid(self->rand);
    g_autofree char *nvram = NULL;

    put(self, "<domain type='qemu'><name>%s</name><uuid>%s</uuid>", self->domain->name,
        self->domain->uuid);
    if (chance(self, 50))
        put(self, "<genid>%s</genid>", genid);
    if (chance(self, 50))
        put(self, "<title>%s</title>", chance(self, 50) ? self->domain->name : "a title");
    put(self, "<memory unit='KiB'>1024</memory><os><type>hvm</type>");
    if (chance(self, 50)) {
        nvram = own(self, new_path(self, "VARS", ".fd"));
        resource(self, VMS_NAMED_NVRAM, nvram, NULL);
        if (chance(self, 50))
            put(self, "<nvram template='/usr/share/x.fd'>%s</nvram>", nvram);
        else
            put(self, "<nvram type='file'><source file='%s'/></nvram>", nvram);
    }
    put(self, "</os>");
    if (chance(self, 50))
        put(self,
            "<sysinfo type='smbios'><system><entry name='serial'>%s</entry>"
            "<entry name='uuid'>%s</entry><entry name='family'>f</entry></system></sysinfo>",
            chance(self, 50) ? serial : "ds=nocloud;i=iid-1;h=old-host", self->domain->uuid);
}

static void
put_arguments(Writing *self)
{
    g_autofree char *mac = new_mac(self->rand);

    put(self,
        "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
        "<qemu:arg value='-device'/><qemu:arg value='virtio-net-pci,id=x,mac=%s'/>"
        "<qemu:arg value='vhost-vsock-pci,guest-cid=%u'/><qemu:env name='A' value='%s'/>",
        mac, 3 + upto(self, 500), self->domain->uuid);
    put(self, "<qemu:arg value='file=/home/%s/x,serial=S%x'/></qemu:commandline>",
        self->domain->name, g_rand_int(self->rand));
}

static void
put_all(Writing *self)
{
    guint disks = upto(self, 4);
    guint nics = upto(self, 3);

    put_head(self);
    put(self, "<devices><emulator>/usr/bin/qemu</emulator>");
    for (guint i = 0; i < disks; i++)
        put_disk(self, i);
    if (chance(self, 40))
        put_drive(self);
    for (guint i = 0; i < nics; i++)
        put_nic(self, i);
    put_lines(self);
    put_graphics(self);
    put_rest(self);
    put(self, "</devices>");
    if (chance(self, 50))
        put_metadata(self);
    if (chance(self, 30))
        put_arguments(self);
    put(self, "</domain>");
    g_free(self->mac);
}

RandomDomain *
random_domain_new(GRand *rand)
{
    static const char *const names[] = { "web",   "web <1>",  "db&co", "vm-\xc3\xa9",
                                         "front", "web.prod", "x y",   "SRV" };
    RandomDomain *domain = g_new0(RandomDomain, 1);
    Writing writing = { .rand = rand, .domain = domain, .xml = g_string_new(NULL) };

    domain->name = g_strdup(names[g_rand_int_range(rand, 0, G_N_ELEMENTS(names))]);
    domain->uuid = new_uuid(rand);
    domain->resources = g_ptr_array_new_with_free_func((GDestroyNotify)vms_named_free);
    domain->owned = g_ptr_array_new_with_free_func(g_free);
    domain->kept = g_ptr_array_new_with_free_func(g_free);
    writing.own_folder = chance(&writing, 40);
    g_ptr_array_add(domain->resources, vms_named_new(VMS_NAMED_VM, domain->name, NULL));
    put_all(&writing);
    domain->xml = g_string_free(writing.xml, FALSE);
    return domain;
}

void
random_domain_free(RandomDomain *domain)
{
    if (!domain)
        return;
    g_free(domain->name);
    g_free(domain->uuid);
    g_free(domain->xml);
    g_ptr_array_unref(domain->resources);
    g_ptr_array_unref(domain->owned);
    g_ptr_array_unref(domain->kept);
    g_free(domain);
}

VmsInventory *
random_domain_inventory(GRand *rand, const RandomDomain *domain)
{
    GPtrArray *vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);
    guint others = (guint)g_rand_int_range(rand, 1, 5);
    VmsInventory *inventory;

    g_ptr_array_add(vms, vms_vm_new(domain->uuid, domain->name));
    for (guint i = 0; i < others; i++) {
        g_autofree char *uuid = new_uuid(rand);
        g_autofree char *name = g_strdup_printf("other-%u", i);

        g_ptr_array_add(vms, vms_vm_new(uuid, name));
    }
    inventory = vms_inventory_new(vms);
    for (guint i = 1; i <= others; i++) {
        g_autofree char *mac = new_mac(rand);

        vms_inventory_add_claim(inventory, i, VMS_IDENTITY_MAC, mac);
        vms_inventory_add_claim(inventory, i, VMS_IDENTITY_CID, "5");
    }
    if (g_rand_int_range(rand, 0, 100) < 20) {
        g_autofree char *folder = g_strdup_printf("/vms/%s", domain->name);
        g_autofree char *file = g_strconcat(folder, "/theirs.raw", NULL);

        vms_inventory_add_file(inventory, 1, file, NULL, VMS_FILE_DISK);
        g_ptr_array_add(domain->kept, g_steal_pointer(&folder));
    }
    return inventory;
}
