#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ten snapshots of one VM with two disks at once, by threads and by processes.

All are consistent; the guest's own freeze hook says that there were as many thaws as freezes, never
two freezes at a time, and no more freezes than snapshots. 20 rounds; VMS_LONG=1: 100. VMS_SEED
repeats the choice of what is judged by its contents.
"""

import json
import os
import subprocess
import sys
import time

import harness
import scenes

bed = harness.bed(install=True)
import oracle  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
ROUNDS = int(os.environ.get("VMS_ROUNDS") or (100 if scenes.LONG else 20))
BACKUPS = 10 if scenes.LONG else 1
CALLS = "/run/calls"
HOOK = f"read up rest </proc/uptime; echo $1 $up >>{CALLS}\n"


class Crowd:
    """A loaded VM, a process with several contexts and threads, and others that come and go."""

    THREADS, PROCESSES = 7, 3

    def __init__(self, storage, **options):
        self.scene = scenes.Scene(bed, f"crowd-{storage}", storage, size_mb=64,
                                   append="vmsnap.hook=1", **options)
        self.scene.start()
        self.vm = self.scene.vm
        self.vm.write_file("/run/fsfreeze-hook", HOOK)
        self.host = subprocess.Popen(
            [sys.executable, f"{harness.ROOT}/tests/support/crowd.py", self.vm.name, "2"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, *words):
        """Orders the host program to do something."""
        print(*words, file=self.host.stdin, flush=True)

    def answer(self):
        """What it gave."""
        line = self.host.stdout.readline()
        assert line, f"the host program ended: {self.host.wait()}"
        return json.loads(line)

    def take(self, method):
        """Ten at once; gives name: snapshot."""
        names = [f"{self.scene.name}.{number}" for number in range(self.THREADS + self.PROCESSES)]
        self.tell("take", method, *names[:self.THREADS])
        others = {name: harness.spawn("snapshot", "create", self.vm.name, name, "--method", method,
                                      "--wait-ready", "60") for name in names[self.THREADS:]}
        shots = {}
        for name, process in others.items():
            out, err = process.communicate(timeout=120)
            assert process.returncode == 0, (name, out, err)
            shots[name] = json.loads(out)
        return {**self.answer(), **shots}

    def drop(self, shots):
        """Deletes them again."""
        self.tell("drop", *shots)
        self.answer()

    def calls(self):
        """What the guest's hook was called for since the last time."""
        text = self.vm.read_file(CALLS).decode()
        self.vm.write_file(CALLS, "")
        return [line.split()[0] for line in text.splitlines()]

    def end(self):
        """Ends both."""
        self.host.stdin.close()
        self.host.wait(30)
        self.scene.end()


def check(crowd, shots, method):
    """All are what they say; returns how many windows there were."""
    for name, shot in shots.items():
        assert "error" not in shot, (name, shot)
        assert {disk["method"] for disk in shot["disks"]} == {method}, shot
        scenes.check_frozen_evidence(shot, crowd.scene)
    calls = crowd.calls()
    windows = len(calls) // 2
    assert calls == ["freeze", "thaw"] * windows, calls
    assert 1 <= windows <= len(shots), calls
    assert not crowd.vm.frozen()
    scenes.wait_hands_empty()
    scenes.check_at_rest(crowd.scene, shots.values())
    judged = list(shots.values()) if scenes.LONG else [harness.RNG.choice(list(shots.values()))]
    for shot in judged:
        verdict = oracle.judge(scenes.images(shot))
        assert verdict.good, verdict
    return windows


def rounds(crowd, method, count):
    """Returns how many windows each round took."""
    windows, times = [], []
    for _ in range(count):
        start = time.monotonic()
        shots = crowd.take(method)
        times.append((time.monotonic() - start) * 1000)
        windows.append(check(crowd, shots, method))
        crowd.drop(shots)
        assert scenes.left_beside(crowd.scene.folder) == []
    harness.note(f"{method}: {sum(windows)} windows for {10 * count} snapshots")
    scenes.say(f"{method}: ten snapshots", times)


@harness.test
def ten_at_once_by_clones():
    crowd = Crowd("xfs")
    rounds(crowd, "reflink", ROUNDS)
    crowd.end()
    harness.figure(f"concurrent-snapshot rounds: {ROUNDS} passed")


@harness.test
def ten_at_once_by_backup():
    crowd = Crowd("ext4")
    rounds(crowd, "backup", BACKUPS)
    crowd.end()


harness.main()
