/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-findings.h"

#include <criterion/criterion.h>
#include <string.h>

/* What is found of the addresses a snapshot noted, and which become host entries. */

#define UUID "11111111-1111-4111-8111-111111111111"
#define OTHER_UUID "22222222-2222-4222-8222-222222222222"
#define MAC "52:54:00:00:00:01"
#define SECOND "52:54:00:00:00:02"
#define FOREIGN "52:54:00:00:00:99"
#define ADDRESS "10.0.0.5"
#define NOW ((gint64)1000 * G_USEC_PER_SEC)

typedef struct {
    VmsSnapshot *snapshot;
    VmsInventory *inventory;
    VmsVm *vm;
    VmsVm *other;
    VmsNetwork *lan;
    VmsAddress *address;
    VmsPlan *plan;
    VmsRestoreInput input;
} Case;

static void
case_clear(Case *self)
{
    vms_snapshot_free(self->snapshot);
    vms_inventory_free(self->inventory);
    vms_plan_unref(self->plan);
    g_ptr_array_unref(self->input.networks);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Case, case_clear)

static void
add_nic(VmsVm *vm, const char *mac)
{
    VmsNic *nic = vms_nic_new();

    nic->mac = g_strdup(mac);
    nic->network = g_strdup("lan");
    g_ptr_array_add(vm->nics, nic);
}

/* A VM whose lease is to be kept, another one, and a network that nobody has anything of. */
static void
case_init(Case *self)
{
    GPtrArray *vms = g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);

    self->vm = vms_vm_new(UUID, "web");
    self->other = vms_vm_new(OTHER_UUID, "db");
    add_nic(self->vm, SECOND);
    add_nic(self->other, FOREIGN);
    g_ptr_array_add(vms, self->vm);
    g_ptr_array_add(vms, self->other);
    self->inventory = vms_inventory_new(vms);
    self->snapshot = vms_snapshot_new("33333333-3333-4333-8333-333333333333", "daily");
    self->snapshot->vm_uuid = g_strdup(UUID);
    g_ptr_array_add(self->snapshot->macs, g_strdup(MAC));
    self->address = vms_address_new(MAC, ADDRESS, VMS_ADDRESS_LEASE);
    self->address->network = g_strdup("lan");
    self->address->keep = TRUE;
    g_ptr_array_add(self->snapshot->addresses, self->address);
    self->lan = vms_network_new("lan");
    g_ptr_array_add(self->lan->subnets, vms_subnet_new("10.0.0.1", 24, TRUE));
    self->input.networks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_network_free);
    g_ptr_array_add(self->input.networks, self->lan);
    self->input.snapshot = self->snapshot;
    self->input.inventory = self->inventory;
    self->input.vm = self->vm;
    self->input.now_us = NOW;
    self->plan = vms_plan_new("restore");
}

static void
add_host(Case *self, const char *mac, const char *address)
{
    g_ptr_array_add(self->lan->hosts, vms_host_entry_new(mac, address));
}

static VmsDhcpLease *
add_lease(Case *self, const char *mac, gint64 expires_us)
{
    VmsDhcpLease *lease = vms_dhcp_lease_new(mac, ADDRESS, expires_us);

    g_ptr_array_add(self->lan->leases, lease);
    return lease;
}

static void
add_user(Case *self, const char *uuid, const char *network, VmsAddressKind kind)
{
    const VmsAddressClaim claim = { .ip = ADDRESS, .network = network, .kind = kind };

    vms_inventory_add_address(self->inventory, vms_inventory_holder_of(self->inventory, uuid),
                              &claim);
}

/* The only finding; its reason is @reason (NULL: nothing stands against it). */
static const VmsFinding *
expect(Case *self, const char *reason)
{
    const VmsRestoreFindings findings = { .plan = self->plan, .input = &self->input };
    const VmsFinding *finding;

    vms_restore_find_addresses(&findings);
    cr_assert_eq(self->plan->findings->len, 1);
    finding = self->plan->findings->pdata[0];
    cr_assert_str_eq(finding->kind, "IPAddress");
    cr_assert(g_strcmp0(finding->reason, reason) == 0, "%s",
              finding->message ? finding->message : "nothing found");
    return finding;
}

static void
expect_held(Case *self, const char *holder)
{
    const VmsFinding *finding = expect(self, "AddressInUse");

    cr_assert_str_eq(finding->holder, holder);
    cr_assert_eq(finding->severity, VMSNAP_SEVERITY_CONFLICT);
    cr_assert_eq(finding->strict, VMS_ACT_REFUSE);
    cr_assert_eq(finding->best_effort, VMS_ACT_REFUSE);
}

static void
expect_warned(Case *self, const char *reason)
{
    const VmsFinding *finding = expect(self, reason);

    cr_assert_eq(finding->severity, VMSNAP_SEVERITY_WARNING);
    cr_assert_eq(finding->strict, VMS_ACT_PROCEED);
    cr_assert_eq(finding->best_effort, VMS_ACT_PROCEED);
    cr_assert_not(vms_restore_puts_address(&self->input, self->address));
}

