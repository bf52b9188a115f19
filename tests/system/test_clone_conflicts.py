#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stands against a clone, staged on real libvirt: every mode says so, and not a byte, a VM or
a record changes."""

import contextlib
import os
import subprocess

import clone_scenes
import harness

bed = harness.bed(install=True)
from bed_libvirt import wait_until  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
LAB = bed.network("lab")
SPARE = bed.network("spare", "192.168.78")
FOLDER = bed.storage("xfs", 512)
ISO = f"{bed.scratch}/install.iso"
KERNEL = f"{bed.scratch}/kernel"
USB = ("<hostdev mode='subsystem' type='usb' managed='yes'><source><vendor id='0xdead'/>"
       "<product id='0xbeef'/></source></hostdev>")
IMAGE = {"path": ISO, "format": "raw", "bus": "sata", "target": "sda", "device": "cdrom",
         "readonly": True}
DISK = f"{FOLDER}/root.qcow2"


def make_source():
    """A VM that is off, with one of each thing that is called something."""
    nvram = f"{FOLDER}/src_VARS.fd"
    with open(ISO, "wb") as handle:
        handle.write(os.urandom(70000))
    disks = [bed.make_disk(DISK, size_mb=32), bed.make_disk(f"{FOLDER}/data.qcow2", size_mb=32),
             {"path": clone_scenes.make_seed(f"{FOLDER}/src-seed.iso", "src"), "format": "raw",
              "device": "cdrom", "bus": "sata", "target": "sdb", "readonly": True}, IMAGE]
    with open(clone_scenes.TEMPLATE, "rb") as template, open(nvram, "wb") as handle:
        handle.write(template.read())
    return bed.define_vm("src", disks, networks=["lab"], os_xml=(
        f"<loader readonly='yes' type='pflash'>{clone_scenes.CODE}</loader>"
        f"<nvram template='{clone_scenes.TEMPLATE}'>{nvram}</nvram>"))


SOURCE = make_source()
CELLS = []


def clone(*options, mode="strict", name="copy", source=("src",), code=0):
    """A clone of the VM."""
    named = ["--name", name] if name else []
    return vmsnap("clone", *source, "--mode", mode, *named, *options, check=code)


def found(reply, reason):
    """The findings of that reason."""
    return [item for item in reply.json["resources"] if item.get("reason") == reason]


def refused(reason, *options, kind=None, modes=("strict", "best-effort"), **which):
    """These modes refuse for it, with nothing changed; returns the dry-run's finding."""
    with clone_scenes.unchanged(bed, FOLDER):
        plan = clone(*options, mode="dry-run", code=3, **which)
        seen = found(plan, reason)
        assert seen and all(item["severity"] == "conflict" for item in seen), plan
        assert kind is None or kind in [item["kind"] for item in seen], plan
        for mode in modes:
            reply = clone(*options, mode=mode, code=3, **which)
            assert reply.json["error"]["reason"] == reason, reply
    CELLS.append(reason)
    return seen[0]


def made(*options, mode="strict", **which):
    """It is made; returns the operation and the VM, which the caller forgets."""
    reply = clone(*options, mode=mode, **which)
    return reply, bed.vm(reply.json["target"]["name"])


@contextlib.contextmanager
def file_at(path):
    """Somebody's file."""
    with open(path, "w", encoding="utf-8") as handle:
        handle.write("precious")
    yield
    with open(path, encoding="utf-8") as handle:
        assert handle.read() == "precious"
    os.unlink(path)


@contextlib.contextmanager
def defined(name, *disks, **options):
    """Another VM."""
    vm = bed.define_vm(name, list(disks), **options)
    yield vm
    vm.undefine()


@contextlib.contextmanager
def changed(xml, verb="attach-device"):
    """The source configured otherwise."""
    path = f"{bed.scratch}/device.xml"
    before = clone_scenes.configuration(SOURCE, "--inactive")
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(xml)
    SOURCE.virsh(verb, path, "--config")
    yield
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(before)
    bed.virsh("define", path)


@harness.test
def a_name_that_is_taken():
    """By a VM; by a file at the place of each kind of file; by another VM's configuration alone."""
    with defined("copy"):
        refused("NameTaken", kind="VirtualMachine")
    plan = clone(mode="dry-run").json["resources"]
    places = {item["kind"]: item["new_name"] for item in plan
              if (item.get("new_name") or "").startswith("/")}
    assert {"VirtualDisk", "NVRAM", "Secret"} <= set(places), places
    for kind, path in places.items():
        with file_at(path):
            assert path in refused("NameTaken", kind=kind)["message"]
    disk = f"{FOLDER}/copy-vda.qcow2"
    with defined("other", disk):
        assert not os.path.exists(disk)
        refused("NameTaken", kind="VirtualDisk")


