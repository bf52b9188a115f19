#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots of single disks of one VM under load: they obey the VM, and nothing but the disk is cut.

The records of the guest's workload and the superblocks of the image tell what it is worth.
"""

import json
import os
import subprocess
import sys
import textwrap

import harness
import scenes

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position
import oracle  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
ROUNDS = 20 if scenes.LONG else 2
SCENE = scenes.Scene(bed, "web", "xfs", size_mb=192).start()
VM = SCENE.vm


def take(disk, name, *words, check=0):
    """Takes a snapshot of a disk."""
    return vmsnap("disk-snapshot", "create", disk, name, *words, check=check).json


def drop(*names):
    """Deletes disk snapshots."""
    for name in names:
        vmsnap("disk-snapshot", "delete", name, check=0)


def state_of(shot):
    """What the superblock of the image says; True is clean."""
    state, = shot["evidence"]["filesystem_state"]
    return state["clean"]


def check_only(shot, target):
    """It holds that disk and nothing else of its VM."""
    disk, = shot["disks"]
    assert (shot["kind"], shot["partial"]) == ("VirtualDiskSnapshot", False), shot
    assert (disk["target"], disk["name"]) == (target, f"web/{target}"), shot
    assert shot["vm"] == {"name": "web", "uuid": VM.uuid()}, shot
    assert (shot["macs"], shot["networks"], shot["dependencies"]) == ([], [], []), shot
    assert [each["kind"] for each in shot["resources"]] == ["VirtualDisk"], shot
    assert sorted(os.listdir(os.path.dirname(disk["path"]))) == \
        sorted([os.path.basename(disk["path"]), "snapshot.json"]), disk


def check_frozen(shot, target):
    """Frozen, and proven by the image itself."""
    check_only(shot, target)
    evidence = shot["evidence"]
    assert (shot["phase"], shot["consistency"]) == ("Ready", "frozen"), shot
    assert evidence["frozen_count"] == evidence["thawed_count"] == 1, evidence
    assert evidence["guard"] == "process" and not evidence["warnings"], evidence
    assert state_of(shot) is True, evidence
    check_records(shot)
    assert not VM.frozen()


def check_records(shot):
    """The log on the image is whole; the oracle takes a lone image for the first disk."""
    if shot["disks"][0]["target"] == "vda":
        verdict = oracle.judge(scenes.images(shot))
        assert verdict.good and verdict.heads[0] > 0, verdict


@harness.test
def one_disk_is_frozen_and_cut():
    """Each disk, by each method, and by its path."""
    for number, (disk, target, words) in enumerate([
            ("web/vda", "vda", []), ("web/vdb", "vdb", []),
            ("web/vdb", "vdb", ["--method", "backup"]), (SCENE.disks[0], "vda", []),
            (f"{VM.uuid()}/vdb", "vdb", [])]):
        shot = take(disk, f"one.{number}", *words)
        check_frozen(shot, target)
        method = words[1] if words else "reflink"
        assert shot["disks"][0]["method"] == method, shot
        vmsnap("disk-snapshot", "verify", f"one.{number}", check=0)
        scenes.wait_hands_empty()
        scenes.check_at_rest(SCENE, [shot])
        drop(f"one.{number}")


@harness.test
def skip_says_crash_and_is():
    """The guest is not asked; the image shows a journal to be replayed."""
    shot = take("web/vda", "skip", "--consistency", "skip")
    check_only(shot, "vda")
    assert (shot["consistency"], shot["evidence"]["frozen_count"]) == ("crash", None), shot
    assert state_of(shot) is False, shot
    verdict = oracle.recoverable(scenes.images(shot))
    assert verdict.good, verdict
    drop("skip")


def program(text):
    """Runs Python code with the binding; gives the JSON that it printed."""
    head = "import json, vmsnap\ncontext = vmsnap.Context('qemu:///system')\n"
    environment = {**os.environ, "PYTHONPATH": f"{harness.ROOT}/bindings/python",
                   "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", head + textwrap.dedent(text)], check=False,
                          env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=200)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


@harness.test
def vm_and_disks_at_once():
    """In one process and in several: each is whole and frozen, and the guest is thawed."""
    for _ in range(ROUNDS):
        shots = program("""
            vm, a, b = context.find_vm("web"), context.find_disk("web/vda"), \\
                context.find_disk("web/vdb")
            jobs = [each.snapshot(name, wait_ready=60)
                    for each, name in ((vm, "all"), (a, "all"), (b, "b"), (b, "c"))]
            for job in jobs:
                job.wait()
            print(json.dumps([job.snapshot().info for job in jobs]))
        """)
        started = [harness.spawn("disk-snapshot", "create", f"web/vd{n}", f"p{n}", "--wait-ready",
                                 "60") for n in "ab"]
        shots += [json.loads(each.communicate(timeout=120)[0]) for each in started]
        for shot in shots:
            assert shot["consistency"] == "frozen", shot
            assert shot["consistent"] == all(disk["consistency"] == "frozen"
                                             for disk in shot["disks"]), shot
            assert all(state["clean"] for state in shot["evidence"]["filesystem_state"]), shot
            check_records(shot)
        assert not VM.frozen()
        scenes.wait_hands_empty()
        scenes.check_at_rest(SCENE, shots)
        vmsnap("snapshot", "delete", "all", check=0)
        drop("all", "b", "c", "pa", "pb")


@harness.test
def what_is_no_disk_of_the_vm_is_refused():
    """Not there, there at the next start only, or a layer of one that is there."""
    extra = bed.make_disk(f"{SCENE.folder}/extra.qcow2", size_mb=32)
    VM.virsh("attach-disk", extra, "vdc", "--subdriver", "qcow2", "--config")
    for disk, exit_code, reason in (("web/vdz", 5, "NOT_FOUND"),
                                    ("web/vdc", 1, "BlockDevicesNotReady"),
                                    (extra, 3, "BlockDevicesNotReady")):
        error = take(disk, "none", check=exit_code)["error"]
        assert error["reason"] == reason, error
    VM.virsh("detach-disk", "vdc", "--config")
    shot = take(extra, "free")
    assert (shot["vm"], shot["consistency"]) == (None, "offline"), shot
    drop("free")


@harness.test
def a_disk_that_is_plugged_in_belongs_to_the_vm():
    """Live only: found by name and path; it holds no file system the agent knows."""
    extra = bed.make_disk(f"{SCENE.folder}/plugged.qcow2", size_mb=32)
    VM.virsh("attach-disk", extra, "vdc", "--subdriver", "qcow2", "--live")
    try:
        shot = take(extra, "plugged")
        check_only(shot, "vdc")
        assert shot["consistency"] == "frozen", shot
        drop("plugged")
    finally:
        VM.virsh("detach-disk", "vdc", "--live")


def snapshot_of_pieces():
    """A snapshot of the disk in many pieces, and whether the guest went onto an overlay for it."""
    with harness.spawn("disk-snapshot", "create", "web/vdc", "pieces") as process:
        seen = False
        while process.poll() is None:
            seen = seen or any(name.endswith(".overlay") for _, _, names in os.walk(SCENE.folder)
                               for name in names)
        return json.loads(process.communicate()[0]), seen


@harness.test
def a_disk_in_many_pieces_goes_onto_an_overlay_alone():
    """The others are not touched; afterwards the disk is its own file again."""
    extra = bed.make_disk(f"{SCENE.folder}/pieces.img", size_mb=64)
    assert bed_storage.fragment(extra, 8000) > 4000
    VM.virsh("attach-disk", extra, "vdc", "--subdriver", "raw", "--live")
    try:
        shot, seen = snapshot_of_pieces()
        check_only(shot, "vdc")
        assert seen and shot["consistency"] == "frozen", shot
        assert VM.disks() == {"vda": SCENE.disks[0], "vdb": SCENE.disks[1], "vdc": extra}
        subprocess.run(["cmp", extra, shot["disks"][0]["path"]], check=True)
        scenes.wait_hands_empty()
        scenes.check_at_rest(SCENE, [shot])
        drop("pieces")
    finally:
        VM.virsh("detach-disk", "vdc", "--live")


def policies(code, reason):
    """require refuses, prefer says crash and why, skip takes it."""
    reply = vmsnap("disk-snapshot", "create", "web/vda", "policy", check=1)
    error = reply.json["error"]
    assert (error["code"], error["reason"]) == (code, reason), error
    for policy, exit_code in (("prefer", 6), ("skip", 0)):
        shot = take("web/vda", "policy", "--consistency", policy, check=exit_code)
        assert (shot["consistency"], shot["policy"]) == ("crash", policy), shot
        assert shot["evidence"]["warnings"] and state_of(shot) is False, shot
        drop("policy")
    scenes.wait_hands_empty()


@harness.test
def a_paused_vm_is_not_consistent():
    """Its file systems are in motion, and its agent cannot be asked."""
    VM.suspend()
    policies("INCONSISTENT", "PotentiallyInconsistent")
    assert VM.state() == "paused"
    VM.resume()


def drive(point, *words):
    """Runs an operation that dies at the point; returns (killed, points passed)."""
    done = subprocess.run([harness.built("tests/integration/crash-driver"), str(point), *words],
                          capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          timeout=120)
    assert done.returncode in (0, -9), done
    return done.returncode == -9, done.returncode == 0 and int(done.stdout.split()[0])


@harness.test
def its_owner_may_die_anywhere():
    """The guest is thawed, and recover leaves it whole or not at all."""
    for _ in range(2):
        count = drive(0, "create-disk", "web/vda", "die")[1]
        drop("die")
    for point in range(1, count + 1) if scenes.LONG else harness.RNG.sample(range(1, count), 4):
        assert drive(point, "create-disk", "web/vda", "die")[0], point
        VM.wait_load(VM.load_seq() + 2, 30)
        acts = vmsnap("recover", check=0).json["acts"]
        assert all(act["act"] not in ("failed", "skipped") for act in acts), acts
        shown = vmsnap("disk-snapshot", "show", "die")
        shots = [shown.json] if shown.code == 0 and shown.json["phase"] == "Ready" else []
        scenes.wait_hands_empty()
        scenes.check_at_rest(SCENE, shots)
        assert not VM.frozen()
        if shots:
            drop("die")


@harness.test
def off_and_gone():
    """A VM that is off gives its disk as it is; verify and delete need no VM."""
    VM.destroy()
    policies("INCONSISTENT", "PotentiallyInconsistent")
    subprocess.run(["e2fsck", "-fy", SCENE.disks[1]], check=False, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    shot = take("web/vdb", "off")
    check_only(shot, "vdb")
    assert shot["consistency"] == "offline", shot
    assert any("HardStopped" in each for each in shot["evidence"]["warnings"]), shot
    again = take(SCENE.disks[1], "again", "--consistency", "skip")
    assert (again["consistency"], again["disks"][0]["name"]) == ("offline", "web/vdb"), again
    drop("again")
    VM.undefine()
    vmsnap("disk-snapshot", "verify", "off", check=0)
    listed = vmsnap("disk-snapshot", "list", "--disk", "web/vdb", check=0).json["items"]
    assert [each["name"] for each in listed] == ["off"], listed
    drop("off")
    assert scenes.left_beside(SCENE.folder) == []


harness.main()
