#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a restore is for: old data is back, the newest is gone, and undo brings it back.

On ext4, XFS and btrfs, raw and qcow2, with one disk and with four. A VM that runs is asked in its
guest, one on each host file system; of the others the images are read. VMS_LONG=1 boots all.
"""

import subprocess

import harness
import scenes

bed = harness.bed(install=True)

vmsnap = harness.vmsnap
STORAGES = ("ext4", "xfs", "btrfs")
RUNNING = {("ext4", "qcow2", 4), ("xfs", "raw", 4), ("btrfs", "qcow2", 1)}
CELLS = [(storage, kind, count) for storage in STORAGES for kind in ("raw", "qcow2")
         for count in (1, 4)]
FOLDERS = {}
PLACES = {"changed": 2 << 20, "added": 5 << 20}  # in images that hold no file system
DONE = []


def folder_on(storage):
    """One file system for all cells that are off."""
    if storage not in FOLDERS:
        FOLDERS[storage] = bed.storage(storage, 1024)
    return FOLDERS[storage]


class OffVm:
    """Marks lie in the images themselves."""

    def __init__(self, name, storage, kind, count):
        self.kind, self.folder = kind, folder_on(storage)
        self.disks = [bed.make_disk(f"{self.folder}/{name}-{number}.{kind}", fs=None, size_mb=16)
                      for number in range(count)]
        self.vm = bed.define_vm(name, self.disks)

    def _io(self, disk, command):
        done = subprocess.run(["qemu-io", "-f", self.kind, "-c", command, disk], check=False,
                              capture_output=True, text=True)
        return done.returncode == 0 and "failed" not in done.stdout

    def mark(self, place, word):
        """Leaves the word on every disk."""
        for number, disk in enumerate(self.disks):
            assert self._io(disk, f"write -q -P {ord(word[0]) + number} {PLACES[place]} 64k")

    def read(self, place, words):
        """The word that all disks hold there, None for none at all."""
        found = set()
        for number, disk in enumerate(self.disks):
            for word in words:
                code = ord(word[0]) + number if word else 0
                if self._io(disk, f"read -q -P {code} {PLACES[place]} 64k"):
                    found.add(word)
        assert len(found) == 1, f"{place}: {found}"
        return found.pop()

    def state(self):
        """Must stay what it is."""
        return self.vm.state()

    def end(self):
        """Forgets the VM."""
        self.vm.undefine()


class RunningVm:
    """Marks are files in the guest's file systems."""

    def __init__(self, name, storage, kind, count):
        self.scene = scenes.Scene(bed, name, storage, ("ext4",) * count, load=False, size_mb=64,
                                  storage_mb=1400, suffixes=(kind,)).start()
        self.vm, self.folder = self.scene.vm, self.scene.folder
        self.mounts = [f"/mnt/{target}" for target in sorted(self.vm.disks())]

    def mark(self, place, word):
        """Leaves the word in every file system."""
        lines = [f"echo {word} >{mount}/{place}" for mount in self.mounts]
        self.vm.exec(["sh", "-c", " && ".join([*lines, "sync"])])

    def read(self, place, words):
        """The word that all file systems hold in that file, None for no file at all."""
        self.vm.wait_agent()
        script = "; ".join(f"cat {mount}/{place} 2>/dev/null || echo none"
                           for mount in self.mounts)
        found = set(self.vm.exec(["sh", "-c", script]).split())
        assert len(found) == 1, f"{place}: {found}"
        word = found.pop()
        return None if word == "none" else word

    def state(self):
        """Must stay what it is."""
        return self.vm.state()

    def end(self):
        """Forgets the VM."""
        self.scene.end()


def check(vm, changed, added, state):
    """What the VM holds, on all of its disks."""
    words = ("old", "new")
    assert vm.read("changed", words) == changed, changed
    assert vm.read("added", (*words, None)) == added, added
    assert vm.state() == state, vm.state()


def live(storage, kind, count, kind_of_vm):
    """Snapshot, newer data, restore, undo, restore, delete."""
    name = f"{storage}-{kind}-{count}"
    vm = kind_of_vm(name, storage, kind, count)
    state = vm.state()
    vm.mark("changed", "old")
    vmsnap("snapshot", "create", name, name, check=0)
    vm.mark("changed", "new")
    vm.mark("added", "new")
    done = vmsnap("restore", name, name, "--mode", "strict", check=0).json
    check(vm, "old", None, state)
    vmsnap("undo", done["uuid"], check=0)
    check(vm, "new", "new", state)
    done = vmsnap("restore", name, name, "--mode", "strict", check=0).json
    check(vm, "old", None, state)
    vmsnap("undo", done["uuid"], check=0)
    check(vm, "new", "new", state)
    vmsnap("snapshot", "delete", name, check=0)
    assert scenes.left_in_hands() == [], scenes.left_in_hands()
    assert scenes.left_beside(vm.folder) == [], scenes.left_beside(vm.folder)
    vm.end()
    DONE.append(name)


def register(storage, kind, count):
    """One cell as a test of its own."""
    running = scenes.LONG or (storage, kind, count) in RUNNING

    def cell():
        live(storage, kind, count, RunningVm if running else OffVm)
    cell.__name__ = f"{storage}_{kind}_{count}_disks_{'running' if running else 'off'}"
    harness.test(cell)


for each in CELLS:
    register(*each)


@harness.test
def told():
    """The figure of the run."""
    harness.figure(f"marker test: {len(DONE)} of {len(CELLS)} cells, old data back, newest gone, "
                   f"undo brings it back")


harness.main()
