#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What other hosts hold counts as well: conflicts found over further connections."""

import ctypes
import os
import subprocess
import sys

import harness

bed = harness.bed(install=True)
ctypes.CDLL(harness.built("src/libvmsnap.so.0"))  # found by its name from here on
sys.path.insert(0, f"{harness.ROOT}/bindings/python")
import vmsnap as binding  # noqa: E402  pylint: disable=wrong-import-position
from bed_libvirt import wait_until, write  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
URI = "qemu:///system"
MAC = "52:54:00:0a:0b:0c"
IP = "192.168.77.5"
LAB = bed.network("lab", hosts=[(MAC, IP)])
FOLDER = bed.storage("xfs", 1024)
DISK = bed.make_disk(f"{FOLDER}/web.qcow2", size_mb=64)
web = bed.define_vm("web", [DISK], networks=[("lab", MAC)])
vmsnap("snapshot", "create", "web", "old", check=0)


def far_vm(name="far", mac="52:54:00:00:00:99", disk="/nowhere/far.raw", uuid=None, state=5):
    """A VM's configuration as libvirt's test driver takes it; state 1 runs, 5 is off."""
    uuid = uuid or "77777777-0000-4000-8000-000000000007"
    return (f"<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>"
            f"<name>{name}</name><uuid>{uuid}</uuid><memory>8192</memory>"
            f"<os><type>hvm</type></os><devices>"
            f"<disk type='file' device='disk'><source file='{disk}'/><target dev='vda'/></disk>"
            f"<interface type='bridge'><mac address='{mac}'/><source bridge='br0'/></interface>"
            f"</devices><test:domainmetadata/><test:runstate>{state}</test:runstate></domain>")


def far_network(*hosts):
    """A network of another host with these host entries (MAC, address)."""
    entries = "".join(f"<host mac='{mac}' ip='{address}'/>" for mac, address in hosts)
    return ("<network><name>lab</name><bridge name='br-lab'/>"
            "<ip address='192.168.77.1' netmask='255.255.255.0'>"
            f"<dhcp><range start='192.168.77.10' end='192.168.77.200'/>{entries}</dhcp></ip>"
            "</network>")


def far_host(*domains):
    """The URI of another host with these VMs and networks."""
    path = f"{FOLDER}/node.xml"
    write(path, f"<node>{''.join(domains)}</node>")
    return f"test://{path}"


def plan(*uris, code):
    """A dry-run over these connections; returns its findings with a reason, by reason."""
    words = [word for uri in (URI, *uris) for word in ("-c", uri)]
    found = vmsnap(*words, "restore", "web", "old", "--mode", "dry-run", check=code).json
    return {each["reason"]: each for each in found["resources"] if each["reason"]}


@harness.test
def without_further_connections_nothing_is_in_the_way():
    """What the others are compared with."""
    assert plan(code=0) == {}


@harness.test
def a_mac_of_another_host():
    """Held by a VM that is off there; the finding names the VM and the host."""
    uri = far_host(far_vm(mac=MAC.upper()))
    finding = plan(uri, code=3)["MACInUse"]
    assert finding["holder"] == f"VM far on {uri}", finding
    assert finding["name"] == MAC, finding


@harness.test
def paths_of_another_host_mean_nothing_here():
    """Its disk has the path of ours, and is another file."""
    assert plan(far_host(far_vm(disk=DISK)), code=0) == {}


@harness.test
def the_same_vm_on_another_host():
    """Off, a migration left it behind; running, it is there twice."""
    assert plan(far_host(far_vm("web", MAC, uuid=web.uuid())), code=0) == {}
    assert "MACInUse" in plan(far_host(far_vm("web", MAC, uuid=web.uuid(), state=1)), code=3)


@harness.test
def an_address_of_another_host():
    """Given to a VM there, or to nobody that is known; its own is no conflict."""
    other = "52:54:00:00:00:99"
    held = plan(far_host(far_vm(mac=other), far_network((other, IP))), code=3)["AddressInUse"]
    assert held["holder"].startswith("VM far on test:"), held
    held = plan(far_host(far_network(("52:54:00:00:00:77", IP))), code=3)["AddressInUse"]
    assert held["holder"].startswith("network lab on test:"), held
    assert plan(far_host(far_network((MAC, IP))), code=0) == {}


