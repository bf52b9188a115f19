#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots of VMs under load: what is called frozen is one clean instant, the rest says so.

The guest writes numbered, checksummed records to its disks in turn; the oracle decides from the
images alone. That the oracle catches disk-after-disk copies is proven by test_oracle.py and,
beside the real methods, here. VMS_LONG=1 takes many more snapshots.
"""

import functools
import subprocess
import time

import harness
import scenes

bed = harness.bed(install=True)
import oracle  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
FROZEN = 50 if scenes.LONG else 5
SKIPPED = 20 if scenes.LONG else 3


@functools.lru_cache(maxsize=None)
def loaded(storage):
    """One VM under load per kind of storage, used by several tests."""
    kinds = {"ext4": ("ext4", "ext4"), "xfs": ("ext4", "xfs"), "btrfs": ("btrfs", "ext4")}[storage]
    return scenes.Scene(bed, f"load-{storage}", storage, kinds).start()


def drop(shot):
    """Deletes a snapshot."""
    vmsnap("snapshot", "delete", shot["name"], check=0)


def let_write(scene):
    """Lets the guest get on, for a random while."""
    time.sleep(harness.RNG.uniform(0, 0.4))
    scene.vm.wait_load(scene.vm.load_seq() + 2)


def take_frozen(scene, number, method):
    """One frozen snapshot, judged from all sides; returns (head, window)."""
    let_write(scene)
    before = scene.vm.load_seq()
    shot = vmsnap("snapshot", "create", scene.name, f"{scene.name}.{number}", check=0).json
    assert {disk["method"] for disk in shot["disks"]} == {method}, shot
    scenes.check_frozen_evidence(shot, scene)
    assert not scene.vm.frozen()
    scenes.wait_hands_empty()
    scenes.check_at_rest(scene, [shot])
    verdict = oracle.judge(scenes.images(shot))
    assert verdict.good, verdict
    assert verdict.kinds == list(scene.kinds), verdict
    assert verdict.heads[0] >= before, (before, verdict)
    drop(shot)
    return verdict.heads[0], shot["evidence"]["freeze_window_ms"]


def take_many_frozen(storage, method, count):
    """Every one is good, and the log grows from cut to cut."""
    scene = loaded(storage)
    windows, last = [], 0
    for number in range(count):
        head, window = take_frozen(scene, number, method)
        assert head > last, (head, last)
        last = head
        windows.append(window)
    scenes.say(f"{method} on {storage}: freeze window", windows)
    assert scenes.left_beside(scene.folder) == []


@harness.test
def frozen_by_backup_on_ext4():
    """No shared blocks: a backup job, copied after the thaw."""
    take_many_frozen("ext4", "backup", FROZEN)


@harness.test
def frozen_by_reflink_on_xfs():
    """Shared blocks: cloned while the VM stands still."""
    take_many_frozen("xfs", "reflink", FROZEN)


@harness.test
def frozen_with_btrfs_in_the_guest():
    """A file system that writes elsewhere each time, on the other storage that shares blocks."""
    take_many_frozen("btrfs", "reflink", 10 if scenes.LONG else 2)


@harness.test
def skip_gives_what_a_power_cut_leaves():
    """Never touched the guest: crash, said so, and recoverable by replaying journals."""
    told_apart = 0
    for number in range(SKIPPED):
        scene = loaded("xfs" if number % 2 else "ext4")
        let_write(scene)
        shot = vmsnap("snapshot", "create", scene.name, f"skip.{number}", "--consistency", "skip",
                      check=0).json
        evidence = shot["evidence"]
        assert (shot["consistency"], shot["consistent"]) == ("crash", False), shot
        assert evidence["frozen_count"] is None and evidence["freeze_window_ms"] is None, evidence
        scenes.wait_hands_empty()
        scenes.check_at_rest(scene, [shot])
        verdict = oracle.recoverable(scenes.images(shot))
        assert verdict.good, verdict
        told_apart += not oracle.judge(scenes.images(shot)).good
        drop(shot)
    assert told_apart == SKIPPED, f"{told_apart} of {SKIPPED} told from frozen ones"


@harness.test
def the_oracle_catches_disk_after_disk():
    """The broken method, on the same VM: not one instant, not even recoverable."""
    scene = loaded("xfs")
    copies = [f"{scene.folder}/broken.{n}" for n in range(2)]
    for source, target in zip(scene.disks, copies):
        seq = scene.vm.load_seq()
        subprocess.run(["cp", "--reflink=always", source, target], check=True)
        scene.vm.wait_load(seq + 3)
    verdict = oracle.recoverable(list(zip(copies, ("qcow2", "raw"))))
    harness.note(f"caught: {verdict}")
    assert not verdict.good, verdict


@harness.test
def chosen_method_and_disks_are_obeyed():
    """A backup job where clones are possible; one disk of two makes the snapshot partial."""
    scene = loaded("xfs")
    shot = vmsnap("snapshot", "create", scene.name, "chosen", "--method", "backup", check=0).json
    assert {disk["method"] for disk in shot["disks"]} == {"backup"}, shot
    verdict = oracle.judge(scenes.images(shot))
    assert verdict.good, verdict
    drop(shot)
    shot = vmsnap("snapshot", "create", scene.name, "one", "--disk", "vdb", check=0).json
    assert [disk["target"] for disk in shot["disks"]] == ["vdb"] and shot["partial"], shot
    assert shot["consistency"] == "frozen", shot
    evidence = shot["evidence"]
    mounts = [fs["mountpoint"] for fs in evidence["filesystems"] if fs["disks"] == ["vdb"]]
    assert evidence["freeze_list"] == mounts and len(mounts) == 1, evidence
    assert evidence["frozen_count"] == evidence["thawed_count"] == 1, evidence
    assert not scene.vm.frozen()
    drop(shot)


@harness.test
def loaded_vms_end():
    """Makes room for the tests on policies."""
    for storage in ("ext4", "xfs", "btrfs"):
        loaded(storage).end()


# ---- policies ----

def check_policies(scene, code, reason, state="running"):
    """require refuses and leaves nothing, prefer says crash and warns, skip takes it silently."""
    start = time.monotonic()
    refused = vmsnap("snapshot", "create", scene.name, f"{scene.name}.{reason.lower()}")
    took = time.monotonic() - start
    assert refused.code == 1, refused
    error = refused.json["error"]
    assert (error["code"], error["reason"]) == (code, reason), refused
    scenes.wait_hands_empty()
    scenes.check_at_rest(scene, state=state)
    for policy, exit_code in (("prefer", 6), ("skip", 0)):
        shot = vmsnap("snapshot", "create", scene.name, f"{scene.name}.{reason.lower()}.{policy}",
                      "--consistency", policy, check=exit_code).json
        assert (shot["consistency"], shot["consistent"]) == ("crash", False), shot
        assert shot["policy"] == policy and shot["evidence"]["warnings"], shot
        scenes.wait_hands_empty()
        scenes.check_at_rest(scene, [shot], state=state)
        verdict = oracle.recoverable(scenes.images(shot))
        assert verdict.good, verdict
        drop(shot)
    return took, error


def policy_scene(name, **options):
    """A VM with one disk."""
    return scenes.Scene(bed, name, "xfs", ("ext4",), size_mb=128, storage_mb=1024, **options)


@functools.lru_cache(maxsize=None)
def hooked():
    """The VM of the policies, its agent with a hook."""
    return policy_scene("hooked", append="vmsnap.hook=1").start()


def wait_writes(path):
    """Waits for a guest without an agent: its load changes the disk."""
    with open(path, "rb") as disk:
        first = disk.read()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.5)
        with open(path, "rb") as disk:
            if disk.read() != first:
                return
    raise AssertionError("the guest writes nothing")


@harness.test
def no_agent_channel():
    """Nobody to ask."""
    scene = policy_scene("nochannel", agent=False)
    scene.vm.start()
    wait_writes(scene.disks[0])
    check_policies(scene, "AGENT", "AgentNotReady")
    scene.end()


@harness.test
def agent_cannot_freeze():
    """An agent that has the command switched off is another reason."""
    scene = policy_scene("nofreeze", agent="nofreeze").start()
    check_policies(scene, "AGENT", "FreezeUnsupported")
    assert scene.vm.guest.answers()
    scene.end()


@harness.test
def frozen_by_somebody_else():
    """Refused, or called crash; never thawed by us."""
    scene = hooked()
    scene.vm.freeze()
    _, error = check_policies(scene, "AGENT", "FreezeFailed")
    assert "frozen" in error["message"], error
    assert scene.vm.frozen(), "a foreign freeze is not ours to end"
    scene.vm.thaw()
    shot = vmsnap("snapshot", "create", scene.name, "after", check=0).json
    scenes.check_frozen_evidence(shot, scene)
    drop(shot)


@harness.test
def paused_vm():
    """Stays paused, is no consistent cut, and the agent is not asked."""
    scene = hooked()
    scene.vm.suspend()
    check_policies(scene, "INCONSISTENT", "PotentiallyInconsistent", state="paused")
    scene.vm.resume()


def slow_hook(scene, seconds):
    """Makes the agent's hook take that long before a freeze."""
    scene.vm.write_file("/run/fsfreeze-hook", f'[ "$1" = freeze ] && sleep {seconds}\nexit 0\n')


