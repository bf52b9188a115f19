#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Beds seen from outside: two at once, and nothing left of one that was killed."""

import os
import signal
import subprocess
import sys
import time

import harness

SCRIPT = """
import sys
sys.path.insert(0, {support!r})
import bed as testbed
bed = testbed.enter()
folder = bed.storage("xfs", 512)
disk = bed.make_disk(folder + "/a.qcow2")
vm = bed.define_vm("lone", [disk]).start(wait=True)
print("up", vm.boot_id(), flush=True)
sys.stdin.read()
"""


def start_bed():
    """A bed with a VM in a process of its own; it prints a line and ends with its stdin."""
    script = SCRIPT.format(support=f"{harness.ROOT}/tests/support")
    return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)


def traces():
    """Loop devices and processes of beds on this machine."""
    loops = subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=True).stdout
    found = [line for line in loops.splitlines() if "vmsnap-bed-" in line]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as handle:
                words = handle.read().split(b"\0")
        except OSError:
            continue
        if b"guest=lone,debug-threads=on" in words:
            found.append(f"QEMU {pid}")
    return found


def wait_no_traces(before, timeout=10):
    """Waits until only what was there before is there."""
    deadline = time.monotonic() + timeout
    while True:
        left = [trace for trace in traces() if trace not in before]
        if not left:
            return
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@harness.test
def two_beds_at_once_do_not_meet():
    before = traces()
    beds = [start_bed(), start_bed()]
    first = [bed.stdout.readline() for bed in beds]
    for bed in beds:
        bed.communicate(timeout=30)
    assert all(line.startswith("up ") for line in first), first
    assert first[0] != first[1]
    assert [bed.returncode for bed in beds] == [0, 0]
    wait_no_traces(before, 0)  # an orderly end returns only when all is gone


@harness.test
def a_killed_bed_leaves_nothing():
    for number in (signal.SIGKILL, signal.SIGTERM):
        before = traces()
        bed = start_bed()
        assert bed.stdout.readline().startswith("up ")
        assert len(traces()) > len(before)
        bed.send_signal(number)
        bed.wait(30)
        wait_no_traces(before)


harness.need_bed()
harness.main()
