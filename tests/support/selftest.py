#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bed tests itself: good cuts must pass the oracle, broken ones must be caught.

Run by tests/system/test_bed.py; a test bed that calls everything good would be worse than none.
"""

import os
import subprocess
import time

import oracle
import oracle_fs

CUTS = int(os.environ.get("VMSNAP_TEST_CUTS", "4"))


class Rig:
    """A VM under load with two disks on scratch storage, and ways to copy them."""

    def __init__(self, bed, storage, kinds):
        self.folder = bed.storage(storage, 2048)
        self.reflink = storage != "ext4"
        names = [f"{self.folder}/{'ab'[i]}.{suffix}" for i, suffix in enumerate(["qcow2", "raw"])]
        self.disks = [bed.make_disk(name, fs=kind, size_mb=320)
                      for name, kind in zip(names, kinds)]
        self.vm = bed.define_vm(f"rig-{storage}", self.disks, load=True)
        self.vm.start(wait=True)
        self.vm.wait_load(4)
        self.number = 0

    def copies(self):
        """New names for copies of the disks."""
        self.number += 1
        return [f"{self.folder}/{self.number}-{os.path.basename(disk)}" for disk in self.disks]

    def copy(self, source, target):
        """Copies one image as it is now."""
        how = "--reflink=always" if self.reflink else "--sparse=always"
        subprocess.run(["cp", how, source, target], check=True)

    def copy_all(self, pause=0.0):
        """Copies disk after disk and returns the copies."""
        targets = self.copies()
        for index, (source, target) in enumerate(zip(self.disks, targets)):
            if index and pause:
                self.let_write(pause)
            self.copy(source, target)
        return targets

    def let_write(self, pause):
        """Lets the guest run for the time, and on until it has written a few records."""
        seq = self.vm.load_seq()
        time.sleep(pause)
        self.vm.wait_load(seq + 3)

    def drop(self, images):
        """Removes copies."""
        for image in images:
            os.unlink(image)


def timed(label, function, *args):
    """Calls the function and prints how long it took."""
    start = time.monotonic()
    value = function(*args)
    print(f"# {label}: {(time.monotonic() - start) * 1000:.0f} ms", flush=True)
    return value


def check_frozen(rig):
    """Freeze, copy, thaw: every cut is clean, and the log grows from cut to cut."""
    last = 0
    for _ in range(CUTS):
        timed("freeze", rig.vm.freeze)
        assert rig.vm.frozen()
        images = timed("copy", rig.copy_all)
        timed("thaw", rig.vm.thaw)
        assert not rig.vm.frozen()
        verdict = timed("oracle", oracle.judge, images)
        print(f"# {verdict}", flush=True)
        assert verdict.good, verdict
        assert verdict.heads[0] > last, verdict
        last = verdict.heads[0]
        rig.drop(images)
        time.sleep(0.2)


def check_suspended(rig):
    """Suspend, copy, resume: one instant, but only recoverable, and the oracle tells them apart."""
    needy = 0
    for _ in range(CUTS):
        rig.vm.suspend()
        images = rig.copy_all()
        rig.vm.resume()
        crash = timed("oracle, crash", oracle.recoverable, images)
        clean = oracle.judge(images)
        print(f"# crash: {crash}; clean: {clean}", flush=True)
        assert crash.good, crash
        needy += not clean.good
        rig.drop(images)
        time.sleep(0.2)
    assert needy == CUTS, f"only {needy} of {CUTS} unfrozen cuts were told from frozen ones"


def check_broken_unfrozen(rig):
    """Disk after disk without a freeze: the oracle must not even call it recoverable."""
    for _ in range(CUTS):
        images = rig.copy_all(pause=0.05)
        verdict = oracle.recoverable(images)
        print(f"# caught: {verdict}", flush=True)
        assert not verdict.good, verdict
        rig.drop(images)


def check_broken_early_thaw(rig):
    """Thaw between the first and the second copy: the oracle must catch it."""
    rig.vm.freeze()
    targets = rig.copies()
    rig.copy(rig.disks[0], targets[0])
    rig.vm.thaw()
    rig.let_write(0.05)
    rig.copy(rig.disks[1], targets[1])
    verdict = oracle.judge(targets)
    print(f"# caught: {verdict}", flush=True)
    assert not verdict.good, verdict
    rig.drop(targets)


def check_broken_swapped(rig):
    """Disks in the wrong order: the oracle must catch it."""
    rig.vm.freeze()
    images = rig.copy_all()
    rig.vm.thaw()
    verdict = oracle.judge(list(reversed(images)))
    assert not verdict.good, verdict
    rig.drop(images)


def check_broken_record(rig):
    """One damaged byte in a record before the last: the oracle must catch it."""
    rig.vm.freeze()
    images = rig.copy_all()
    rig.vm.thaw()
    raw = images[1]
    with oracle_fs.FileSystem(raw).mounted(replay=True) as folder:
        log = f"{folder}/vmsnap-log"
        with open(f"{log}/{sorted(os.listdir(log))[-1]}", "r+b") as handle:
            handle.seek(3 * oracle.RECORD + 2000)
            handle.write(b"\xa5")
    verdict = oracle.judge([images[0], raw])
    print(f"# caught: {verdict}", flush=True)
    assert any("torn" in fault for fault in verdict.faults), verdict
    rig.drop(images)


def check_input_untouched(rig):
    """The oracle only reads what it judges."""
    rig.vm.suspend()
    images = rig.copy_all()
    rig.vm.resume()
    before = [subprocess.run(["sha256sum", image], capture_output=True, check=True).stdout
              for image in images]
    oracle.judge(images)
    oracle.recoverable(images)
    after = [subprocess.run(["sha256sum", image], capture_output=True, check=True).stdout
             for image in images]
    assert before == after
    rig.drop(images)


def check_restart(rig):
    """After a reset, and after a graceful stop, the workload goes on where it was."""
    rig.vm.virsh("reset")
    time.sleep(1)
    timed("reset to agent", rig.vm.wait_agent)
    timed("shutdown", rig.vm.shutdown)
    verdict = oracle.judge(rig.disks)
    print(f"# off: {verdict}", flush=True)
    assert verdict.good, verdict
    rig.vm.start(wait=True)
    rig.vm.wait_load(verdict.heads[0] + 4)
    rig.vm.shutdown("acpi")
    again = oracle.judge(rig.disks)
    assert again.good and again.heads[0] > verdict.heads[0], again



CHECKS = [check_frozen, check_suspended, check_broken_unfrozen, check_broken_early_thaw,
          check_broken_swapped, check_broken_record, check_input_untouched, check_restart]
