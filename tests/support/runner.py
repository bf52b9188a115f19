#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds and runs suites of tests and sums what they report; started by tests/run."""

import concurrent.futures
import dataclasses
import glob
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What a script counted, told again at the end of the run: "kill matrix: 52 cells passed of 208".
FIGURE = re.compile(r"(?:kill matrix|random kills|cancels|survival|concurrent-snapshot rounds|group|"
                    r"hostile-agent cases|fuzz executions|table|oracle|thaw beside hung agents|"
                    r"freeze window|crash points|crash pairs|power loss|seeded defects|"
                    r"write faults|marker test|findings|inventory|downtime|clone): .*\d")
CLOSING = re.compile(r"(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$")
MUST_NOT_SKIP = {"integration", "system", "freeze", "restore", "clone", "long"}
SCRIPT_SECONDS = {"system": 900, "freeze": 900, "restore": 900, "clone": 900, "long": 3600,
                  "bench": 1800}


@dataclasses.dataclass(frozen=True)
class Build:
    """A build folder and the options it is set up with."""

    folder: str
    options: tuple = ()
    compiler: str = "gcc"


@dataclasses.dataclass(frozen=True)
class Suite:
    """A named run: meson suites in a build, or executable scripts."""

    name: str
    build: str = "plain"
    meson: tuple = ()  # arguments of meson test
    scripts: tuple = ()  # globs of executables below tests/
    at_once: int = 1  # scripts at a time
    alone: tuple = ()  # scripts that need the machine for themselves; they come first


@dataclasses.dataclass
class Count:
    """What was counted."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    figures: list = dataclasses.field(default_factory=list)

    def add(self, other):
        """Adds another count to this one."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.figures += other.figures

    def __str__(self):
        tail = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{tail}"


COMMON = ("-Dwerror=true", "-Dcrash_points=true")
BUILDS = {
    "plain": Build("build", COMMON),
    # As users build it: what needs crash points must do without.
    "clang": Build("build-clang", ("-Dwerror=true", "-Dcrash_points=false"), "clang"),
    "address": Build("build-address", COMMON + ("-Db_sanitize=address,undefined",)),
    "thread": Build("build-thread", COMMON + ("-Db_sanitize=thread",)),
}
NINE_GUESTS = ("test_freeze_crowded.py",)
SUITES = {suite.name: suite for suite in [
    Suite("unit", meson=("--setup", "share", "--suite", "unit")),
    Suite("points", meson=("--suite", "unit")),
    *(Suite(name, meson=("--suite", name))
      for name in ("headers", "style", "abi", "threads", "integration", "fuzz", "tidy")),
    Suite("clang", "clang", meson=("--setup", "again", "--suite", "unit", "--suite",
                                   "threads")),
    Suite("address", "address", meson=("--setup", "sanitize", "--suite", "unit", "--suite",
                                       "threads", "--suite", "integration")),
    Suite("thread", "thread", meson=("--suite", "threads")),
    Suite("valgrind", meson=("--setup", "valgrind", "--suite", "threads")),
    # Much of their time is waiting: for guests to boot, for limits to end.
    Suite("system", scripts=("system/test_*.py",), at_once=3, alone=NINE_GUESTS),
    Suite("freeze", scripts=("system/test_freeze*.py", "system/test_bad_agent.py",
                             "system/test_disk_snapshot*.py", "system/test_detached.py",
                             "system/test_wait.py"), at_once=2, alone=NINE_GUESTS),
    Suite("restore", scripts=("system/test_restore*.py", "system/test_power_loss*.py",
                              "system/test_crash_*.py", "system/test_kill.py",
                              "system/test_off.py", "system/test_storage_full.py",
                              "system/test_undo*.py"), at_once=2),
    Suite("clone", scripts=("system/test_clone*.py",), at_once=2),
    Suite("long", scripts=("system/long_*.py",)),
    Suite("bench", scripts=("bench/bench_*.py",)),
]}
# Subjects: a word for several suites.
SUBJECTS = {"freeze": ["fuzz", "freeze"], "long": ["points", "long"]}
# One run for every change: what a reader of a green line may rely on.
QUICK = ["unit", "headers", "style", "abi", "threads", "integration", "fuzz"]
DEFAULT = QUICK + ["tidy", "clang", "address", "thread", "valgrind", "system"]


