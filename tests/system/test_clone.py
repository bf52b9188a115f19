#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clones on real libvirt: of a VM that is off, of one that runs, of a snapshot whose VM is gone."""

import glob
import hashlib
import os
import shutil
import xml.etree.ElementTree as ElementTree

import harness
import scenes

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
TEMPLATE = "/usr/share/OVMF/OVMF_VARS_4M.fd"
TPM = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
SWTPM = "/var/lib/libvirt/swtpm"


def content(path):
    """sha256 of a file."""
    with open(path, "rb") as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def owner(path):
    """Owner, group and mode."""
    stat = os.stat(path)
    return stat.st_uid, stat.st_gid, oct(stat.st_mode)


def make_seed(path):
    """A cloud-init medium."""
    source = f"{path}.d"
    os.makedirs(source)
    for name, text in (("meta-data", "instance-id: i-src\nlocal-hostname: src\n"),
                       ("user-data", "#cloud-config\n")):
        with open(f"{source}/{name}", "w", encoding="utf-8") as handle:
            handle.write(text)
    bed_storage.run(["genisoimage", "-quiet", "-V", "cidata", "-J", "-r", "-o", path, source])
    shutil.rmtree(source)
    return path


class Machine:
    """A VM with firmware, TPM and a medium it is configured from, off, with all of its files."""

    def __init__(self, name, fs="xfs"):
        self.name = name
        self.folder = bed.storage(fs, 1024)
        self.disk = bed.make_disk(f"{self.folder}/root.qcow2", fs="ext4", size_mb=64)
        self.data = bed.make_disk(f"{self.folder}/data.raw", fs="ext4", size_mb=32)
        self.nvram = f"{self.folder}/{name}_VARS.fd"
        os_xml = (f"<loader readonly='yes' type='pflash'>{CODE}</loader>"
                  f"<nvram template='{TEMPLATE}'>{self.nvram}</nvram>")
        self.seed = make_seed(f"{self.folder}/{name}.iso")
        cdrom = {"path": self.seed, "device": "cdrom", "bus": "sata", "readonly": True}
        disk = {"path": self.disk, "serial": "SRC-ROOT-1"}
        self.vm = bed.define_vm(name, [disk, self.data, cdrom], os_xml=os_xml, devices=TPM,
                                networks=["lab"])
        self.vm.start(paused=True)
        self.vm.destroy()

    def tpm(self, name=None):
        """The state of the emulated TPM of a VM."""
        uuid = bed.vm(name or self.name).uuid()
        return f"{SWTPM}/{uuid}/tpm2/tpm2-00.permall"

    def files(self):
        """What stands in its folder."""
        return sorted(os.listdir(self.folder))


def xml_of(name):
    """Its configuration, as text."""
    return bed.vm(name).virsh("dumpxml", "--inactive", "--security-info")


def identities(text):
    """All that two VMs may not share."""
    tree = ElementTree.fromstring(text)
    found = {tree.findtext("uuid"), tree.findtext("name")}
    found |= {mac.get("address") for mac in tree.iter("mac")}
    found |= {serial.text for serial in tree.iterfind("devices/disk/serial")}
    found |= {source.get("file") for source in tree.iterfind("devices/disk/source")}
    found |= {tree.findtext("os/nvram")}
    return found - {None}


def forget(name):
    """Remove a VM and the files it is configured with."""
    files = [path for path in bed.vm(name).disks(inactive=True).values() if path]
    bed.vm(name).destroy()
    bed.vm(name).undefine()
    for path in files:
        os.unlink(path)


bed.network("lab")
machine = Machine("src")


@harness.test
def a_vm_that_is_off_is_cloned_whole_and_starts():
    before = machine.files()
    reply = vmsnap("clone", "src", "--mode", "strict", "--name", "copy", check=0)
    operation = reply.json
    assert (operation["type"], operation["phase"]) == ("clone", "Completed"), reply
    assert operation["target"]["name"] == "copy", reply
    assert operation["target"]["uuid"] == bed.vm("copy").uuid(), reply
    shared = identities(xml_of("src")) & identities(xml_of("copy"))
    assert not shared, shared
    disks = bed.vm("copy").disks(inactive=True)
    assert content(disks["vda"]) == content(machine.disk), disks
    assert content(disks["vdb"]) == content(machine.data), disks
    assert owner(disks["vda"]) == owner(machine.disk)
    nvram = bed.vm("copy").xml(True).findtext("os/nvram")
    assert content(nvram) == content(machine.nvram) and owner(nvram) == owner(machine.nvram)
    assert content(machine.tpm("copy")) == content(machine.tpm())
    assert scenes.left_beside(machine.folder) == []
    assert not glob.glob(f"{machine.folder}/.vmsnap*"), machine.files()
    bed.vm("copy").start(paused=True)
    bed.vm("copy").destroy()
    forget("copy")
    assert machine.files() == before, machine.files()


