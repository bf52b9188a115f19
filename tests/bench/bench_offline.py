#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A VM that is off, on a file system that shares blocks: as fast as cp, whatever the size."""

import os
import subprocess
import time

import bench

bed = bench.bed()
FOLDER = bed.storage("xfs", 6144)
client = bench.Client(f"{FOLDER}/state")
REST = 0.15  # the file system frees in the background what was removed last
DATA_MB = {1: 128, 16: 1024}


def make_vm(gib):
    """A VM that is off; its disk is sparse and holds a file system with data in it."""
    path = bed.make_disk(f"{FOLDER}/{gib}g.img", size_mb=gib * 1024)
    mount = "/run/libvirt/fill"
    os.makedirs(mount, exist_ok=True)
    subprocess.run(["mount", "-o", "loop", path, mount], check=True)
    subprocess.run(["dd", "if=/dev/urandom", f"of={mount}/data", "bs=1M",
                    f"count={DATA_MB[gib]}", "status=none", "conv=fsync"], check=True)
    subprocess.run(["umount", mount], check=True)
    bed.define_vm(f"vm{gib}", [path])
    return path


def copy(path):
    """cp, from start to end of the process."""
    target = f"{path}.copy"
    bench.settle(REST)
    start = time.monotonic()
    subprocess.run(["cp", "--reflink=always", path, target], check=True)
    spent = time.monotonic() - start
    os.unlink(target)
    return spent * 1000


def snapshot(name):
    """Create and wait on an open context."""
    bench.settle(REST)
    spent, made, shot = client.create(name)
    assert shot["consistency"] == "offline", shot
    assert [disk["method"] for disk in shot["disks"]] == ["reflink"], shot
    client.delete(made)
    return spent


PATHS = {gib: make_vm(gib) for gib in DATA_MB}
samples = bench.take_turns({
    "cp 1 GiB": lambda: copy(PATHS[1]), "snapshot 1 GiB": lambda: snapshot("vm1"),
    "cp 16 GiB": lambda: copy(PATHS[16]), "snapshot 16 GiB": lambda: snapshot("vm16")}, 31)
bench.show("VM off,", samples)
for size in ("1 GiB", "16 GiB"):
    more = bench.median(samples[f"snapshot {size}"]) - bench.median(samples[f"cp {size}"])
    bench.limit(f"VM off, {size}, longer than cp --reflink=always", more, 25, " ms")
bench.limit("VM off, snapshot of 16 GiB to 1 GiB",
            bench.ratio(samples, "snapshot 16 GiB", "snapshot 1 GiB"), 1.2, " x")
client.close()
bench.end()
