#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The owner dies at each of its side effects in turn, and recover makes it whole or undone.

A build with crash points counts every side effect on files and records; crash-driver dies at the
n-th of them. CI takes a random choice of the points, VMS_LONG=1 all of them.
"""

import os
import subprocess
import time

import harness
import scenes

bed = harness.bed(install=True)
from bed_libvirt import wait_until  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
CHOICE = 6  # points of each operation in CI
AT = 1 << 20


class Vm:
    """A VM that is off, its disks holding a word each, its configuration a title."""

    def __init__(self, name, storage, suffix):
        self.name = name
        self.folder = bed.storage(storage, 1024)
        self.disks = [bed.make_disk(f"{self.folder}/d{n}.{suffix}", fs=None, size_mb=8)
                      for n in range(2)]
        self.kind = "qcow2" if suffix == "qcow2" else "raw"
        self.vm = bed.define_vm(name, self.disks)
        self.set("old")

    def set(self, word):
        """Puts the whole VM into the state of that word."""
        for disk in self.disks:
            subprocess.run(["qemu-io", "-f", self.kind, "-c", f"write -q -P {ord(word[0])} {AT} 64k",
                            disk], check=True, stdout=subprocess.DEVNULL)
        self.vm.virsh("desc", "--config", "--title", word)

    def _says(self, disk, word):
        done = subprocess.run(["qemu-io", "-r", "-f", self.kind, "-c",
                               f"read -q -P {ord(word[0])} {AT} 64k", disk], check=False,
                              capture_output=True, text=True)
        return done.returncode == 0 and "failed" not in done.stdout

    def state(self):
        """The word that all of it says; a mix is a failure."""
        words = {word for word in ("old", "new") for disk in self.disks if self._says(disk, word)}
        words.add(self.vm.xml(inactive=True).findtext("title"))
        assert len(words) == 1, f"neither old nor new: {words}"
        assert self.vm.state() == "shut off"
        return words.pop()


def machine(test):
    """A VM for a test that needs none to run."""
    return Vm(test, "xfs", "qcow2")


def drive(point, *words):
    """Runs an operation that dies at the point; returns (killed, points passed, UUID)."""
    driver = harness.built("tests/integration/crash-driver")
    done = subprocess.run([driver, str(point), *words], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL, timeout=120)
    if done.returncode == -9:
        return True, point, None
    assert done.returncode == 0, done
    passed, uuid = done.stdout.split()
    return False, int(passed), uuid


def points(count):
    """Which points to die at."""
    if scenes.LONG or count <= CHOICE:
        return range(1, count + 1)
    return sorted(harness.RNG.sample(range(1, count + 1), CHOICE))


def recover(point):
    """recover, itself killed on the way at every third point; then it must find nothing more."""
    killed = False
    if point % 3 == 0:
        killed = drive(harness.RNG.randrange(1, 12), "recover")[0]
    acts = vmsnap("recover", check=0).json["acts"]
    assert all(act["act"] not in ("failed", "skipped") for act in acts), acts
    assert vmsnap("recover", check=0).json["acts"] == []
    assert scenes.left_in_hands() == [], scenes.left_in_hands()
    return ["killed"] * killed + [act["act"] for act in acts]


def find(name):
    """The snapshot's document if it holds its name."""
    reply = vmsnap("snapshot", "show", name)
    return reply.json if reply.code == 0 and reply.json["phase"] != "Failed" else None


def check_left(vm, *owners):
    """Nothing but these is left beside the disks."""
    left = scenes.left_beside(vm.folder, [each for each in owners if each])
    assert left == [], left


def tally(label, outcomes, count):
    """Prints what recover did, by how often."""
    kinds = {each: outcomes.count(each) for each in sorted(set(outcomes))}
    harness.note(f"{label}: {len(outcomes)} of {count} points: {kinds}")