@harness.test
def a_dry_run_touches_nothing_and_agrees_with_the_run():
    before = machine.files()
    plan = vmsnap("clone", "src", "--mode", "dry-run", "--name", "copy", check=0).json
    assert machine.files() == before and not vmsnap("snapshot", "list", check=0).json["items"]
    named = {item["name"]: item.get("new_name") for item in plan["resources"]}
    assert named["src"] == "copy" and named["src/vda"] == f"{machine.folder}/copy-vda.qcow2", named
    assert vmsnap("clone", "src", "--mode", "dry-run").code == 2  # it has no name


@harness.test
def what_stands_in_the_way_is_refused_and_costs_nothing():
    taken = f"{machine.folder}/copy-vda.qcow2"
    with open(taken, "w", encoding="utf-8"):
        pass
    before = machine.files()
    for mode in ("dry-run", "strict", "best-effort"):
        reply = vmsnap("clone", "src", "--mode", mode, "--name", "copy", check=3)
        assert "NameTaken" in reply.out, reply
    assert machine.files() == before and os.path.getsize(taken) == 0
    os.unlink(taken)
    vmsnap("clone", "src", "--mode", "strict", "--name", "copy", check=0)
    vmsnap("clone", "src", "--mode", "strict", "--name", "copy", check=3)
    forget("copy")


@harness.test
def a_plan_in_a_file_is_run_if_it_still_holds():
    plan = f"{machine.folder}.plan"
    vmsnap("clone", "src", "--mode", "dry-run", "--name", "copy", "--seed", "", "--plan", plan,
           check=0)
    with open(machine.data, "r+b") as handle:
        handle.write(handle.read(1))
    stale = vmsnap("clone", "src", "--mode", "strict", "--plan", plan, check=3)
    assert stale.json["error"]["code"] == "PLAN_STALE", stale
    vmsnap("clone", "src", "--mode", "dry-run", "--name", "copy", "--seed", "", "--plan", plan,
           check=0)
    vmsnap("clone", "src", "--mode", "strict", "--plan", plan, check=0)
    uuid = bed.vm("copy").uuid()
    forget("copy")
    vmsnap("clone", "src", "--mode", "strict", "--name", "copy", "--seed", "", check=0)
    assert bed.vm("copy").uuid() == uuid  # the same seed, the same identity
    forget("copy")


@harness.test
def a_running_vm_is_cloned_through_a_snapshot_that_is_gone_afterwards():
    folder = bed.storage("xfs", 1024)
    disk = bed.make_disk(f"{folder}/live.qcow2", fs="ext4", size_mb=64)
    live = bed.define_vm("live", [disk], networks=["lab"])
    plan = vmsnap("clone", "live", "--mode", "dry-run", "--name", "twin", check=0).json
    live.start()
    refused = vmsnap("clone", "live", "--mode", "strict", "--name", "twin", check=3).json
    assert refused["error"]["reason"] == "AgentNotReady", refused
    live.wait_agent()
    plan = vmsnap("clone", "live", "--mode", "dry-run", "--name", "twin", check=0).json
    assert "take-snapshot" in [step["name"] for step in plan["plan"]["steps"]], plan
    live.exec(["sh", "-c", "echo there > /mnt/vda/marker && sync"])
    reply = vmsnap("clone", "live", "--mode", "strict", "--name", "twin", check=0)
    assert reply.json["source"]["name"] == "live", reply
    assert vmsnap("snapshot", "list", check=0).json["items"] == []
    assert live.state() == "running" and not live.frozen()
    assert scenes.left_beside(folder) == [] and scenes.left_in_hands() == []
    assert not identities(xml_of("live")) & identities(xml_of("twin"))
    live.destroy()
    twin = bed.vm("twin").start(wait=True)
    assert twin.read_file("/mnt/vda/marker") == b"there\n"
    forget("twin")


USB = ("<hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/>"
       "<product id='0x5678'/></source></hostdev>")
PCI = ("<hostdev mode='subsystem' type='pci' managed='yes'><source>"
       "<address domain='{}' bus='{}' slot='{}' function='{}'/></source></hostdev>")


def first_pci():
    """XML of a PCI device of this host, None where there is none."""
    for name in sorted(os.listdir("/sys/bus/pci/devices") if os.path.isdir("/sys/bus/pci") else []):
        domain, bus, rest = name.split(":")
        slot, function = rest.split(".")
        return PCI.format(*(f"0x{part}" for part in (domain, bus, slot, function)))
    return None


@harness.test
def what_the_clone_cannot_have_is_refused_or_left_out_by_mode():
    folder = bed.storage("ext4", 256)
    disk = bed.make_disk(f"{folder}/d.raw", fs=None, size_mb=8)
    cdrom = {"path": f"{folder}/gone.iso", "device": "cdrom", "bus": "sata", "readonly": True}
    pci = first_pci() or ""
    bed.define_vm("poor", [disk, cdrom], devices=USB + pci)
    wanted = ["HostDeviceMissing", "ImageMissing"] + (["HostDeviceShared"] if pci else [])
    plan = vmsnap("clone", "poor", "--mode", "dry-run", "--name", "rich", check=3).json
    found = [item["reason"] for item in plan["resources"] if item.get("reason")]
    assert sorted(found) == sorted(wanted), found
    refused = vmsnap("clone", "poor", "--mode", "strict", "--name", "rich", check=3).json
    assert refused["error"]["reason"] in wanted, refused
    assert os.listdir(folder) == ["lost+found", "d.raw"] or len(os.listdir(folder)) == 2
    done = vmsnap("clone", "poor", "--mode", "best-effort", "--name", "rich", check=0).json
    removed = [item["reason"] for item in done["resources"] if item["status"] == "Removed"]
    assert sorted(removed) == sorted(wanted), removed
    tree = bed.vm("rich").xml(True)
    assert not tree.findall("devices/hostdev"), "a clone has none of the host's devices"
    assert bed.vm("rich").disks(inactive=True)["sdb"] is None
    forget("rich")


