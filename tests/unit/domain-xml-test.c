/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/domain-xml.h"
#include "base/error.h"

#include <criterion/criterion.h>
#include <string.h>

/* What a domain's XML says, and which XML is not listened to. */

static char *
read_data(const char *name)
{
    g_autofree char *path = g_build_filename(VMS_TEST_DATA, "domain-xml", name, NULL);
    char *text = NULL;

    cr_assert(g_file_get_contents(path, &text, NULL, NULL), "%s", path);
    return text;
}

static VmsDomainXml *
parse(const char *name)
{
    g_autofree char *text = read_data(name);
    g_autoptr(GError) error = NULL;
    VmsDomainXml *domain = NULL;

    cr_assert(vms_domain_xml_parse(text, &domain, &error), "%s: %s", name,
              error ? error->message : "");
    return domain;
}

static void
expect_refused(const char *text, const char *message)
{
    g_autoptr(GError) error = NULL;
    VmsDomainXml *domain = NULL;

    cr_assert_not(vms_domain_xml_parse(text, &domain, &error));
    cr_assert_null(domain, "an output is set on success only");
    cr_assert_eq(vms_error_get_code(error), VMSNAP_E_INVALID);
    cr_assert(strstr(error->message, message), "%s", error->message);
}

static void
expect_file_refused(const char *name, const char *message)
{
    g_autofree char *text = read_data(name);

    expect_refused(text, message);
}

static const VmsDisk *
disk_at(const VmsDomainXml *domain, guint index, const char *target)
{
    const VmsDisk *disk;

    cr_assert_gt(domain->disks->len, index);
    disk = domain->disks->pdata[index];
    cr_assert_str_eq(disk->target, target);
    return disk;
}

