#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many clones, of one snapshot at once and of each other; what they take over, and what a clone
that failed leaves to the next."""

import glob
import itertools
import os
import threading

import clone_scenes
import harness

bed = harness.bed(install=True)

vmsnap = harness.vmsnap
LAB = bed.network("lab")
FOLDER = bed.storage("xfs", 768)
MANY = 10
EXTRA = ("<genid>6b2c1a30-7d1c-4e7c-9d3f-2c5b1f0e9a77</genid>"
         "<title>The shop</title><description>sells things</description>"
         "<metadata><shop:tag xmlns:shop='urn:shop'>kept</shop:tag></metadata>"
         "<sysinfo type='smbios'><system><entry name='serial'>SER-4711</entry></system>"
         "</sysinfo>")
VSOCK = "<vsock model='virtio'><cid auto='no' address='4711'/></vsock>"  # no device of it here
DEVICES = (clone_scenes.TPM +
           "<graphics type='vnc' port='5977' autoport='no' listen='127.0.0.1'/>")


def make_source():
    """A VM that is off, with all that no two VMs may share."""
    disks = [{"path": bed.make_disk(f"{FOLDER}/shop.qcow2", size_mb=32), "serial": "SERIAL-A",
              "xml": "<wwn>5000c50015ea71ac</wwn>", "bus": "scsi"},
             {"path": bed.make_disk(f"{FOLDER}/data.raw", size_mb=32), "serial": "SERIAL-B"},
             {"path": clone_scenes.make_seed(f"{FOLDER}/shop-seed.iso", "shop"), "format": "raw",
              "device": "cdrom", "bus": "sata", "target": "sdx", "readonly": True}]
    nvram = f"{FOLDER}/shop_VARS.fd"
    vm = bed.define_vm("shop", disks, networks=["lab", "lab"], extra=EXTRA, devices=DEVICES,
                       os_xml=(f"<loader readonly='yes' type='pflash'>{clone_scenes.CODE}</loader>"
                               f"<nvram template='{clone_scenes.TEMPLATE}'>{nvram}</nvram>"
                               "<smbios mode='sysinfo'/>"))
    vm.start(paused=True)
    vm.destroy()
    path = f"{bed.scratch}/vsock.xml"
    with open(path, "w", encoding="utf-8") as handle:
        handle.write(VSOCK)
    vm.virsh("attach-device", path, "--config")
    return vm


SOURCE = make_source()
BASE = vmsnap("snapshot", "create", "shop", "base", check=0).json


def clone(name, *options, source=("shop",), mode="strict", code=0):
    """A clone."""
    reply = vmsnap("clone", *source, "--mode", mode, "--name", name, *options, check=code)
    return bed.vm(name) if code == 0 else reply


def singular(vm):
    """All that no two VMs may share."""
    tree = vm.xml(True)
    places = ("uuid", "genid", "name", "os/nvram", "devices/disk/serial", "devices/disk/wwn",
              "sysinfo/system/entry")
    found = [node.text for place in places for node in tree.iterfind(place)]
    found += vm.macs() + [path for path in vm.disks(inactive=True).values() if path]
    found += [cid.get("address") for cid in tree.iterfind("devices/vsock/cid")]
    return [each for each in found if each]


def check_whole(source, vm):
    """It has copies of all files, and nothing of the source's identity."""
    clone_scenes.check_identity(source, vm)
    for target, path in source.disks(inactive=True).items():
        mine = vm.disks(inactive=True)[target]
        if not path.endswith(".iso"):
            assert clone_scenes.content(mine) == clone_scenes.content(path), (target, mine)
    nvram = vm.xml(True).findtext("os/nvram")
    assert clone_scenes.content(nvram) == \
        clone_scenes.content(source.xml(True).findtext("os/nvram")), nvram
    assert clone_scenes.content(clone_scenes.tpm(vm)) == clone_scenes.content(
        clone_scenes.tpm(source))


@harness.test
def all_of_the_identity_is_new():
    """Each row of it; the files are copies; the same seed gives the same again."""
    vm = clone("first", "--seed", "salt")
    check_whole(SOURCE, vm)
    before = singular(vm)
    assert len(before) == len(singular(SOURCE)), (before, singular(SOURCE))
    seed = vm.disks(inactive=True)["sdx"]
    medium = clone_scenes.read_seed(seed, "meta-data")
    assert "i-shop" not in medium and "instance-id: " in medium, medium
    assert 'local-hostname: "first"' in medium, medium
    assert clone_scenes.read_seed(seed, "user-data") == "#cloud-config\n"
    clone_scenes.forget(vm)
    vm = clone("first", "--seed", "salt")
    assert singular(vm) == before
    clone_scenes.forget(vm)
    vm = clone("first", "--seed", "other")
    shared = set(singular(vm)) & set(before) - set(vm.disks(True).values())
    assert shared <= {"first", vm.xml(True).findtext("os/nvram")}, shared
    clone_scenes.forget(vm)
    vm = clone("first", "--keep-serial")
    serials = [node.text for node in vm.xml(True).iterfind("devices/disk/serial")]
    assert serials == ["SERIAL-A", "SERIAL-B"], serials
    clone_scenes.check_identity(SOURCE, vm, keep_serial=True)
    clone_scenes.forget(vm)


