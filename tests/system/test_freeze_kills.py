#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGKILL of the owner, and cancelling, at random instants of a snapshot: no guest stays frozen.

Most instants are aimed at the window. CI: 50 of each; VMS_LONG=1: 1000 of each, by both methods.
VMS_SEED repeats a run.
"""

import collections
import os
import time

import harness
import scenes

bed = harness.bed(install=True)
# pylint: disable=wrong-import-position
import oracle  # noqa: E402
from freeze_stage import (  # noqa: E402
    DEADLINE_S, Stage, find, quantiles, recover, vmsnap, wait_guards_gone)

COUNT = int(os.environ.get("VMS_KILLS") or (1000 if scenes.LONG else 50))
STORAGES = ("xfs", "ext4") if scenes.LONG else ("xfs",)
EVERY = 10  # how often everything is looked at
stages = {}


def stage_on(storage):
    """The VM of a method; only one runs at a time."""
    if storage not in stages:
        for other in list(stages):
            stages.pop(other).end()
        stages[storage] = Stage(bed, storage)
        stages[storage].usual_s = usual(stages[storage])
    return stages[storage]


def usual(stage):
    """How long an undisturbed snapshot takes."""
    stage.steps()
    driver = stage.drive("usual")
    begun, _, _ = driver.wait("started")
    ended, _, _ = driver.wait("ended")
    driver.end()
    vmsnap("snapshot", "delete", "usual", check=0)
    return ended - begun


def kill_once(stage, aimed):
    """Kills at a random instant; returns how long the guest then took to write, in ms."""
    if aimed:
        step = harness.RNG.randrange(1, len(stage.steps()) + 1)
        driver = stage.drive(**{"pass": step})
        _, word, _ = driver.wait("at", "failed")
        assert word == "at", word
        time.sleep(harness.RNG.uniform(0, 0.01))
    else:
        driver = stage.drive()
        driver.wait("started")
        time.sleep(harness.RNG.uniform(0, stage.usual_s * 1.1))
    return stage.resumed_after(driver.kill(), DEADLINE_S + 2)


def kills(storage, count):
    """Kills so often; returns the times by kind."""
    stage = stage_on(storage)
    took = collections.defaultdict(list)
    left = collections.Counter()
    for number in range(count):
        aimed = number % 3 != 0
        took["in the window" if aimed else "anywhere"].append(kill_once(stage, aimed))
        wait_guards_gone()
        stage.check_thawed()
        left.update(recover())
        if number % EVERY == 0:
            stage.check_again(judge=oracle.judge)
        elif find("m"):
            vmsnap("snapshot", "delete", "m", check=0)
    scenes.check_at_rest(stage)
    harness.note(f"{stage.method}: recover did {dict(left)}")
    return took


@harness.test
def owner_killed_at_random_instants():
    """The guard thaws by itself, recover clears up."""
    took = collections.defaultdict(list)
    for storage in STORAGES:
        for kind, values in kills(storage, COUNT // len(STORAGES)).items():
            took[kind] += values
    for kind, values in took.items():
        harness.note(f"killed {kind}: kill to thawed {quantiles(values)}")
    every = sum(took.values(), [])
    harness.figure(f"random kills: 0 left frozen of {len(every)}, "
                   f"kill to thawed {quantiles(every)}")


def cancel_once(stage, number):
    """Cancels at a random instant; returns what came of it."""
    if number % 3 == 0:
        wish = {"cancel_us": int(harness.RNG.uniform(1, stage.usual_s * 1.1e6))}
    else:
        wish = {"cancel": harness.RNG.randrange(1, len(stage.steps()) + 1)}
    driver = stage.drive(**wish)
    _, word, _ = driver.wait("ended", "failed")
    assert word == "ended", word
    frozen, silence = stage.vm.frozen(), stage.beat.silence_ms()
    assert not frozen and stage.vm.state() == "running", (wish, frozen, silence)
    stage.resumed_after(time.monotonic(), 2)
    error = driver.end()
    scenes.wait_hands_empty(3)
    if error:
        assert (error["code"], error["frozen"]) == ("CANCELLED", "no"), (wish, error)
        assert not find("m")
    else:
        vmsnap("snapshot", "delete", "m", check=0)
    scenes.check_at_rest(stage)
    return "cancelled" if error else "taken"


@harness.test
def cancelled_at_random_instants():
    """Whatever came of it: no guest is frozen when the job has ended, and nothing is left."""
    seen = collections.Counter()
    for storage in STORAGES:
        stage = stage_on(storage)
        seen.update(cancel_once(stage, number) for number in range(COUNT // len(STORAGES)))
        assert stage.check_again() is None
    harness.figure(f"cancels: 0 left frozen of {sum(seen.values())}: {dict(seen)}")


harness.main()
