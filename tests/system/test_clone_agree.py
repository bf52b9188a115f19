#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a dry-run of a clone says, a run does: ten thousand worlds of chance, through the engine."""

import os
import re
import subprocess

import harness

CASES = int(os.environ.get("VMSNAP_TEST_CASES", "10000"))
FIGURE = re.compile(r"# (\d+) cases: (\d+) clones made, (\d+) refused")


@harness.test
def a_run_does_what_its_dry_run_said():
    done = subprocess.run([harness.built("tests/unit/clone-agree-test")], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "VMSNAP_TEST_CASES": str(CASES),
                               "TMPDIR": "/dev/shm"})
    figure = FIGURE.search(done.stdout)
    assert done.returncode == 0 and figure, done.stdout[-4000:]
    harness.figure(f"dry-run and run of clones: {figure[1]} cases, {figure[2]} made, "
                   f"{figure[3]} refused, 0 disagree")
    assert int(figure[1]) >= CASES


harness.main()
