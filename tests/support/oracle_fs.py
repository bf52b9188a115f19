# SPDX-License-Identifier: LGPL-2.1-or-later
"""Is a file system in a raw image clean, and can it be recovered? The image is ours to change."""

import contextlib
import fcntl
import os
import struct
import subprocess
import tempfile
import zlib

BTRFS_LOCK = "/run/lock/vmsnap-oracle-btrfs.lock"
SECTOR = 512


def run(argv):
    """Returns (exit code, output)."""
    done = subprocess.run(argv, check=False, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def probe(path, offset=0):
    """Kind of file system at the offset of the image, or None."""
    with open(path, "rb") as image:
        for kind, at, magic in (("ext4", 0x438, b"\x53\xef"), ("xfs", 0, b"XFSB"),
                                ("btrfs", 0x10040, b"_BHRfS_M")):
            image.seek(offset + at)
            if image.read(len(magic)) == magic:
                return kind
    return None


def first_partition(path):
    """(start, size) in bytes of the first GPT partition, or None."""
    with open(path, "rb") as image:
        image.seek(SECTOR)
        header = image.read(92)
        if header[:8] != b"EFI PART":
            return None
        entries = struct.unpack_from("<Q", header, 72)[0]
        image.seek(entries * SECTOR)
        first, last = struct.unpack_from("<QQ", image.read(128), 32)
        return first * SECTOR, (last - first + 1) * SECTOR


class FileSystem:
    """The file system of one raw image."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.size = os.path.getsize(path)
        partition = None if probe(path) else first_partition(path)
        if partition:
            self.offset, self.size = partition
        self.kind = probe(path, self.offset)

    @contextlib.contextmanager
    def _device(self):
        """A path that a checker accepts: the image, or a loop device over its partition."""
        if self.offset == 0:
            yield self.path
            return
        code, out = run(["losetup", "--show", "-f", "-o", str(self.offset), "--sizelimit",
                         str(self.size), self.path])
        if code != 0:
            raise OSError(f"losetup: {out}")
        try:
            yield out.strip()
        finally:
            run(["losetup", "-d", out.strip()])

    @contextlib.contextmanager
    def mounted(self, replay):
        """Mounts the file system: as it is (read-only), or with its journal replayed."""
        options = {"ext4": "noload", "xfs": "norecovery", "btrfs": "rescue=nologreplay"}
        option = "rw" if replay else "ro," + options[self.kind]
        option += ",nouuid" if self.kind == "xfs" else ""
        option += f",loop,offset={self.offset},sizelimit={self.size}"
        with tempfile.TemporaryDirectory() as folder, self._alone():
            code, out = run(["mount", "-t", self.kind, "-o", option, self.path, folder])
            if code != 0:
                raise OSError(f"mount {self.kind} ({option}): {out.strip()}")
            device = run(["findmnt", "-no", "SOURCE", folder])[1].strip()
            try:
                yield folder
            finally:
                run(["umount", folder])
                if self.kind == "btrfs":
                    run(["btrfs", "device", "scan", "--forget", device])

    @contextlib.contextmanager
    def _alone(self):
        """btrfs knows a file system by its id only, and two cuts of one disk share it: one mount
        at a time on the whole machine, and the device forgotten before the next."""
        if self.kind != "btrfs":
            yield
            return
        with open(BTRFS_LOCK, "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def faults_unreplayed(self):
        """What shows that the image was not cut at rest: no journal may need a replay."""
        if self.kind == "ext4":
            return self._faults_ext4()
        if self.kind == "btrfs":
            return self._faults_btrfs()
        if self.kind == "xfs":
            return self._faults_xfs()
        return ["no known file system"]

    def _faults_ext4(self):
        with self._device() as device:
            code, out = run(["dumpe2fs", "-h", device])
            faults = [] if code == 0 else [f"dumpe2fs gave {code}"]
            if "needs_recovery" in out:
                faults.append("ext4 needs journal recovery")
            return faults + self._check(["e2fsck", "-fn", device])

    def _faults_btrfs(self):
        with open(self.path, "rb") as image:
            image.seek(self.offset + 0x10000 + 0x60)
            log_root = struct.unpack("<Q", image.read(8))[0]
        faults = [f"btrfs log tree at {log_root}"] if log_root else []
        with self._device() as device:
            return faults + self._check(["btrfs", "check", "--readonly", device])

    def _faults_xfs(self):
        """A frozen XFS has a dirty log by design; what counts is that the replay changes nothing."""
        with self.mounted(replay=False) as folder:
            before = tree(folder)
        with self.mounted(replay=True) as folder:
            after = tree(folder)
        changed = sorted(name for name in before.keys() | after.keys()
                         if before.get(name) != after.get(name))
        faults = [f"xfs replay changes {len(changed)} files: {changed[:3]}"] if changed else []
        with self._device() as device:
            return faults + self._check(["xfs_repair", "-n", device])

    def faults_replayed(self):
        """What is still wrong after the journal was replayed, as after a power cut."""
        checkers = {"ext4": ["e2fsck", "-fn"], "xfs": ["xfs_repair", "-n"],
                    "btrfs": ["btrfs", "check", "--readonly"]}
        if self.kind is None:
            return ["no known file system"]
        try:
            with self.mounted(replay=True):
                pass
        except OSError as error:
            return [str(error)]
        with self._device() as device:
            return self._check(checkers[self.kind] + [device])

    @staticmethod
    def _check(argv):
        code, out = run(argv)
        return [] if code == 0 else [f"{argv[0]} gave {code}: {out.strip()[-300:]}"]


def tree(folder):
    """Maps every path to its kind, size and a checksum of its contents."""
    found = {}
    for where, folders, names in os.walk(folder):
        for name in folders:
            found[os.path.relpath(os.path.join(where, name), folder)] = "folder"
        for name in names:
            path = os.path.join(where, name)
            try:
                with open(path, "rb") as handle:
                    data = handle.read()
                found[os.path.relpath(path, folder)] = (len(data), zlib.crc32(data))
            except OSError as error:
                found[os.path.relpath(path, folder)] = error.errno
    return found