def check_stays_thawed(scene, seconds):
    """A late freeze is undone as well: from now on the guest stays thawed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert not scene.vm.frozen()
        time.sleep(0.2)


@harness.test
def late_freeze_is_thawed():
    """The freeze call gives up, the guest freezes afterwards: nobody leaves it so."""
    scene = hooked()
    slow_hook(scene, 4)
    refused = vmsnap("snapshot", "create", scene.name, "late", "--freeze-call", "2")
    assert refused.code == 1, refused
    error = refused.json["error"]
    assert (error["code"], error["reason"]) == ("AGENT", "FreezeFailed"), refused
    assert error["frozen"] == "no", refused
    harness.note(f"refused and thawed after {refused.seconds:.1f} s")
    scenes.wait_hands_empty()
    scenes.check_at_rest(scene)
    check_stays_thawed(scene, 2)
    taken = vmsnap("snapshot", "create", scene.name, "late", "--freeze-call", "2",
                   "--consistency", "prefer", check=6)
    harness.note(f"taken without a freeze after {taken.seconds:.1f} s")
    shot = taken.json
    assert shot["consistency"] == "crash", shot
    assert any("FreezeFailed" in text for text in shot["evidence"]["warnings"]), shot
    check_stays_thawed(scene, 2)
    scenes.wait_hands_empty()
    scenes.check_at_rest(scene, [shot])
    drop(shot)
    patient = vmsnap("snapshot", "create", scene.name, "patient", check=0)
    harness.note(f"the hook waited for: {patient.seconds:.1f} s")
    scenes.check_frozen_evidence(patient.json, scene)
    drop(patient.json)


@harness.test
def agent_stopped():
    """The channel is connected, but nobody answers: found out before anything is frozen."""
    scene = hooked()
    scene.vm.stop_agent()
    time.sleep(1)
    took, _ = check_policies(scene, "AGENT", "AgentNotReady")
    assert took < 8, took
    scene.end()


harness.main()