Test(restore_address, free_it_is_added)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    cr_assert_eq(expect(&self, NULL)->status, VMS_RESOURCE_NEW);
    cr_assert(vms_restore_puts_address(&self.input, self.address));
    vms_restore_list_addresses(self.plan, &self.input);
    cr_assert_eq(self.plan->steps->len, 1);
    cr_assert_str_eq(((VmsStep *)self.plan->steps->pdata[0])->name, "add-host-entry " ADDRESS);
}

Test(restore_address, that_is_there_is_kept)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    add_host(&self, MAC, ADDRESS);
    cr_assert_eq(expect(&self, NULL)->status, VMS_RESOURCE_KEPT);
    vms_restore_list_addresses(self.plan, &self.input);
    cr_assert_eq(self.plan->steps->len, 0);
}

Test(restore_address, of_an_entry_of_another)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    add_host(&self, FOREIGN, ADDRESS);
    expect_held(&self, "VM db");
    cr_assert_not(vms_restore_puts_address(&self.input, self.address));
}

Test(restore_address, of_an_entry_of_nobody_known)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    add_host(&self, "52:54:00:00:00:98", ADDRESS);
    expect_held(&self, "MAC address 52:54:00:00:00:98");
}

Test(restore_address, under_a_name_that_another_has)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.address->name = g_strdup("www");
    add_host(&self, FOREIGN, "10.0.0.7");
    ((VmsHostEntry *)self.lan->hosts->pdata[0])->name = g_strdup("www");
    expect_held(&self, "VM db");
}

Test(restore_address, leased_to_another)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    add_lease(&self, FOREIGN, NOW + 1);
    expect_held(&self, "VM db");
}

Test(restore_address, leased_to_another_for_ever)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    add_lease(&self, FOREIGN, 0);
    expect_held(&self, "VM db");
}

Test(restore_address, leased_to_another_until_now)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    add_lease(&self, FOREIGN, NOW);
    expect(&self, NULL);
}

Test(restore_address, of_a_lease_that_the_vm_left)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    add_lease(&self, MAC, NOW + 1);
    add_lease(&self, SECOND, NOW + 1); /* of the NIC that it has now */
    expect(&self, NULL);
}

Test(restore_address, that_another_guest_has)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    add_user(&self, OTHER_UUID, "lan", VMS_ADDRESS_AGENT);
    expect_held(&self, "VM db");
}

Test(restore_address, that_others_have_elsewhere_or_the_vm_itself_here)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    add_user(&self, OTHER_UUID, "apart", VMS_ADDRESS_AGENT);
    add_user(&self, UUID, "lan", VMS_ADDRESS_AGENT);
    add_user(&self, OTHER_UUID, "lan", VMS_ADDRESS_LEASE); /* which ended, or would stand above */
    expect(&self, NULL);
}

Test(restore_address, named_by_the_embedder)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    add_user(&self, OTHER_UUID, NULL, 0);
    expect_held(&self, "VM db");
}

Test(restore_address, replaced_by_another_since)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    add_host(&self, MAC, "10.0.0.6");
    expect_warned(&self, "AddressDiffers");
}

Test(restore_address, outside_of_what_the_network_gives_out_now)
{
    static const char *const subnets[] = { "10.7.0.1", ADDRESS };

    for (gsize i = 0; i < G_N_ELEMENTS(subnets); i++) {
        g_auto(Case) self = { 0 };

        case_init(&self);
        g_ptr_array_set_size(self.lan->subnets, 0);
        g_ptr_array_add(self.lan->subnets, vms_subnet_new(subnets[i], 24, TRUE));
        expect_warned(&self, "AddressNotManaged");
    }
}

Test(restore_address, that_the_guest_set_itself)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.address->keep = FALSE;
    expect_warned(&self, "AddressNotManaged");
}

Test(restore_address, that_the_guest_set_itself_and_another_has)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.address->keep = FALSE;
    add_host(&self, FOREIGN, ADDRESS);
    expect_held(&self, "VM db");
}

Test(restore_address, of_a_nic_on_no_network)
{
    g_auto(Case) self = { 0 };

    case_init(&self);
    self.address->keep = FALSE;
    g_clear_pointer(&self.address->network, g_free);
    add_user(&self, OTHER_UUID, NULL, 0);
    expect_warned(&self, "AddressNotManaged");
}

Test(restore_address, on_a_network_that_is_missing)
{
    g_auto(Case) self = { 0 };
    const VmsRestoreFindings findings = { .plan = vms_plan_new("restore"), .input = &self.input };

    case_init(&self);
    vms_plan_unref(self.plan);
    self.plan = findings.plan;
    g_free(self.address->network);
    self.address->network = g_strdup("gone");
    vms_restore_find_addresses(&findings);
    cr_assert_eq(self.plan->findings->len, 0, "that is a finding of its own");
    cr_assert_not(vms_restore_puts_address(&self.input, self.address));
}
