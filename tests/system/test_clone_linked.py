#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Linked clones on real libvirt, and freeing them; a flattening dies at each of its points."""

import glob
import json
import os
import subprocess

import harness

bed = harness.bed(install=True)

vmsnap = harness.vmsnap
CHOICE = 8  # points in CI; VMS_LONG=1: all
folder = bed.storage("xfs", 1024)
DISK = f"{folder}/copy-vda.qcow2"


def write(path, word, at):
    """Puts a word into a disk."""
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", f"write -q -P {ord(word)} {at}M 64k", path],
                   check=True, stdout=subprocess.DEVNULL)


def says(path, word, at):
    """Whether it is there."""
    done = subprocess.run(["qemu-io", "-r", "-f", "qcow2", "-c",
                           f"read -q -P {ord(word)} {at}M 64k", path], check=True,
                          capture_output=True, text=True)
    return "failed" not in done.stdout


def backing(path):
    """What lies below a disk; None: nothing."""
    done = subprocess.run(["qemu-img", "info", "-U", "--output=json", path], check=True,
                          capture_output=True, text=True)
    return json.loads(done.stdout).get("backing-filename")


def refused(*words, reason):
    """It does not work, for this reason."""
    reply = vmsnap(*words)
    assert reply.code != 0 and reply.json["error"]["reason"] == reason, reply


def make_linked():
    """A linked clone that wrote something of its own."""
    vmsnap("clone", "--from-snapshot", "s1", "--mode", "strict", "--name", "copy", "--linked",
           check=0)
    write(DISK, "c", 2)


def drop():
    """The clone and its disk."""
    bed.vm("copy").undefine()
    os.unlink(DISK)


def is_whole():
    """The clone has all that it had."""
    return says(DISK, "s", 1) and says(DISK, "c", 2)


bed.define_vm("src", [bed.make_disk(f"{folder}/src.qcow2", fs=None, size_mb=16)])
write(f"{folder}/src.qcow2", "s", 1)
vmsnap("snapshot", "create", "src", "s1", check=0)


@harness.test
def a_vm_as_it_is_cannot_be_linked_to():
    before = sorted(os.listdir(folder))
    for mode in ("dry-run", "strict"):
        refused("clone", "src", "--mode", mode, "--name", "no", "--linked", reason="SnapshotNeeded")
    assert sorted(os.listdir(folder)) == before


@harness.test
def a_linked_clone_keeps_its_snapshot_and_runs():
    make_linked()
    assert "/.vmsnap/" in backing(DISK), backing(DISK)
    refused("snapshot", "delete", "s1", reason="InUse")
    bed.vm("copy").start(paused=True)
    refused("flatten", "copy", reason="VirtualMachineRuns")
    refused("snapshot", "delete", "s1", reason="InUse")
    bed.vm("copy").destroy()
    assert is_whole()
    vmsnap("snapshot", "verify", "s1", check=0)
    xml = bed.vm("copy").virsh("dumpxml", "--inactive")
    bed.vm("copy").undefine()
    refused("snapshot", "delete", "s1", reason="InUse")
    bed.define_xml(xml, "copy")


@harness.test
def a_full_clone_of_a_linked_one_depends_on_nothing():
    vmsnap("clone", "copy", "--mode", "strict", "--name", "second", check=0)
    second = f"{folder}/second-vda.qcow2"
    assert says(second, "s", 1) and says(second, "c", 2) and backing(second) is None
    bed.vm("second").undefine()
    os.unlink(second)


@harness.test
def a_flattening_may_die_anywhere():
    driver = harness.built("tests/integration/crash-driver")
    done = subprocess.run([driver, "0", "flatten", "copy"], check=True, capture_output=True,
                          text=True)
    points = int(done.stdout.split()[0])
    assert backing(DISK) is None and is_whole()
    drop()
    chosen = range(1, points + 1)
    if not os.environ.get("VMS_LONG"):
        chosen = sorted(harness.RNG.sample(chosen, min(CHOICE, points)))
    make_linked()
    ends = set()
    for point in chosen:
        died = subprocess.run([driver, str(point), "flatten", "copy"], check=False)
        assert died.returncode == -9, (point, died)
        reply = vmsnap("recover", check=0)
        assert is_whole(), (point, reply)
        ends.add(backing(DISK) is None)
        assert len(glob.glob(f"{folder}/.vmsnap/*")) == 1, (point, reply)
        bed.vm("copy").start(paused=True)
        bed.vm("copy").destroy()
        if backing(DISK) is None:
            drop()
            make_linked()
    print(f"# died at {len(chosen)} of {points} points, ends seen: {ends}")


@harness.test
def a_flattened_clone_sets_its_snapshot_free():
    reply = vmsnap("flatten", "copy", check=0)
    assert (reply.json["type"], reply.json["phase"]) == ("flatten", "Completed"), reply
    assert backing(DISK) is None and is_whole()
    vmsnap("flatten", "copy", check=0)
    vmsnap("snapshot", "delete", "s1", check=0)
    assert not glob.glob(f"{folder}/.vmsnap*"), os.listdir(folder)
    bed.vm("copy").start(paused=True)
    bed.vm("copy").destroy()
    assert is_whole()


harness.main()
