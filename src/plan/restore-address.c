/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plan/restore-findings.h"

/* One address of the snapshot, and the network it is on. */
typedef struct {
    const VmsRestoreFindings *findings;
    const VmsRestoreInput *input;
    const VmsAddress *address;
    const VmsNetwork *network;
    VmsHostEntry entry; /* borrowed texts */
} Wanted;

static VmsHostEntry
entry_of(const VmsAddress *address)
{
    return (VmsHostEntry){ .mac = address->mac,
                           .client_id = address->client_id,
                           .name = address->name,
                           .address = address->address };
}

gboolean
vms_restore_puts_address(const VmsRestoreInput *input, const VmsAddress *address)
{
    const VmsNetwork *network = vms_network_find(input->networks, address->network);
    const VmsHostEntry entry = entry_of(address);

    return address->keep && network && vms_subnet_find(network->subnets, address->address) >= 0 &&
           !vms_host_entry_find_rival(network->hosts, &entry);
}

/* ---- whose it is ---- */

static gboolean
has_mac(const GPtrArray *nics, const char *mac)
{
    for (guint i = 0; nics && i < nics->len; i++) {
        const VmsNic *nic = nics->pdata[i];

        if (g_strcmp0(nic->mac, mac) == 0)
            return TRUE;
    }
    return FALSE;
}

/* What the VM itself left behind, under any MAC address that it had or has, is not foreign. */
static gboolean
is_own(const VmsRestoreInput *input, const char *mac)
{
    const VmsVm *vm = input->vm;

    return mac &&
           (g_ptr_array_find_with_equal_func(input->snapshot->macs, mac, g_str_equal, NULL) ||
            (vm && (has_mac(vm->nics, mac) || has_mac(vm->live_nics, mac))));
}

/* The VM that has the MAC address, else the address itself. */
static char *
describe(const Wanted *self, const char *mac)
{
    VmsHolder holder;

    if (mac && vms_inventory_find_mac(self->input->inventory, self->input->snapshot->vm_uuid, mac,
                                      &holder))
        return vms_holder_describe(&holder);
    return mac ? g_strdup_printf("MAC address %s", mac) : g_strdup("another client");
}

static gboolean
in_use(const Wanted *self, const char *holder, const char *how)
{
    const char *address = self->address->address;

    vms_restore_held(vms_restore_found(self->findings, "IPAddress", address, "AddressInUse",
                                       "%s of network %s is held by %s, by %s", address,
                                       self->address->network, holder, how),
                     "%s", holder);
    return TRUE;
}

/* The same address for another client, or the same name. */
static gboolean
find_entry(const Wanted *self)
{
    const GPtrArray *hosts = self->network->hosts;

    for (guint i = 0; i < hosts->len; i++) {
        const VmsHostEntry *host = hosts->pdata[i];
        gboolean same = g_strcmp0(host->address, self->entry.address) == 0 ||
                        (host->name && g_strcmp0(host->name, self->entry.name) == 0);
        g_autofree char *holder = NULL;

        if (!same || vms_host_entry_same_client(host, &self->entry))
            continue;
        holder = describe(self, host->mac);
        return in_use(self, holder, "a host entry");
    }
    return FALSE;
}

static gboolean
is_foreign(const Wanted *self, const VmsDhcpLease *lease)
{
    gboolean over = lease->expires_us != 0 && lease->expires_us <= self->input->now_us;

    if (over || g_strcmp0(lease->address, self->address->address) != 0)
        return FALSE;
    if (self->address->client_id && lease->client_id)
        return g_strcmp0(lease->client_id, self->address->client_id) != 0;
    return !is_own(self->input, lease->mac);
}

/* The DHCP server would not say no: it would silently give the VM another address. */
static gboolean
find_lease(const Wanted *self)
{
    for (guint i = 0; i < self->network->leases->len; i++) {
        const VmsDhcpLease *lease = self->network->leases->pdata[i];
        g_autofree char *holder = NULL;

        if (!is_foreign(self, lease))
            continue;
        holder = describe(self, lease->mac);
        return in_use(self, holder, "a lease that has not ended");
    }
    return FALSE;
}

