#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Addresses: what a VM had it gets again, what another has costs no power."""

import functools
import subprocess
import xml.etree.ElementTree as ElementTree

import harness
import scenes

bed = harness.bed(install=True)
from bed_libvirt import wait_until  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
LAN = bed.network("lan", prefix="192.168.77")
MAC = "52:54:00:77:00:01"
OTHER = "52:54:00:77:00:02"
STILL = "52:54:00:77:00:03"
STATIC = "192.168.77.250"


def host_entry(command, mac, address, *sides):
    """virsh net-update of one host entry."""
    LAN.libvirt.virsh("net-update", "lan", command, "ip-dhcp-host",
                      f"<host mac='{mac}' ip='{address}'/>", *(sides or ("--live", "--config")))


def configured():
    """MAC to address, as the next start of the network will have it."""
    xml = LAN.libvirt.virsh("net-dumpxml", "lan", "--inactive").stdout
    return {host.get("mac"): host.get("ip") for host in ElementTree.fromstring(xml).iter("host")}


def hosts():
    """The host entries, which are the same now and after a restart."""
    assert LAN.hosts() == configured(), (LAN.hosts(), configured())
    return LAN.hosts()


def guest_addresses(vm):
    """IPv4 addresses of the guest's NICs."""
    text = vm.exec(["ip", "-4", "addr"])
    return {word.split("/")[0] for line in text.splitlines() if " inet " in line
            for word in line.split()[1:2]} - {"127.0.0.1"}


@functools.lru_cache(maxsize=None)
def web():
    """A running VM with a lease, and the address it got."""
    each = scenes.Scene(bed, "web", "xfs", ("ext4",), size_mb=64, storage_mb=1024, load=False,
                        networks=[("lan", MAC)]).start()
    each.address = LAN.wait_lease(MAC)
    each.shot = snapshot(each, "kept")
    return each


def snapshot(each, name, *options):
    """A snapshot of the VM."""
    return vmsnap("snapshot", "create", each.name, name, *options, check=0).json


def restore(each, name, mode="strict", code=0, options=()):
    """Restores it; the JSON."""
    return vmsnap("restore", each.name, name, "--mode", mode, *options, check=code).json


def found(plan, reason):
    """The finding of that reason in a plan."""
    for each in plan["resources"]:
        if each.get("reason") == reason:
            return each
    raise AssertionError(f"no {reason} in {plan['resources']}")


def check_conflict(each, name, holder):
    """Every mode refuses, and the VM never notices."""
    boot = each.vm.boot_id()
    plan = restore(each, name, "dry-run", code=3)
    finding = found(plan, "AddressInUse")
    assert holder in finding["holder"] and finding["name"] == each.address, finding
    for mode in ("strict", "best-effort"):
        reply = restore(each, name, mode, code=3)
        assert reply["error"]["reason"] == "AddressInUse", reply
    assert each.vm.boot_id() == boot and each.vm.state() == "running"


@harness.test
def a_snapshot_notes_what_the_vm_has():
    """The lease is to be kept; with --keep-ip never it is not."""
    each = web()
    assert each.shot["keep_ip"] == "always", each.shot
    assert each.shot["addresses"] == [{"mac": MAC, "network": "lan", "address": each.address,
                                       "kind": "lease", "kept": True}], each.shot["addresses"]
    shot = snapshot(each, "dynamic", "--keep-ip", "never")
    assert (shot["keep_ip"], shot["addresses"]) == ("never", []), shot
    host_entry("add", MAC, each.address)
    shot = snapshot(each, "static", "--keep-ip", "never")
    assert [each["kind"] for each in shot["addresses"]] == ["host-entry"], shot
    host_entry("delete", MAC, each.address)


@harness.test
def a_lease_becomes_a_host_entry():
    """The guest has its address again, for good; undo takes the entry away."""
    each = web()
    plan = restore(each, "kept", "dry-run")
    assert f"add-host-entry {each.address}" in [step["name"] for step in plan["plan"]["steps"]], plan
    assert hosts() == {}, "a dry-run changes nothing"
    done = restore(each, "kept")
    assert hosts() == {MAC: each.address}, hosts()
    each.vm.wait_agent()
    assert LAN.wait_lease(MAC) == each.address
    assert each.address in guest_addresses(each.vm)

    vmsnap("undo", done["uuid"], check=0)
    assert hosts() == {}, hosts()
    each.vm.wait_agent()


@harness.test
def what_stood_before_stays():
    """An entry that was there already is nobody's to remove; another address is left alone."""
    each = web()
    host_entry("add", MAC, each.address)
    done = restore(each, "kept")
    each.vm.wait_agent()
    vmsnap("undo", done["uuid"], check=0)
    assert hosts() == {MAC: each.address}, hosts()
    host_entry("delete", MAC, each.address)
    host_entry("add", MAC, STATIC)
    plan = restore(each, "kept", "dry-run")
    assert STATIC in found(plan, "AddressDiffers")["message"], plan
    host_entry("delete", MAC, STATIC)
    each.vm.wait_agent()