@harness.test
def a_network_that_is_missing_refuses_both_modes():
    folder = bed.storage("ext4", 256)
    disk = bed.make_disk(f"{folder}/d.raw", fs=None, size_mb=8)
    bed.define_vm("lonely", [disk], networks=["nowhere"])
    for mode in ("strict", "best-effort"):
        refused = vmsnap("clone", "lonely", "--mode", mode, "--name", "more", check=3).json
        assert refused["error"]["reason"] == "NetworkMissing", refused


@harness.test
def rules_name_files_and_collisions_are_refused():
    options = ("--mode", "dry-run", "--name", "copy")
    plan = vmsnap("clone", "src", *options, "--replace", "VirtualDisk:src/vda=one", "--replace",
                  "src/vdb=two", "--replace", "VirtualDisk:nobody=three", check=0).json
    named = {item["name"]: item.get("new_name") for item in plan["resources"] if not item["reason"]}
    assert named["src/vda"].endswith("/one.qcow2") and named["src/vdb"].endswith("/two.raw"), named
    assert [item["reason"] for item in plan["resources"] if item["reason"]] == ["RuleUnused"], plan
    plan = vmsnap("clone", "src", *options, "--replace", "src/vda=same", "--replace",
                  "src/vdb=same.qcow2", "--suffix", "x")
    assert plan.code == 0, plan  # other extensions, other files
    plan = vmsnap("clone", "src", *options, "--replace", "VirtualDisk:src/vda=a/b", check=3).json
    assert "NameInvalid" in [item["reason"] for item in plan["resources"]], plan


@harness.test
def the_run_policy_decides_whether_it_runs():
    folder = bed.storage("xfs", 512)
    disk = bed.make_disk(f"{folder}/d.raw", fs=None, size_mb=8)
    auto = bed.define_vm("auto", [disk])
    auto.virsh("autostart")
    vmsnap("clone", "auto", "--mode", "strict", "--name", "one", check=0)
    assert "disable" in bed.vm("one").virsh("dominfo"), "always-off is the default"
    vmsnap("clone", "auto", "--mode", "strict", "--name", "two", "--run-policy", "inherit", check=0)
    assert "Autostart:      enable" in bed.vm("two").virsh("dominfo")
    assert bed.vm("two").state() == "shut off"
    vmsnap("clone", "auto", "--mode", "strict", "--name", "three", "--start", check=0)
    assert bed.vm("three").state() == "running"
    again = vmsnap("clone", "two", "--mode", "strict", "--name", "four", check=0)  # a clone's clone
    assert again.json["source"]["name"] == "two"
    for name in ("one", "two", "three", "four"):
        forget(name)


@harness.test
def ten_clones_of_one_snapshot_at_once():
    vmsnap("snapshot", "create", "src", "many", check=0)
    before = machine.files()
    running = [harness.spawn("clone", "--from-snapshot", "many", "--mode", "strict", "--name",
                             f"many{number}") for number in range(10)]
    for process in running:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, (out, err)
    texts = [identities(xml_of(f"many{number}")) for number in range(10)]
    texts.append(identities(xml_of("src")))
    assert sum(map(len, texts)) == len(set().union(*texts)), "two share something"
    for number in range(10):
        forget(f"many{number}")
    assert machine.files() == before, machine.files()
    vmsnap("snapshot", "delete", "many", check=0)


@harness.test
def a_snapshot_whose_vm_is_gone_is_cloned():
    vmsnap("snapshot", "create", "src", "daily", check=0)
    was = {path: content(path) for path in (machine.disk, machine.data, machine.nvram,
                                           machine.tpm(), machine.seed)}
    tpm = machine.tpm()
    forget("src")
    assert not os.path.exists(tpm)
    vmsnap("clone", "--from-snapshot", "daily", "--mode", "strict", "--name", "born", check=0)
    disks = bed.vm("born").disks(inactive=True)
    assert content(disks["vda"]) == was[machine.disk]
    assert content(disks["vdb"]) == was[machine.data]
    assert content(bed.vm("born").xml(True).findtext("os/nvram")) == was[machine.nvram]
    assert content(machine.tpm("born")) == was[tpm]
    bed.vm("born").start(paused=True)
    vmsnap("snapshot", "delete", "daily", check=0)
    assert scenes.left_beside(machine.folder) == []
    forget("born")


harness.main()
