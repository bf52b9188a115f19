/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "model/inventory.h"

#include <criterion/criterion.h>
#include <string.h>

#define WEB "11111111-1111-4111-8111-111111111111"
#define DB "22222222-2222-4222-8222-222222222222"
#define FAR "qemu+ssh://far/system"

static GPtrArray *
new_vms(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)vms_vm_free);
}

static void
add_nic(GPtrArray **nics, const char *mac)
{
    VmsNic *nic = vms_nic_new();

    if (!*nics)
        *nics = g_ptr_array_new_with_free_func((GDestroyNotify)vms_nic_free);
    nic->mac = g_strdup(mac);
    g_ptr_array_add(*nics, nic);
}

/* VM web runs, with one NIC; VM db has a second NIC that comes with its next start. */
static VmsInventory *
two_vms(void)
{
    GPtrArray *vms = new_vms();
    VmsVm *web = vms_vm_new(WEB, "web");
    VmsVm *db = vms_vm_new(DB, "db");

    web->domain_id = 7;
    add_nic(&web->nics, "52:54:00:00:00:01");
    add_nic(&web->live_nics, "52:54:00:00:00:01");
    add_nic(&db->nics, "52:54:00:00:00:02");
    add_nic(&db->nics, "52:54:00:00:00:03");
    db->domain_id = 8;
    add_nic(&db->live_nics, "52:54:00:00:00:02");
    g_ptr_array_add(vms, web);
    g_ptr_array_add(vms, db);
    return vms_inventory_new(vms);
}

static VmsFileId
file(guint64 dev, guint64 ino)
{
    return (VmsFileId){ .dev = dev, .ino = ino };
}

Test(inventory, finds_its_own_vms_by_name_and_uuid)
{
    g_autoptr(VmsInventory) inventory = two_vms();

    cr_assert_str_eq(vms_inventory_find_vm(inventory, "web")->uuid, WEB);
    cr_assert_str_eq(vms_inventory_find_vm(inventory, DB)->name, "db");
    cr_assert_null(vms_inventory_find_vm(inventory, "nobody"));
    cr_assert_null(vms_inventory_find_vm(inventory, ""));
    cr_assert_eq(vms_inventory_holder_of(inventory, DB), 1);
}

Test(inventory, a_mac_counts_live_and_configured_and_in_any_case)
{
    g_autoptr(VmsInventory) inventory = two_vms();
    VmsHolder holder;

    cr_assert(vms_inventory_find_mac(inventory, WEB, "52:54:00:00:00:02", &holder));
    cr_assert_str_eq(holder.name, "db");
    cr_assert(vms_inventory_find_mac(inventory, WEB, "52:54:00:00:00:03", &holder),
              "inactive only");
    cr_assert_not(vms_inventory_find_mac(inventory, WEB, "52:54:00:00:00:01", &holder), "its own");
    cr_assert(vms_inventory_find_mac(inventory, NULL, "52:54:00:00:00:01", &holder));
    vms_inventory_add_claim(inventory, 1, VMS_IDENTITY_MAC, "52:54:00:AA:BB:CC");
    cr_assert(vms_inventory_find_mac(inventory, WEB, "52:54:00:aa:BB:cc", &holder));
}

Test(inventory, live_and_configured_devices_are_one_claim)
{
    g_autoptr(VmsInventory) inventory = two_vms();
    guint32 key = vms_claims_find_key(inventory->claims, VMS_IDENTITY_MAC, "52:54:00:00:00:01");
    guint32 claim = vms_claims_first(inventory->claims, key);

    cr_assert_neq(claim, VMS_CLAIM_NONE);
    cr_assert_eq(vms_claims_next(inventory->claims, key, claim), VMS_CLAIM_NONE);
}

