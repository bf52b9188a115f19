#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A clone that is killed, cancelled or meets somebody else at any of its points, on real libvirt.

Afterwards all of the clone is there, or nothing of it: no file, no folder, no VM, no snapshot of
its own, nothing open; its source is what it was, to the byte; and the same clone can be made. What
others put in its way is theirs and stays. CI takes a random choice of the points, VMS_LONG=1 all.
"""

import contextlib
import hashlib
import os
import signal
import subprocess
import time

import harness
import scenes

bed = harness.bed(install=True)
import clone_scenes  # noqa: E402  pylint: disable=wrong-import-position
from bed_libvirt import wait_until  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
SWTPM = clone_scenes.SWTPM
FOREIGN = b"somebody else's\n"


def fingerprint(path):
    """What a file is: which one, whose, and what is in it."""
    stat = os.lstat(path)
    digest = None
    if os.path.isfile(path):
        with open(path, "rb") as handle:
            digest = hashlib.sha256(handle.read()).hexdigest()
    return stat.st_ino, stat.st_mode, stat.st_uid, stat.st_gid, digest


def files_below(*folders):
    """All files and folders with what they are; a folder by its name."""
    found = {}
    for folder in folders:
        for parent, inner, files in os.walk(folder):
            found.update({os.path.join(parent, name): None for name in inner})
            paths = [os.path.join(parent, name) for name in files]
            found.update({path: fingerprint(path) for path in paths})
    return found


class Source:
    """What is cloned: a VM that is off, with disks in two formats, firmware, a TPM and cloud-init
    media."""

    def __init__(self, name):
        self.name = name
        self.folder = bed.storage("xfs", 1024)
        self.disks = [bed.make_disk(f"{self.folder}/root.qcow2", fs="ext4", size_mb=32),
                      bed.make_disk(f"{self.folder}/data.raw", fs=None, size_mb=8)]
        os_xml = (f"<loader readonly='yes' type='pflash'>{clone_scenes.CODE}</loader>"
                  f"<nvram template='{clone_scenes.TEMPLATE}'>"
                  f"{self.folder}/{name}_VARS.fd</nvram>")
        seed = clone_scenes.make_seed(f"{self.folder}/{name}.iso", name)
        drive = {"path": seed, "device": "cdrom", "bus": "sata", "readonly": True}
        self.vm = bed.define_vm(name, [*self.disks, drive], os_xml=os_xml, devices=clone_scenes.TPM)
        self.vm.start(paused=True)  # makes NVRAM and TPM state
        self.vm.destroy()
        self.shot = vmsnap("snapshot", "create", name, f"{name}.old", check=0).json

    def look(self):
        """All that a clone may not change, and all that it makes."""
        found = files_below(self.folder, SWTPM)
        names = bed.virsh("list", "--all", "--name").stdout.split()
        found["VMs"] = sorted(names)
        found["XML"] = self.vm.virsh("dumpxml", "--inactive", "--security-info")
        shots = vmsnap("snapshot", "list", check=0).json["items"]
        found["snapshots"] = sorted(shot["name"] for shot in shots)
        return found


def difference(before, after):
    """What two looks do not have in common, for a message."""
    return {key: (before.get(key, "-"), after.get(key, "-")) for key in {*before, *after}
            if before.get(key, "-") != after.get(key, "-")}


def forget(name):
    """Removes a VM and all that it has."""
    vm = bed.vm(name)
    tree = vm.xml(inactive=True)
    vm.destroy()
    bed.virsh("undefine", name, "--nvram", "--tpm", check=False)
    for path in filter(None, vm_paths(tree)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    state = f"{SWTPM}/{tree.findtext('uuid')}"
    subprocess.run(["rm", "-rf", state], check=True)


def vm_paths(tree):
    """The files of a configuration."""
    return [each.get("file") for each in tree.iterfind("devices/disk/source")] + [
        tree.findtext("os/nvram")]


def check_clone(name):
    """It is whole."""
    tree = bed.vm(name).xml(inactive=True)
    for path in filter(None, vm_paths(tree)):
        assert os.path.isfile(path) and name in os.path.basename(path), path
    if tree.find("devices/tpm") is not None:
        assert os.path.isfile(f"{SWTPM}/{tree.findtext('uuid')}/tpm2/tpm2-00.permall")


def driver(point, *words):
    """Starts an operation that meets its fate at the point."""
    program = harness.built("tests/integration/crash-driver")
    return subprocess.Popen([program, str(point), *words], stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def drive(point, *words):
    """Runs it to its end; returns (exit code, points passed, error)."""
    process = driver(point, *words)
    out, err = process.communicate(timeout=120)
    passed = int(out.split()[0]) if process.returncode == 0 else None
    return process.returncode, passed, err


def some(count, most):
    """Which points."""
    if scenes.LONG or count <= most:
        return range(1, count + 1)
    return sorted(harness.RNG.sample(range(1, count + 1), most))


def recover(point):
    """recover, itself killed on the way at every third point; it leaves nothing to do."""
    if point % 3 == 0:
        drive(harness.RNG.randrange(1, 12), "recover")
    acts = vmsnap("recover", check=0).json["acts"]
    assert all(act["act"] not in ("failed", "skipped") for act in acts), acts
    assert vmsnap("recover", check=0).json["acts"] == []
    return [act["act"] for act in acts]


def settle(before, look, name, words):
    """All of it is there or nothing; then it can be made. TRUE: it was there."""
    there = name in look()["VMs"]
    if not there:
        assert not difference(before, look()), difference(before, look())
        vmsnap("clone", *words, "--mode", "strict", "--name", name, check=0)
    check_clone(name)
    forget(name)
    assert not difference(before, look()), difference(before, look())
    return there


def tally(label, outcomes, count):
    """Prints what became of it, by how often."""
    kinds = {each: outcomes.count(each) for each in sorted(set(outcomes))}
    harness.figure(f"{label}: {len(outcomes)} of {count} points: {kinds}")


source = Source("src")
WORDS = {"clone": [source.name], "clone-snapshot": ["--from-snapshot", source.shot["name"]],
         "clone-linked": ["--from-snapshot", source.shot["name"], "--linked"]}


def subject(act):
    """What the driver clones."""
    return source.name if act == "clone" else source.shot["name"]


def count_points(act):
    """How many a clone passes when nothing happens."""
    for _ in range(2):  # the first one makes folders that then stay
        code, count, err = drive(0, act, subject(act), "copy")
        assert code == 0, err
        forget("copy")
    return count


def dies(act, most):
    """Kills it at its points."""
    before, count = source.look(), count_points(act)
    outcomes = []
    for point in some(count, most):
        assert drive(point, act, subject(act), "copy")[0] == -signal.SIGKILL, point
        acts = recover(point)
        there = settle(before, source.look, "copy", WORDS[act])
        outcomes.append(" ".join(acts) + (" whole" if there else ""))
    tally(f"{act} killed", outcomes, count)


@harness.test
def a_clone_dies_at_each_point():
    dies("clone", 5)


@harness.test
def a_clone_of_a_snapshot_dies_at_each_point():
    dies("clone-snapshot", 2)


@harness.test
def a_linked_clone_dies_at_each_point():
    dies("clone-linked", 2)


@harness.test
def a_clone_is_cancelled_at_each_point():
    """It goes back by itself, or was past the point of no return."""
    before, count = source.look(), count_points("clone")
    outcomes = []
    for point in some(count, 4):
        code, _, err = drive(f"~{point}", "clone", source.name, "copy")
        assert code == 0 or err.startswith("Cancelled"), (point, code, err)
        assert vmsnap("recover", check=0).json["acts"] == [], point
        there = settle(before, source.look, "copy", WORDS["clone"])
        assert there == (code == 0), (point, code)
        outcomes.append("whole" if there else "cancelled")
    tally("clone cancelled", outcomes, count)


@harness.test
def a_clone_is_interrupted_at_any_moment():
    """As by a user's ^C."""
    before, outcomes = source.look(), []
    for _ in range(40 if scenes.LONG else 1):
        process = harness.spawn("clone", source.name, "--mode", "strict", "--name", "copy")
        time.sleep(harness.RNG.uniform(0.02, 0.25))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert vmsnap("recover", check=0).json["acts"] == []
        there = settle(before, source.look, "copy", WORDS["clone"])
        assert there or process.returncode != 0, process.returncode
        outcomes.append("whole" if there else "cancelled")
    harness.note(f"interrupted: {outcomes}")


