# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the freeze window share: a loaded VM, freeze-driver, and what must hold when
everybody is done."""

import json
import os
import queue
import signal
import subprocess
import threading
import time

import harness
import scenes

vmsnap = harness.vmsnap
CALL_S, BUDGET_S = 2, 2  # limits of the freeze
DEADLINE_S = CALL_S + BUDGET_S + 1
LIMITS = {"call": CALL_S * 1000, "budget": BUDGET_S * 1000}
METHODS = {"xfs": "reflink", "ext4": "backup"}


class Driver:
    """freeze-driver at work on a VM; its lines come with the moment they were read at."""

    def __init__(self, vm, name, **wishes):
        words = [f"{key}={value}" for key, value in {**LIMITS, **wishes}.items()]
        self.process = subprocess.Popen(
            [harness.built("tests/integration/freeze-driver"), vm, name, *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True)
        self.pid = self.process.pid
        self._lines = queue.Queue()
        self.points = []
        self.child = None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put((time.monotonic(), *line.rstrip("\n").partition(" ")[::2]))
        self._lines.put((time.monotonic(), None, ""))

    def wait(self, *words, timeout=60):
        """Reads on until one of the words; returns (moment, word, rest), word None at the end."""
        while True:
            moment, word, rest = self._lines.get(timeout=timeout)
            if word == "point":
                self.points.append(rest)
            if word == "child":
                self.child = int(rest)
            if word is None or word in words:
                return moment, word, rest

    def go_on(self):
        """Lets it leave the step it was stopped at."""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def kill(self, number=signal.SIGKILL):
        """Sends it a signal; returns when."""
        moment = time.monotonic()
        os.kill(self.pid, number)
        if number == signal.SIGKILL:
            self.process.wait()
        return moment

    def end(self, timeout=60):
        """Waits until it ends; returns None if the snapshot was taken, else the error."""
        _, word, rest = self.wait("done", "failed", timeout=timeout)
        self.process.wait(timeout)
        assert word is not None, f"the driver died: {self.process.returncode}"
        return None if word == "done" else json.loads(rest)["error"]


class Stage(scenes.Scene):
    """A loaded VM with hooks, a beat, and a way in besides the agent, that snapshots can be taken
    of again and again."""

    def __init__(self, bed, storage, name=None):
        super().__init__(bed, name or f"stage-{storage}", storage, size_mb=64, storage_mb=1024,
                         beat=True, command=True, append="vmsnap.hook=1")
        self.storage = storage
        self.method = METHODS[storage]
        self.shell = self.beat = self._driver = None
        self._steps = []
        self.run()

    def run(self):
        """Boots the VM and waits until its load runs; also after it went off by itself."""
        for each in filter(None, (self.shell, self.beat)):
            each.close()
        self.start()
        self.shell = self.vm.command()
        self.beat = self.vm.beat()
        self.beat.resumed_after(time.monotonic(), 30)

    def drive(self, name="m", **wishes):
        """Starts taking a snapshot."""
        self._driver = Driver(self.name, name, **wishes)
        return self._driver

    def steps(self):
        """Names of the micro-steps of an undisturbed window, guard first and last."""
        for _ in range(0 if self._steps else 2):  # the first one makes folders that then stay
            driver = self.drive("steps", trace=1)
            error = driver.end()
            assert not error, error
            vmsnap("snapshot", "delete", "steps", check=0)
            last = max(n for n, name in enumerate(driver.points) if name == "guard-dismiss-done")
            self._steps = driver.points[:last + 1]
        return self._steps

    def stopped_at(self, point, name="m", **wishes):
        """A driver that stands at the first step of that name."""
        driver = self.drive(name, stop=self.steps().index(point) + 1, **wishes)
        _, word, said = driver.wait("at", "failed")
        assert (word, said) == ("at", point), (word, said)
        return driver

    def frozen_at(self, point, **wishes):
        """The same, and the guest has come to a standstill by that."""
        driver = self.stopped_at(point, **wishes)
        time.sleep(0.15)
        assert self.beat.silence_ms() > 100, "nothing is frozen"
        return driver

    def set_hook(self, script=None):
        """What the agent runs around a freeze; None: nothing."""
        if script is None:
            self.shell.run("rm -f /run/fsfreeze-hook")
        else:
            self.shell.run(f"printf '%s\\n' '{script}' >/run/fsfreeze-hook")

    def resumed_after(self, moment, limit_s):
        """Milliseconds from the moment until writes to every disk came through again."""
        return self.beat.resumed_after(moment, limit_s)

    def check_thawed(self):
        """The guest says so, and writes."""
        assert self.vm.state() == "running", self.vm.state()
        assert not self.vm.frozen(), "the agent says frozen"
        self.resumed_after(time.monotonic(), 2)

    def check_again(self, name="m", judge=None):
        """Nothing is left of what was, and what was to be done is, or can be. `judge` sees the images of
        what is taken."""
        shot = find(name)
        scenes.wait_hands_empty(3)
        scenes.check_at_rest(self, [shot] if shot else [])
        if not shot:
            error = self.drive(name).end()
            assert not error, error
        taken = shot or find(name)
        scenes.check_frozen_evidence(taken, self)
        verdict = judge(scenes.images(taken)) if judge else None
        assert not verdict or verdict.good, verdict
        vmsnap("snapshot", "delete", name, check=0)
        scenes.wait_hands_empty(3)
        scenes.check_at_rest(self)
        return shot

    def mend(self):
        """After a failure: as it was, for whatever comes next."""
        self.bed.libvirt.start()
        for pid in [self._driver.pid] * (self._driver.process.poll() is None) + scenes.guards():
            os.kill(pid, signal.SIGKILL)
        if self.vm.state() != "shut off":
            self.vm.kill_qemu(signal.SIGCONT)
            self.vm.destroy()
        self.vm.virsh("managedsave-remove", check=False)
        vmsnap("recover")
        vmsnap("snapshot", "delete", "m")
        self.run()


def find(name):
    """The snapshot's document if it holds its name; then it must be whole."""
    reply = vmsnap("snapshot", "show", name)
    if reply.code == 5 or reply.json["phase"] == "Failed":
        return None
    assert reply.json["phase"] == "Ready", reply
    return reply.json


def recover():
    """Puts everything in order in one go; a second one finds nothing. Returns the acts."""
    acts = vmsnap("recover", check=0).json["acts"]
    assert all(act["act"] not in ("failed", "skipped") for act in acts), acts
    again = vmsnap("recover", check=0).json["acts"]
    assert again == [], again
    return [act["act"] for act in acts]


def wait_guards_gone(limit_s=10):
    """The guards have done their work, whatever it was."""
    deadline = time.monotonic() + limit_s
    while scenes.guards():
        assert time.monotonic() < deadline, f"guards live on: {scenes.left_in_hands()}"
        time.sleep(0.01)


def quantiles(values):
    """p50, p99 and the worst."""
    values = sorted(values)
    if not values:
        return "none"
    p50, p99 = (values[min(len(values) - 1, int(len(values) * part))] for part in (0.5, 0.99))
    return f"p50 {p50:.0f}, p99 {p99:.0f}, max {values[-1]:.0f} ms of {len(values)}"
