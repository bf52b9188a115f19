/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/address-choice.h"

#include <criterion/criterion.h>

/* Which addresses of a VM a snapshot notes. */

#define MAC "52:54:00:00:00:01"
#define SECOND "52:54:00:00:00:02"
#define NOW ((gint64)1000 * G_USEC_PER_SEC)
#define LATER (NOW + G_USEC_PER_SEC)

typedef struct {
    VmsVm *vm;
    GPtrArray *networks;
    VmsNetwork *lan;
    GPtrArray *told;
    VmsAddressInput input;
} Scene;

static void
scene_clear(Scene *scene)
{
    vms_vm_free(scene->vm);
    g_ptr_array_unref(scene->networks);
    g_ptr_array_unref(scene->told);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Scene, scene_clear)

static void
add_nic(GPtrArray *nics, const char *mac, const char *type, const char *network)
{
    VmsNic *nic = vms_nic_new();

    nic->mac = g_strdup(mac);
    nic->type = g_strdup(type);
    nic->network = g_strdup(network);
    g_ptr_array_add(nics, nic);
}

/* A running VM with one NIC on a network that gives out addresses. */
static Scene
make(vmsnap_keep_ip keep_ip)
{
    Scene scene = { .vm = vms_vm_new("3c1f6f2e-0000-4000-8000-000000000001", "web"),
                    .networks = g_ptr_array_new_with_free_func((GDestroyNotify)vms_network_free),
                    .lan = vms_network_new("lan"),
                    .told = g_ptr_array_new_with_free_func((GDestroyNotify)vms_address_free) };

    scene.vm->live_nics = g_ptr_array_new_with_free_func((GDestroyNotify)vms_nic_free);
    add_nic(scene.vm->nics, MAC, "network", "lan");
    add_nic(scene.vm->live_nics, MAC, "network", "lan");
    g_ptr_array_add(scene.networks, scene.lan);
    g_ptr_array_add(scene.lan->subnets, vms_subnet_new("10.0.0.1", 24, TRUE));
    g_ptr_array_add(scene.lan->subnets, vms_subnet_new("2001:db8::1", 64, TRUE));
    scene.input = (VmsAddressInput){ .vm = scene.vm,
                                     .networks = scene.networks,
                                     .told = scene.told,
                                     .keep_ip = keep_ip,
                                     .now_us = NOW };
    return scene;
}

static VmsDhcpLease *
add_lease(const Scene *scene, const char *mac, const char *address, gint64 expires_us)
{
    VmsDhcpLease *lease = vms_dhcp_lease_new(mac, address, expires_us);

    g_ptr_array_add(scene->lan->leases, lease);
    return lease;
}

static void
tell(const Scene *scene, const char *mac, const char *address)
{
    g_ptr_array_add(scene->told, vms_address_new(mac, address, VMS_ADDRESS_AGENT));
}

/* "MAC network address kind keep", joined by ';'. */
static char *
chosen(const Scene *scene)
{
    g_autoptr(GPtrArray) list = vms_address_choose(&scene->input);
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < list->len; i++) {
        const VmsAddress *address = list->pdata[i];

        g_string_append_printf(text, "%s%s %s %s %d %d", i > 0 ? ";" : "", address->mac,
                               address->network ? address->network : "-", address->address,
                               (int)address->kind, address->keep);
    }
    return g_string_free(text, FALSE);
}

static void
expect(const Scene *scene, const char *text)
{
    g_autofree char *found = chosen(scene);

    cr_assert_str_eq(found, text);
}

Test(address_choice, a_lease_is_kept)
{
    g_auto(Scene) scene = make(VMSNAP_KEEP_IP_ALWAYS);

    add_lease(&scene, SECOND, "10.0.0.6", LATER);
    add_lease(&scene, MAC, "10.0.0.5", LATER);
    cr_assert_not(vms_address_asks_agent(&scene.input));
    expect(&scene, MAC " lan 10.0.0.5 2 1");
}

Test(address_choice, a_lease_is_not_kept_against_the_wish)
{
    g_auto(Scene) scene = make(VMSNAP_KEEP_IP_NEVER);

    add_lease(&scene, MAC, "10.0.0.5", LATER);
    tell(&scene, MAC, "10.0.0.5");
    expect(&scene, "");
}

