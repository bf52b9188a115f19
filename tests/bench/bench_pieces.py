#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a guest cannot write when its image is in 40 000 pieces: by overlay, by a direct clone,
and the floor, a bare freeze and thaw. The gap is measured as in bench_gap.py; with overlays it
includes the clone beneath them and their way back, which happen while the guest writes."""

import sys

import bench

bed = bench.bed()
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position

PIECES = 40000
ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
FOLDER = bed.storage("xfs", 6144)
client = bench.Client(f"{FOLDER}/state")
floor = bench.Child("bench-floor")
path = bed.make_disk(f"{FOLDER}/pieces.raw", size_mb=1024)
bench.harness.note(f"{bed_storage.fragment(path, PIECES)} pieces")
vm = bed.define_vm("pieces", [path], load="gap", beat=True).start(wait=True)
beat = vm.beat()
windows = {"overlay": [], "direct": []}


def pause(act):
    """Longest pause while `act` runs and right after."""
    bench.settle()
    beat.reset()
    act()
    bench.settle(0.1)
    return beat.longest_ms()


def snapshot(variant, method):
    """A snapshot by this library; returns the gap."""
    made = []
    gap = pause(lambda: made.append(client.create("pieces", method)))
    _, name, shot = made[0]
    assert shot["consistency"] == "frozen", shot
    assert [disk["by_overlay"] for disk in shot["disks"]] == [variant == "overlay"], shot
    at = {event["name"]: event["t_ms"] for event in shot["evidence"]["events"]}
    windows[variant].append(at["thaw-sent"] - at["freeze-acknowledged"])
    client.delete(name)
    return gap


samples = bench.take_turns({"floor": lambda: pause(lambda: floor.ask("pieces")),
                            "overlay": lambda: snapshot("overlay", "auto"),
                            "direct": lambda: snapshot("direct", "reflink")}, ROUNDS)
title = f"write gap, 1 disk in {PIECES} pieces,"
bench.show(title, samples)
bench.show("  freeze reply to thaw request,", windows)
bench.limit(f"{title} by overlay", bench.median(samples["overlay"]), 150, " ms")
bench.tell(f"{title} by overlay to bare freeze and thaw", bench.ratio(samples, "overlay", "floor"), " x")
bench.tell(f"{title} by a direct clone to by overlay", bench.ratio(samples, "direct", "overlay"), " x")
bench.harness.note(f"{bed_storage.extents(path)} pieces in the end")
beat.close()
vm.destroy()
client.close()
floor.close()
bench.end()
