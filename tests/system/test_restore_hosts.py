#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What other hosts hold counts as well: conflicts found over further connections."""

import os
import subprocess
import sys

import harness

bed = harness.bed(install=True)
from bed_libvirt import wait_until, write  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
URI = "qemu:///system"
LAB = bed.network("lab")
MAC = "52:54:00:0a:0b:0c"
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


def far_host(*domains):
    """The URI of another host with these VMs."""
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
