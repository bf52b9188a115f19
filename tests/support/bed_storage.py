# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scratch file systems on loop devices and disk images with a file system inside."""

import os
import subprocess
import tempfile

from bed_libvirt import BedError

# mkfs.xfs refuses less than 300 MB unless told that it runs under a test suite.
SMALL_XFS = {"TEST_DIR": "1", "TEST_DEV": "1", "QA_CHECK_FS": "1"}
MKFS = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-b", "4096", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
    "vfat": ["mkfs.vfat", "-F", "32"],
    "swap": ["mkswap", "-q"],
}


def run(argv, **options):
    """Runs a command; a failure is a BedError with what it said."""
    done = subprocess.run(argv, check=False, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise BedError(f"{' '.join(argv)}: {done.stdout.strip()[-600:]}")
    return done.stdout


def backing_dir():
    """Folder for the files behind loop devices; they are unlinked as soon as they are mounted."""
    return os.environ.get("VMSNAP_TEST_BACKING", "/var/tmp")


def make_fs(path, kind):
    """Makes a file system in a file or on a device."""
    run(MKFS[kind] + [path], env={**os.environ, **SMALL_XFS})


def mount_scratch(folder, kind, size_mb):
    """Mounts a new file system of the size on the folder, mode 0755."""
    os.makedirs(folder, mode=0o755)
    handle, backing = tempfile.mkstemp(prefix="vmsnap-bed-", dir=backing_dir())
    try:
        os.ftruncate(handle, size_mb << 20)
        os.close(handle)
        make_fs(backing, kind)
        run(["mount", "-t", kind, "-o", "loop", backing, folder])
    finally:
        os.unlink(backing)  # the loop device keeps it until it is unmounted, even by a SIGKILL
    os.chmod(folder, 0o755)
    return folder


def _partitioned(path, kind, size_mb):
    """A disk with one partition that holds the file system."""
    with open(path, "wb") as disk:
        disk.truncate(size_mb << 20)
    run(["sh", "-c", "echo start=2048 | sfdisk -q -X gpt \"$0\"", path])
    start = 2048 * 512
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(path)) as part:
        part.truncate((size_mb << 20) - start - (1 << 20))
        make_fs(part.name, kind)
        run(["dd", f"if={part.name}", f"of={path}", "bs=1M", "seek=1", "conv=notrunc,sparse",
             "status=none"])


def make_disk(path, image_format="qcow2", fs="ext4", size_mb=256, partition=False, options=None):
    """Makes a disk image; `fs` None leaves it empty, `options` is for qemu-img -o."""
    extra = ["-o", options] if options else []
    if fs is None:
        run(["qemu-img", "create", "-q", "-f", image_format, *extra, path, f"{size_mb}M"])
        os.chmod(path, 0o600)
        return path
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as work:
        raw = f"{work}/raw"
        if partition:
            _partitioned(raw, fs, size_mb)
        else:
            with open(raw, "wb") as disk:
                disk.truncate(size_mb << 20)
            make_fs(raw, fs)
        run(["qemu-img", "convert", "-f", "raw", "-O", image_format, *extra, raw, path])
    os.chmod(path, 0o600)
    return path


def fragment(path, pieces):
    """Brings a file of a file system that shares blocks into at least so many pieces, its contents
    unchanged: every second block is written anew while a clone holds the old ones."""
    block = 4096
    twin = f"{path}.twin"
    with open(path, "r+b", buffering=0) as image:
        data = os.pread(image.fileno(), pieces * block, 0)
        assert len(data) == pieces * block, f"{path} is too small"
        os.pwrite(image.fileno(), data, 0)  # holes are one piece, whatever is between them
        os.fsync(image.fileno())
    run(["cp", "--reflink=always", path, twin])
    with open(path, "r+b", buffering=0) as image:
        for number in range(pieces // 2):
            data = os.pread(image.fileno(), block, 2 * block * number)
            os.pwrite(image.fileno(), data, 2 * block * number)
        os.fsync(image.fileno())
    os.unlink(twin)
    return extents(path)


def extents(path):
    """How many pieces a file is in."""
    told = subprocess.run(["filefrag", path], check=True, capture_output=True, text=True).stdout
    return int(told.rpartition(": ")[2].split()[0])
