#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a clone's guest sees of its source: cloud-init media made anew, leftovers told."""

import os
import subprocess

import harness

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
MAC = "52:54:00:12:34:56"
FILES = {"/etc/machine-id": "0123456789abcdef0123456789abcdef\n",
         "/etc/ssh/ssh_host_rsa_key": "key\n",
         "/etc/netplan/50.yaml": f"macaddress: {MAC}\n"}
LEFT = {"MachineIdKept", "HostKeysKept", "OldMacInGuest"}
folder = bed.storage("xfs", 1024)


def guest_disk(path):
    """A disk with a guest's files on it."""
    tree = f"{folder}/tree"
    for name, text in FILES.items():
        os.makedirs(os.path.dirname(tree + name), exist_ok=True)
        with open(tree + name, "w", encoding="utf-8") as handle:
            handle.write(text)
    with open(f"{path}.raw", "wb") as handle:
        handle.truncate(64 << 20)
    bed_storage.run(["mke2fs", "-q", "-t", "ext4", "-d", tree, f"{path}.raw"])
    bed_storage.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", f"{path}.raw", path])
    os.unlink(f"{path}.raw")
    bed_storage.run(["rm", "-r", tree])
    return path


def seed(path, **files):
    """A cloud-init medium."""
    source = f"{path}.d"
    os.makedirs(source)
    for name, text in files.items():
        with open(f"{source}/{name.replace('_', '-')}", "w", encoding="utf-8") as handle:
            handle.write(text)
    bed_storage.run(["genisoimage", "-quiet", "-V", "cidata", "-J", "-r", "-o", path, source])
    bed_storage.run(["rm", "-r", source])
    return path


def on_medium(path, name):
    """What a file on it says."""
    return subprocess.run(["isoinfo", "-i", path, "-R", "-x", f"/{name}"], check=True,
                          capture_output=True, text=True).stdout


def define(name, medium):
    """A VM that is off."""
    disks = [guest_disk(f"{folder}/{name}.qcow2"),
             {"path": medium, "device": "cdrom", "bus": "sata", "readonly": True}]
    return bed.define_vm(name, disks, networks=[("lab", MAC)])


def reasons(reply):
    """Those of its findings."""
    return {found.get("reason") for found in reply.json["resources"]} - {None}


def cdrom(name):
    """The path of its medium."""
    drive = bed.vm(name).xml(True).find("devices/disk[@device='cdrom']/source")
    return drive.get("file")


bed.network("lab")
CIDATA = {"meta_data": "instance-id: iid-src\nlocal-hostname: src.lab\n",
          "user_data": "#cloud-config\nhostname: src\n",
          "network_config": f"version: 2\nethernets: {{e: {{match: {{macaddress: {MAC}}}}}}}\n"}
define("src", seed(f"{folder}/src-seed.iso", **CIDATA))


@harness.test
def a_dry_run_tells_all_of_it_and_touches_nothing():
    before = sorted(os.listdir(folder))
    reply = vmsnap("clone", "src", "--mode", "dry-run", "--name", "none", check=0)
    assert reasons(reply) >= LEFT | {"NetworkConfigChanged", "MediaNamesSource"}, reply
    assert sorted(os.listdir(folder)) == before


@harness.test
def the_medium_is_made_anew_and_the_leftovers_are_told():
    reply = vmsnap("clone", "src", "--mode", "strict", "--name", "copy", check=0)
    assert reasons(reply) >= LEFT | {"NetworkConfigChanged", "MediaNamesSource"}, reply
    made = cdrom("copy")
    assert made != cdrom("src")
    meta = on_medium(made, "meta-data")
    assert 'local-hostname: "copy.lab"' in meta and "iid-src" not in meta, meta
    assert on_medium(made, "user-data") == CIDATA["user_data"]
    new_mac = bed.vm("copy").xml(True).find("devices/interface/mac").get("address")
    config = on_medium(made, "network-config")
    assert config == CIDATA["network_config"].replace(MAC, new_mac) and new_mac != MAC, config
    assert on_medium(cdrom("src"), "meta-data") == CIDATA["meta_data"]


@harness.test
def a_stored_medium_is_made_anew_too():
    vmsnap("snapshot", "create", "src", "s1", check=0)
    reply = vmsnap("clone", "--from-snapshot", "s1", "--mode", "strict", "--name", "third", check=0)
    assert reasons(reply) >= LEFT, reply
    meta = on_medium(cdrom("third"), "meta-data")
    assert 'local-hostname: "third.lab"' in meta, meta
    assert meta != on_medium(cdrom("copy"), "meta-data")


@harness.test
def a_clone_of_a_clone_has_its_own():
    vmsnap("clone", "copy", "--mode", "strict", "--name", "fourth", check=0)
    meta = on_medium(cdrom("fourth"), "meta-data")
    assert 'local-hostname: "fourth.lab"' in meta, meta
    assert meta.splitlines()[0] != on_medium(cdrom("copy"), "meta-data").splitlines()[0]


@harness.test
def what_cannot_be_made_anew_refuses():
    define("odd", seed(f"{folder}/odd-seed.iso", meta_data="[not, a, mapping]\n", user_data=""))
    before = sorted(os.listdir(folder))
    for mode in ("strict", "best-effort"):
        reply = vmsnap("clone", "odd", "--mode", mode, "--name", "no")
        assert reply.code != 0 and "MediaNotUnderstood" in reply.out + reply.err, reply
    assert sorted(os.listdir(folder)) == before


harness.main()
