# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frame of a system test.

    import harness
    bed = harness.bed()                  # real VMs; skips when the machine lacks a part

    @harness.test
    def a_frozen_snapshot_is_clean():
        reply = harness.vmsnap("snapshot", "create", "web", "s1")
        assert reply.code == 0 and reply.json["consistency"] == "frozen"

    harness.main()

Every test prints `ok NAME` or `not ok NAME`; the last line is `N passed, N failed`. Words on the
command line choose tests by part of their name. VMS_SEED repeats a random run.
"""

import dataclasses
import json
import os
import random
import subprocess
import sys
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, f"{ROOT}/tests/support")

SEED = int(os.environ.get("VMS_SEED") or random.SystemRandom().randrange(1 << 32))
RNG = random.Random(SEED)
_TESTS = []


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


@dataclasses.dataclass
class Reply:
    """What a run of the command gave."""

    argv: list
    code: int
    out: str
    err: str
    json: object  # parsed stdout, None when it is not JSON
    seconds: float

    def __str__(self):
        return (f"{' '.join(self.argv)}: exit {self.code} after {self.seconds:.2f} s\n"
                f"stdout: {self.out}\nstderr: {self.err}")


def build_dir():
    """The meson build folder under test."""
    return os.path.abspath(os.environ.get("VMSNAP_BUILD", f"{ROOT}/build"))


def built(path):
    """A file of the build folder, a skip when it is not there."""
    full = os.path.join(build_dir(), path)
    if not os.path.exists(full):
        raise Skip(f"not built: {path}")
    return full


def bed(install=False, **options):
    """Enters a test bed; call it before anything else. Options are those of bed.enter().

    With `install` the build is installed inside the bed, so that the library finds its guard.
    """
    import bed as testbed  # pylint: disable=import-outside-toplevel
    entered = testbed.enter(**options)
    if install:
        entered.install(build_dir())
    return entered


def need_bed():
    """Skips the script where no bed is possible, without entering one."""
    import bed as testbed  # pylint: disable=import-outside-toplevel
    testbed.prepare()


def _parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def spawn(*argv, env=None, **options):
    """Starts the command with JSON output and returns the Popen; for tests that kill it."""
    words = [built("src/cli/vmsnap"), "-o", "json", *map(str, argv)]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})},
                            **options)


def vmsnap(*argv, check=None, env=None, timeout=300):
    """Runs the command with JSON output; with `check` any other exit code is a failure."""
    start = time.monotonic()
    process = spawn(*argv, env=env)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    reply = Reply(list(map(str, argv)), process.returncode, out, err, _parsed(out),
                  time.monotonic() - start)
    assert check is None or reply.code == check, f"exit {check} wanted: {reply}"
    return reply


def test(function):
    """Registers a test; its name is the function's."""
    _TESTS.append(function)
    return function


def note(text):
    """Prints a remark that is no result."""
    for line in str(text).splitlines() or [""]:
        print(f"# {line}", flush=True)


def figure(text):
    """Prints a count that the runner tells again at its end ("kill matrix: 52 cells …")."""
    print(text, flush=True)


def _run_one(function):
    """Runs a test and prints its line; returns "passed", "failed" or "skipped"."""
    start = time.monotonic()
    try:
        function()
        line, outcome = f"ok {function.__name__}", "passed"
    except Skip as reason:
        line, outcome = f"ok {function.__name__} # SKIP {reason}", "skipped"
    except Exception:  # pylint: disable=broad-exception-caught
        note(traceback.format_exc())
        line, outcome = f"not ok {function.__name__}", "failed"
    if outcome != "skipped":
        line += f" ({time.monotonic() - start:.1f} s)"
    print(line, flush=True)
    return outcome


def main():
    """Runs the registered tests and exits: 0, 1 when one failed, 77 when all were skipped."""
    note(f"VMS_SEED={SEED}")
    words = sys.argv[1:]
    chosen = [each for each in _TESTS
              if not words or any(word in each.__name__ for word in words)]
    outcomes = [_run_one(each) for each in chosen]
    passed, failed, skipped = (outcomes.count(each) for each in ("passed", "failed", "skipped"))
    tail = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {failed} failed{tail}", flush=True)
    if skipped and not passed and not failed:
        sys.exit(77)
    sys.exit(1 if failed or not chosen else 0)
