#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The oracle calls good cuts good and catches broken ones, on all three kinds of storage."""

import functools

import harness

bed = harness.bed()
import selftest  # noqa: E402  pylint: disable=wrong-import-position


def add_rig(storage, kinds):
    """Registers the checks of selftest.py for a VM with such disks on such storage."""
    rig = functools.lru_cache(maxsize=1)(lambda: selftest.Rig(bed, storage, kinds))
    for check in selftest.CHECKS + [lambda rig: rig.vm.destroy()]:
        def run(check=check):
            check(rig())
        name = check.__name__.removeprefix("check_")
        run.__name__ = f"{storage}_{name}" if name != "<lambda>" else f"{storage}_ends"
        harness.test(run)


add_rig("xfs", ("ext4", "ext4"))
add_rig("ext4", ("xfs", "btrfs"))
add_rig("btrfs", ("ext4", "xfs"))
harness.main()
