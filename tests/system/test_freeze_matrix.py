#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kill matrix: at each micro-step of a freeze, cut and thaw, owner, guard, both or libvirtd
are killed, or the agent stands still for a while, and no guest stays frozen.

Steps are the crash points of a window (freeze-driver stops there), and besides, for each call to
agent or hypervisor, the time while it is in flight: `queued`, a libvirtd that stands still has
the request in its socket, and `slow`, a hook in the guest is at it. Long run: all cells, both
methods. CI: every fourth cell of the first, chosen by VMS_SEED.
"""

import collections
import dataclasses
import os
import signal
import time
import traceback

import harness
import scenes

bed = harness.bed(install=True)
# pylint: disable=wrong-import-position
from freeze_stage import (  # noqa: E402
    DEADLINE_S, Stage, find, quantiles, recover, vmsnap, wait_guards_gone)

CALLS = ("agent-freeze", "agent-thaw", "hypervisor-suspend", "hypervisor-resume",
         "hypervisor-begin-backup", "hypervisor-end-backup")
SLOW = {"agent-freeze": "freeze", "agent-thaw": "thaw"}  # what the hook is called with
VICTIMS = ("owner", "guard", "both", "libvirtd", "agent")
RECOVER_S = 2
LIBVIRTD_S = 10
AGENT_S = 2  # from its next answer
took = collections.defaultdict(list)


@dataclasses.dataclass(frozen=True)
class Cell:
    """Who dies where."""

    step: int  # counted from 1
    name: str  # of the point
    flight: str  # "": before it; "queued" or "slow": the call that follows is in flight
    victim: str

    def __str__(self):
        return f"{self.step} {self.flight} {self.name}, {self.victim}"


def cells_of(steps):
    """All cells of a window."""
    guarded = range(steps.index("guard-start-done") + 1,
                    len(steps) - steps[::-1].index("guard-dismiss") + 1)
    found = []
    still = range(0)
    if "hypervisor-suspend" in steps:  # nothing can be done in the guest then
        still = range(steps.index("hypervisor-suspend") + 2, steps.index("hypervisor-resume") + 2)
    for step, name in enumerate(steps, 1):
        flights = [""] + ["queued"] * (name in CALLS) + ["slow"] * (name in SLOW)
        victims = set(VICTIMS if step in guarded else ("owner", "libvirtd", "agent"))
        victims -= {"agent"} if step in still else set()
        found += [Cell(step, name, flight, victim) for flight in flights
                  for victim in sorted(victims) if not (flight and victim == "agent")]
    return found


def kill_guard():
    """The only one; there must be one."""
    pids = scenes.guards()
    assert len(pids) == 1, pids
    os.kill(pids[0], signal.SIGKILL)
    wait_guards_gone()


def fly(stage, cell, driver):
    """Lets the driver into the call, which then takes its time."""
    if cell.flight == "queued":
        bed.libvirt.daemon.send_signal(signal.SIGSTOP)
    driver.go_on()
    time.sleep(0.15 if cell.flight == "slow" else 0.05)


def hang_agent(stage, driver):
    """The agent stands still for a while; returns as strike()."""
    stage.shell.run("killall -STOP qemu-ga")
    driver.go_on()
    time.sleep(harness.RNG.uniform(0.5, 4))
    moment = time.monotonic()
    stage.shell.run("killall -CONT qemu-ga")
    return moment, AGENT_S


def strike(stage, cell, driver):
    """Kills; returns (the moment that counts, how long it may take from then)."""
    if cell.victim == "agent":
        return hang_agent(stage, driver)
    if cell.victim in ("guard", "both"):
        kill_guard()
    if cell.victim in ("owner", "both"):
        moment = driver.kill()
    if cell.victim == "libvirtd":
        bed.libvirt.kill()
    if cell.flight == "queued" and cell.victim != "libvirtd":
        bed.libvirt.daemon.send_signal(signal.SIGCONT)
    if cell.victim in ("guard", "libvirtd"):
        moment = time.monotonic()
        driver.go_on()
    if cell.victim == "libvirtd":
        time.sleep(harness.RNG.uniform(0, 1))
        bed.libvirt.start()
        return time.monotonic(), LIBVIRTD_S
    if cell.victim == "both":
        time.sleep(0.2)
        moment = time.monotonic()
        vmsnap("recover", check=0)
        return moment, RECOVER_S
    return moment, DEADLINE_S + 2


def check_said(stage, cell, error):
    """What an owner that lived on says is true."""
    if not error:
        warned = any("guard ended" in text for text in find("m")["evidence"]["warnings"])
        told = cell.victim == "guard" and cell.step <= stage.steps().index("agent-thaw-done") + 1
        assert warned == told, (warned, told)
        return "Ready"
    assert error["frozen"] == "no" or cell.victim == "libvirtd", error
    return error["reason"]


def run_cell(stage, cell):
    """Returns what came of it."""
    if cell.flight == "slow":
        stage.set_hook(f"[ $1 = {SLOW[cell.name]} ] && sleep 0.4; exit 0")
    driver = stage.drive(stop=cell.step)
    _, word, name = driver.wait("at", "failed")
    assert (word, name) == ("at", cell.name), (word, name)
    if cell.flight:
        fly(stage, cell, driver)
    moment, limit_s = strike(stage, cell, driver)
    took[cell.victim].append(stage.resumed_after(moment, limit_s))
    outcome = ""
    if cell.victim in ("guard", "libvirtd", "agent"):
        outcome = check_said(stage, cell, driver.end())
    wait_guards_gone()
    stage.check_thawed()
    if cell.flight == "slow":
        stage.set_hook()
    acts = recover()
    shot = stage.check_again()
    return " ".join([outcome or ("Ready" if shot else "gone"), *acts])


def run_cells(stage, cells):
    """Runs them all; returns how many passed."""
    passed = 0
    outcomes = collections.Counter()
    for cell in cells:
        begun = time.monotonic()
        try:
            outcome = run_cell(stage, cell)
        except Exception:  # pylint: disable=broad-exception-caught
            harness.note(f"{stage.method} {cell}: FAILED\n{traceback.format_exc()}")
            stage.mend()
            continue
        passed += 1
        outcomes[f"{cell.victim}: {outcome}"] += 1
        if scenes.LONG or os.environ.get("VMS_TELL"):
            harness.note(f"{stage.method} {cell}: {took[cell.victim][-1]:.0f} ms, {outcome} "
                         f"({time.monotonic() - begun:.1f} s)")
    for outcome, count in sorted(outcomes.items()):
        harness.note(f"{stage.method}: {count} x {outcome}")
    return passed


def matrix(storage):
    """The cells of one method."""
    stage = Stage(bed, storage)
    steps = stage.steps()
    harness.note(f"{stage.method}: {len(steps)} steps: {' '.join(steps)}")
    cells = cells_of(steps)
    harness.RNG.shuffle(cells)
    wanted = os.environ.get("VMS_CELLS")
    if wanted:
        cells = [cell for cell in cells if any(word in str(cell) for word in wanted.split(","))]
    elif not scenes.LONG:
        cells = cells[::4]
    passed = run_cells(stage, cells)
    for victim in VICTIMS:
        harness.note(f"{stage.method}: {victim} struck, writes again after "
                     f"{quantiles(took[victim])}")
    took.clear()
    harness.figure(f"kill matrix: {passed} cells passed of {len(cells)} ({stage.method})")
    stage.beat.close()
    stage.end()
    assert passed == len(cells)


@harness.test
def reflink():
    """Clones made while the guest stands still."""
    matrix("xfs")


def backup():
    """A backup job is begun while it is frozen, and copied when it runs again."""
    matrix("ext4")


if scenes.LONG or os.environ.get("VMS_CELLS"):
    harness.test(backup)

harness.main()
