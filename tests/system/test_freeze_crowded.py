#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Eight guests whose agents hang do not keep the ninth from being thawed.

One process, one context, nine VMs: a freeze hook keeps the agents of eight from answering. libvirtd
serves five calls of a connection at a time, so that without more connections the ninth would stay
frozen until some of theirs end.
"""

import ctypes
import sys
import time

import harness

bed = harness.bed(install=True)
ctypes.CDLL(harness.built("src/libvmsnap.so.0"))  # found by its name from here on
sys.path.insert(0, f"{harness.ROOT}/bindings/python")
import vmsnap  # noqa: E402  pylint: disable=wrong-import-position

HUNG = 8
HANG_S = 20
LIMIT_MS = 1000


def machines():
    """Nine small VMs without a load."""
    folder = bed.storage("xfs", 2048)
    found = []
    for number in range(HUNG + 1):
        disk = bed.make_disk(f"{folder}/n{number}.raw", size_mb=48)
        found.append(bed.define_vm(f"n{number}", [disk], mem=128, append="vmsnap.hook=1"))
    for first in range(0, len(found), 3):  # a few at a time boot faster than all
        for vm in found[first:first + 3]:
            vm.start()
        for vm in found[first:first + 3]:
            vm.wait_agent()
    return found


def thaw_ms(shot):
    """From the end of the cut to the thaw's answer."""
    at = {event["name"]: event["t_ms"] for event in shot["evidence"]["events"]}
    return at["thaw-acknowledged"] - at["cut-end"]


def take(context, number):
    """One snapshot of the ninth."""
    job = context.find_vm(f"n{HUNG}").snapshot(f"ninth.{number}")
    job.wait()
    return job.snapshot().info


def wait_freezing(jobs):
    """Until all wait for their agents' answer to the freeze."""
    deadline = time.monotonic() + 30
    while any(job.progress().stage.name != "FREEZING" for job in jobs):
        assert time.monotonic() < deadline, [job.progress() for job in jobs]
        time.sleep(0.02)


@harness.test
def the_ninth_is_thawed():
    found = machines()
    times = []
    for vm in found[:HUNG]:
        vm.write_file("/run/fsfreeze-hook", f"[ $1 = freeze ] && sleep {HANG_S}\nexit 0\n")
    with vmsnap.Context("qemu:///system") as context:
        take(context, "first")
        jobs = [context.find_vm(vm.name).snapshot(f"{vm.name}.s") for vm in found[:HUNG]]
        wait_freezing(jobs)
        while not all(job.wait(0) for job in jobs if not failed(job)):
            times.append(thaw_ms(take(context, len(times))))
            time.sleep(0.2)
        codes = [failed(job) for job in jobs]
    assert times and max(times) <= LIMIT_MS, times
    harness.figure(f"thaw beside hung agents: {len(times)} times, at most {max(times):.0f} ms")
    harness.note(f"the hung ended with {codes}")
    for vm in found:
        vm.destroy()
        vm.undefine()


def failed(job):
    """The code of a job that failed; None: it did not, or not yet."""
    try:
        job.wait(0)
    except vmsnap.Error as error:
        return f"{error.code.name}/{error.reason}"
    return None


harness.main()