/* Host entries and leases of the acting host's networks are judged above, by what they are now. */
static gboolean
counts(const Wanted *self, const VmsAddressUser *user)
{
    const VmsHolder *holder = &user->holder;

    if (holder->uuid && g_strcmp0(holder->uuid, self->input->snapshot->vm_uuid) == 0)
        return FALSE;
    if (user->network && g_strcmp0(user->network, self->address->network) != 0)
        return FALSE;
    if (user->mac && is_own(self->input, user->mac)) /* what a migration left behind */
        return FALSE;
    return holder->host || user->kind == 0 || user->kind == VMS_ADDRESS_AGENT;
}

static gboolean
find_user(const Wanted *self)
{
    g_autoptr(GArray) users =
        vms_inventory_list_addresses(self->input->inventory, self->address->address);

    for (guint i = 0; i < users->len; i++) {
        const VmsAddressUser *user = &g_array_index(users, VmsAddressUser, i);
        g_autofree char *holder = NULL;

        if (!counts(self, user))
            continue;
        holder = vms_holder_describe(&user->holder);
        return in_use(self, holder,
                      user->kind == VMS_ADDRESS_AGENT ? "what its agent says"
                                                      : "what is known of it");
    }
    return FALSE;
}

/* ---- what becomes of it ---- */

static void
not_managed(const VmsRestoreFindings *self, const VmsAddress *address, const char *why)
{
    vms_restore_found(self, "IPAddress", address->address, "AddressNotManaged",
                      "%s of %s is not given out by a libvirt network (%s): that the VM gets it "
                      "again is not for a restore to say",
                      address->address, address->mac, why);
}

/* Somebody gave the VM another address since: that stays. */
static const VmsHostEntry *
find_other_address(const Wanted *self)
{
    const GPtrArray *hosts = self->network->hosts;

    for (guint i = 0; i < hosts->len; i++) {
        const VmsHostEntry *host = hosts->pdata[i];

        if (vms_host_entry_same_client(host, &self->entry) &&
            g_strcmp0(host->address, self->entry.address) != 0)
            return host;
    }
    return NULL;
}

static void
settle_kept(const Wanted *self)
{
    const char *address = self->address->address;
    const VmsHostEntry *other = find_other_address(self);

    if (vms_host_entry_find(self->network->hosts, &self->entry))
        vms_restore_touches(self->findings, "IPAddress", address, VMS_RESOURCE_KEPT);
    else if (other)
        vms_restore_found(self->findings, "IPAddress", address, "AddressDiffers",
                          "network %s gives %s to %s now: that stays, and %s is not given",
                          self->network->name, other->address ? other->address : "a name only",
                          self->address->mac, address);
    else if (vms_subnet_find(self->network->subnets, address) < 0)
        not_managed(self->findings, self->address, "network has no such addresses any more");
    else
        vms_restore_touches(self->findings, "IPAddress", address, VMS_RESOURCE_NEW);
}

static void
find_address(const VmsRestoreFindings *self, const VmsAddress *address)
{
    const Wanted wanted = { .findings = self,
                            .input = self->input,
                            .address = address,
                            .network = vms_network_find(self->input->networks, address->network),
                            .entry = entry_of(address) };

    if (!address->network) {
        not_managed(self, address, "the interface is on none");
        return;
    }
    if (!wanted.network) /* a finding of its own */
        return;
    if (find_entry(&wanted) || find_lease(&wanted) || find_user(&wanted))
        return;
    if (address->keep)
        settle_kept(&wanted);
    else
        not_managed(self, address, "the guest has set it itself");
}

void
vms_restore_find_addresses(const VmsRestoreFindings *self)
{
    const GPtrArray *addresses = self->input->snapshot->addresses;

    for (guint i = 0; self->input->networks && i < addresses->len; i++)
        find_address(self, addresses->pdata[i]);
}

/* TRUE if it is added, and not there already. */
static gboolean
is_added(const VmsRestoreInput *input, const VmsAddress *address)
{
    const VmsNetwork *network = vms_network_find(input->networks, address->network);
    const VmsHostEntry entry = entry_of(address);

    return vms_restore_puts_address(input, address) && !vms_host_entry_find(network->hosts, &entry);
}

void
vms_restore_list_addresses(VmsPlan *plan, const VmsRestoreInput *input)
{
    const GPtrArray *addresses = input->snapshot->addresses;

    for (guint i = 0; i < addresses->len; i++) {
        const VmsAddress *address = addresses->pdata[i];
        g_autofree char *text = g_strdup_printf("add-host-entry %s", address->address);

        if (is_added(input, address))
            g_ptr_array_add(plan->steps, vms_step_new(text, TRUE));
    }
}
