#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each call of an operation that changes a file fails: ENOSPC or EIO, once or from then on.

What fails leaves all as it was and says why, or says that it is uncertain, and then recover settles
it: byte for byte, nothing left, the VM as it was (tests/support/write-faults.c). SQLite's own calls
are among them. A clone can be made after each that failed. Of clones CI takes every third call;
the VM that is on, undo sets and new disks are tried by VMS_LONG=1.
"""

import os
import subprocess

import harness
import scenes

harness.need_bed()

import bed_cell  # noqa: E402  pylint: disable=wrong-import-position

FOLDER = "/run/vmsnap/faults"
ACTS = [("snapshot", "off"), ("delete", "off"), ("restore", "off"), ("undo", "off"),
        ("clone", "off")]
MORE = [("restore", "on"), ("undo", "on"), ("drop", "off"), ("disk-restore", "off"),
        ("image", "off"), ("clone-snapshot", "on"), ("clone-linked", "off"),
        ("flatten", "off")]
ACTS += MORE if scenes.LONG else []
JOBS = 2

bed_cell.enter()
os.makedirs(FOLDER)


def fail_all(act, power, number, how):
    """Fails each call in turn; returns (failed, uncertain, succeeded)."""
    program = harness.built("tests/integration/write-faults")
    stride = 3 if act == "clone" and not scenes.LONG else 1
    begin = JOBS * harness.RNG.randrange(stride)
    started = [subprocess.Popen([program, FOLDER, act, power, number, how, str(begin + first),
                                 str(JOBS * stride)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for first in range(1, JOBS + 1)]
    ended = [(process, *process.communicate()) for process in started]
    for process, out, err in ended:
        assert process.returncode == 0, (out, err[-3000:])
    counts = [list(map(int, out.split())) for _, out, _ in ended]
    return [sum(each) for each in zip(*counts)][:3]


def fail_everywhere(number):
    """All acts with one errno."""
    total = 0
    for act, power in ACTS:
        for how in ("once", "sticky"):
            failed, uncertain, succeeded = fail_all(act, power, number, how)
            assert failed + uncertain, (act, how, succeeded)
            harness.note(f"{act}, VM {power}, {number} {how}: {failed} failed and left nothing, "
                         f"{uncertain} uncertain and settled, {succeeded} succeeded all the same")
            total += failed + uncertain + succeeded
    harness.figure(f"write faults by {number}: {total} calls of {len(ACTS)} operations, none left "
                   f"anything behind")


@harness.test
def no_space_at_each_write():
    fail_everywhere("ENOSPC")


@harness.test
def an_io_error_at_each_call():
    fail_everywhere("EIO")


harness.main()
