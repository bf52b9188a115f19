/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* IP addresses and MAC addresses as text: one spelling each, so that equal ones compare equal. */

/* How libc writes it ("2001:db8::1"); NULL if @text is no IPv4 or IPv6 address. */
char *vms_ip_canonical(const char *text);
/* Both canonical or not. FALSE when one is no address or they are of different families. */
gboolean vms_ip_in_subnet(const char *address, const char *subnet, guint prefix);
/* Unspecified, loopback, link-local or multicast: tells nothing about whose it is. */
gboolean vms_ip_is_local(const char *address);
gboolean vms_ip_is_v6(const char *address);
/* Bits set of an IPv4 netmask without holes; -1 if it is none. */
int vms_ip_prefix_of_mask(const char *mask);

/* Lower case; NULL if @text is no MAC address of six bytes. */
char *vms_mac_canonical(const char *text);
/* It is spelled so already; FALSE for NULL. */
gboolean vms_ip_is_canonical(const char *text);
gboolean vms_mac_is_canonical(const char *text);