Test(inventory, a_file_is_known_by_its_path_and_by_what_it_is)
{
    g_autoptr(VmsInventory) inventory = two_vms();
    VmsFileId one = file(1, 10);
    VmsFileId two = file(1, 11);
    VmsFileId same_inode = file(2, 10);
    VmsFileUser user;

    vms_inventory_add_file(inventory, 1, "/a/x", &one, VMS_FILE_DISK);
    cr_assert(vms_inventory_find_user(inventory, WEB, "/a/x", &two, &user), "by path");
    cr_assert(vms_inventory_find_user(inventory, WEB, "/b/link", &one, &user), "by file");
    cr_assert_str_eq(user.path, "/a/x");
    cr_assert_str_eq(user.holder.name, "db");
    cr_assert_not(user.backing);
    cr_assert_not(vms_inventory_find_user(inventory, WEB, "/b/link", &same_inode, &user));
    cr_assert_not(vms_inventory_find_user(inventory, DB, "/a/x", &one, &user));
    cr_assert_not(vms_inventory_find_user(inventory, WEB, "/b/x", NULL, &user));
}

Test(inventory, what_is_not_there_is_no_file_of_anybody)
{
    g_autoptr(VmsInventory) inventory = two_vms();
    VmsFileId nothing = { 0 };
    VmsFileUser user;

    vms_inventory_add_file(inventory, 1, "/gone/a", &nothing, VMS_FILE_DISK);
    cr_assert_not(vms_inventory_find_user(inventory, WEB, "/gone/b", &nothing, &user));
    cr_assert(vms_inventory_find_user(inventory, WEB, "/gone/a", &nothing, &user));
}

Test(inventory, every_layer_of_every_chain_has_users)
{
    g_autoptr(VmsInventory) inventory = two_vms();
    g_autoptr(GArray) users = NULL;
    VmsFileId base = file(1, 5);
    VmsFileUser user;

    vms_inventory_add_file(inventory, 0, "/base", &base, VMS_FILE_BACKING);
    cr_assert_not(vms_inventory_find_user(inventory, WEB, "/base", &base, &user));
    vms_inventory_add_file(inventory, 1, "/base", &base, VMS_FILE_BACKING);
    cr_assert(vms_inventory_find_user(inventory, WEB, "/base", &base, &user));
    cr_assert(user.backing);
    cr_assert_str_eq(user.holder.name, "db");
    users = vms_inventory_list_users(inventory, "/base", &base);
    cr_assert_eq(users->len, 2);
}

Test(inventory, one_user_under_two_names_is_listed_once_for_each)
{
    g_autoptr(VmsInventory) inventory = two_vms();
    g_autoptr(GArray) users = NULL;
    VmsFileId one = file(1, 5);

    vms_inventory_add_file(inventory, 0, "/a", &one, VMS_FILE_DISK);
    vms_inventory_add_file(inventory, 1, "/b", &one, VMS_FILE_DISK);
    users = vms_inventory_list_users(inventory, "/a", &one);
    cr_assert_eq(users->len, 2);
    cr_assert_str_eq(g_array_index(users, VmsFileUser, 1).path, "/b");
}

Test(inventory, addresses_are_compared_as_numbers)
{
    g_autoptr(VmsInventory) inventory = two_vms();
    const VmsAddressClaim four = { .ip = "192.168.122.10/24", .network = "default" };
    const VmsAddressClaim six = { .ip = "FE80:0::1%vnet0", .mac = "52:54:00:AA:00:01" };
    g_autoptr(GArray) found = NULL;
    g_autoptr(GArray) more = NULL;
    VmsHolder holder;

    vms_inventory_add_address(inventory, 1, &four);
    vms_inventory_add_address(inventory, 1, &six);
    found = vms_inventory_list_addresses(inventory, "192.168.122.10");
    cr_assert_eq(found->len, 1);
    cr_assert_str_eq(g_array_index(found, VmsAddressUser, 0).network, "default");
    cr_assert_null(g_array_index(found, VmsAddressUser, 0).mac);
    more = vms_inventory_list_addresses(inventory, "fe80::0:1");
    cr_assert_eq(more->len, 1);
    cr_assert_str_eq(g_array_index(more, VmsAddressUser, 0).mac, "52:54:00:aa:00:01");
    cr_assert(vms_inventory_find_holder(inventory, WEB, VMS_IDENTITY_ADDRESS, "fe80::1", &holder));
    cr_assert_not(vms_inventory_find_mac(inventory, WEB, "52:54:00:aa:00:01", &holder),
                  "an address says nothing about who has the card");
}

