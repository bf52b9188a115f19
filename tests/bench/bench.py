# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frame of a benchmark: ratios of one run, medians, variants taken in turn, limits.

    import bench
    bed = bench.bed()
    client = bench.Client(f"{folder}/state")
    samples = bench.take_turns({"ours": ours, "theirs": theirs}, rounds=7)
    bench.limit("ours to theirs", bench.ratio(samples, "ours", "theirs"), 1.1)
    bench.end()

Every limit prints a line `PASS` or `FAIL`; the last line is `N passed, N failed`.
"""

import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, f"{os.path.dirname(HERE)}/system")

import harness  # noqa: E402  pylint: disable=wrong-import-position

ROUNDS = 7
_RESULTS = []


class Child:
    """A program of this folder that answers a line on stdout to each line on stdin."""

    def __init__(self, name):
        try:
            program = harness.built(f"tests/bench/{name}")
        except harness.Skip as reason:
            print(f"1..0 # SKIP {reason}", flush=True)
            sys.exit(77)
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE)

    def ask(self, *words):
        """Sends a command; returns (milliseconds it took inside, text)."""
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        verdict, spent, text = self.process.stdout.readline().rstrip("\n").split(" ", 2)
        if verdict != "ok":
            raise RuntimeError(f"{words}: {text}")
        return float(spent), text

    def close(self):
        """Ends the program."""
        self.process.stdin.close()
        self.process.wait(60)


class Client(Child):
    """A host of the library with an open context."""

    def __init__(self, state):
        super().__init__("bench-client")
        self.ask("open", state)
        self._count = 0

    def create(self, vm, method="auto"):
        """Takes a snapshot; returns (milliseconds, its name, its JSON)."""
        self._count += 1
        name = f"b{self._count}"
        spent, text = self.ask("create", vm, name, method)
        return spent, name, json.loads(text)

    def delete(self, name):
        """Deletes a snapshot."""
        self.ask("delete", name)

    def rss_mib(self):
        """Resident memory of the process."""
        return int(self.ask("rss")[1]) / 1024


def bed():
    """A test bed with the build installed."""
    return harness.bed(install=True)


def take_turns(variants, rounds=ROUNDS):
    """Runs the variants (name: callable giving a number) one after the other, round by round,
    each round from another start; returns name: list of numbers. A round before them warms up."""
    names = list(variants)
    samples = {name: [] for name in names}
    for turn in range(-1, rounds):
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            value = variants[name]()
            if turn >= 0:
                samples[name].append(value)
    return samples


def median(numbers):
    """Median."""
    return statistics.median(numbers)


def show(title, samples, unit="ms"):
    """Prints what was measured."""
    for name, numbers in samples.items():
        harness.note(f"{title} {name}: median {median(numbers):.1f} {unit} "
                     f"(lowest {min(numbers):.1f}, highest {max(numbers):.1f}, "
                     f"{len(numbers)} times)")


def ratio(samples, name, base):
    """Ratio of two medians."""
    return median(samples[name]) / median(samples[base])


def limit(title, value, most, unit=""):
    """Judges a figure."""
    good = value <= most
    _RESULTS.append(good)
    print(f"{'PASS' if good else 'FAIL'}  {title}: {value:.2f}{unit}, limit {most}{unit}",
          flush=True)


def tell(title, value, unit=""):
    """Prints a figure that has no limit."""
    print(f"      {title}: {value:.2f}{unit}", flush=True)


def settle(seconds=0.3):
    """Lets the guest and its storage come to rest."""
    time.sleep(seconds)


def remove(path):
    """Removes a file, there or not."""
    if os.path.exists(path):
        os.unlink(path)


def end():
    """Prints the sum and exits."""
    harness.note(f"load of the machine: {os.getloadavg()[0]:.1f} in the last minute, "
                 f"{os.cpu_count()} CPUs")
    failed = _RESULTS.count(False)
    print(f"{len(_RESULTS) - failed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed or not _RESULTS else 0)
