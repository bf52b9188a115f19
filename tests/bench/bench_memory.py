#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the library adds to the resident memory of its host."""

import bench

bed = bench.bed()
FOLDER = bed.storage("xfs", 1024)
VM = bed.define_vm("web", [bed.make_disk(f"{FOLDER}/a.qcow2")]).start(wait=True)


def added(method):
    """MiB more than the same program without the library, after one snapshot."""
    empty = bench.Child("bench-empty")
    client = bench.Client(f"{FOLDER}/state-{method}")
    opened = client.rss_mib()
    client.create("web", method)
    base = int(empty.ask("rss")[1]) / 1024
    full = client.rss_mib()
    bench.tell(f"resident memory, context open, {method}", opened - base, " MiB")
    client.close()
    empty.close()
    return full - base


for kind in ("reflink", "backup"):
    bench.limit(f"resident memory added, open and one {kind} snapshot",
                added(kind), 30, " MiB")
bench.end()