# ---- what others put in its way ----

@contextlib.contextmanager
def held_at(point):
    """A clone that stands still at that point, and goes on afterwards; it must fail cleanly."""
    process = driver(f"={point}", "clone", source.name, "copy")
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), status
    yield
    os.kill(process.pid, signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1, (process.returncode, err)
    assert vmsnap("recover", check=0).json["acts"] == []


@contextlib.contextmanager
def killed_at(point):
    """A clone that died at that point, and is recovered afterwards."""
    assert drive(point, "clone", source.name, "copy")[0] == -signal.SIGKILL, point
    yield
    assert recover(1) == ["rolled-back"]


def put_file(path):
    """Somebody's file under that name, whatever was there."""
    with open(f"{path}.theirs", "wb") as handle:
        handle.write(FOREIGN)
    os.rename(f"{path}.theirs", path)


def placed():
    """The clone's files by the names that they will have, disks first."""
    return [f"{source.folder}/copy-vda.qcow2", f"{source.folder}/copy-vdb.raw"]


def file_in_the_way(meeting, point, path):
    """It is as it was put there; then it goes, and the clone can be made."""
    before = source.look()
    with meeting(point):
        put_file(path)
        theirs = fingerprint(path)
    assert fingerprint(path) == theirs, path
    reply = vmsnap("clone", source.name, "--mode", "strict", "--name", "copy")
    assert reply.code != 0 and fingerprint(path) == theirs, reply
    os.unlink(path)
    assert not settle(before, source.look, "copy", WORDS["clone"])


@harness.test
def a_foreign_file_is_never_overwritten_nor_removed():
    """Before the clone's files get their names, and in place of one that has it."""
    file_in_the_way(held_at, "clone-made", placed()[1])
    file_in_the_way(killed_at, "clone-made", placed()[1])
    file_in_the_way(killed_at, "clone-define", placed()[0])


def vm_in_the_way(meeting, point):
    """A VM of the clone's name: it stays as it was defined."""
    before = source.look()
    with meeting(point):
        theirs = bed.define_vm("copy", [])
        xml = theirs.virsh("dumpxml", "--inactive")
    assert theirs.virsh("dumpxml", "--inactive") == xml
    reply = vmsnap("clone", source.name, "--mode", "strict", "--name", "copy")
    assert reply.code == 3 and theirs.virsh("dumpxml", "--inactive") == xml, reply
    theirs.undefine()
    assert not settle(before, source.look, "copy", WORDS["clone"])


@harness.test
def a_foreign_vm_is_never_redefined_nor_removed():
    vm_in_the_way(held_at, "clone-define")
    vm_in_the_way(killed_at, "clone-made")
    vm_in_the_way(killed_at, "clone-define")


@harness.test
def a_foreign_file_keeps_the_folder_that_a_clone_made():
    before = source.look()
    known = set(os.listdir(SWTPM))
    with killed_at("clone-define"):
        folder, = set(os.listdir(SWTPM)) - known
        path = f"{SWTPM}/{folder}/theirs"
        put_file(path)
    with open(path, "rb") as handle:
        assert handle.read() == FOREIGN
    subprocess.run(["rm", "-r", f"{SWTPM}/{folder}"], check=True)
    assert not settle(before, source.look, "copy", WORDS["clone"])


# ---- a VM that runs ----

@harness.test
def a_clone_of_a_running_vm_dies_at_each_point():
    """Or is cancelled: its guest goes on, and the snapshot that was taken for the clone is gone."""
    scene = scenes.Scene(bed, "live", "xfs", ("ext4",), storage_mb=1024, size_mb=64,
                         load=False).start()
    for _ in range(2):  # the first one makes folders that then stay
        code, count, err = drive(0, "clone", "live", "copy")
        assert code == 0, err
        forget("copy")

    def look():
        names = bed.virsh("list", "--all", "--name").stdout.split()
        return {"VMs": sorted(names), "files": sorted(files_below(scene.folder)),
                "snapshots": vmsnap("snapshot", "list", check=0).json["items"]}

    before, outcomes = look(), []
    for point in some(count, 2):
        fate = harness.RNG.choice(("", "~"))
        code = drive(f"{fate}{point}", "clone", "live", "copy")[0]
        assert fate or code == -signal.SIGKILL, point
        wait_until(lambda: not scenes.guards() and not scene.vm.frozen(), 30, "the guard thaws")
        acts = ["cancelled"] * (fate == "~") + recover(point)
        assert code < 0 or len(acts) == 1, (point, acts)
        scenes.check_at_rest(scene)
        there = settle(before, look, "copy", ["live"])
        outcomes.append(" ".join(acts) + (" whole" if there else ""))
    tally("clone of a running VM killed", outcomes, count)
    scene.end()


harness.main()
