#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An operation dies at any of its side effects, and its recovery at any of its own.

Real files, a real catalog, the real adapters; only the hypervisor is a script, and a process that
has the disks locked stands for QEMU (tests/support/disk-machine.c). After each pair of deaths one
recovery must leave all of the old state or all of the new, byte for byte, nothing else, and nothing
to do for a second one. CI takes a random choice of pairs, VMS_LONG=1 all of them.
"""

import os
import subprocess
import tempfile

import harness
import scenes

harness.need_bed()

# pylint: disable=wrong-import-position
import bed_cell  # noqa: E402
import bed_storage  # noqa: E402

PAIRS = 10  # of each act on each file system
JOBS = 2
ACTS = [("snapshot", "off"), ("delete", "off"), ("restore", "off"), ("undo", "off"),
        ("restore", "on"), ("undo", "on"), ("drop", "off"), ("gc", "off"), ("disk-restore", "off"),
        ("image", "off"), ("clone", "off"), ("clone-linked", "off")]
ACTS += [("clone-snapshot", "on"), ("flatten", "off")] if scenes.LONG else []
DEVICE_ACTS = [("restore", "off"), ("undo", "off"), ("restore", "on"), ("undo", "on"),
               ("drop", "off")]
DEVICE_PAIRS = 4
FOLDER = "/run/vmsnap"
os.environ["VMSNAP_TEST_BACKING"] = "/dev/shm"

bed_cell.enter()


def storage(kind):
    """A folder on a file system of that kind, as fast as memory."""
    path = f"{FOLDER}/{kind}"
    if kind == "tmpfs":
        os.makedirs(path, exist_ok=True)
        return path
    return path if os.path.ismount(path) else bed_storage.mount_scratch(path, kind, 512)


def run_on_device(act, power, pairs):
    """The first disk is a block device of just the size of what it holds; returns the same."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as image:
        image.truncate(48 << 10)
        device = bed_storage.run(["losetup", "-f", "--show", image.name]).strip()
    try:
        os.chmod(device, 0o640)
        os.chown(device, 101, 101)
        words = [storage("tmpfs"), act, power, harness.RNG.randrange(1 << 31), pairs, 0, 1, device]
        done = subprocess.run([harness.built("tests/integration/crash-pairs"), *map(str, words)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    finally:
        bed_storage.run(["losetup", "-d", device])
    assert done.returncode == 0, (done.stdout, done.stderr[-2000:])
    return list(map(int, done.stdout.split()))[:4]


def run_slices(kind, act, power, pairs):
    """Several processes, each with its share; returns (deaths, pairs, old, new)."""
    program = harness.built("tests/integration/crash-pairs")
    started = []
    for number in range(JOBS):
        words = [storage(kind), act, power, harness.RNG.randrange(1 << 31), pairs, number, JOBS]
        started.append(subprocess.Popen([program, *map(str, words)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    ended = [(process, *process.communicate()) for process in started]
    for process, out, err in ended:
        assert process.returncode == 0, (out, err[-2000:])
    counts = [list(map(int, out.split())) for _, out, _ in ended]
    return [sum(each) for each in zip(*counts)][:4]


def die(kind, long):
    """All acts on one file system."""
    total = [0, 0]
    for act, power in ACTS:
        deaths, pairs, old, new = run_slices(kind, act, power, 0 if long else PAIRS // JOBS)
        assert deaths and pairs and old + new == deaths + pairs, (deaths, pairs, old, new)
        harness.note(f"{act}, VM {power}, {kind}: {deaths} deaths, {pairs} pairs of them, "
                     f"{old} times all old, {new} times all new")
        total = [total[0] + deaths, total[1] + pairs]
    harness.figure(f"crash pairs on {kind}: {total[1]} pairs and {total[0]} single deaths of "
                   f"{len(ACTS)} operations, none of them torn")


@harness.test
def pairs_of_deaths_in_memory():
    """Where files are copied."""
    die("tmpfs", scenes.LONG)


@harness.test
def pairs_of_deaths_with_a_block_device():
    """It is rewritten in place, after its old contents were put aside."""
    for act, power in DEVICE_ACTS:
        deaths, pairs, old, new = run_on_device(act, power, 0 if scenes.LONG else DEVICE_PAIRS)
        assert deaths and pairs and old + new == deaths + pairs, (deaths, pairs, old, new)
        harness.note(f"{act}, VM {power}, block device: {deaths} deaths, {pairs} pairs of them, "
                     f"{old} times all old, {new} times all new")


@harness.test
def pairs_of_deaths_on_xfs():
    """Where blocks are shared."""
    die("xfs", False)


harness.main()
