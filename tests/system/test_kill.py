#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The owner dies at any moment: the guard thaws by itself, recover puts everything in order.

Moments are random (VMS_SEED repeats them), some of them aimed at the window itself. VMS_LONG=1
kills more often.
"""

import functools
import os
import signal
import time

import harness
import scenes

bed = harness.bed(install=True)
import oracle  # noqa: E402  pylint: disable=wrong-import-position
from bed_libvirt import wait_until  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
SNAPSHOT_KILLS = 20 if scenes.LONG else 8
RESTORE_KILLS = 20 if scenes.LONG else 8
CALL_S, BUDGET_S = 2, 2  # limits of the freeze
DEADLINE_S = CALL_S + BUDGET_S + 1
LIMITS = ("--freeze-call", CALL_S, "--freeze-budget", BUDGET_S)
METHODS = {"xfs": "reflink", "ext4": "backup"}
thaw_times = {"random": [], "frozen": []}


@functools.lru_cache(maxsize=None)
def loaded(storage):
    """A VM under load, its beat, and how long an undisturbed snapshot takes."""
    scene = scenes.Scene(bed, f"kill-{storage}", storage, beat=True, storage_mb=3072).start()
    scene.beat = scene.vm.beat()
    scene.beat.resumed_after(time.monotonic(), 30)
    reply = vmsnap("snapshot", "create", scene.name, f"{scene.name}.base", *LIMITS, check=0)
    vmsnap("snapshot", "delete", f"{scene.name}.base", check=0)
    scene.seconds = reply.seconds
    harness.note(f"{scene.name}: an undisturbed snapshot takes {reply.seconds:.2f} s")
    return scene


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


def has_lease():
    """True while something is held under a lease."""
    return any(each.startswith("lease") for each in scenes.left_in_hands())


def wait_frozen(process, scene):
    """Waits for the window: a lease, and a guest that is silent. False when it was missed."""
    while process.poll() is None:
        if scene.beat.silence_ms() > 50 and has_lease():
            return True
        time.sleep(0.002)
    return False


def check_recover():
    """recover puts everything in order in one go, and a second one finds nothing."""
    acts = vmsnap("recover", check=0).json["acts"]
    assert all(act["act"] not in ("failed", "skipped") for act in acts), acts
    again = vmsnap("recover", check=0).json["acts"]
    assert again == [], again
    return acts


def check_settled_by_guard(scene, moment, kind):
    """Without any help the guest writes again and is thawed, and nothing of ours is held."""
    took = scene.beat.resumed_after(moment, DEADLINE_S + 2)
    thaw_times[kind].append(took)
    wait_until(lambda: not scenes.left_in_hands() or not has_lease(), DEADLINE_S + 5,
               "the guard has settled the lease")
    wait_until(lambda: not scenes.guards(), 5, "the guard is gone")
    assert not scene.vm.frozen() and scene.vm.state() == "running"
    assert not scenes.has_backup_job(scene.vm)
    return took


def find_snapshot(name):
    """The snapshot's document, None when there is none that holds the name."""
    reply = vmsnap("snapshot", "show", name)
    if reply.code == 5:
        return None
    assert reply.code == 0, reply
    return None if reply.json["phase"] == "Failed" else reply.json


def check_after_snapshot(scene, name):
    """Either all of the snapshot is there or nothing; the same command says which."""
    acts = check_recover()
    shot = find_snapshot(name)
    scenes.check_at_rest(scene, [shot] if shot else [])
    again = vmsnap("snapshot", "create", scene.name, name, *LIMITS)
    if shot:
        assert shot["phase"] == "Ready", shot
        vmsnap("snapshot", "verify", name, check=0)
        assert again.code == 3 and again.json["error"]["code"] == "EXISTS", again
    else:
        assert again.code == 0, again
        shot = again.json
    scenes.check_frozen_evidence(shot, scene)
    verdict = oracle.judge(scenes.images(shot))
    assert verdict.good, verdict
    vmsnap("snapshot", "delete", name, check=0)
    scenes.wait_hands_empty()
    scenes.check_at_rest(scene)
    return acts, again.code


def aim_at_snapshot(scene, process, number):
    """Waits for a moment: anywhere, while the guest is frozen, or after the first trace."""
    if number % 2 == 1:
        return "frozen" if wait_frozen(process, scene) else "missed"
    if number % 4 == 0:
        time.sleep(harness.RNG.uniform(0, scene.seconds * 1.1))
        return "anywhere"
    while process.poll() is None and not scenes.left_beside(scene.folder):
        time.sleep(0.002)
    time.sleep(harness.RNG.uniform(0, scene.seconds * 0.5))
    return "at work"