@harness.test
def create_dies_at_each_point():
    """A snapshot is there as a whole or not at all; its name is free or held accordingly."""
    vm = machine("create")
    for _ in range(2):  # the first one makes folders that then stay
        count = drive(0, "create", vm.name, "c")[1]
        vmsnap("snapshot", "delete", "c", check=0)
    outcomes = []
    for point in points(count):
        assert drive(point, "create", vm.name, "c")[0], point
        acts = recover(point)
        shot = find("c")
        check_left(vm, shot)
        assert vm.state() == "old"
        outcomes.append(" ".join(acts) + (" Ready" if shot else ""))
        vmsnap("snapshot", "create", vm.name, "c", check=3 if shot else 0)
        vmsnap("snapshot", "verify", "c", check=0)
        vmsnap("snapshot", "delete", "c", check=0)
        check_left(vm)
    tally("create", outcomes, count)


@harness.test
def delete_dies_at_each_point():
    """A snapshot that began to go is gone; one that did not is whole."""
    vm = machine("delete")
    vmsnap("snapshot", "create", vm.name, "d", check=0)
    count = drive(0, "delete", "d")[1]
    outcomes = []
    for point in points(count):
        if not find("d"):
            vmsnap("snapshot", "create", vm.name, "d", check=0)
        assert drive(point, "delete", "d")[0], point
        acts = recover(point)
        shot = find("d")
        if shot:
            vmsnap("snapshot", "verify", "d", check=0)
        check_left(vm, shot)
        outcomes.append(" ".join(acts) + (" Ready" if shot else ""))
    tally("delete", outcomes, count)
    if find("d"):
        vmsnap("snapshot", "delete", "d", check=0)


def undo_sets():
    """Restores that can be taken back."""
    return vmsnap("undo", "list", check=0).json["items"]


def restore_dies(vm, shot):
    """Kills the restore of a snapshot that says old, of a VM that says new."""
    name = shot["name"]
    vm.set("new")
    _, count, uuid = drive(0, "restore", name)
    assert vm.state() == "old"
    vmsnap("undo", uuid, check=0)
    outcomes = []
    for point in points(count):
        assert vm.state() == "new"
        assert drive(point, "restore", name)[0], point
        acts = recover(point)
        state, sets = vm.state(), undo_sets()
        assert len(sets) == (state == "old"), (state, sets)
        check_left(vm, shot, *sets)
        outcomes.append(" ".join(acts) + " " + state)
        if state == "new":
            vmsnap("restore", vm.name, name, "--mode", "strict", check=0)
            sets = undo_sets()
        vmsnap("undo", sets[0]["uuid"], check=0)
        check_left(vm, shot)
    tally(f"restore from {shot['disks'][0]['method']}", outcomes, count)
    vmsnap("snapshot", "verify", name, check=0)
    vmsnap("snapshot", "delete", name, check=0)
    check_left(vm)


@harness.test
def restore_dies_at_each_point():
    """All old or all new, configuration included; then the same restore works, and its undo."""
    vm = machine("restore")
    restore_dies(vm, vmsnap("snapshot", "create", vm.name, "r", check=0).json)


@harness.test
def restore_in_another_format_dies_at_each_point():
    """The image is raw, the disk qcow2: made anew by a program that must not outlive us."""
    vm = Vm("remade", "ext4", "qcow2")
    vm.vm.start()
    shot = vmsnap("snapshot", "create", vm.name, "m", "--consistency", "skip", check=0).json
    assert {disk["method"] for disk in shot["disks"]} == {"backup"}, shot
    vm.vm.destroy()
    restore_dies(vm, shot)


@harness.test
def undo_dies_at_each_point():
    """Taken back as a whole or not at all; then it can be done again."""
    vm = machine("undo")
    vm.set("old")
    shot = vmsnap("snapshot", "create", vm.name, "u", check=0).json
    vm.set("new")
    done = vmsnap("restore", vm.name, "u", "--mode", "strict", check=0).json
    count = drive(0, "undo", done["uuid"])[1]
    outcomes = []
    for point in points(count):
        if vm.state() == "new":
            done = vmsnap("restore", vm.name, "u", "--mode", "strict", check=0).json
        assert drive(point, "undo", done["uuid"])[0], point
        acts = recover(point)
        state, sets = vm.state(), undo_sets()
        assert len(sets) == (state == "old"), (state, sets)
        check_left(vm, shot, *sets)
        outcomes.append(" ".join(acts) + " " + state)
    tally("undo", outcomes, count)
    for each in undo_sets():
        vmsnap("undo", each["uuid"], check=0)
    vmsnap("snapshot", "delete", "u", check=0)
    check_left(vm)


