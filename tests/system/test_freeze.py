#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The freeze window on a real guest: what it takes, and that no guest stays frozen."""

import os
import signal
import statistics
import subprocess
import time

import harness

bed = harness.bed()

PROBE = harness.built("tests/integration/window-probe")
GUARD = harness.built("src/guard/vmsnap-thaw-guard")
STATE = "/var/lib/vmsnap"
FOLDER = bed.storage("xfs", 4096)
URI = "qemu:///system"
VMS = {}
CHILDREN = []  # of killed owners


def machine(name="web", disks=1, **options):
    """A running VM of this name, made once."""
    if name not in VMS:
        for other in list(VMS):
            VMS.pop(other).destroy()
        paths = [bed.make_disk(f"{FOLDER}/{name}{i}.{'raw' if i % 2 else 'qcow2'}")
                 for i in range(disks)]
        VMS[name] = bed.define_vm(name, paths, **options).start(wait=True)
    return VMS[name]


def start(vm, *options):
    """Starts the probe on a VM."""
    return subprocess.Popen([PROBE, URI, STATE, GUARD, vm.name, *options],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def facts(text):
    """The probe's lines; repeated keys become lists."""
    found = {"warning": [], "fs": []}
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key in ("warning", "fs"):
            found[key].append(value)
        else:
            found[key] = value
    return found


def window(vm, *options, timeout=120):
    """Runs the probe to its end; returns its facts."""
    process = start(vm, *options)
    out, _ = process.communicate(timeout=timeout)
    return facts(out)


def leases():
    """Names of the leases that are left."""
    folder = f"{STATE}/leases"
    return os.listdir(folder) if os.path.isdir(folder) else []


def guards():
    """Process ids of the guards that live."""
    found = subprocess.run(["pgrep", "-x", "vmsnap-thaw-gua"], capture_output=True, text=True,
                           check=False).stdout
    return [int(pid) for pid in found.split()]


def settles(vm, timeout):
    """Waits until nothing is held: no lease, no guard, running, thawed."""
    end = time.monotonic() + timeout
    while leases() or guards():
        assert time.monotonic() < end, (leases(), guards())
        time.sleep(0.02)
    assert vm.state() == "running"
    assert not vm.frozen()


def clones(vm, tag):
    """Options that clone every disk of a VM in the cut."""
    return [f"clone={path}:{FOLDER}/{tag}-{target}" for target, path in vm.disks().items()]


def hook(vm, script):
    """Puts a freeze hook into the guest."""
    vm.write_file("/run/fsfreeze-hook", script)


@harness.test
def eight_disks_are_frozen_and_cut_in_one_window():
    vm = machine("eight", 8, load="1")
    vm.wait_load(3)
    held = []
    for number in range(5):
        found = window(vm, *clones(vm, f"s{number}"))
        assert found.get("grade") == "frozen", found
        assert found["frozen"] == found["thawed"] == "8", found
        assert {line.split()[3] for line in found["fs"]} == set(vm.disks()), found["fs"]
        held.append(int(found["held_us"]) / 1000)
        settles(vm, 5)
    harness.note(f"freeze reply to thaw request, 8 disks: {held} ms; whole window "
                 f"{int(found['total_us']) / 1000} ms, freeze {int(found['freeze_us']) / 1000}, "
                 f"suspended {int(found['still_us']) / 1000}, thaw {int(found['thaw_us']) / 1000}")
    for target, path in vm.disks().items():
        clone = f"{FOLDER}/s4-{target}"
        if not path.endswith(".raw"):
            continue
        header = subprocess.run(["dumpe2fs", "-h", clone], capture_output=True, text=True,
                                check=True).stdout
        assert "needs_recovery" not in header, target
    assert statistics.median(held) < 30


def killed(vm, *options):
    """Kills the probe in the cut; returns how long the guest then took to write again, in ms."""
    beat = vm.beat()
    try:
        process = start(vm, "kill=1", *options)
        line = process.stdout.readline()
        if line.startswith("child="):
            CHILDREN.append(int(line.split("=")[1]))
            line = process.stdout.readline()
        assert line.startswith("in_cut="), line
        died = int(line.split("=")[1]) / 1e6
        before = beat.beats
        while beat.beats == before:
            assert time.monotonic() - died < 10, "the guest stays frozen"
            time.sleep(0.0005)
        took = (time.monotonic() - died) * 1000
        process.wait()
        return took
    finally:
        beat.close()


@harness.test
def a_killed_owner_is_thawed_for_at_once():
    vm = machine("beat", 2, load="gap", beat=True)
    took = []
    for number in range(12):
        took.append(killed(vm, *([] if number % 2 else ["suspend=0"]),
                           *(["child=1"] if number % 3 == 0 else [])))
        settles(vm, 5)
    harness.note("SIGKILL of the owner to the guest's next write: "
                 + ", ".join(f"{ms:.0f}" for ms in took) + " ms")
    for pid in CHILDREN:
        os.kill(pid, signal.SIGKILL)
    assert max(took) < 500


@harness.test
def a_late_owner_is_thawed_for_at_the_deadline():
    vm = machine("beat", 2, load="gap", beat=True)
    found = window(vm, "call=1000", "budget=200", "sleep=4000", "suspend=0")
    assert found["overdue"] == "1" and found["grade"] == "crash", found
    assert found["reason"] == "ThawedEarly", found
    settles(vm, 5)


@harness.test
def a_late_cut_of_a_standing_guest_is_no_cut_at_all():
    """The guard let the guest run on between two clones: they are not one instant."""
    vm = machine("beat", 2, load="gap", beat=True)
    found = window(vm, "call=1000", "budget=200", "sleep=4000")
    assert found["reason"] == "ThawedEarly" and "grade" not in found, found
    settles(vm, 5)


@harness.test
def somebody_elses_freeze_is_left_alone():
    vm = machine("beat", 2, load="gap", beat=True)
    vm.freeze()
    try:
        found = window(vm)
        assert found["error"] == "AGENT" and found["reason"] == "FreezeFailed", found
        assert vm.frozen()
        found = window(vm, "policy=1")
        assert found["grade"] == "crash" and vm.frozen(), found
    finally:
        vm.thaw()
    settles(vm, 5)


@harness.test
def a_failing_hook_is_told_word_for_word():
    vm = machine("hook", 1, append="vmsnap.hook=1")
    hook(vm, "[ $1 = thaw ] || { exit 3; }\n")
    found = window(vm)
    assert found["error"] == "AGENT" and found["reason"] == "FreezeFailed", found
    assert "hook" in found["message"], found
    found = window(vm, "policy=1")
    assert found["grade"] == "crash", found
    assert found["reason"] == "FreezeFailed" and "hook" in found["message"], found
    settles(vm, 5)


@harness.test
def a_freeze_that_comes_late_is_undone():
    vm = machine("hook", 1, append="vmsnap.hook=1")
    hook(vm, "[ $1 = thaw ] || sleep 6\n")
    begun = time.monotonic()
    found = window(vm, "call=2000")
    harness.note(f"late freeze undone after {time.monotonic() - begun:.1f} s: {found}")
    assert found["error"] == "AGENT" and found["reason"] == "FreezeFailed", found
    assert found["left"] == "0", found
    settles(vm, 5)
    time.sleep(1)
    assert not vm.frozen()


@harness.test
def a_freeze_that_comes_very_late_is_left_to_the_guard():
    vm = machine("hook", 1, append="vmsnap.hook=1")
    hook(vm, "[ $1 = thaw ] || sleep 24\n")
    begun = time.monotonic()
    found = window(vm, "call=2000")
    assert found["reason"] == "MaybeFrozen" and found["left"] == "2", found
    told = time.monotonic() - begun
    assert told < 24, told
    assert leases() and guards()
    found = window(vm)
    assert found["error"] == "BUSY" or found["reason"] == "AgentNotReady", found
    settles(vm, 60)
    harness.note(f"told after {told:.1f} s, thawed by the guard after "
                 f"{time.monotonic() - begun:.1f} s")
    hook(vm, "exit 0\n")


@harness.test
def a_stopped_agent_is_not_ready():
    vm = machine("stopped", 1)
    vm.stop_agent()
    time.sleep(0.5)
    begun = time.monotonic()
    found = window(vm)
    harness.note(f"told after {time.monotonic() - begun:.1f} s: {found['message']}")
    assert found["error"] == "AGENT" and found["reason"] == "AgentNotReady", found
    assert not leases() and not guards()
    found = window(vm, "policy=2")
    assert found["grade"] == "crash" and not found["warning"], found


@harness.test
def an_agent_that_may_not_freeze_is_told_apart():
    vm = machine("nofreeze", 1, agent="nofreeze")
    found = window(vm)
    assert found["error"] == "AGENT" and found["reason"] == "FreezeUnsupported", found
    found = window(vm, "policy=1")
    assert found["grade"] == "crash", found
    assert found["reason"] == "FreezeUnsupported", found


@harness.test
def the_guard_outlives_libvirtd_too():
    vm = machine("daemon", 1)
    process = start(vm, "kill=1", "sleep=600")
    assert process.stdout.readline().startswith("in_cut=")
    bed.libvirt.kill(signal.SIGKILL)
    process.wait()
    time.sleep(1)
    begun = time.monotonic()
    bed.libvirt.start()
    settles(vm, 30)
    harness.note(f"all free {time.monotonic() - begun:.1f} s after the daemon's restart")


harness.main()
