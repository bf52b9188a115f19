#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The power goes at any moment of an operation: one recovery, and all is old or all is new.

Writes of an operation are recorded on ext4, XFS and btrfs (tests/support/power_loss.py), the
catalog on a file system of its own. Each state that a loss of power can leave is mounted, recovered
and compared byte for byte; what was told to be done must be there in every one of them. That the
suite sees anything is shown by defects: syncs left out one at a time, each of which must be caught.
CI takes a random choice of states, VMS_LONG=1 a hundred times as many.
"""

import itertools
import os
import shutil
import subprocess

import harness
import scenes

harness.need_bed()

# pylint: disable=wrong-import-position
import bed_cell  # noqa: E402
import bed_storage  # noqa: E402
import power_loss  # noqa: E402

TOP = "/run/vmsnap/power"
ACTS = [("snapshot", "off"), ("delete", "off"), ("restore", "off"), ("undo", "off"),
        ("restore", "on")]
MORE = [("drop", "off"), ("disk-restore", "off"), ("image", "off"),
        ("clone", "off"), ("clone-linked", "off")]  # in the long run
STATES = 30  # of each act on each file system in CI
CHANCES = 20  # random choices of unflushed writes at each flush, in the long run
LOOKS = 60  # random states that a defect gets to show itself in, besides the whole ones

NUMBERS = itertools.count()

bed_cell.enter()


def forget_host():
    """What a restart of the host forgets."""
    shutil.rmtree(f"{TOP}/run", ignore_errors=True)
    os.makedirs(f"{TOP}/run")


def driver(words, data, host):
    """Runs replay-driver; returns what it printed."""
    program = harness.built("tests/integration/replay-driver")
    done = subprocess.run([program, data, host, f"{TOP}/run", *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode in (0, 1), (words, done)
    return done.stdout.strip()


def record(kinds, act, power, defect=None):
    """Does the act once under record; returns the Replay."""
    forget_host()
    recorder = power_loss.Recorder(f"{TOP}/{next(NUMBERS)}", kinds, bed_storage.make_fs)
    ids = driver(["prepare", act, power], *recorder.mounts)
    assert len(ids.split()) == 2, ids
    recorder.begin()
    said = driver(["act", act, *ids.split(), *([defect] if defect else [])], *recorder.mounts)
    log = recorder.end()
    assert said == "", said
    return power_loss.Replay(recorder, log)


def judge(replay, moment, choose, act):
    """What a loss of power at that moment left, after one recovery."""
    forget_host()
    replay.mount(moment, choose)
    try:
        return driver(["settle", act], *replay.mounts)
    finally:
        replay.unmount()


def whole_losses(replay):
    """(moment, choice): of what is not flushed each device keeps all or nothing. A careless order
    of things on two devices shows in one of these."""
    def those(*kept):
        return lambda devices: [device in kept for device in devices]

    for moment in replay.boundaries():
        for kept in ((), (0, 1), (0,), (1,)):
            yield moment, those(*kept)


def losses(replay, chances):
    """(moment, choice) of all that is tried: the whole ones, and some of what is not flushed."""
    def some(share):
        return lambda devices: [harness.RNG.random() < share for _ in devices]

    yield from whole_losses(replay)
    for moment in replay.boundaries():
        for number in range(chances):
            yield moment, some((0.15, 0.5, 0.85)[number % 3])


def some_losses(replay):
    """As many as CI takes; the end is always among them."""
    found = list(losses(replay, 3))
    chosen = [each for each in found if each[0] == len(replay.log)][:3]
    return chosen + harness.RNG.sample(found, min(len(found), STATES - len(chosen)))


def lose_power(kind):
    """All acts on one file system."""
    total = 0
    acts = ACTS + (MORE if scenes.LONG else [])
    for act, power in acts:
        replay = record((kind, kind), act, power)
        tried = list(losses(replay, CHANCES)) if scenes.LONG else some_losses(replay)
        outcomes = []
        for moment, choose in tried:
            outcome = judge(replay, moment, choose, act)
            at = f"{act}, VM {power}, {kind}: lost at write {moment} of {len(replay.log)}"
            assert outcome in ("old", "new"), f"{at}: {outcome}"
            assert outcome == "new" or moment < len(replay.log), f"{at}: it was told to be done"
            outcomes.append(outcome)
        harness.note(f"{act}, VM {power}, {kind}: {len(replay.log)} writes and flushes, "
                     f"{outcomes.count('old')} states all old, {outcomes.count('new')} all new")
        total += len(outcomes)
    harness.figure(f"power loss on {kind}: {total} states of {len(acts)} operations, none torn, "
                   f"nothing lost that was told to be done")


@harness.test
def power_lost_on_ext4():
    lose_power("ext4")


@harness.test
def power_lost_on_xfs():
    lose_power("xfs")


@harness.test
def power_lost_on_btrfs():
    lose_power("btrfs")


def is_caught(kinds, defect, act):
    """What gives the defect away, None when nothing does."""
    replay = record(kinds, act, "off", defect)
    found = list(losses(replay, 6))
    count = 4 * len(replay.boundaries())  # of whole ones: all of them are looked at, then a choice
    whole, some = found[:count], found[count:]
    harness.RNG.shuffle(whole)
    harness.RNG.shuffle(some)
    whole.sort(key=lambda each: each[0] < len(replay.log))  # the end first: most is promised there
    for number, (moment, choose) in enumerate(whole + some[:LOOKS], 1):
        outcome = judge(replay, moment, choose, act)
        if outcome == "old" and moment == len(replay.log):
            outcome = "what was told to be done is not"
        if outcome not in ("old", "new"):
            return f"{kinds[0]}, state {number}: {outcome}"
    return None


@harness.test
def every_seeded_defect_is_caught():
    """A suite that sees no missing sync would see no loss of power either."""
    program = harness.built("tests/integration/replay-driver")
    listed = subprocess.run([program, "defects"], check=True, capture_output=True, text=True)
    seeded = [line.split() for line in listed.stdout.splitlines()]
    missed = []
    for defect, act in seeded:
        for kind in ("ext4", "xfs"):
            caught = is_caught((kind, kind), defect, act)
            if caught:
                break
        harness.note(f"{defect} ({act}): {caught[:180] if caught else 'NOT CAUGHT'}")
        missed += [] if caught else [defect]
    harness.figure(f"seeded defects: {len(seeded) - len(missed)} of {len(seeded)} caught")
    assert len(seeded) >= 10 and not missed, missed


harness.main()
