#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Take a snapshot of every running VM and keep the newest few that this program made.

nightly.py [--uri URI] [--state-dir FOLDER] [--keep N]
"""

import argparse
import datetime
import sys

import vmsnap

LABEL = ("made-by", "nightly")


def recover(context):
    """What an earlier run left open; what cannot be mended now hinders nobody else's snapshot."""
    try:
        context.recover().wait()
        return True
    except vmsnap.Error as error:
        print(f"recovery: {error}", file=sys.stderr)
        return False


def take(vm):
    """One snapshot; frozen where that can be proven, else crash-consistent and said so."""
    name = f"nightly-{vm.uuid[:8]}-{datetime.datetime.now():%Y%m%d-%H%M%S-%f}"
    try:
        with vm.snapshot(name, consistency=vmsnap.Consistency.PREFER, labels=dict([LABEL]),
                         wait_ready=60) as job:
            job.wait()
            print(f"{vm.name}: {name} {job.snapshot().grade.name.lower()}")
        return True
    except vmsnap.Error as error:
        print(f"{vm.name}: {error}", file=sys.stderr)
        return False


def expire(context, vm, keep):
    mine = [snapshot for snapshot in context.list_snapshots(vm.uuid)
            if snapshot.name.startswith("nightly-") and snapshot.phase == vmsnap.SnapshotPhase.READY]
    for snapshot in mine[:-keep]:
        snapshot.delete().wait()
        print(f"{vm.name}: {snapshot.name} deleted")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--uri", default="qemu:///system")
    parser.add_argument("--state-dir")
    parser.add_argument("--keep", type=int, default=7)
    args = parser.parse_args()
    failed = 0
    with vmsnap.Context(args.uri, state_dir=args.state_dir) as context:
        failed += not recover(context)
        for vm in context.list_vms():
            if vm.state != vmsnap.VMState.RUNNING:
                continue
            if take(vm):
                expire(context, vm, max(args.keep, 1))
            else:
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