Test(domain_xml, tells_names_and_boot)
{
    g_autoptr(VmsDomainXml) domain = parse("q35-two-disks.xml");

    cr_assert_str_eq(domain->name, "web <1>");
    cr_assert_str_eq(domain->uuid, "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
    cr_assert_str_eq(domain->genid, "43dc0cf8-809b-4adb-9bea-a9abb5f3d90e");
    cr_assert_str_eq(domain->machine, "pc-q35-7.2");
    cr_assert_str_eq(domain->emulator, "/usr/bin/qemu-system-x86_64");
    cr_assert_str_eq(domain->kernel, "/var/lib/libvirt/boot/vmlinuz");
    cr_assert_str_eq(domain->initrd, "/var/lib/libvirt/boot/initrd");
    cr_assert_null(domain->nvram);
    cr_assert_null(domain->loader);
    cr_assert_not(domain->has_tpm);
}

Test(domain_xml, lists_disks_in_order_and_none_of_the_metadata)
{
    g_autoptr(VmsDomainXml) domain = parse("q35-two-disks.xml");
    const VmsDisk *disk = disk_at(domain, 0, "vda");

    cr_assert_eq(domain->disks->len, 4);
    cr_assert_eq(disk->device, VMS_DEVICE_DISK);
    cr_assert_eq(disk->source, VMS_SOURCE_FILE);
    cr_assert_str_eq(disk->path, "/srv/images/a & b.qcow2");
    cr_assert_str_eq(disk->format, "qcow2");
    cr_assert_str_eq(disk->bus, "virtio");
    cr_assert_str_eq(disk->serial, "WD-1");
    cr_assert_str_eq(disk->wwn, "5000c50015ea71ad");
    cr_assert_str_eq(disk->alias, "virtio-disk0");
    cr_assert_eq(disk->boot_order, 1);
    cr_assert_not(disk->readonly || disk->shareable || disk->busy || disk->has_data_file);
    disk_at(domain, 1, "sda");
    disk_at(domain, 2, "sdb");
    disk_at(domain, 3, "sdc");
}

Test(domain_xml, follows_the_backing_chain)
{
    g_autoptr(VmsDomainXml) domain = parse("q35-two-disks.xml");
    const GPtrArray *chain = disk_at(domain, 0, "vda")->backing;
    const VmsBacking *layer;

    cr_assert_eq(chain->len, 2);
    layer = chain->pdata[0];
    cr_assert_str_eq(layer->path, "/srv/images/mid.qcow2");
    cr_assert_str_eq(layer->format, "qcow2");
    layer = chain->pdata[1];
    cr_assert_str_eq(layer->path, "/dev/vg/base");
    cr_assert_str_eq(layer->format, "raw");
    cr_assert_eq(disk_at(domain, 1, "sda")->backing->len, 0);
}

Test(domain_xml, a_mirror_makes_a_disk_busy)
{
    g_autoptr(VmsDomainXml) domain = parse("q35-two-disks.xml");
    const VmsDisk *disk = disk_at(domain, 1, "sda");

    cr_assert(disk->busy);
    cr_assert(disk->shareable);
    cr_assert_eq(disk->source, VMS_SOURCE_BLOCK);
    cr_assert_str_eq(disk->path, "/dev/vg/data");
    cr_assert_not(disk_at(domain, 0, "vda")->busy);
}

Test(domain_xml, an_empty_drive_has_no_source)
{
    g_autoptr(VmsDomainXml) domain = parse("q35-two-disks.xml");

    cr_assert_eq(disk_at(domain, 2, "sdb")->source, VMS_SOURCE_FILE);
    cr_assert_eq(disk_at(domain, 2, "sdb")->device, VMS_DEVICE_CDROM);
    cr_assert(disk_at(domain, 2, "sdb")->readonly);
    cr_assert_eq(disk_at(domain, 3, "sdc")->source, VMS_SOURCE_NONE);
    cr_assert_null(disk_at(domain, 3, "sdc")->path);
}

Test(domain_xml, tells_where_the_guest_sees_a_disk)
{
    g_autoptr(VmsDomainXml) domain = parse("q35-two-disks.xml");
    g_autoptr(VmsDomainXml) odd = parse("odd-sources.xml");

    cr_assert_str_eq(disk_at(domain, 0, "vda")->address, "0000:04:00.0");
    cr_assert_str_eq(disk_at(domain, 1, "sda")->address, "0000:03:00.0/0.0.2");
    cr_assert_str_eq(disk_at(domain, 2, "sdb")->address, "0000:00:1f.2/0.0.1");
    cr_assert_null(disk_at(odd, 0, "vda")->address);
}

Test(domain_xml, finds_the_agent_channel_among_others)
{
    g_autoptr(VmsDomainXml) live = parse("q35-two-disks.xml");
    g_autoptr(VmsDomainXml) inactive = parse("inactive-one-nic-more.xml");
    g_autoptr(VmsDomainXml) none = parse("uefi-tpm.xml");

    cr_assert(live->has_agent_channel && live->agent_connected);
    cr_assert(inactive->has_agent_channel);
    cr_assert_not(inactive->agent_connected);
    cr_assert_not(none->has_agent_channel || none->agent_connected);
}

Test(domain_xml, lists_nics)
{
    g_autoptr(VmsDomainXml) live = parse("q35-two-disks.xml");
    g_autoptr(VmsDomainXml) inactive = parse("inactive-one-nic-more.xml");
    const VmsNic *nic = live->nics->pdata[0];

    cr_assert_eq(live->nics->len, 2);
    cr_assert_str_eq(nic->mac, "52:54:00:ab:cd:ef", "lower case");
    cr_assert_str_eq(nic->type, "network");
    cr_assert_str_eq(nic->network, "default");
    cr_assert_str_eq(nic->model, "virtio");
    cr_assert_str_eq(nic->alias, "net0");
    nic = live->nics->pdata[1];
    cr_assert_str_eq(nic->type, "bridge");
    cr_assert_null(nic->network);
    cr_assert_eq(inactive->nics->len, 3);
    nic = inactive->nics->pdata[2];
    cr_assert_str_eq(nic->network, "lab");
}

Test(domain_xml, finds_firmware_and_tpm)
{
    g_autoptr(VmsDomainXml) domain = parse("uefi-tpm.xml");
    g_autoptr(VmsDomainXml) newer = parse("nvram-source.xml");
    g_autoptr(VmsDomainXml) far = parse("nvram-network.xml");

    cr_assert_str_eq(domain->nvram, "/var/lib/libvirt/qemu/nvram/win_VARS.fd");
    cr_assert_str_eq(domain->loader, "/usr/share/OVMF/OVMF_CODE_4M.ms.fd");
    cr_assert(domain->has_tpm);
    cr_assert_str_eq(domain->tpm_state, "tpm2/tpm2-00.permall");
    cr_assert_str_eq(newer->nvram, "/srv/nvram/new_VARS.qcow2");
    cr_assert_str_eq(far->nvram, "iscsi:iqn.2013-07.com.example:t/0");
    cr_assert_null(newer->uuid);
}

Test(domain_xml, knows_sources_that_are_not_files)
{
    g_autoptr(VmsDomainXml) domain = parse("odd-sources.xml");

    cr_assert_eq(disk_at(domain, 0, "vda")->source, VMS_SOURCE_NETWORK);
    cr_assert_str_eq(disk_at(domain, 0, "vda")->network, "rbd:pool/image");
    cr_assert_null(disk_at(domain, 0, "vda")->path);
    cr_assert_eq(disk_at(domain, 1, "vdb")->source, VMS_SOURCE_OTHER);
    cr_assert_str_eq(disk_at(domain, 1, "vdb")->volume, "default/dir/a.qcow2");
    cr_assert_eq(disk_at(domain, 6, "vdg")->source, VMS_SOURCE_OTHER);
    cr_assert_str_eq(disk_at(domain, 6, "vdg")->source_type, "nvme");
    cr_assert_eq(disk_at(domain, 7, "sda")->device, VMS_DEVICE_LUN);
    cr_assert_eq(disk_at(domain, 8, "fda")->device, VMS_DEVICE_FLOPPY);
    cr_assert_null(disk_at(domain, 8, "fda")->format);
}

Test(domain_xml, marks_what_is_more_than_one_file)
{
    g_autoptr(VmsDomainXml) domain = parse("odd-sources.xml");

    cr_assert_not(disk_at(domain, 0, "vda")->has_data_file);
    cr_assert(disk_at(domain, 2, "vdc")->has_data_file, "encrypted");
    cr_assert(disk_at(domain, 3, "vdd")->has_data_file, "sliced");
    cr_assert(disk_at(domain, 4, "vde")->has_data_file, "data file");
    cr_assert(disk_at(domain, 5, "vdf")->has_data_file, "data file of a lower layer");
    cr_assert(disk_at(domain, 5, "vdf")->transient);
    cr_assert_eq(disk_at(domain, 5, "vdf")->backing->len, 2);
    cr_assert_null(((const VmsBacking *)disk_at(domain, 5, "vdf")->backing->pdata[0])->path);
}

Test(domain_xml, refuses_every_document_type)
{
    expect_file_refused("doctype.xml", "document type");
    expect_file_refused("entity-file.xml", "document type");
    expect_file_refused("entity-bomb.xml", "document type");
}

Test(domain_xml, refuses_what_is_not_one_domain)
{
    expect_refused("", "empty");
    expect_file_refused("garbage.xml", "not well-formed");
    expect_file_refused("unfinished.xml", "not well-formed");
    expect_file_refused("unknown-entity.xml", "not well-formed");
    expect_file_refused("not-a-domain.xml", "not a <domain>");
    expect_file_refused("foreign-namespace.xml", "not a <domain>");
    expect_file_refused("bad-utf8.xml", "not UTF-8");
    expect_file_refused("no-target.xml", "no target");
}

Test(domain_xml, takes_every_text_as_utf8)
{
    g_autoptr(VmsDomainXml) domain = parse("utf7.xml");

    cr_assert_str_eq(domain->name, "+ADw-");
}

/* "<domain>", @text @count times, "</domain>" */
static char *
repeat(const char *head, const char *text, gsize count, const char *tail)
{
    GString *all = g_string_new(head);

    for (gsize i = 0; i < count; i++)
        g_string_append(all, text);
    g_string_append(all, tail);
    return g_string_free(all, FALSE);
}

Test(domain_xml, refuses_more_than_a_mebibyte)
{
    g_autofree char *large =
        repeat("<domain><name>", "0123456789", 1024 * 1024, "</name></domain>");
    g_autofree char *fits = repeat("<domain><name>", "0123456789", 100000, "</name></domain>");
    g_autoptr(VmsDomainXml) domain = NULL;

    expect_refused(large, "longer than 1048576 bytes");
    cr_assert(vms_domain_xml_parse(fits, &domain, NULL));
}

Test(domain_xml, bounds_the_number_of_devices)
{
    const char *disk = "<disk><target dev='vda'/></disk>";
    g_autofree char *disks = repeat("<domain><devices>", disk, 1025, "</devices></domain>");
    g_autofree char *most = repeat("<domain><devices>", disk, 1024, "</devices></domain>");
    g_autofree char *nics =
        repeat("<domain><devices>", "<interface/>", 1025, "</devices></domain>");
    g_autoptr(VmsDomainXml) domain = NULL;

    expect_refused(disks, "more than 1024 disks");
    expect_refused(nics, "more than 1024 interfaces");
    cr_assert(vms_domain_xml_parse(most, &domain, NULL));
}

Test(domain_xml, bounds_the_depth)
{
    g_autofree char *deep = repeat("<domain><devices><disk><target dev='vda'/>",
                                   "<backingStore type='file'>", 20000, "</domain>");

    expect_refused(deep, "not well-formed");
}
