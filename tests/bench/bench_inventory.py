#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What conflicts cost among 1 000, 10 000 and 100 000 VMs of 3 disks and 2 NICs each: the check of
one restore after collection, and the memory each VM takes."""

import subprocess

import bench

SIZES = (1000, 10000, 100000)
CHECKS = 300
ROUNDS = 5


def run(size):
    """One process: collects, then checks; returns its figures by name."""
    program = bench.harness.built("tests/bench/bench-inventory")
    orders = "".join(f"{word} {number}\n" for word, number in
                     (("build", size), ("check", CHECKS), ("conflict", CHECKS)))
    done = subprocess.run([program], input=orders, stdout=subprocess.PIPE, text=True, check=True)
    built, free, held = [line.split() for line in done.stdout.splitlines()]
    assert (built[0], free[0], held[0]) == ("ok",) * 3, done.stdout
    # 3 disks, 2 MACs, 2 addresses of others, and nothing: the extra finding is none of theirs
    assert int(held[2]) >= 7 and int(free[2]) == 0, done.stdout
    return {"collect": float(built[1]) * 1000 / size, "index": int(built[2]) / size,
            "resident": int(built[3]) / size, "check": float(free[1]), "conflict": float(held[1])}


figures = {size: {} for size in SIZES}
for turn in range(ROUNDS):
    for size in SIZES:
        for name, value in run(size).items():
            figures[size].setdefault(name, []).append(value)
middle = {size: {name: bench.median(values) for name, values in figures[size].items()}
          for size in SIZES}
for size in SIZES:  # its ratio is judged: what else ran meanwhile must not count
    middle[size]["collect"] = min(figures[size]["collect"])
for size in SIZES:
    each = middle[size]
    bench.tell(f"{size} VMs: collected, each VM", each["collect"], " us")
    bench.limit(f"{size} VMs: check of one restore, no conflict", each["check"], 1, " ms")
    bench.limit(f"{size} VMs: check of one restore, 7 conflicts", each["conflict"], 1, " ms")
    bench.limit(f"{size} VMs: index, each VM", each["index"], 1024, " bytes")
    if size > SIZES[0]:  # below, pages and the first buckets are most of it
        bench.limit(f"{size} VMs: resident memory, each VM", each["resident"], 1024, " bytes")
first, last = middle[SIZES[0]], middle[SIZES[-1]]
bench.limit(f"{SIZES[-1]} to {SIZES[0]} VMs: collecting, each VM", last["collect"] / first["collect"],
            3, " x")
bench.limit(f"{SIZES[-1]} to {SIZES[0]} VMs: index, each VM", last["index"] / first["index"], 1.2,
            " x")
bench.end()
