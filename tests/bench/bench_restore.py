#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Downtime of a restore, stop acknowledged to start issued: whatever the size, blocks shared or
copied. Libvirt's own definition of the VM is the floor."""

import os
import subprocess
import time

import bench
import harness

bed = bench.bed()
DATA_MB = {1: 256, 16: 2048}
ROUNDS = 7
STORAGE_MB = {"xfs": 12288, "ext4": 16384}


def make_vm(folder, storage, gib):
    """A VM with a sparse disk that holds a file system with data in it, and a snapshot of it."""
    name = f"{storage}{gib}"
    path = bed.make_disk(f"{folder}/{name}.img", size_mb=gib * 1024)
    mount = "/run/libvirt/fill"
    os.makedirs(mount, exist_ok=True)
    subprocess.run(["mount", "-o", "loop", path, mount], check=True)
    subprocess.run(["dd", "if=/dev/urandom", f"of={mount}/data", "bs=1M",
                    f"count={DATA_MB[gib]}", "status=none", "conv=fsync"], check=True)
    subprocess.run(["umount", mount], check=True)
    vm = bed.define_vm(name, [path])
    harness.vmsnap("snapshot", "create", name, f"{name}.old", check=0)
    return vm


def define(vm):
    """libvirt's own define of the same configuration, in milliseconds."""
    path = "/run/libvirt/define.xml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(vm.virsh("dumpxml", "--inactive"))
    start = time.monotonic()
    vm.libvirt.virsh("define", path)
    return (time.monotonic() - start) * 1000


def restore(vm):
    """Downtime of one restore of the running VM, in milliseconds; its undo set is dropped."""
    if vm.state() != "running":
        vm.start(wait=True)
    vm.wait_agent()
    done = harness.vmsnap("restore", vm.name, f"{vm.name}.old", "--mode", "strict", check=0).json
    harness.vmsnap("undo", "drop", done["uuid"], check=0)
    return done["downtime_ms"]


for kind in ("xfs", "ext4"):
    place = bed.storage(kind, STORAGE_MB[kind])
    vms = {gib: make_vm(place, kind, gib) for gib in DATA_MB}
    floor = bench.median([define(vms[1]) for _ in range(5)])
    samples = {f"{gib} GiB": [] for gib in DATA_MB}
    for turn in range(-1, ROUNDS):
        for gib, each in vms.items():
            spent = restore(each)
            each.destroy()  # one at a time: two emulated guests disturb each other
            if turn >= 0:
                samples[f"{gib} GiB"].append(spent)
    bench.show(f"restore on {kind}, downtime,", samples)
    harness.note(f"libvirt's define: {floor:.0f} ms")
    bench.limit(f"restore on {kind}, downtime of 16 GiB to 1 GiB",
                bench.ratio(samples, "16 GiB", "1 GiB"), 1.2, " x")
    bench.limit(f"restore on {kind}, downtime of 16 GiB beyond libvirt's define",
                bench.median(samples["16 GiB"]) - floor, 500, " ms")
    for each in vms.values():
        each.undefine()
bench.end()
