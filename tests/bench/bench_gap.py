#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a guest cannot write: the longest pause of one writer in the guest that writes and
syncs one record on every disk in turn, timed by the host's clock, which also runs while the guest
is suspended. The floor is a bare freeze and thaw on an open libvirt connection."""

import functools
import os
import subprocess
import sys

import bench

bed = bench.bed()
FOLDER = bed.storage("xfs", 12288)  # images, catalog and state: what is synced is really synced
client = bench.Client(f"{FOLDER}/state")
floor = bench.Child("bench-floor")
LIMITS = {"reflink": {1: 1.1, 4: 1.1, 8: 1.1, 16: 1.1},
          "backup": {1: 1.75, 4: 1.5, 8: 1.5, 16: 1.5}}
WINDOW_MS = {"reflink": 15, "backup": 100}
# How often, each time on a new VM; what is short is measured more often. A clone takes the longer
# the more pieces a file is in, and every snapshot leaves what is written after it in new pieces.
TRIES = {1: [7, 7, 7], 4: [5, 5], 8: [4, 4], 16: [4, 3]}


def parts(shot):
    """The freeze call, freeze reply to thaw request, the thaw call."""
    at = {event["name"]: event["t_ms"] for event in shot["evidence"]["events"]}
    return {"freeze": at["freeze-acknowledged"] - at["freeze-sent"],
            "window": at["thaw-sent"] - at["freeze-acknowledged"],
            "thaw": at["thaw-acknowledged"] - at["thaw-sent"]}


class Guest:
    """A VM with so many disks and a writer on them."""

    def __init__(self, disks, path=None):
        self.name = f"disks{disks}"
        self.paths = [path] if path else [bed.make_disk(f"{FOLDER}/{self.name}.{n}.qcow2")
                                          for n in range(disks)]
        self.vm = bed.define_vm(self.name, self.paths, load="gap", beat=True).start(wait=True)
        self.beat = self.vm.beat()
        self.parts = {}
        self.turn = 0

    def pause(self, act):
        """Longest pause while `act` runs and right after."""
        bench.settle()
        self.beat.reset()
        act()
        bench.settle(0.1)
        return self.beat.longest_ms()

    def floor(self):
        """Freeze and thaw, nothing else."""
        made = []
        pause = self.pause(lambda: made.append(floor.ask(self.name)))
        both, freeze = float(made[0][0]), float(made[0][1])
        self.note("floor", {"freeze": freeze, "thaw": both - freeze})
        return pause

    def note(self, variant, found):
        """Keeps the parts of a pause."""
        for name, value in found.items():
            self.parts.setdefault(f"{variant} {name}", []).append(value)

    def snapshot(self, method):
        """A snapshot by this library."""
        made = []
        pause = self.pause(lambda: made.append(client.create(self.name, method)))
        _, name, shot = made[0]
        assert shot["consistency"] == "frozen", shot
        assert {disk["method"] for disk in shot["disks"]} == {method}, shot
        self.note(method, parts(shot))
        client.delete(name)
        return pause

    def quiesce(self):
        """libvirt's own snapshot; its overlays are committed back afterwards."""
        self.turn += 1
        shot = f"q{self.turn}"
        pause = self.pause(lambda: self.vm.virsh("snapshot-create-as", shot, "--disk-only",
                                                 "--atomic", "--quiesce"))
        tops = self.vm.disks()
        for target in tops:
            self.vm.virsh("blockcommit", target, "--active", "--pivot")
        self.vm.virsh("snapshot-delete", shot, "--metadata")
        for path in tops.values():
            bench.remove(path)
        return pause

    def end(self):
        """Makes room for the next."""
        self.beat.close()
        self.vm.destroy()
        self.vm.undefine()
        for path in self.paths:
            os.unlink(path)

    def ours(self):
        """The variants that are this library's."""
        return {method: functools.partial(self.snapshot, method) for method in WINDOW_MS}


def merge(into, found):
    """Adds lists of samples to others."""
    for name, numbers in found.items():
        into.setdefault(name, []).extend(numbers)


def measure(disks):
    """Measures and judges VMs with so many disks. Overlays come last: committing them back leaves
    the images in pieces, too."""
    title = f"write gap, {disks} disk{'s' if disks > 1 else ''},"
    samples = {}
    found = {}
    guest = None
    for rounds in TRIES[disks]:
        if guest:
            guest.end()
        guest = Guest(disks)
        merge(samples, bench.take_turns({"floor": guest.floor, **guest.ours()}, rounds))
        merge(found, guest.parts)
    beside = bench.take_turns({"quiesce": guest.quiesce, **guest.ours()})
    guest.end()
    bench.show(title, samples)
    bench.show("  of it", found)
    for method in WINDOW_MS:
        bench.limit(f"{title} {method} to bare freeze and thaw",
                    bench.ratio(samples, method, "floor"), LIMITS[method][disks], " x")
        bench.tell(f"{title} {method} to snapshot-create-as --quiesce",
                   bench.ratio(beside, method, "quiesce"), " x")
    for method, most in WINDOW_MS.items() if disks == 8 else []:
        bench.limit(f"freeze reply to thaw request, {disks} disks, {method}",
                    bench.median(found[f"{method} window"]), most, " ms")


def make_sized(gib, data_mb):
    """An image of so many GiB with so much data in its file system."""
    path = bed.make_disk(f"{FOLDER}/{gib}g.img", "raw", size_mb=gib * 1024)
    mount = "/run/libvirt/fill"
    os.makedirs(mount, exist_ok=True)
    subprocess.run(["mount", "-o", "loop", path, mount], check=True)
    subprocess.run(["dd", "if=/dev/urandom", f"of={mount}/data", "bs=1M", f"count={data_mb}",
                    "status=none", "conv=fsync"], check=True)
    subprocess.run(["umount", mount], check=True)
    final = f"{FOLDER}/{gib}g.qcow2"
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", path, final], check=True)
    os.unlink(path)
    return final


def measure_sizes():
    """The gap must not know how large a disk is: 1 GiB nearly empty, 16 GiB with 2 GiB of data."""
    samples = {}
    for gib, data_mb in ((1, 16), (16, 2048)):
        guest = Guest(1, make_sized(gib, data_mb))
        samples[gib] = bench.take_turns({"floor": guest.floor, **guest.ours()})
        bench.show(f"write gap, {gib} GiB,", samples[gib])
        guest.end()
    for method in WINDOW_MS:
        bench.limit(f"write gap, 16 GiB to 1 GiB, {method}",
                    bench.median(samples[16][method]) / bench.median(samples[1][method]), 1.2,
                    " x")


WORDS = sys.argv[1:] or [*map(str, TRIES), "sizes"]
for word in WORDS:
    if word == "sizes":
        measure_sizes()
    else:
        measure(int(word))
client.close()
floor.close()
bench.end()