@harness.test
def names_that_collide_or_cannot_be():
    """Two sources with one name; names that no VM or file can have."""
    same = ["--replace", "VirtualDisk:src/vda=same", "--replace", "VirtualDisk:src/vdb=same"]
    assert "same" in refused("NameCollision", *same)["message"]
    for name in ("a/b", ".hidden", "new\nline", "n" * 201):
        refused("NameInvalid", name=name, kind="VirtualMachine")
    for name in ("../escape", "d" * 250):
        refused("NameInvalid", "--replace", f"VirtualDisk:src/vda={name}", kind="VirtualDisk")
    with clone_scenes.unchanged(bed, FOLDER):
        for name in (None, "src"):
            for mode in ("dry-run", "strict"):
                reply = clone(mode=mode, name=name, code=2)
                assert reply.json["error"]["reason"] == "NameRequired", reply
    CELLS.append("NameRequired")


@harness.test
def a_rule_that_is_for_nothing():
    """A warning, in the plan and in what was done."""
    rules = ["--replace", "VirtualDisk:nosuch=x", "--replace", "src/vda=boot"]
    for mode in ("dry-run", "strict"):
        reply = clone(*rules, mode=mode)
        seen = found(reply, "RuleUnused")
        assert len(seen) == 1 and seen[0]["severity"] == "warning", reply
    vm = bed.vm("copy")
    assert vm.disks(inactive=True)["vda"] == f"{FOLDER}/boot.qcow2", vm.disks(inactive=True)
    clone_scenes.check_identity(SOURCE, vm)
    clone_scenes.forget(vm)
    CELLS.append("RuleUnused")


@harness.test
def what_it_refers_to_is_missing():
    """An image and a host device best-effort does without; a network nobody."""
    os.rename(ISO, f"{ISO}.away")
    refused("ImageMissing", modes=("strict",))
    _, vm = made(mode="best-effort")
    assert ISO not in clone_scenes.configuration(vm, "--inactive")
    clone_scenes.forget(vm)
    os.rename(f"{ISO}.away", ISO)

    with changed(USB):
        refused("HostDeviceMissing", modes=("strict",))
        _, vm = made(mode="best-effort")
        assert "<hostdev" not in clone_scenes.configuration(vm, "--inactive")
        clone_scenes.forget(vm)

    with changed("<interface type='network'><source network='spare'/></interface>"):
        SPARE.destroy()
        refused("NetworkMissing", kind="Network")


@harness.test
def what_the_host_lacks():
    """Without its kernel the clone would boot something else: no mode does that."""
    with open(KERNEL, "wb") as handle:
        handle.write(b"kernel")
    disk = bed.make_disk(f"{FOLDER}/direct.qcow2", size_mb=32)
    xml = bed.domain_xml("direct", [disk])
    vm = bed.define_xml(xml.replace("/var/lib/libvirt/boot/vmlinuz", KERNEL), "direct")
    os.unlink(KERNEL)
    refused("ImageMissing", source=("direct",))
    clone_scenes.forget(vm)


@harness.test
def a_source_that_is_in_use():
    """Something else writes to its disk, or its memory is on disk."""
    nbd = subprocess.Popen(["qemu-nbd", "-f", "qcow2", "-t", "-k", f"{bed.scratch}/nbd.sock", DISK],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
    try:
        wait_until(lambda: os.path.exists(f"{bed.scratch}/nbd.sock"), 10, "qemu-nbd", step=0.02)
        assert "qemu-nbd" in refused("OpenElsewhere", kind="VirtualDisk")["message"]
    finally:
        nbd.terminate()
        nbd.communicate()
    SOURCE.start(paused=True)
    SOURCE.virsh("managedsave", "--paused")
    refused("PotentiallyInconsistent")
    SOURCE.virsh("managedsave-remove")


@harness.test
def no_room_for_a_copy():
    """Blocks that cannot be shared have to fit."""
    small = bed.storage("ext4", 96)
    disk = bed.make_disk(f"{small}/big.raw", size_mb=64)
    with open(disk, "r+b") as handle:
        handle.seek(8 << 20)
        handle.write(os.urandom(50 << 20))
    vm = bed.define_vm("big", [disk])
    with clone_scenes.unchanged(bed, small):
        seen = refused("OutOfSpace", source=("big",))
    assert "free" in seen["message"], seen
    clone_scenes.forget(vm)


@harness.test
def a_snapshot_that_is_not_whole():
    """Its file is gone: no clone of it, of the VM itself all the same."""
    shot = vmsnap("snapshot", "create", "src", "broken", check=0).json
    os.rename(shot["disks"][0]["path"], f"{FOLDER}/away")
    from_it = ("--from-snapshot", "broken")
    refused("Lost", source=from_it)
    os.rename(f"{FOLDER}/away", shot["disks"][0]["path"])
    clone(source=from_it, mode="dry-run")
    vmsnap("snapshot", "delete", "broken", check=0)


@harness.test
def afterwards_it_is_made_all_the_same():
    """What refused it left nothing that would."""
    _, vm = made()
    clone_scenes.check_identity(SOURCE, vm)
    clone_scenes.forget(vm)
    assert clone_scenes.left(FOLDER) == []
    harness.figure(f"clone: {len(CELLS)} conflicts staged: {', '.join(sorted(set(CELLS)))}")


harness.main()