Test(inventory, a_vm_of_another_host_is_another_even_by_the_same_uuid_if_it_runs)
{
    g_autoptr(VmsInventory) inventory = two_vms();
    g_autoptr(VmsVm) far = vms_vm_new(WEB, "web");
    g_autofree char *text = NULL;
    VmsHolder holder;

    add_nic(&far->nics, "52:54:00:00:00:01");
    vms_inventory_add_vm(inventory, far, FAR);
    cr_assert_not(vms_inventory_find_mac(inventory, WEB, "52:54:00:00:00:01", &holder),
                  "off: a migration left it");
    far->domain_id = 3;
    vms_inventory_add_vm(inventory, far, FAR);
    cr_assert(vms_inventory_find_mac(inventory, WEB, "52:54:00:00:00:01", &holder));
    cr_assert_null(holder.vm);
    text = vms_holder_describe(&holder);
    cr_assert_str_eq(text, "VM web on " FAR);
    cr_assert_eq(vms_inventory_find_vm(inventory, "web")->domain_id, 7, "only the acting one's");
}

Test(inventory, facts_are_held_by_whom_they_name)
{
    g_autoptr(VmsInventory) inventory = two_vms();
    const VmsHolder rack = { .kind = VMS_HOLDER_FACT, .name = "rack 7" };
    const VmsHolder ours = { .kind = VMS_HOLDER_FACT, .name = "cmdb", .uuid = WEB };
    guint32 other = vms_inventory_add_holder(inventory, &rack);
    guint32 self = vms_inventory_add_holder(inventory, &ours);
    g_autofree char *text = NULL;
    VmsHolder holder;

    vms_inventory_add_claim(inventory, self, VMS_IDENTITY_MAC, "52:54:00:00:00:0a");
    vms_inventory_add_claim(inventory, other, VMS_IDENTITY_MAC, "52:54:00:00:00:0b");
    cr_assert_not(vms_inventory_find_mac(inventory, WEB, "52:54:00:00:00:0a", &holder));
    cr_assert(vms_inventory_find_mac(inventory, DB, "52:54:00:00:00:0a", &holder));
    cr_assert(vms_inventory_find_mac(inventory, WEB, "52:54:00:00:00:0b", &holder));
    text = vms_holder_describe(&holder);
    cr_assert_str_eq(text, "rack 7");
    cr_assert_null(vms_inventory_find_vm(inventory, "rack 7"));
}

Test(inventory, disks_tell_volumes_serials_and_what_a_vsock_is)
{
    GPtrArray *vms = new_vms();
    VmsVm *web = vms_vm_new(WEB, "web");
    VmsDisk *ceph = vms_disk_new("vda");
    VmsDisk *exported = vms_disk_new("vdb");
    g_autoptr(VmsInventory) inventory = NULL;
    VmsHolder holder;

    ceph->network = g_strdup("rbd:pool/web");
    ceph->serial = g_strdup("S1");
    exported->network = g_strdup("nbd:web");
    web->cid = g_strdup("7");
    g_ptr_array_add(web->disks, ceph);
    g_ptr_array_add(web->disks, exported);
    g_ptr_array_add(vms, web);
    inventory = vms_inventory_new(vms);
    cr_assert(
        vms_inventory_find_holder(inventory, DB, VMS_IDENTITY_VOLUME, "rbd:pool/web", &holder));
    cr_assert_not(vms_inventory_find_holder(inventory, DB, VMS_IDENTITY_VOLUME, "nbd:web", &holder),
                  "another server may call another image so");
    cr_assert(vms_inventory_find_holder(inventory, DB, VMS_IDENTITY_SERIAL, "S1", &holder));
    cr_assert(vms_inventory_find_holder(inventory, DB, VMS_IDENTITY_CID, "7", &holder));
    cr_assert_not(vms_inventory_find_holder(inventory, WEB, VMS_IDENTITY_CID, "7", &holder));
}

/* ---- the index against looking at everything ---- */

enum { ROUNDS = 200, VALUES = 12, HOLDERS = 8, CLAIMS = 60 };

