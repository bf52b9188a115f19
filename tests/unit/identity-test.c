/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "adapter/libvirt/clone-xml.h"
#include "model/identity.h"

#include <criterion/criterion.h>
#include <string.h>

#define DATA VMS_TEST_DATA "/domain-xml/"

typedef struct {
    char *xml;
    GPtrArray *traits;
    GPtrArray *moves;
    VmsInventory *inventory;
    VmsIdentityWish wish;
    VmsIdentityTable *table;
    char *clone;
} Case;

static void
open_case(Case *self, const char *file, const char *source)
{
    g_autofree char *path = g_strconcat(DATA, file, NULL);

    *self = (Case){ 0 };
    cr_assert(g_file_get_contents(path, &self->xml, NULL, NULL));
    cr_assert(vms_clone_xml_read(self->xml, &self->traits, NULL));
    self->moves = g_ptr_array_new_with_free_func((GDestroyNotify)vms_move_free);
    self->inventory =
        vms_inventory_new(g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free));
    self->wish = (VmsIdentityWish){ .traits = self->traits,
                                    .moves = self->moves,
                                    .origin = "x",
                                    .source = source,
                                    .name = "shop",
                                    .inventory = self->inventory };
}

static void
move(Case *self, VmsTraitKind kind, const char *target, const char *old, const char *value)
{
    g_ptr_array_add(self->moves, vms_move_new(kind, target, old, value));
}

static void
make(Case *self)
{
    g_autoptr(GError) error = NULL;

    cr_assert(vms_identity_make(&self->wish, &self->table, &error), "%s",
              error ? error->message : "");
    cr_assert(vms_clone_xml_write(self->xml, self->table, &self->clone, &error), "%s",
              error ? error->message : "");
}

static void
close_case(Case *self)
{
    g_free(self->xml);
    g_free(self->clone);
    g_ptr_array_unref(self->traits);
    g_ptr_array_unref(self->moves);
    vms_inventory_free(self->inventory);
    vms_identity_table_free(self->table);
}

static void
expect(const Case *self, const char *text)
{
    cr_expect(strstr(self->clone, text), "'%s' is not in %s", text, self->clone);
}

static void
expect_not(const Case *self, const char *text)
{
    cr_expect_null(strstr(self->clone, text), "'%s' is in %s", text, self->clone);
}

Test(identity, a_clone_has_nothing_of_its_sources)
{
    static const char *const gone[] = {
        "4DEA22B3-1D52-D8F3-2516-782E98AB3FA0",
        "43dc0cf8-809b-4adb-9bea-a9abb5f3d90e",
        "52:54:00:AB:CD:EF",
        "52:54:00:00:00:02",
        "WD-1",
        "5000c50015ea71ad",
        "/srv/images/a",
        "/srv/images/mid.qcow2",
        "/dev/vg/base",
        "portid",
        "domain-3-web",
        "id=\"3\"",
        "web &lt;1&gt;",
    };
    Case self;

    open_case(&self, "q35-two-disks.xml", "web <1>");
    move(&self, VMS_TRAIT_DISK, "vda", "/srv/images/a & b.qcow2", "/srv/images/shop & vda.qcow2");
    move(&self, VMS_TRAIT_DISK, "sda", "/dev/vg/data", "/srv/images/shop-sda.raw");
    make(&self);
    for (gsize i = 0; i < G_N_ELEMENTS(gone); i++)
        expect_not(&self, gone[i]);
    expect(&self, "<name>shop</name>");
    expect(&self, "file=\"/srv/images/shop &amp; vda.qcow2\"");
    expect(&self, "file=\"/srv/images/shop-sda.raw\"");
    expect(&self, "/srv/iso/debian.iso");
    expect(&self, "network=\"default\"");
    expect(&self, "<qemu:arg value=\"-snapshot\"/>");
    close_case(&self);
}

Test(identity, a_salt_makes_it_the_same_each_time)
{
    Case self;
    g_autofree char *first = NULL;

    open_case(&self, "q35-two-disks.xml", "web <1>");
    self.wish.salt = "";
    make(&self);
    first = g_steal_pointer(&self.clone);
    g_clear_pointer(&self.table, vms_identity_table_free);
    make(&self);
    cr_assert_str_eq(self.clone, first);
    g_clear_pointer(&self.clone, g_free);
    g_clear_pointer(&self.table, vms_identity_table_free);
    self.wish.salt = "other";
    make(&self);
    cr_assert_str_neq(self.clone, first);
    close_case(&self);
}

Test(identity, nvram_and_tpm_get_files_of_their_own)
{
    const VmsTrait *tpm;
    g_autofree char *wanted = NULL;
    Case self;

    open_case(&self, "uefi-tpm.xml", "win");
    move(&self, VMS_TRAIT_NVRAM, NULL, "/var/lib/libvirt/qemu/nvram/win_VARS.fd",
         "/var/lib/libvirt/qemu/nvram/shop_VARS.fd");
    move(&self, VMS_TRAIT_TPM, NULL, "/swtpm/11111111-2222-4333-8444-555555555555/tpm2/s", NULL);
    make(&self);
    expect(&self, ">/var/lib/libvirt/qemu/nvram/shop_VARS.fd</nvram>");
    tpm = vms_identity_find_old(self.table, VMS_TRAIT_TPM,
                                "/swtpm/11111111-2222-4333-8444-555555555555/tpm2/s");
    wanted = g_strdup_printf("/swtpm/%s/tpm2/s", self.table->uuid);
    cr_assert_str_eq(tpm->value, wanted);
    expect(&self, "template=\"/usr/share/OVMF/OVMF_VARS_4M.ms.fd\"");
    close_case(&self);
}