Test(address_choice, a_host_entry_is_kept_in_any_case)
{
    g_auto(Scene) scene = make(VMSNAP_KEEP_IP_NEVER);

    add_lease(&scene, MAC, "10.0.0.9", LATER);
    g_ptr_array_add(scene.lan->hosts, vms_host_entry_new(MAC, "10.0.0.5"));
    expect(&scene, MAC " lan 10.0.0.5 1 1");
    scene.input.keep_ip = VMSNAP_KEEP_IP_ALWAYS;
    expect(&scene, MAC " lan 10.0.0.5 1 1");
}

Test(address_choice, a_lease_that_ended_is_none)
{
    g_auto(Scene) scene = make(VMSNAP_KEEP_IP_ALWAYS);

    add_lease(&scene, MAC, "10.0.0.5", NOW - 1);
    cr_assert(vms_address_asks_agent(&scene.input));
    expect(&scene, "");
    add_lease(&scene, MAC, "10.0.0.6", 0); /* never ends */
    expect(&scene, MAC " lan 10.0.0.6 2 1");
}

Test(address_choice, of_two_leases_the_later_counts)
{
    g_auto(Scene) scene = make(VMSNAP_KEEP_IP_ALWAYS);

    add_lease(&scene, MAC, "10.0.0.5", LATER);
    add_lease(&scene, MAC, "10.0.0.6", LATER + 1);
    expect(&scene, MAC " lan 10.0.0.6 2 1");
}

Test(address_choice, a_dhcpv6_client_is_known_by_its_id)
{
    g_auto(Scene) scene = make(VMSNAP_KEEP_IP_ALWAYS);
    VmsDhcpLease *lease = add_lease(&scene, MAC, "2001:db8::5", LATER);

    expect(&scene, MAC " lan 2001:db8::5 2 0");
    lease->client_id = g_strdup("0:1:2");
    expect(&scene, MAC " lan 2001:db8::5 2 1");
}

Test(address_choice, what_the_network_does_not_give_is_a_fact)
{
    g_auto(Scene) scene = make(VMSNAP_KEEP_IP_ALWAYS);

    tell(&scene, MAC, "10.0.0.77");
    tell(&scene, "52:54:00:00:00:99", "10.0.0.78"); /* of a device inside the guest */
    cr_assert(vms_address_asks_agent(&scene.input));
    expect(&scene, MAC " lan 10.0.0.77 3 0");
}

Test(address_choice, nics_without_a_network)
{
    static const char *const types[] = { "bridge", "direct", "user", "network" };

    for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
        g_auto(Scene) scene = make(VMSNAP_KEEP_IP_NEVER);

        g_ptr_array_set_size(scene.vm->nics, 0);
        g_ptr_array_set_size(scene.vm->live_nics, 0);
        add_nic(scene.vm->nics, SECOND, types[i], NULL);
        add_nic(scene.vm->live_nics, SECOND, types[i], NULL);
        tell(&scene, SECOND, "10.0.2.15");
        cr_assert(vms_address_asks_agent(&scene.input));
        expect(&scene, SECOND " - 10.0.2.15 3 0");
    }
}

Test(address_choice, a_network_that_is_not_there)
{
    g_auto(Scene) scene = make(VMSNAP_KEEP_IP_ALWAYS);

    add_nic(scene.vm->nics, SECOND, "network", "gone");
    tell(&scene, SECOND, "10.9.0.5");
    expect(&scene, SECOND " gone 10.9.0.5 3 0");
}

Test(address_choice, a_nic_that_waits_for_a_restart_counts)
{
    g_auto(Scene) scene = make(VMSNAP_KEEP_IP_ALWAYS);

    add_nic(scene.vm->nics, SECOND, "network", "lan");
    add_lease(&scene, MAC, "10.0.0.5", LATER);
    g_ptr_array_add(scene.lan->hosts, vms_host_entry_new(SECOND, "10.0.0.6"));
    expect(&scene, MAC " lan 10.0.0.5 2 1;" SECOND " lan 10.0.0.6 1 1");
}

Test(address_choice, without_nics_there_is_none)
{
    g_auto(Scene) scene = make(VMSNAP_KEEP_IP_ALWAYS);

    g_ptr_array_set_size(scene.vm->nics, 0);
    g_clear_pointer(&scene.vm->live_nics, g_ptr_array_unref);
    add_nic(scene.vm->nics, NULL, "network", NULL);
    add_lease(&scene, MAC, "10.0.0.5", LATER);
    cr_assert_not(vms_address_asks_agent(&scene.input));
    expect(&scene, "");
}
