#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Three VMs cut at one time: all frozen before the first is cut, all thawed whatever happens."""

import time

import harness
import scenes

bed = harness.bed(install=True)
vmsnap = harness.vmsnap

NAMES = ("g0", "g1", "g2")
FOLDER = bed.storage("xfs", 2048)
MADE = []


def machines():
    """Made once; the last one's freeze can be made to hang."""
    for name in () if MADE else NAMES:
        disk = bed.make_disk(f"{FOLDER}/{name}.raw", size_mb=64)
        MADE.append(bed.define_vm(name, [disk], mem=192, append="vmsnap.hook=1"))
        MADE[-1].start(wait=True)
    return MADE


def group(*options, prefix="s", start=vmsnap):
    """Takes one of all."""
    members = [word for name in NAMES for word in ("--group", f"{name}={prefix}.{name}")]
    return start("snapshot", "create", *members, *options)


def check_thawed():
    """All run and write."""
    for vm in machines():
        vm.wait_agent()
        assert vm.state() == "running" and not vm.frozen(), vm.name
    scenes.wait_hands_empty(20)
    assert scenes.left_in_hands() == [], scenes.left_in_hands()


def drop(shots):
    """Deletes them."""
    for shot in shots:
        vmsnap("snapshot", "delete", shot["name"], check=0)


@harness.test
def three_are_cut_at_one_time():
    machines()
    skews = []
    for _ in range(5):
        shots = group().json["items"]
        assert len(shots) == len(NAMES), shots
        groups = [shot["evidence"]["group"] for shot in shots]
        assert all(shot["consistency"] == "frozen" for shot in shots), shots
        assert groups == [groups[0]] * 3 and groups[0]["size"] == 3, groups
        assert groups[0]["skew_ms"] <= groups[0]["span_ms"], groups
        skews.append(groups[0]["skew_ms"])
        check_thawed()
        drop(shots)
    harness.figure(f"group: 3 VMs cut {len(skews)} times, skew at most {max(skews):.0f} ms")


@harness.test
def one_that_hangs_is_dropped():
    hung = machines()[-1]
    hung.write_file("/run/fsfreeze-hook", "[ $1 = freeze ] && sleep 8\nexit 0\n")
    reply = group("--on-straggler", "drop", prefix="d")
    assert reply.code == 0, reply
    shots = {shot["vm"]["name"]: shot for shot in reply.json["items"]}
    for name in NAMES[:2]:
        assert shots[name]["consistency"] == "frozen", shots[name]
        assert shots[name]["evidence"]["group"]["size"] == 2, shots[name]
        window = shots[name]["evidence"]["freeze_window_ms"]
        assert window < 5000, window
    assert shots["g2"]["phase"] == "Failed", shots["g2"]
    check_thawed()
    drop(shot for shot in shots.values() if shot["phase"] == "Ready")


@harness.test
def one_that_hangs_aborts_all():
    reply = group(prefix="a")
    assert reply.code != 0, reply
    assert "VM g2" in reply.json["error"]["message"], reply
    ready = [shot for shot in vmsnap("snapshot", "list").json["items"] if shot["phase"] == "Ready"]
    assert ready == [], ready
    machines()[-1].write_file("/run/fsfreeze-hook", "exit 0\n")
    check_thawed()


@harness.test
def all_are_thawed_when_the_owner_dies():
    hung = machines()[-1]
    hung.write_file("/run/fsfreeze-hook", "[ $1 = freeze ] && sleep 3\nexit 0\n")
    owner = group(prefix="k", start=harness.spawn)
    deadline = time.monotonic() + 20
    while not machines()[0].frozen():
        assert time.monotonic() < deadline and owner.poll() is None
        time.sleep(0.05)
    owner.kill()
    owner.wait()
    start = time.monotonic()
    while any(vm.frozen() for vm in machines()[:2]):
        assert time.monotonic() - start < 5
        time.sleep(0.05)
    harness.note(f"the others were thawed after {time.monotonic() - start:.2f} s")
    while hung.frozen():
        assert time.monotonic() - start < 15
        time.sleep(0.2)
    vmsnap("recover", check=0)
    check_thawed()


harness.main()
