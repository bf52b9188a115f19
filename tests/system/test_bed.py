#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Beds seen from outside: two at once, and nothing left of one that was killed."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import harness

SCRIPT = """
import sys
sys.path.insert(0, {support!r})
import bed as testbed
bed = testbed.enter()
folder = bed.storage("xfs", 512)
disk = bed.make_disk(folder + "/a.qcow2")
vm = bed.define_vm({name!r}, [disk]).start(wait=True)
print("up", vm.boot_id(), flush=True)
sys.stdin.read()
"""


harness.need_bed()
# Other beds may run on this machine: ours are known by the name of the VM and the backing folder.
NAME = f"lone{os.getpid()}"
BACKING = tempfile.mkdtemp(prefix="vmsnap-test-bed-", dir="/var/tmp")
atexit.register(shutil.rmtree, BACKING, ignore_errors=True)


def start_bed():
    """A bed with a VM in a process of its own; it prints a line and ends with its stdin."""
    script = SCRIPT.format(support=f"{harness.ROOT}/tests/support", name=NAME)
    return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, text=True,
                            env={**os.environ, "VMSNAP_TEST_BACKING": BACKING},
                            stdout=subprocess.PIPE)


def traces():
    """What our beds have on this machine: loop devices, files, processes."""
    loops = subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=True).stdout
    found = [line for line in loops.splitlines() if BACKING in line] + os.listdir(BACKING)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as handle:
                words = handle.read().split(b"\0")
        except OSError:
            continue
        if f"guest={NAME},debug-threads=on".encode() in words:
            found.append(f"QEMU {pid}")
    return found


def wait_no_traces(timeout=20):
    """Waits until nothing is left."""
    deadline = time.monotonic() + timeout
    while traces():
        assert time.monotonic() < deadline, traces()
        time.sleep(0.05)


@harness.test
def two_beds_at_once_do_not_meet():
    beds = [start_bed(), start_bed()]
    first = [bed.stdout.readline() for bed in beds]
    assert len(traces()) == 4, traces()
    for bed in beds:
        bed.communicate(timeout=30)
    assert all(line.startswith("up ") for line in first), first
    assert first[0] != first[1]
    assert [bed.returncode for bed in beds] == [0, 0]
    assert not traces(), traces()  # an orderly end returns only when all is gone


@harness.test
def a_killed_bed_leaves_nothing():
    for number in (signal.SIGKILL, signal.SIGTERM):
        bed = start_bed()
        assert bed.stdout.readline().startswith("up ")
        assert len(traces()) == 2, traces()
        bed.send_signal(number)
        bed.wait(30)
        wait_no_traces()


harness.main()