def build(kind):
    """Sets the build folder up and builds; returns False when that failed."""
    spec = BUILDS[kind]
    folder = os.path.join(ROOT, spec.folder)
    if os.path.exists(f"{folder}/build.ninja"):
        setup = ["meson", "configure", folder, *spec.options]
    else:
        setup = ["meson", "setup", folder, *spec.options]
    done = subprocess.run(setup, cwd=ROOT, env={**os.environ, "CC": spec.compiler}, text=True,
                          check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode == 0:
        done = subprocess.run(["ninja", "-C", folder], cwd=ROOT, text=True, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
    if done.returncode != 0:
        print(done.stdout[-8000:], flush=True)
    return done.returncode == 0


def read_junit(path):
    """Counts the cases of a junit file."""
    count = Count()
    for case in ElementTree.parse(path).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            count.failed += 1
        elif "skipped" in kinds:
            count.skipped += 1
        else:
            count.passed += 1
    return count


def run_meson(suite, words):
    """Runs meson test; cases inside a test count singly. Two at a time on each CPU: half of their
    time is waiting."""
    folder = os.path.join(ROOT, BUILDS[suite.build].folder)
    base = f"suite-{suite.name}"
    for old in glob.glob(f"{folder}/meson-logs/{base}*"):
        os.unlink(old)
    done = subprocess.run(["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs",
                           "--num-processes", str(2 * (os.cpu_count() or 1)), "--logbase", base,
                           *suite.meson, *words], cwd=ROOT, check=False,
                          stdin=subprocess.DEVNULL)
    logs = glob.glob(f"{folder}/meson-logs/{base}*.junit.xml")
    count = read_junit(logs[0]) if logs else Count()
    for log in glob.glob(f"{folder}/meson-logs/{base}*.txt"):
        with open(log, encoding="utf-8", errors="replace") as text:
            count.figures += [line.strip() for line in text if FIGURE.match(line)]
    if done.returncode != 0 and count.failed == 0:
        count.failed += 1
    return count


def count_output(text, code):
    """Counts a script's output: its closing line, or its `ok` lines when it has none."""
    lines = [line for line in text.splitlines() if line.strip()]
    closing = CLOSING.match(lines[-1]) if lines else None
    if closing:
        count = Count(*(int(number or 0) for number in closing.groups()))
    else:
        count = Count(failed=sum(line.startswith("not ok") for line in lines))
        for line in lines:
            if line.startswith("ok"):
                count.add(Count(skipped=1) if "# SKIP" in line else Count(passed=1))
        if code == 77:
            count.skipped = max(count.skipped, 1)
    if code not in (0, 77) and count.failed == 0:
        count.failed += 1
    count.figures = [line for line in lines if FIGURE.match(line)]
    return count


def run_script(path, seconds, environment):
    """Runs one executable and shows its output when it has ended; returns its count."""
    name = os.path.basename(path)
    start = time.monotonic()
    done = subprocess.run(["timeout", "-k", "15", str(seconds), path], env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, errors="replace")
    count = count_output(done.stdout, done.returncode)
    odd = "" if done.returncode in (0, 1, 77) else f"{name} ended with {done.returncode}\n"
    print(f"-- {name}\n{done.stdout}{odd}"
          f"-- {name}: {count}, {time.monotonic() - start:.1f} s", flush=True)
    return count


def run_scripts(suite, words):
    """Runs the executables of a suite, as many at a time as it allows."""
    folder = os.path.join(ROOT, BUILDS[suite.build].folder)
    environment = {**os.environ, "VMSNAP_BUILD": folder,
                   "VMSNAP_TEST_LOGS": f"{folder}/test-logs"}
    paths = [path for pattern in suite.scripts for path in
             sorted(glob.glob(f"{ROOT}/tests/{pattern}"))
             if not words or any(word in os.path.basename(path) for word in words)]
    alone = [path for path in paths if os.path.basename(path) in suite.alone]
    count = Count()
    for at_once, some in ((1, alone), (suite.at_once, [p for p in paths if p not in alone])):
        with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
            for one in pool.map(
                    lambda path: run_script(path, SCRIPT_SECONDS[suite.name], environment), some):
                count.add(one)
    return count


def run_suite(suite, words, built):
    """Builds once and runs one suite; prints its count and time."""
    print(f"== {suite.name}", flush=True)
    start = time.monotonic()
    if suite.build not in built:
        built[suite.build] = build(suite.build)
        print(f"== build {suite.build}: {time.monotonic() - start:.1f} s", flush=True)
    if not built[suite.build]:
        print(f"== {suite.name}: the build failed", flush=True)
        return Count(failed=1)
    count = run_meson(suite, words) if suite.meson else run_scripts(suite, words)
    if os.environ.get("CI") == "true" and suite.name in MUST_NOT_SKIP and count.skipped:
        print(f"== {suite.name}: {count.skipped} skipped, which fails in CI", flush=True)
        count.failed += count.skipped
        count.skipped = 0
    print(f"== {suite.name}: {count}, {time.monotonic() - start:.1f} s", flush=True)
    return count


def main():
    """Runs the suites named on the command line; other words choose tests inside them."""
    words = sys.argv[1:]
    if "--list" in words:
        print("\n".join(["quick", "all (default)", *SUITES]))
        return 0
    groups = {"quick": QUICK, "all": DEFAULT, **SUBJECTS}
    names = [name for word in words for name in groups.get(word, [word] * (word in SUITES))]
    rest = [word for word in words if word not in SUITES and word not in groups]
    if rest:  # they choose scripts
        names = [name for name in names if name != "points"]
    total = Count()
    built = {}
    summary = []
    for name in names or DEFAULT:
        count = run_suite(SUITES[name], rest, built)
        summary.append(f"{name:12} {count}")
        total.add(count)
    print("\n".join(["", *total.figures, *summary]))
    print(total, flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
