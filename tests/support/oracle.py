#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Decides whether images of the disks A, B, ... of one VM are one consistent cut.

The guest's workload (guest/records.c) wrote record n to A, then to B, each synced before the next.
A good cut therefore holds whole records only, without a hole, and A is at most one ahead of B;
its file systems are clean without replaying a journal. The images are only read: everything
happens on sparse raw copies.

    oracle.py [--crash] FORMAT:IMAGE...
"""

import dataclasses
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oracle_fs  # noqa: E402  pylint: disable=wrong-import-position

RECORD = 4096
SEGMENT = 4096  # records in a segment, as in guest/records.c
MAGIC = b"VMSNAPR1"


@dataclasses.dataclass
class Verdict:
    """What the oracle found; `faults` is empty when all is well."""

    faults: list
    heads: list  # last whole record per image, 0 for none
    kinds: list  # file system per image

    @property
    def good(self):
        """True when nothing was found."""
        return not self.faults

    def __str__(self):
        return f"heads {self.heads}: " + ("; ".join(self.faults) or "good")


def _is_whole(block, seq, disk):
    return (block[:8] == MAGIC and struct.unpack_from("<QI", block, 8) == (seq, disk) and
            struct.unpack_from("<I", block, RECORD - 4)[0] == zlib.crc32(block[:RECORD - 4]))


def read_log(folder, disk, torn_tail):
    """Returns (last whole record, faults) of the log in the mounted file system.

    With `torn_tail` one damaged record at the very end is forgiven: a crash may leave it.
    """
    log = os.path.join(folder, "vmsnap-log")
    names = os.listdir(log) if os.path.isdir(log) else []
    numbers = sorted(int(name[4:]) for name in names if re.fullmatch(r"seg\.\d{8}", name))
    if not numbers:
        return 0, [] if torn_tail else ["no log"]
    faults = []
    if numbers != list(range(numbers[0], numbers[-1] + 1)):
        faults.append(f"segments {numbers} have a hole")
    head = numbers[0] * SEGMENT
    for number in numbers:
        with open(f"{log}/seg.{number:08d}", "rb") as handle:
            data = handle.read()
        bad = None
        for start in range(0, len(data), RECORD):
            seq = number * SEGMENT + start // RECORD + 1
            if _is_whole(data[start:start + RECORD], seq, disk):
                if bad is not None:
                    break
                head = seq
            elif bad is None:
                bad = seq
        last = number == numbers[-1]
        at_end = bad is not None and (bad - number * SEGMENT) * RECORD >= len(data)
        if bad is not None and not (torn_tail and last and at_end):
            faults.append(f"record {bad} is torn or missing")
        if not last and len(data) != SEGMENT * RECORD:
            faults.append(f"segment {number} is short")
    return head, faults


def _scratch():
    """A folder for copies: in memory when there is room, else on disk."""
    shm = "/dev/shm"
    if os.path.ismount(shm) and shutil.disk_usage(shm).free > 2 << 30:
        return shm
    return "/var/tmp"


def _examine(work, index, image, crash):
    """Returns (head, kind, faults) of one image."""
    path, image_format = image
    raw = f"{work}/{index}.raw"
    subprocess.run(["qemu-img", "convert", "-f", image_format, "-O", "raw", path, raw],
                   check=True, stdin=subprocess.DEVNULL)
    system = oracle_fs.FileSystem(raw)
    if system.kind is None:
        return 0, None, ["no known file system"]
    faults = []
    try:
        if not crash and system.kind != "xfs":
            faults += system.faults_unreplayed()
        with system.mounted(replay=crash) as folder:
            head, found = read_log(folder, index, crash)
        if crash:
            faults += system.faults_replayed()
        elif system.kind == "xfs":  # last, because it replays the log
            faults += system.faults_unreplayed()
    except OSError as error:
        return 0, system.kind, faults + [str(error)]
    os.unlink(raw)
    return head, system.kind, faults + found


def _as_image(image):
    if isinstance(image, (tuple, list)):
        return tuple(image)
    return image, "qcow2" if image.endswith(".qcow2") else "raw"


def judge(images, crash=False):
    """Judges images of one VM's disks, given in the order of its disks.

    An image is a path (format by suffix) or a pair (path, format). With `crash` the images need
    only be what a power cut leaves: the journal is replayed before anything is checked.
    """
    images = [_as_image(image) for image in images]
    with tempfile.TemporaryDirectory(prefix="vmsnap-oracle-", dir=_scratch()) as work:
        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(_examine, work, index, image, crash)
                    for index, image in enumerate(images)]
            found = [job.result() for job in jobs]
    heads = [head for head, _, _ in found]
    faults = [f"disk {index}: {fault}" for index, (_, _, each) in enumerate(found)
              for fault in each]
    for left, right in zip(heads, heads[1:]):
        if left < right:
            faults.append(f"order: heads {heads} rise")
    if heads and heads[0] - heads[-1] not in (0, 1):
        faults.append(f"not one instant: heads {heads}")
    return Verdict(faults, heads, [kind for _, kind, _ in found])


def recoverable(images):
    """Judges images as what a power cut may leave."""
    return judge(images, crash=True)


def main():
    """Command line: prints the verdict, exits 0 when good."""
    words = [word for word in sys.argv[1:] if word != "--crash"]
    pairs = [tuple(reversed(word.split(":", 1))) for word in words]
    verdict = judge(pairs, crash="--crash" in sys.argv)
    print(verdict)
    sys.exit(0 if verdict.good else 1)


if __name__ == "__main__":
    main()
