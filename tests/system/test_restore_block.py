#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that are block devices: snapshots of them go to a store, a restore rewrites them in place."""

import hashlib
import os
import tempfile

import harness

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
MIB = 1 << 20


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
    assert told["disks"][0]["method"] == "copy", told
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


@harness.test
def running_it_is_read_by_a_backup_job():
    """Frozen, with proof; beside a disk that is a file."""
    disk = device()
    store = bed.storage("ext4", 1024)
    second = bed.make_disk(f"{store}/second.qcow2", size_mb=64)
    vm = bed.define_vm("on", [{"path": disk.path, "format": "raw"}, second], load=True)
    vm.start(wait=True)
    vm.wait_load(4)
    shot = vmsnap("snapshot", "create", "on", "on.s", "--store", store, check=0).json
    assert (shot["consistency"], shot["consistent"]) == ("frozen", True), shot
    assert [each["method"] for each in shot["disks"]] == ["backup", "backup"], shot
    states = [(state["disk"], state["clean"]) for state in shot["evidence"]["filesystem_state"]]
    assert states == [("vda", True), ("vdb", True)], shot
    vmsnap("snapshot", "verify", "on.s", check=0)
    vmsnap("snapshot", "delete", "on.s", check=0)
    vm.destroy()
    vm.undefine()
    disk.close()


harness.main()
