# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks with DHCP in the cell."""

import re
import xml.etree.ElementTree as ElementTree

from bed_libvirt import wait_until

NETWORK = """\
<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <name>{name}</name>
  <bridge name='{bridge}' stp='off' delay='0'/>
  <ip address='{prefix}.1' netmask='255.255.255.0'>
    <dhcp><range start='{prefix}.{first}' end='{prefix}.{last}'/>{hosts}</dhcp>
  </ip>
  <dnsmasq:options><dnsmasq:option value='no-ping'/></dnsmasq:options>
</network>
"""


class Network:
    """A started libvirt network."""

    def __init__(self, libvirt, name, prefix, hosts=(), first=10, last=200):
        self.libvirt = libvirt
        self.name = name
        entries = "".join(f"<host mac='{mac}' ip='{address}'/>" for mac, address in hosts)
        xml = NETWORK.format(name=name, bridge=f"br-{name}"[:15], prefix=prefix, hosts=entries,
                             first=first, last=last)
        path = f"/run/libvirt/{name}.net.xml"
        with open(path, "w", encoding="utf-8") as handle:
            handle.write(xml)
        libvirt.virsh("net-define", path)
        libvirt.virsh("net-start", name)

    def leases(self):
        """Maps MAC to address, from dnsmasq's leases."""
        text = self.libvirt.virsh("net-dhcp-leases", self.name).stdout
        return dict(re.findall(r"((?:[0-9a-f]{2}:){5}[0-9a-f]{2})\s+ipv4\s+([0-9.]+)/", text))

    def wait_lease(self, mac, timeout=30):
        """Waits for the lease of a MAC and returns the address."""
        return wait_until(lambda: self.leases().get(mac), timeout, f"lease of {mac}", step=0.1)

    def hosts(self):
        """Maps MAC to address, from the static host entries."""
        xml = ElementTree.fromstring(self.libvirt.virsh("net-dumpxml", self.name).stdout)
        return {host.get("mac"): host.get("ip") for host in xml.iter("host")}

    def destroy(self):
        """Stops and removes the network."""
        self.libvirt.virsh("net-destroy", self.name, check=False)
        self.libvirt.virsh("net-undefine", self.name)