@harness.test
def a_clone_of_a_clone_of_a_clone():
    """Names are derived anew each time and do not grow."""
    chain = [SOURCE]
    for name in ("one", "two", "three"):
        chain.append(clone(name, source=(chain[-1].name,)))
        check_whole(chain[-2], chain[-1])
    clone_scenes.check_identity(SOURCE, chain[-1])
    for vm in chain[1:]:
        paths = clone_scenes.owned(vm)
        assert all(len(os.path.basename(path)) < 40 for path in paths), paths
        clone_scenes.forget(vm)
    assert clone_scenes.left(FOLDER, [BASE]) == []


def at_once(*calls):
    """Runs these argument lists of the command at the same time; their replies."""
    replies = [None] * len(calls)

    def run(index):
        replies[index] = vmsnap(*calls[index])
    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


@harness.test
def ten_clones_of_one_snapshot_at_once():
    """All are made, no two have anything in common; the snapshot's VM is not needed."""
    names = [f"many{number}" for number in range(MANY)]
    replies = at_once(*[("clone", "--from-snapshot", "base", "--mode", "strict", "--name", name,
                         "--wait-ready", "60") for name in names])
    failed = [str(reply) for reply in replies if reply.code != 0]
    assert not failed, failed[0]
    vms = [bed.vm(name) for name in names]
    check_whole(SOURCE, vms[-1])
    for one, other in itertools.combinations([set(singular(vm)) for vm in [SOURCE, *vms]], 2):
        assert not one & other, one & other
    for vm in vms:
        clone_scenes.forget(vm)
    assert clone_scenes.left(FOLDER, [BASE]) == []
    harness.figure(f"clone: {MANY} of one snapshot at once, nothing in common")


@harness.test
def two_that_want_one_name():
    """One gets it, the other is told; what the winner has is whole."""
    replies = at_once(*[("clone", "--from-snapshot", "base", "--mode", "strict", "--name", "same",
                         "--wait-ready", "60")] * 4)
    codes = sorted(reply.code for reply in replies)
    assert codes[0] == 0 and 0 not in codes[1:], [str(reply) for reply in replies]
    for reply in replies:
        assert reply.code == 0 or reply.json["error"]["reason"] in ("NameTaken", "Locked", "PLAN_STALE"), reply
    check_whole(SOURCE, bed.vm("same"))
    clone_scenes.forget(bed.vm("same"))
    assert clone_scenes.left(FOLDER, [BASE]) == []


@harness.test
def what_failed_can_be_repeated():
    """A stored file that was changed is found while it is copied: all that was made goes, and the
    same clone succeeds when the file is back."""
    home = os.path.dirname(BASE["disks"][0]["path"])
    stored = [path for path in glob.glob(f"{home}/*") if "nvram" in os.path.basename(path)]
    assert len(stored) == 1, (stored, os.listdir(home))
    with open(stored[0], "r+b") as handle:
        good = handle.read()
        handle.seek(100)
        handle.write(b"damage")
    files = set(os.listdir(FOLDER))
    tpms = set(os.listdir(clone_scenes.SWTPM))
    reply = clone("again", source=("--from-snapshot", "base"), code=None)
    assert reply.code not in (0, 1, 2), reply
    assert set(os.listdir(FOLDER)) == files and set(os.listdir(clone_scenes.SWTPM)) == tpms
    assert bed.virsh("dominfo", "again", check=False).returncode != 0
    with open(stored[0], "r+b") as handle:
        handle.write(good)
    vm = clone("again", source=("--from-snapshot", "base"))
    check_whole(SOURCE, vm)
    clone_scenes.forget(vm)


def auto_starts(vm):
    """Whether it starts with the host."""
    return "enable" in vm.virsh("dominfo").split("Autostart:")[1].split("\n", maxsplit=1)[0]


@harness.test
def what_is_taken_over():
    """Title, description and others' metadata; autostart and running as the policy says."""
    SOURCE.virsh("autostart")
    vm = clone("off")
    text = clone_scenes.configuration(vm, "--inactive")
    assert "The shop" in text and "sells things" in text and "kept" in text, text
    assert vm.state() == "shut off" and not auto_starts(vm)
    clone_scenes.forget(vm)
    vm = clone("asked", "--run-policy", "inherit")
    assert vm.state() == "shut off" and auto_starts(vm)
    clone_scenes.forget(vm)
    SOURCE.virsh("autostart", "--disable")
    vm = clone("asked", "--run-policy", "inherit")
    assert vm.state() == "shut off" and not auto_starts(vm)
    clone_scenes.forget(vm)


@harness.test
def the_vm_of_its_snapshot_is_gone():
    """Everything comes from the snapshot; afterwards the snapshot may go, and the clone stays."""
    was = {path: clone_scenes.content(path) for path in SOURCE.disks(True).values()
           if not path.endswith(".iso")}
    clone_scenes.forget(SOURCE)
    vm = clone("heir", source=("--from-snapshot", "base"))
    vmsnap("snapshot", "delete", "base", check=0)
    disks = vm.disks(inactive=True)
    assert {clone_scenes.content(disks[target]) for target in ("sda", "vdb")} == set(was.values())
    clone_scenes.forget(vm)
    assert os.listdir(FOLDER) == [], os.listdir(FOLDER)


harness.main()