@harness.test
def an_address_held_by_another_entry():
    """In force, and only configured for the next start of the network."""
    each = web()
    for sides in (("--live", "--config"), ("--config",)):
        host_entry("add", OTHER, each.address, *sides)
        check_conflict(each, "kept", OTHER)
        host_entry("delete", OTHER, each.address, *sides)
    restore(each, "kept", "dry-run")


def release(vm):
    """The guest gives its lease back."""
    vm.exec(["sh", "-c", "kill -USR2 $(cat /run/udhcpc.*)"])
    wait_until(lambda: vm.macs()[0] not in LAN.leases(), 10, f"{vm.name} has no lease", step=0.1)


@harness.test
def an_address_held_by_a_foreign_lease():
    """Another VM got it meanwhile; it is named, since it is known whose the MAC is."""
    each = web()
    each.vm.wait_agent()
    release(each.vm)
    host_entry("add", OTHER, each.address)
    thief = bed.define_vm("thief", [], networks=[("lan", OTHER)]).start(wait=True)
    try:
        assert LAN.wait_lease(OTHER) == each.address
        host_entry("delete", OTHER, each.address)
        check_conflict(each, "kept", "VM thief")
        release(thief)
        restore(each, "kept", "dry-run")
    finally:
        thief.destroy()
        thief.undefine()
    host_entry("add", MAC, each.address)
    each.vm.exec(["sh", "-c", "kill -USR1 $(cat /run/udhcpc.*)"])
    assert LAN.wait_lease(MAC) == each.address
    host_entry("delete", MAC, each.address)


@harness.test
def interfaces_that_libvirt_gives_no_address():
    """A user-mode NIC and none at all: a fact and a warning, or nothing."""
    devices = "<interface type='user'><mac address='52:54:00:77:00:09'/><model type='virtio'/></interface>"
    each = scenes.Scene(bed, "apart", "xfs", ("ext4",), size_mb=64, storage_mb=1024, load=False,
                        devices=devices).start()
    shot = snapshot(each, "apart")
    harness.note(shot["addresses"])
    assert all(not address["kept"] and address["kind"] == "agent" and address["network"] is None
               for address in shot["addresses"]), shot["addresses"]
    plan = restore(each, "apart", "dry-run")
    if shot["addresses"]:
        assert found(plan, "AddressNotManaged")["severity"] == "warning", plan
    each.end()

    none = scenes.Scene(bed, "none", "xfs", ("ext4",), size_mb=64, storage_mb=1024, load=False)
    assert snapshot(none, "none")["addresses"] == []
    restore(none, "none")
    assert hosts() == {}, hosts()


@harness.test
def deleting_the_snapshot_removes_its_entry():
    """Unless the restore of another snapshot needs it as well."""
    each = web()
    snapshot(each, "second")
    restore(each, "kept")
    assert hosts() == {MAC: each.address}
    each.vm.wait_agent()
    restore(each, "second")
    vmsnap("snapshot", "delete", "kept", check=0)
    assert hosts() == {MAC: each.address}, "the other one needs it"
    vmsnap("snapshot", "delete", "second", check=0)
    assert hosts() == {}, hosts()


def die(point, *words):
    """The owner of an operation dies there; recover puts everything in order."""
    driver = harness.built("tests/integration/crash-driver")
    done = subprocess.run([driver, point, *words], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=120)
    assert done.returncode == -9, done
    acts = vmsnap("recover", check=0).json["acts"]
    assert acts and all(act["act"] not in ("failed", "skipped") for act in acts), acts
    assert vmsnap("recover", check=0).json["acts"] == []


@harness.test
def the_owner_dies_around_the_entry():
    """Before the act and after it: the entry is there when the restored VM is, and else not."""
    each = scenes.Scene(bed, "still", "xfs", ("ext4",), size_mb=64, storage_mb=1024, load=False,
                        networks=[("lan", STILL)])
    before = hosts()
    host_entry("add", STILL, STATIC)
    snapshot(each, "still")
    host_entry("delete", STILL, STATIC)
    for point in ("host-entry-add", "host-entry-added"):
        die(point, "restore", "still")
        assert hosts() == before, (point, hosts())
    done = restore(each, "still")
    assert hosts() == {**before, STILL: STATIC}
    for point in ("host-entry-remove", "host-entry-removed"):
        die(point, "undo", done["uuid"])
        assert hosts() == {**before, STILL: STATIC}, (point, hosts())
    die("host-entry-remove", "delete", "still")
    assert hosts() == before, hosts()
    assert vmsnap("snapshot", "show", "still").code == 5


@harness.test
def an_address_that_another_guest_took():
    """No network gave it: only the agent of the other guest tells."""
    each = web()
    snapshot(each, "taken")
    thief = bed.define_vm("squatter", [], networks=[("lan", OTHER)]).start(wait=True)
    try:
        LAN.wait_lease(OTHER)
        release(thief)
        thief.exec(["sh", "-c", f"ip addr add {each.address}/24 dev eth0; ip link set eth0 up"])
        check_conflict(each, "taken", "VM squatter")
    finally:
        thief.destroy()
        thief.undefine()
    vmsnap("snapshot", "delete", "taken", check=0)


harness.main()