def kill_snapshots(storage, count):
    """Kills at random moments; every second one while the guest is frozen."""
    scene = loaded(storage)
    for number in range(count):
        name = f"{scene.name}.{number}"
        process = start("snapshot", "create", scene.name, name, *LIMITS)
        where = aim_at_snapshot(scene, process, number)
        finished = process.poll() is not None
        moment = kill(process)
        took = check_settled_by_guard(scene, moment, "frozen" if where == "frozen" else "random")
        acts, code = check_after_snapshot(scene, name)
        harness.note(f"{name}: killed {where}{', too late' if finished else ''}, writes again "
                     f"after {took:.0f} ms, "
                     f"recover {[act['act'] for act in acts]}, then exit {code}")


@harness.test
def killed_while_taking_by_reflink():
    """On storage that shares blocks."""
    kill_snapshots("xfs", SNAPSHOT_KILLS // 2)


@harness.test
def killed_while_taking_by_backup():
    """With a backup job, scratch and a socket."""
    kill_snapshots("ext4", SNAPSHOT_KILLS // 2)


@harness.test
def killed_while_the_backup_is_copied():
    """The guest runs long since, but the job is ours: the guard ends it."""
    scene = loaded("ext4")
    process = start("snapshot", "create", scene.name, "copying", *LIMITS)
    wait_until(lambda: process.poll() is not None or scenes.has_backup_job(scene.vm), 30,
               "the backup job runs", step=0.001)
    moment = kill(process)
    check_settled_by_guard(scene, moment, "random")
    check_after_snapshot(scene, "copying")


@harness.test
def stopped_while_frozen():
    """An owner that hangs: the guard thaws at the deadline; the owner, awake, tells the truth."""
    for attempt in range(20):
        scene = loaded("xfs")
        process = start("snapshot", "create", scene.name, f"hung.{attempt}", *LIMITS)
        if not wait_frozen(process, scene):
            process.communicate()
            continue
        moment = time.monotonic()
        os.killpg(process.pid, signal.SIGSTOP)
        time.sleep(0.3)
        if scene.beat.silence_ms() > 300:
            break
        os.killpg(process.pid, signal.SIGCONT)  # the thaw was on its way already
        process.communicate()
    took = scene.beat.resumed_after(moment, DEADLINE_S + 2)
    harness.note(f"deadline {DEADLINE_S} s: writes again after {took:.0f} ms")
    assert not scene.vm.frozen()
    os.killpg(process.pid, signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "ThawedEarly" in out, (process.returncode, out, err)
    scenes.wait_hands_empty()
    assert scene.vm.state() == "running" and not scene.vm.frozen()
    assert scenes.left_in_hands() == [], scenes.left_in_hands()
    assert check_recover() == []


@harness.test
def figures():
    """How fast the guard was."""
    scenes.say("killed while frozen: writes again after", thaw_times["frozen"])
    scenes.say("killed at random: writes again after", thaw_times["random"])
    for storage in METHODS:
        loaded(storage).beat.close()
        loaded(storage).end()


@harness.test
def killed_before_the_guest_freezes():
    """The freeze is on its way, held up by a hook, when the owner dies: thawed when it comes."""
    scene = scenes.Scene(bed, "hooked", "xfs", ("ext4",), size_mb=128, beat=True, storage_mb=1024,
                         append="vmsnap.hook=1").start()
    beat = scene.vm.beat()
    scene.vm.write_file("/run/fsfreeze-hook",
                        '[ "$1" = freeze ] && sleep 3\necho "$1" >>/run/hook-calls\nexit 0\n')
    process = start("snapshot", "create", scene.name, "hooked")
    wait_until(has_lease, 30, "the window opens", step=0.002)
    time.sleep(1)
    kill(process)
    deadline = time.monotonic() + 10
    while scenes.guards():
        assert time.monotonic() < deadline, "the guard gives up"
        time.sleep(0.05)
    settled = time.monotonic()
    calls = scene.vm.read_file("/run/hook-calls").decode().split()
    assert calls[:1] == ["freeze"] and calls[-1] == "thaw", calls
    while time.monotonic() < settled + 2:
        assert not scene.vm.frozen()
        time.sleep(0.1)
    beat.resumed_after(time.monotonic(), 2)
    check_recover()
    scenes.check_at_rest(scene)
    beat.close()
    scene.end()


# ---- restore ----

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
    assert scene.vm.state() == "running", (scene.vm.state(), acts)
    scene.vm.wait_agent()
    time.sleep(1.5)  # a guest that was asked to stop must not go down now
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