Test(identity, what_a_vm_is_known_by_is_renewed_wherever_it_stands)
{
    static const char *const there[] = {
        "<app:name>shop</app:name>",
        "<app:disk>/srv/vms/shop/root.qcow2</app:disk>",
        "<app:flavor id=\"99999999-2222-4333-8444-555555555555\"/>",
        "path=\"/run/vms/shop/shop-serial.sock\"",
        "file=\"/var/log/libvirt/qemu/shop-serial.log\"",
        "<graphics type=\"vnc\" autoport=\"yes\" websocket=\"-1\"",
        "value=\"virtio-net-pci,netdev=extra,mac=52:54:00:",
        "string=/home/shop/x",
        ";h=shop<",
    };
    static const char *const gone[] = {
        "52:54:00:11:22:33",
        "52:54:00:aa:bb:cc",
        "11111111-2222-4333-8444-555555555555",
        "192.168.122.10",
        "webtap0",
        "23456",
        "5999",
        "iid-web",
        "ROOT-1",
    };
    Case self;

    open_case(&self, "rich.xml", "web");
    move(&self, VMS_TRAIT_DISK, "vda", "/srv/vms/web/root.qcow2", "/srv/vms/shop/root.qcow2");
    move(&self, VMS_TRAIT_DISK, "sda", "/srv/vms/web/data.raw", "/srv/vms/shop/data.raw");
    make(&self);
    for (gsize i = 0; i < G_N_ELEMENTS(there); i++)
        expect(&self, there[i]);
    for (gsize i = 0; i < G_N_ELEMENTS(gone); i++)
        expect_not(&self, gone[i]);
    cr_assert_eq(self.table->folders->len, 1);
    close_case(&self);
}

Test(identity, disks_keep_serials_on_request_only)
{
    Case self;

    open_case(&self, "rich.xml", "web");
    self.wish.keep_serial = TRUE;
    make(&self);
    expect(&self, "<serial>ROOT-1</serial>");
    expect(&self, "<wwn>5000c50015ea71ad</wwn>");
    expect_not(&self, "BOARD-1");
    close_case(&self);
}

Test(identity, one_of_another_configuration_is_refused)
{
    g_autofree char *other = NULL;
    char *clone = NULL;
    Case self;

    open_case(&self, "rich.xml", "web");
    make(&self);
    other = g_strdup(self.xml);
    strstr(other, "52:54:00:aa:bb:cc")[16] = 'd';
    cr_assert_not(vms_clone_xml_write(other, self.table, &clone, NULL));
    close_case(&self);
}

Test(identity, ports_and_sockets_of_others_are_not_given)
{
    g_autoptr(GHashTable) taken = vms_identity_taken_new();
    g_autoptr(VmsIdentityTable) first = NULL;
    const VmsTrait *port;
    const VmsTrait *log;
    Case self;

    open_case(&self, "rich.xml", "web");
    self.wish.salt = "";
    make(&self);
    first = g_steal_pointer(&self.table);
    g_clear_pointer(&self.clone, g_free);
    {
        g_autoptr(GPtrArray) theirs =
            g_ptr_array_new_with_free_func((GDestroyNotify)vms_trait_free);

        for (guint i = 0; i < first->rows->len; i++) {
            const VmsTrait *row = first->rows->pdata[i];

            g_ptr_array_add(theirs, vms_trait_new(row->kind, row->where, row->value));
        }
        vms_identity_take(taken, theirs);
    }
    self.wish.taken = taken;
    make(&self);
    port = vms_identity_find(self.table, "serial[2]/source/@service");
    cr_assert_str_neq(port->value, vms_identity_find(first, port->where)->value);
    log = vms_identity_find(self.table, "serial[1]/log/@file");
    cr_assert_str_eq(log->value, "/var/log/libvirt/qemu/shop-serial-2.log");
    close_case(&self);
}

/* Not renewed, not touched: whoever plans has to refuse it. */
Test(identity, what_holds_data_and_is_no_disk_is_told)
{
    static const char xml[] =
        "<domain><name>web</name><os><loader readonly='no' type='pflash'>/own.fd</loader></os>"
        "<devices><memory model='nvdimm'><source><path>/pmem</path></source></memory>"
        "</devices></domain>";
    g_autoptr(GPtrArray) traits = NULL;
    guint stores = 0;

    cr_assert(vms_clone_xml_read(xml, &traits, NULL));
    for (guint i = 0; i < traits->len; i++)
        stores += ((const VmsTrait *)traits->pdata[i])->kind == VMS_TRAIT_STORE;
    cr_assert_eq(stores, 2);
}