def word_of(vm):
    """What the running guest says after it came up; it must stay up."""
    assert vm.state() == "running", vm.state()
    vm.wait_agent()
    time.sleep(1)
    assert vm.state() == "running", vm.state()
    return vm.read_file("/mnt/vda/word").decode()


def restore_and_undo_of_a_running_vm_die():
    """The VM is stopped and started on the way: it always runs in the end."""
    scene = scenes.Scene(bed, "back", "xfs", ("ext4",), load=False, size_mb=96).start()
    vm = scene.vm
    vm.write_file("/mnt/vda/word", "old")
    vm.exec(["sync"])
    shot = vmsnap("snapshot", "create", "back", "back.old", check=0).json
    vm.write_file("/mnt/vda/word", "new")
    vm.exec(["sync"])
    _, restoring, uuid = drive(0, "restore", "back.old")
    assert word_of(vm) == "old"
    undoing = drive(0, "undo", uuid)[1]
    outcomes = []
    for point in range(2, max(restoring, undoing), 3):
        sets, state = undo_sets(), word_of(vm)
        assert len(sets) == (state == "old"), (sets, state)
        words = ["undo", sets[0]["uuid"]] if sets else ["restore", "back.old"]
        killed = drive(point, *words)[0]
        acts = recover(point)
        after = word_of(vm)
        scenes.check_at_rest(scene, [shot, *undo_sets()])
        outcomes.append(f"{words[0]}{'' if killed else ' done'} {' '.join(acts)} {after}")
        if after == state:  # the same once more
            assert drive(0, *words)[0] is False
    tally("running restore and undo", outcomes, restoring + undoing)
    scene.end()


if scenes.LONG:  # boots a guest after each point
    harness.test(restore_and_undo_of_a_running_vm_die)


def running_dies(storage, method):
    """The same while the guest runs and is frozen: the guard thaws, recover does the rest."""
    scene = scenes.Scene(bed, f"points-{storage}", storage, storage_mb=2048, size_mb=128,
                         beat=True).start()
    beat = scene.vm.beat()
    for _ in range(2):  # as above
        count = drive(0, "create", scene.name, "live")[1]
        shot = find("live")
        assert {disk["method"] for disk in shot["disks"]} == {method}, shot
        vmsnap("snapshot", "delete", "live", check=0)
    outcomes, thawed = [], []
    for point in points(count):
        assert drive(point, "create", scene.name, "live")[0], point
        thawed.append(beat.resumed_after(time.monotonic(), 18))
        wait_until(lambda: scenes.left_in_hands() == [] or not scenes.guards(), 10, "the guard ends")
        assert not scene.vm.frozen() and not scenes.has_backup_job(scene.vm)
        acts = recover(point)
        shot = find("live")
        scenes.check_at_rest(scene, [shot] if shot else [])
        outcomes.append(" ".join(acts) + (" Ready" if shot else ""))
        if shot:
            vmsnap("snapshot", "verify", "live", check=0)
            vmsnap("snapshot", "delete", "live", check=0)
    shot = vmsnap("snapshot", "create", scene.name, "live", check=0).json
    scenes.check_frozen_evidence(shot, scene)
    vmsnap("snapshot", "delete", "live", check=0)
    tally(f"create by {method}", outcomes, count)
    scenes.say("writes again after", thawed)
    beat.close()
    scene.end()


@harness.test
def create_by_reflink_dies_at_each_point():
    """Clones made while the guest stands still."""
    running_dies("xfs", "reflink")


@harness.test
def create_by_backup_dies_at_each_point():
    """Scratch, socket, job."""
    running_dies("ext4", "backup")


harness.main()
