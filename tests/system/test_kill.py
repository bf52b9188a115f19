#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The owner of a restore dies at any moment: recover puts everything in order.

Moments are random (VMS_SEED repeats them), every second one while the VM is off. VMS_LONG=1 kills
more often. Snapshots are killed in test_freeze_kills.py.
"""

import functools
import os
import signal
import time

import harness
import scenes

bed = harness.bed(install=True)

vmsnap = harness.vmsnap
RESTORE_KILLS = 20 if scenes.LONG else 5


def kill(process):
    """SIGKILL to the command with its process group; returns when."""
    moment = time.monotonic()
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return moment


def start(*argv):
    """Starts the command in a process group of its own."""
    return harness.spawn(*argv, start_new_session=True)


def check_recover():
    """recover puts everything in order in one go, and a second one finds nothing."""
    acts = vmsnap("recover", check=0).json["acts"]
    assert all(act["act"] not in ("failed", "skipped") for act in acts), acts
    again = vmsnap("recover", check=0).json["acts"]
    assert again == [], again
    return acts


MARK = "/mnt/vda/mark"


def write_mark(scene, text):
    """Leaves a word on the first disk, synced."""
    scene.vm.exec(["sh", "-c", f"echo {text} >{MARK} && sync"])


def read_mark(scene):
    """The word on the first disk."""
    return scene.vm.read_file(MARK).decode().strip()


def open_undos():
    """Documents of what `undo list` lists."""
    return vmsnap("undo", "list", check=0).json["items"]


@functools.lru_cache(maxsize=None)
def restorable(storage):
    """A VM with a snapshot that says old, and how long an undisturbed restore takes."""
    scene = scenes.Scene(bed, f"back-{storage}", storage, load=False, size_mb=128,
                         storage_mb=3072).start()
    write_mark(scene, "old")
    scene.shot = vmsnap("snapshot", "create", scene.name, f"{scene.name}.old", check=0).json
    write_mark(scene, "new")
    reply = vmsnap("restore", scene.name, f"{scene.name}.old", "--mode", "strict", check=0)
    scene.seconds = reply.seconds
    scene.vm.wait_agent()
    assert read_mark(scene) == "old"
    harness.note(f"{scene.name}: an undisturbed restore takes {reply.seconds:.2f} s, "
                 f"down for {reply.json['downtime_ms']:.0f} ms")
    return scene


def aim(scene, process, number):
    """Waits for a random moment: in the whole run, or soon after the VM has stopped."""
    if number % 2 == 0:
        time.sleep(harness.RNG.uniform(0, scene.seconds))
        return "anywhere"
    while process.poll() is None and scene.vm.state() == "running":
        time.sleep(0.005)
    time.sleep(harness.RNG.uniform(0, 0.4))
    return "when off"


def check_after_restore(scene, wanted):
    """recover; then the VM runs, with all of the old state or all of the new."""
    was_open = vmsnap("operation", "list", check=0).json["items"]
    acts = check_recover()
    assert all(each["phase"] not in ("InProgress", "Pending")
               for each in vmsnap("operation", "list", check=0).json["items"])
    last = max(was_open, key=lambda each: each["created"])["uuid"]
    done = vmsnap("operation", "show", last, check=0).json
    # One that goes down after all is started again by the guard, in its own time.
    until = time.monotonic() + 30
    while scene.vm.state() != "running" and time.monotonic() < until:
        time.sleep(0.1)
    assert scene.vm.state() == "running", (scene.vm.state(), acts)
    scene.vm.wait_agent()
    time.sleep(1.5)  # a guest that was asked to stop must not go down now
    # One that goes down after all is started again by the guard, in its own time.
    until = time.monotonic() + 30
    while scene.vm.state() != "running" and time.monotonic() < until:
        time.sleep(0.1)
    assert scene.vm.state() == "running", (scene.vm.state(), acts)
    mark = read_mark(scene)
    completed = done["type"] == "restore" and done["source"]["name"] == wanted and \
        done["phase"] == "Completed" and mark == "old"
    assert mark == ("old" if completed else "new"), (mark, done)
    return acts, mark, done


def kill_restores(storage, count):
    """Each time the VM is whole afterwards, and the same restore then works."""
    scene = restorable(storage)
    name = f"{scene.name}.old"
    for number in range(count):
        write_mark(scene, "new")
        before = {each["uuid"] for each in open_undos()}
        process = start("restore", scene.name, name, "--mode", "strict")
        where = aim(scene, process, number)
        finished = process.poll() is not None
        kill(process)
        acts, mark, _ = check_after_restore(scene, name)
        undos = open_undos()
        fresh = [each for each in undos if each["uuid"] not in before]
        assert len(fresh) == (mark == "old"), (mark, fresh)
        scenes.check_at_rest(scene, [scene.shot, *undos])
        harness.note(f"{scene.name} {number}: killed {where}{' too late' if finished else ''}, "
                     f"recover {[act['act'] for act in acts]}, the guest says {mark}")
        if mark == "new":
            vmsnap("restore", scene.name, name, "--mode", "strict", check=0)
            scene.vm.wait_agent()
            assert read_mark(scene) == "old"
        vmsnap("snapshot", "verify", name, check=0)


@harness.test
def killed_while_restoring_from_reflink():
    """The new disks share blocks with the snapshot."""
    kill_restores("xfs", RESTORE_KILLS // 2)


@harness.test
def killed_while_restoring_from_backup():
    """The new disks are made anew from raw images."""
    kill_restores("ext4", RESTORE_KILLS // 2)


harness.main()