@harness.test
def the_inventory_of_all_connections():
    """Every VM, with its files down to the last layer, and what the networks gave out."""
    base, top = f"{FOLDER}/base.qcow2", f"{FOLDER}/top.qcow2"
    bed.make_disk(base, size_mb=64)
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, top],
                   check=True)
    linked = bed.define_vm("linked", [top])
    uri = far_host(far_vm(disk=DISK))
    items = {each["name"]: each for each in vmsnap("-c", URI, "-c", uri, "inventory", check=0)
             .json["items"] if each["kind"] == "VirtualMachine"}
    assert sorted(items) == ["far", "linked", "web"], items
    assert items["web"]["uuid"] == web.uuid() and items["web"]["host"] == URI, items["web"]
    assert items["web"]["macs"] == [MAC], items["web"]
    assert items["web"]["addresses"] == [{"address": IP, "network": "lab", "mac": MAC,
                                          "source": "host-entry"}], items["web"]
    assert {"path": base, "role": "backing"} in items["linked"]["files"], items["linked"]
    assert {"path": top, "role": "disk"} in items["linked"]["files"], items["linked"]
    assert items["far"]["host"] == uri and items["far"]["files"] == [], items["far"]
    table = subprocess.run([harness.built("src/cli/vmsnap"), "inventory"], check=True,
                           stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    assert base in table and MAC in table and IP in table, table
    linked.undefine()


@harness.test
def facts_of_the_embedder():
    """A MAC address, an address and a path that somebody else has; and what the VM itself has."""
    def found(context):
        with context.find_snapshot("old") as snapshot, snapshot.plan_restore() as made:
            return {each["reason"]: each["holder"] for each in made.info["resources"]
                    if each["reason"]}

    with binding.Context(URI) as context:
        kind = binding.FactKind
        for fact, value in ((kind.MAC, MAC.upper()), (kind.ADDRESS, IP), (kind.PATH, DISK)):
            context.add_fact(fact, value, "ours", vm_uuid=web.uuid())
        assert found(context) == {}
        context.add_fact(kind.MAC, MAC.upper(), "rack 7")
        context.add_fact(kind.ADDRESS, IP, "printer")
        context.add_fact(kind.PATH, DISK, "archive")
        assert found(context) == {"MACInUse": "rack 7", "AddressInUse": "printer",
                                  "AttachedElsewhere": "archive"}, found(context)
        with context.inventory() as read:
            assert read.vm_count == 1
            assert {each["name"] for each in read.info["items"] if each["kind"] == "Fact"} == \
                {"ours", "rack 7", "printer", "archive"}, read.info
        assert context.remove_facts("printer") == 1
        assert context.remove_facts() == 5
        assert found(context) == {}
        for wrong in ((kind.MAC, "52:54"), (kind.ADDRESS, "10.0.0"), (kind.PATH, "a/b"),
                      (kind.UUID, "7"), (kind.VOLUME, "pool"), (99, "x"), (kind.NAME, "a\nb")):
            try:
                context.add_fact(*wrong, "somebody")
            except binding.Invalid:
                continue
            raise AssertionError(f"{wrong} was taken")


@harness.test
def a_disk_in_other_hands_on_this_host():
    """A loop device, a mapping whose descriptor is closed, an NBD server."""
    def holder():
        return plan(code=3)["OpenElsewhere"]["holder"]

    device = subprocess.run(["losetup", "--find", "--show", DISK], check=True,
                            capture_output=True, text=True).stdout.strip()
    try:
        assert holder() == f"loop device {device}", plan(code=3)
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
    mapper = ("import mmap, os, sys; fd = os.open(sys.argv[1], os.O_RDWR); "
              "m = mmap.mmap(fd, 4096); os.close(fd); print('mapped', flush=True); input()")
    for argv in (["/usr/bin/python3", "-c", mapper, DISK],
                 ["sh", "-c", f"qemu-nbd -t -f qcow2 -k {FOLDER}/nbd {DISK} & "
                  f"until [ -S {FOLDER}/nbd ]; do sleep 0.1; done; echo served; read x; kill $!"]):
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        try:
            assert ("nbd" if "sh" in argv else str(process.pid)) in holder(), plan(code=3)
        finally:
            process.communicate("\n", timeout=30)
    wait_until(lambda: "OpenElsewhere" not in vmsnap("restore", "web", "old", "--mode",
                                                     "dry-run").out, 10, "all let go")


@harness.test
def the_acting_daemon_once_more():
    """A VM is no conflict with itself, over whichever socket it is seen."""
    assert plan(URI, f"{URI}?socket=/run/libvirt/libvirt-sock", code=0) == {}


@harness.test
def a_connection_that_cannot_be_reached():
    """Is an error that names it: without it the analysis would be weaker than asked for."""
    gone = f"{URI}?socket=/nowhere/libvirt-sock"
    for uris in (("-c", URI, "-c", gone), ("-c", URI, "-c", far_host(far_vm()), "-c", gone)):
        done = vmsnap(*uris, "restore", "web", "old", "--mode", "dry-run", check=1)
        assert "/nowhere/libvirt-sock" in done.json["error"]["message"], done.json
    done = vmsnap("-c", "none", "-c", URI, "disk", "list", check=2)
    assert done.json["error"]["code"] == "INVALID", done.json


class SecondDaemon:
    """Another libvirtd of this host, with VMs of its own."""

    def __init__(self, folder):
        self.folder = folder
        private = {"etc": "/etc/libvirt", "lib": "/var/lib/libvirt/qemu",
                   "cache": "/var/cache/libvirt", "run": "/run/libvirt"}
        for name in (*private, "socket"):
            os.makedirs(f"{folder}/{name}", exist_ok=True)
        write(f"{folder}/etc/libvirtd.conf",
              f'auth_unix_ro = "none"\nauth_unix_rw = "none"\nunix_sock_dir = "{folder}/socket"\n')
        write(f"{folder}/etc/qemu.conf", "cgroup_controllers = []\n")
        binds = " && ".join(f"mount --bind {folder}/{name} {path}"
                            for name, path in private.items())
        script = (f"{binds} && exec libvirtd -p {folder}/pid -f /etc/libvirt/libvirtd.conf "
                  f">{folder}/log 2>&1")
        self.process = subprocess.Popen(["unshare", "-m", "sh", "-c", script],
                                        stdin=subprocess.DEVNULL)
        self.uri = f"{URI}?socket={folder}/socket/libvirt-sock"
        wait_until(lambda: self.virsh("version", check=False).returncode == 0, 60, "it answers")

    def virsh(self, *argv, check=True):
        """Runs a virsh command there."""
        return subprocess.run(["virsh", "-q", "-c", self.uri, *argv], check=check,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def define(self, name, disk, mac):
        """A VM that is off."""
        path = f"{self.folder}/{name}.xml"
        write(path, f"<domain type='qemu'><name>{name}</name><memory>65536</memory>"
              f"<os><type>hvm</type></os><devices><disk type='file' device='disk'>"
              f"<driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda'/>"
              f"</disk><interface type='user'><mac address='{mac}'/></interface></devices></domain>")
        self.virsh("define", path)

    def end(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait(30)


@harness.test
def another_daemon_of_this_host():
    """There paths mean the same: our disk is the layer below a disk there, and a disk there."""
    second = SecondDaemon(f"{FOLDER}/second")
    try:
        overlay = f"{FOLDER}/overlay.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", DISK,
                        overlay], check=True)
        second.define("above", overlay, "52:54:00:00:00:01")
        assert plan(second.uri, code=3)["BackingOfOther"]["holder"].startswith("VM above on qemu:")
        second.virsh("undefine", "above")
        os.symlink(DISK, f"{FOLDER}/link.qcow2")
        second.define("beside", f"{FOLDER}/link.qcow2", MAC)
        found = plan(second.uri, code=3)
        assert found["AttachedElsewhere"]["holder"].startswith("VM beside on qemu:"), found
        assert found["MACInUse"]["holder"].startswith("VM beside on qemu:"), found
        assert second.uri.partition("?socket=")[2] in found["MACInUse"]["message"], found
        strict = vmsnap("-c", URI, "-c", second.uri, "restore", "web", "old", "--mode", "strict",
                        check=3).json
        assert strict["error"]["code"] == "CONFLICT", strict
    finally:
        second.end()


sys.exit(harness.main())
