#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that are block devices: snapshots of them go to a store, a restore rewrites them in place."""

import hashlib
import os
import subprocess
import tempfile

import harness

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position

import scenes  # noqa: E402  pylint: disable=wrong-import-position
vmsnap = harness.vmsnap
MIB = 1 << 20
CHOICE = 2  # points of each operation in CI


class Device:
    """A loop device; it goes with this process, whatever ends it."""

    def __init__(self, image):
        self.path = bed_storage.run(["losetup", "-f", "--show", image]).strip()
        self.handle = os.open(self.path, os.O_RDONLY)
        bed_storage.run(["losetup", "-d", self.path])  # when the last one has closed it
        os.unlink(image)

    def digest(self, size=None):
        """sha256 of all of it, or of its beginning."""
        done = hashlib.sha256()
        with open(self.path, "rb") as handle:
            while size is None or size > 0:
                piece = handle.read(MIB if size is None else min(MIB, size))
                if not piece:
                    break
                done.update(piece)
                size = None if size is None else size - len(piece)
        return done.hexdigest()

    def write(self, at, text):
        """As somebody would who has it open."""
        with open(self.path, "r+b") as handle:
            handle.seek(at)
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())

    def close(self):
        os.close(self.handle)


def device(fs="ext4", size_mb=64):
    """One with a file system on it."""
    handle, path = tempfile.mkstemp(dir=bed_storage.backing_dir(), prefix="vmsnap-bed-")
    os.close(handle)
    os.truncate(path, size_mb << 20)
    if fs:
        bed_storage.make_fs(path, fs)
    return Device(path)


def file_digest(path):
    with open(path, "rb") as handle:
        return hashlib.sha256(handle.read()).hexdigest()


def conflicts(reply):
    return {item["reason"]: item for item in reply.json["resources"]
            if item["severity"] == "conflict"}


@harness.test
def off_it_is_copied_into_the_store():
    """Its file systems are looked into, its file is told apart, verify and check know it."""
    disk = device()
    store = bed.storage("xfs", 512)
    vm = bed.define_vm("off", [{"path": disk.path, "format": "raw"}])
    told = vmsnap("check", "off", check=0).json
    assert told["disks"][0]["method"] == "copy" and told["disks"][0]["space"]["free"] == 0, told
    refused = vmsnap("snapshot", "create", "off", "off.s", check=2).json
    assert refused["error"]["reason"] == "StoreNeeded", refused
    shot = vmsnap("snapshot", "create", "off", "off.s", "--store", store, check=0).json
    stored = shot["disks"][0]
    assert (shot["consistency"], stored["method"], stored["format"]) == ("offline", "copy", "raw")
    assert stored["path"].startswith(store) and file_digest(stored["path"]) == disk.digest()
    assert os.stat(stored["path"]).st_blocks * 512 < 16 * MIB, "zeros are holes"
    assert [state["type"] for state in shot["evidence"]["filesystem_state"]] == ["ext4"], shot
    vmsnap("snapshot", "verify", "off.s", check=0)
    vmsnap("snapshot", "delete", "off.s", check=0)
    assert os.listdir(store) in ([], ["lost+found"]), os.listdir(store)

    done = vmsnap("disk-snapshot", "create", "off/vda", "one.s", "--store", store, check=0).json
    assert done["consistency"] == "offline", done
    vmsnap("disk-snapshot", "delete", "one.s", check=0)
    vm.undefine()
    vmsnap("disk-snapshot", "create", disk.path, "alone.s", check=2)
    done = vmsnap("disk-snapshot", "create", disk.path, "alone.s", "--store", store, check=0).json
    assert file_digest(done["disks"][0]["path"]) == disk.digest(), done
    refused = vmsnap("disk", "restore", "alone.s", "--to", disk.path).json
    assert "/dev" in refused["error"]["message"], refused
    vmsnap("disk-snapshot", "delete", "alone.s", check=0)
    disk.close()


@harness.test
def what_the_host_does_with_it_is_seen():
    """Mounted, or open in another process: nobody knows what is on it."""
    disk = device()
    store = bed.storage("xfs", 512)
    vm = bed.define_vm("busy", [{"path": disk.path, "format": "raw"}])
    folder = f"{store}/mounted"
    os.mkdir(folder)
    bed_storage.run(["mount", disk.path, folder])
    refused = vmsnap("snapshot", "create", "busy", "busy.s", "--store", store).json
    assert f"file system at {folder}" in refused["error"]["message"], refused
    bed_storage.run(["umount", folder])
    with open(disk.path, "r+b"):
        refused = vmsnap("snapshot", "create", "busy", "busy.s", "--store", store).json
        assert f"process {os.getpid()} " in refused["error"]["message"], refused
    vmsnap("snapshot", "create", "busy", "busy.s", "--store", store, check=0)
    vmsnap("snapshot", "delete", "busy.s", check=0)
    vm.undefine()
    disk.close()


