/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* The hypervisor's networks, and who has which address on them. MAC and IP addresses are in the
 * spelling of base/ip.h. */

/* One <ip> block of a network. */
typedef struct {
    char *address; /* the host's own */
    guint prefix;
    gboolean dhcp; /* addresses are given out */
} VmsSubnet;

/* An address that a network gives to one client only. */
typedef struct {
    char *mac;       /* NULL: known by client id or name only */
    char *client_id; /* DHCPv6; NULL: none */
    char *name;      /* NULL: none */
    char *address;   /* NULL: name only */
} VmsHostEntry;

/* An address that a network gave out for a while. */
typedef struct {
    char *mac; /* NULL: not told */
    char *client_id;
    char *name;
    char *address;
    gint64 expires_us; /* since the epoch; 0: never */
} VmsDhcpLease;

typedef struct {
    char *name;
    char *uuid; /* NULL: not told */
    gboolean active;
    gboolean persistent;
    GPtrArray *subnets; /* VmsSubnet*, in the order of the configuration */
    GPtrArray *hosts;   /* VmsHostEntry*, in force or configured for the next start */
    GPtrArray *leases;  /* VmsDhcpLease* */
} VmsNetwork;

/* What an address of a VM is. */
typedef enum {
    VMS_ADDRESS_HOST_ENTRY = 1, /* its network gives it to this NIC only */
    VMS_ADDRESS_LEASE,          /* its network gave it out for a while */
    VMS_ADDRESS_AGENT           /* the guest says that it has it */
} VmsAddressKind;

/* One address of one NIC of a VM. */
typedef struct {
    char *mac;
    char *network; /* NULL: the NIC is on none of the hypervisor's */
    char *address;
    char *client_id; /* DHCPv6; NULL: none */
    char *name;      /* of a host entry; NULL: none */
    VmsAddressKind kind;
    gboolean keep; /* a restore makes it a host entry */
} VmsAddress;

VmsNetwork *vms_network_new(const char *name);
void vms_network_free(VmsNetwork *network);
VmsSubnet *vms_subnet_new(const char *address, guint prefix, gboolean dhcp);
void vms_subnet_free(VmsSubnet *subnet);
VmsHostEntry *vms_host_entry_new(const char *mac, const char *address);
VmsHostEntry *vms_host_entry_copy(const VmsHostEntry *entry);
void vms_host_entry_free(VmsHostEntry *entry);
VmsDhcpLease *vms_dhcp_lease_new(const char *mac, const char *address, gint64 expires_us);
void vms_dhcp_lease_free(VmsDhcpLease *lease);
VmsAddress *vms_address_new(const char *mac, const char *address, VmsAddressKind kind);
void vms_address_free(VmsAddress *address);

/* In a list of VmsNetwork*; NULL: there is none of that name. */
const VmsNetwork *vms_network_find(const GPtrArray *networks, const char *name);
/* The entries name the same client: by client id, else by MAC. */
gboolean vms_host_entry_same_client(const VmsHostEntry *a, const VmsHostEntry *b);
/* ... and give it the same address. */
gboolean vms_host_entry_equal(const VmsHostEntry *a, const VmsHostEntry *b);
/* The entry of @hosts (VmsHostEntry*) that equals @entry; NULL: none. */
const VmsHostEntry *vms_host_entry_find(const GPtrArray *hosts, const VmsHostEntry *entry);
/* One that stands in the way of @entry: same client, address or name, but not equal. */
const VmsHostEntry *vms_host_entry_find_rival(const GPtrArray *hosts, const VmsHostEntry *entry);
/* Index of the subnet that gives out @address; -1: none does, or it is the host's own. */
int vms_subnet_find(const GPtrArray *subnets, const char *address);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsNetwork, vms_network_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsHostEntry, vms_host_entry_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsDhcpLease, vms_dhcp_lease_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmsAddress, vms_address_free)