typedef struct {
    guint32 holder;
    guint value;
    VmsFileRole role;
} Plain;

static char *
path_of(guint value)
{
    return g_strdup_printf("/d/%u", value);
}

/* Paths 2k and 2k+1 are one file; some files differ in the device only. */
static VmsFileId
file_of(guint value)
{
    return file(1 + value / 2 % 3, 100 + value / 4);
}

static gboolean
scan(const GArray *plain, const char *self, guint value, const char *const *uuids)
{
    VmsFileId wanted = file_of(value);

    for (guint i = 0; i < plain->len; i++) {
        const Plain *claim = &g_array_index(plain, Plain, i);
        VmsFileId has = file_of(claim->value);

        if ((claim->value == value || vms_file_id_same(&has, &wanted)) &&
            strcmp(uuids[claim->holder], self) != 0)
            return TRUE;
    }
    return FALSE;
}

static void
compare_all(const VmsInventory *inventory, const GArray *plain, const char *const *uuids)
{
    for (guint value = 0; value < VALUES; value++) {
        for (guint holder = 0; holder < HOLDERS; holder++) {
            g_autofree char *path = path_of(value);
            VmsFileId wanted = file_of(value);
            VmsFileUser user = { .holder = { .uuid = NULL } };
            gboolean expected = scan(plain, uuids[holder], value, uuids);

            cr_assert_eq(vms_inventory_find_user(inventory, uuids[holder], path, &wanted, &user),
                         expected);
            cr_assert(!expected || strcmp(user.holder.uuid, uuids[holder]) != 0);
        }
    }
}

Test(inventory, the_index_finds_what_looking_at_everything_finds)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(20240501);

    for (guint round = 0; round < ROUNDS; round++) {
        GPtrArray *vms = new_vms();
        g_autoptr(GArray) plain = g_array_new(FALSE, FALSE, sizeof(Plain));
        g_autoptr(VmsInventory) inventory = NULL;
        const char *uuids[HOLDERS];

        for (guint i = 0; i < HOLDERS; i++) {
            g_autofree char *uuid = g_uuid_string_random();
            VmsVm *vm = vms_vm_new(uuid, uuid);

            g_ptr_array_add(vms, vm);
            uuids[i] = vm->uuid;
        }
        inventory = vms_inventory_new(vms);
        for (gint i = g_rand_int_range(random, 0, CLAIMS); i > 0; i--) {
            Plain claim = { (guint32)g_rand_int_range(random, 0, HOLDERS),
                            (guint)g_rand_int_range(random, 0, VALUES),
                            (VmsFileRole)g_rand_int_range(random, 0, VMS_FILE_FACT) };
            g_autofree char *path = path_of(claim.value);
            VmsFileId id = file_of(claim.value);

            g_array_append_val(plain, claim);
            vms_inventory_add_file(inventory, claim.holder, path, &id, claim.role);
        }
        compare_all(inventory, plain, uuids);
    }
}

Test(inventory, many_keys_keep_their_claims_through_growth)
{
    g_autoptr(VmsClaims) claims = vms_claims_new();
    enum { KEYS = 20000 };

    for (guint i = 0; i < KEYS; i++) {
        g_autofree char *text = g_strdup_printf("%u", i);

        vms_claims_add(claims, vms_claims_add_key(claims, 1 + i % 2, text), i, i % 16, i);
    }
    for (guint i = 0; i < KEYS; i++) {
        g_autofree char *text = g_strdup_printf("%u", i);
        guint32 key = vms_claims_find_key(claims, 1 + i % 2, text);
        guint32 claim = vms_claims_first(claims, key);

        cr_assert_eq(vms_claims_get(claims, claim)->holder, i);
        cr_assert_eq(vms_claims_get(claims, claim)->role, i % 16);
        cr_assert_eq(vms_claims_find_key(claims, 3, text), VMS_CLAIM_NONE);
        cr_assert_eq(vms_claims_find_key(claims, 2 - i % 2, text), VMS_CLAIM_NONE);
    }
    cr_assert_not(vms_claims_is_full(claims));
}