class Stage:
    """A VM that is off, its disk a device marked 1 in its snapshot and 2 now. It knows the device by
    a link, as one of LVM."""

    def __init__(self, name, size_mb=8):
        self.name = name
        self.path = f"/dev/vg-{name}"
        self.disk = device(None, size_mb)
        os.symlink(self.disk.path, self.path)
        self.store = bed.storage("ext4", 256)
        self.vm = bed.define_vm(name, [{"path": self.path, "format": "raw"}])
        self.disk.write(MIB, b"1" * 65536)
        self.old = self.disk.digest()
        vmsnap("snapshot", "create", name, f"{name}.s", "--store", self.store, check=0)
        self.disk.write(MIB + 32768, b"2" * 65536)
        self.new = self.disk.digest()
        self.xml = sorted(self.vm.virsh("dumpxml", "--inactive").split("\n"))

    def restore(self, *options, check=0):
        return vmsnap("restore", self.name, f"{self.name}.s", "--mode", "strict", *options,
                      check=check).json

    def dry(self, check=3):
        """Reasons of what stands against a restore, and of what is told."""
        seen = vmsnap("restore", self.name, f"{self.name}.s", "--mode", "dry-run", check=check).json
        return {item["reason"]: item for item in seen["resources"] if item["reason"]}

    def link(self, disk):
        """The name leads to another device."""
        os.unlink(self.path)
        os.symlink(disk.path, self.path)

    def left(self):
        """What operations left in the store besides the snapshot."""
        return [name for name in os.listdir(f"{self.store}/.vmsnap")
                if not os.path.exists(f"{self.store}/.vmsnap/{name}/snapshot.json")]

    def is_old(self):
        """True for the snapshot's state, False for the one before; anything else is a failure."""
        digest = self.disk.digest()
        assert digest in (self.old, self.new), "neither old nor new"
        assert sorted(self.vm.virsh("dumpxml", "--inactive").split("\n")) == self.xml
        assert self.vm.state() == "shut off"
        return digest == self.old

    def end(self):
        vmsnap("snapshot", "delete", f"{self.name}.s", check=0)
        assert not os.path.exists(f"{self.store}/.vmsnap"), os.listdir(f"{self.store}/.vmsnap")
        self.vm.undefine()
        self.disk.close()
        os.unlink(self.path)


def undo_sets():
    return vmsnap("undo", "list", check=0).json["items"]


@harness.test
def restored_in_place_and_undone():
    """The plan says what it costs; what is replaced is kept as a file."""
    stage = Stage("place")
    dry = vmsnap("restore", "place", "place.s", "--mode", "dry-run", check=0).json
    steps = [step["name"] for step in dry["plan"]["steps"]]
    assert steps == ["save-disk vda", "rewrite-disk vda", "define-vm"], steps
    assert dry["plan"]["space"]["needed"] > 8 * MIB, dry
    assert not stage.is_old(), "a dry-run changes nothing"
    done = stage.restore()
    assert stage.is_old()
    kept = undo_sets()[0]
    assert kept["state"] == "kept" and file_digest(kept["files"][0]["path"]) == stage.new, kept
    vmsnap("undo", done["uuid"], check=0)
    assert not stage.is_old() and stage.left() == [] and undo_sets() == []
    done = stage.restore()
    vmsnap("undo", "drop", done["uuid"], check=0)
    assert stage.is_old() and stage.left() == []
    stage.end()


@harness.test
def what_stands_against_it_is_found_before():
    """In use by another VM or by the host, gone, too small, no room."""
    stage = Stage("against")
    other = bed.define_vm("thief", [{"path": stage.disk.path, "format": "raw"}])
    assert "AttachedElsewhere" in stage.dry()
    other.undefine()
    with open(stage.disk.path, "r+b"):
        found = stage.dry()
        assert f"process {os.getpid()} " in found["OpenElsewhere"]["message"], found
    small, large = device(None, 4), device(None, 12)
    stage.link(small)
    assert "TargetTooSmall" in stage.dry() and stage.restore(check=3)["error"]
    stage.link(large)
    assert "TargetLarger" in stage.dry(check=0)
    large.write(10 * MIB, b"3" * MIB)
    stage.restore()
    assert large.digest(8 * MIB) == stage.old
    with open(large.path, "rb") as handle:
        assert not any(handle.read()[8 * MIB:]), "what lies behind is zeros"
    vmsnap("undo", undo_sets()[0]["uuid"], check=0)
    with open(large.path, "rb") as handle:
        assert handle.read()[10 * MIB:11 * MIB] == b"3" * MIB
    os.unlink(stage.path)
    assert "TargetMissing" in stage.dry()
    os.symlink(stage.disk.path, stage.path)
    full, free = f"{stage.store}/full", os.statvfs(stage.store)
    with open(full, "wb") as handle:
        os.posix_fallocate(handle.fileno(), 0, free.f_bavail * free.f_frsize - 16 * MIB)
    assert "OutOfSpace" in stage.dry()
    os.unlink(full)
    assert not stage.is_old() and stage.left() == []
    for each in (small, large):
        each.close()
    stage.end()


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


def choose(count):
    """Which points to die at: some of them, some about the commit point, or all."""
    points = range(1, count + 1)
    some = set(harness.RNG.sample(points, CHOICE) + harness.RNG.sample(points[-12:], 2))
    return points if scenes.LONG else sorted(some)


def recover():
    """Itself killed on the way, then not, then with nothing to do."""
    drive(harness.RNG.randrange(1, 20), "recover")
    acts = vmsnap("recover", check=0).json["acts"]
    assert all(act["act"] not in ("failed", "skipped") for act in acts), acts
    assert vmsnap("recover", check=0).json["acts"] == []


@harness.test
def killed_anywhere_it_is_all_old_or_all_new():
    """Restore, undo, and recover on the way."""
    stage = Stage("killed", 2)
    uuid = None
    counts = {"restore": drive(0, "restore", "killed.s")[1]}
    counts["undo"] = drive(0, "undo", undo_sets()[0]["uuid"])[1]
    for act, count in counts.items():
        old = 0
        for point in choose(count):
            if act == "undo" and not stage.is_old():
                stage.restore()
            elif act == "restore" and stage.is_old():
                vmsnap("undo", undo_sets()[0]["uuid"], check=0)
            uuid = undo_sets()[0]["uuid"] if act == "undo" else None
            assert drive(point, act, uuid or "killed.s")[0], point
            recover()
            old += stage.is_old()
            assert len(undo_sets()) == len(stage.left()) == stage.is_old(), (act, point)
        harness.note(f"{act}: {count} points, {old} times the snapshot stood afterwards")
    for item in undo_sets():
        vmsnap("undo", "drop", item["uuid"], check=0)
    stage.end()


@harness.test
def nobody_starts_it_on_a_torn_device():
    """The process died in the middle; the host starts the VM by itself, and cannot."""
    stage = Stage("torn")
    assert drive("device-written", "restore", "torn.s")[0]
    assert stage.disk.digest() not in (stage.old, stage.new)
    stage.vm.virsh("autostart")
    bed.libvirt.restart()
    assert bed.libvirt.virsh("start", "torn", check=False).returncode != 0
    assert stage.vm.state() == "shut off"
    stage.vm.virsh("autostart", "--disable")
    stage.disk.write(6 * MIB, b"4" * MIB)
    acts = vmsnap("recover").json
    assert "somebody else wrote to it" in str(acts), acts
    stage.disk.write(6 * MIB, bytes(MIB))
    recover()
    assert not stage.is_old() and stage.left() == []
    stage.end()


@harness.test
def a_running_vm_is_read_by_a_job_and_restored_with_a_file_beside_it():
    """Frozen, with proof. Old data comes back, the newest goes, undo brings it back; the VM runs before and after."""
    disk = device()
    store = bed.storage("xfs", 1024)
    second = bed.make_disk(f"{store}/second.qcow2", size_mb=64)
    vm = bed.define_vm("runs", [{"path": disk.path, "format": "raw"}, second])
    vm.start(wait=True)

    def mark(word):
        vm.exec(["sh", "-c", f"echo {word} > /mnt/vda/word; cp /mnt/vda/word /mnt/vdb/; sync"])

    def words():
        vm.wait_agent()
        return vm.exec(["sh", "-c", "cat /mnt/vda/word /mnt/vdb/word"]).split()

    mark("old")
    shot = vmsnap("snapshot", "create", "runs", "runs.s", "--store", store, check=0).json
    assert (shot["consistency"], shot["consistent"]) == ("frozen", True), shot
    assert [each["method"] for each in shot["disks"]] == ["backup", "reflink"], shot
    states = [(state["disk"], state["clean"]) for state in shot["evidence"]["filesystem_state"]]
    assert states == [("vda", True), ("vdb", True)], shot
    vmsnap("snapshot", "verify", "runs.s", check=0)
    mark("new")
    dry = vmsnap("restore", "runs", "runs.s", "--mode", "dry-run", check=0).json
    wanted = 1000 + 2 * 64 * MIB // 100000
    assert abs(dry["plan"]["expected_downtime_ms"] - wanted) < 20, dry
    done = vmsnap("restore", "runs", "runs.s", "--mode", "strict", check=0).json
    assert words() == ["old", "old"], words()
    harness.note(f"downtime: {done['downtime_ms']} ms, expected {wanted} ms")
    vmsnap("undo", done["uuid"], check=0)
    assert words() == ["new", "new"], words()
    assert vm.state() == "running" and undo_sets() == []
    vmsnap("snapshot", "delete", "runs.s", check=0)
    assert not os.path.exists(f"{store}/.vmsnap")
    vm.destroy()
    vm.undefine()
    disk.close()


harness.main()
