#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images in many pieces: the guest goes on in overlays while they are cloned, and comes back.

What must hold whatever happens on the way: the VM ends on its own images, its configuration and
the files' owners are as before, and nothing that the guest wrote is missing.
"""

import functools
import json
import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import freeze_stage
import harness
import scenes

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position
import oracle  # noqa: E402  pylint: disable=wrong-import-position
from bed_libvirt import wait_until  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
PIECES = 10000


class Pieces(scenes.Scene):
    """A loaded VM whose images, or the first of them, are in many pieces."""

    def __init__(self, name, worst=2, **options):
        super().__init__(bed, name, "xfs", preallocation="falloc", **options)
        for path in self.disks[:worst]:
            count = bed_storage.fragment(path, PIECES)
            harness.note(f"{path}: {count} pieces")
        self.before = self.off = None

    def start(self):
        self.off = self.configured(), [owner(path) for path in self.disks]
        super().start()
        self.before = self.look()
        return self

    def look(self):
        """Configuration and files, as they must be again."""
        return (described(self.vm.virsh("dumpxml")), self.configured(),
                [owner(path) for path in self.disks])

    def configured(self):
        """The inactive XML."""
        return described(self.vm.virsh("dumpxml", "--inactive"))

    def check_home(self):
        """The VM is on its own images, running or not, and all is as before."""
        if self.vm.state() != "running":
            now = self.configured(), [owner(path) for path in self.disks]
            assert now == self.off, differences(now, self.off)
            self.vm.start(wait=True)
            self.vm.wait_load(4)
        now = self.look()
        assert now == self.before, differences(now, self.before)

    def check_whole(self, name="whole"):
        """Home, nothing left, and all that was ever written is in a new snapshot."""
        scenes.wait_hands_empty()
        self.check_home()
        scenes.check_at_rest(self)
        before = self.vm.load_seq()
        shot = vmsnap("snapshot", "create", self.name, name, check=0).json
        check_shot(shot, before)
        vmsnap("snapshot", "delete", name, check=0)
        scenes.wait_hands_empty()
        self.check_home()


def described(xml):
    """What an XML says, without what is new at each start. The order of the devices is not kept by
    libvirt itself: a definition that is read again has its controllers sorted."""
    root = ElementTree.fromstring(re.sub(r" (id|index)='\d+'|domain-\d+-", "", xml))
    devices = root.find("devices")
    devices[:] = sorted(devices, key=ElementTree.tostring)
    return [ElementTree.tostring(each, encoding="unicode").strip()
            for each in [*devices, *(part for part in root if part is not devices)]]


def differences(now, before):
    """For people."""
    return [(one, other) for left, right in zip(now, before)
            for one, other in zip(left, right) if one != other] or (now, before)


def owner(path):
    """What of a file must not change."""
    state = os.stat(path)
    return (state.st_ino, state.st_uid, state.st_gid, oct(state.st_mode))


def check_image(path, kind):
    """qemu-img finds nothing wrong."""
    if kind == "qcow2":
        subprocess.run(["qemu-img", "check", "-q", "-f", kind, path], check=True)


def overlays(scene):
    """Overlay files beside the disks."""
    return [path for path in scenes.left_beside(scene.folder) if path.endswith(".overlay")]


def check_shot(shot, before):
    """A frozen snapshot of what the guest had written by then."""
    verdict = oracle.judge(scenes.images(shot))
    assert verdict.good, verdict
    assert verdict.heads[0] >= before, (before, verdict)
    for path, kind in scenes.images(shot):
        check_image(path, kind)


@functools.lru_cache(maxsize=None)
def pieces():
    """One VM for all tests: what it has been through before must not matter."""
    return Pieces("pieces").start()


def take(scene, name, overlaid):
    """One snapshot, judged from all sides."""
    before = scene.vm.load_seq()
    shot = vmsnap("snapshot", "create", scene.name, name, check=0).json
    assert [disk["method"] for disk in shot["disks"]] == ["reflink"] * len(shot["disks"]), shot
    assert [disk["by_overlay"] for disk in shot["disks"]] == overlaid, shot
    assert shot["consistency"] == "frozen", shot
    scenes.wait_hands_empty()
    scenes.check_at_rest(scene, [shot])
    scene.check_home()
    check_shot(shot, before)
    harness.note(f"{name}: window {shot['evidence']['freeze_window_ms']} ms")
    vmsnap("snapshot", "delete", name, check=0)
    return shot


@harness.test
def the_guest_goes_on_in_an_overlay():
    """All disks by overlay: nothing is suspended, and everything is as before in the end."""
    scene = pieces()
    check = vmsnap("check", "pieces", check=0).json
    assert all("overlay" in disk["why"] for disk in check["disks"]), check
    for number in range(2):
        shot = take(scene, f"pieces.{number}", [True, True])
    assert "suspended" not in scenes.events(shot), shot


@functools.lru_cache(maxsize=None)
def steps():
    """Names of the micro-steps from the cut to the end."""
    for _ in range(2):  # the first one makes folders that then stay
        driver = freeze_stage.Driver("pieces", "steps", trace=1)
        assert driver.end() is None
        vmsnap("snapshot", "delete", "steps", check=0)
    names = driver.points
    return names, names.index("hypervisor-overlays") + 1


def die_at(step):
    """A snapshot whose process dies at the step; the guest is thawed then."""
    driver = freeze_stage.Driver("pieces", "dies", stop=step)
    _, word, name = driver.wait("at", "ended")
    if word == "at":
        driver.kill()
    freeze_stage.wait_guards_gone()
    return name if word == "at" else None


def go_on(scene):
    """The guest writes on, whatever it writes to."""
    scene.vm.wait_load(scene.vm.load_seq() + 2)


@harness.test
def killed_at_each_step():
    """recover brings the VM home, itself killed now and then."""
    scene = pieces()
    names, first = steps()
    every = range(first, len(names) + 1)
    chosen = every if scenes.LONG else sorted(harness.RNG.sample(every, 5))
    tally = {}
    for step in chosen:
        name = die_at(step)
        go_on(scene)
        left = len(overlays(scene))
        acts = freeze_stage.recover()
        scene.check_home()
        go_on(scene)
        shot = freeze_stage.find("dies")
        scenes.check_at_rest(scene, [shot] if shot else [])
        if shot:
            vmsnap("snapshot", "delete", "dies", check=0)
        tally[f"{step} {name}"] = f"{left} overlays, {' '.join(acts) or 'nothing to do'}"
    scene.check_whole()
    for step, what in tally.items():
        harness.note(f"killed at {step}: {what}")


# ---- what may happen to a VM that runs on our files ----


def shut_down(scene):
    """By its user."""
    scene.vm.shutdown()


def pull_the_plug(scene):
    """Destroyed, as libvirt calls it."""
    scene.vm.destroy()


def kill_qemu(scene):
    """Nothing is closed or flushed."""
    scene.vm.kill_qemu()
    scene.vm.wait_state("shut off")


def start_again(scene):
    """It comes up on our files."""
    scene.vm.destroy()
    scene.vm.start(wait=True)
    scene.vm.wait_load(4)


def restart_libvirt(_):
    """In the middle of whatever it was doing."""
    bed.libvirt.restart(signal.SIGKILL)


def start_and_kill_qemu(scene):
    """Both, one after the other."""
    start_again(scene)
    kill_qemu(scene)


HAPPENS = [shut_down, pull_the_plug, kill_qemu, start_again, restart_libvirt, start_and_kill_qemu]
MOMENTS = ["hypervisor-overlays-done", "cut-base-cloned", "hypervisor-merge-done",
           "hypervisor-pivot", "hypervisor-pivot-done"]


@harness.test
def left_on_overlays_whatever_happens():
    """The owner dies, then something happens to the VM, then recover: nothing is lost."""
    scene = pieces()
    names, _ = steps()
    cells = [(moment, event) for moment in MOMENTS for event in HAPPENS]
    for moment, event in cells if scenes.LONG else harness.RNG.sample(cells, 4):
        which = [n + 1 for n, name in enumerate(names) if name == moment]
        at = die_at(harness.RNG.choice(which))  # a step or two beside it when QEMU takes its time
        assert at is not None, moment
        go_on(scene)
        left = len(overlays(scene))
        event(scene)
        acts = freeze_stage.recover()
        assert overlays(scene) == [], overlays(scene)
        scene.check_whole()
        harness.note(f"{at}, {event.__name__}: {left} overlays, {' '.join(acts)}")


@harness.test
def the_next_command_brings_it_home_first():
    """Nothing is taken of an overlay, restored onto one, or deleted beside one."""
    scene = pieces()
    names, _ = steps()
    vmsnap("snapshot", "create", "pieces", "earlier", check=0)
    die_at(names.index("hypervisor-merge-done") + 1)
    assert overlays(scene)
    for words in (["snapshot", "create", "pieces", "next"], ["snapshot", "delete", "earlier"],
                  ["restore", "pieces", "earlier", "--mode", "strict"]):
        refused = vmsnap("--no-recover", *words)
        assert (refused.code, refused.json["error"]["reason"]) == (4, "Unfinished"), refused
    check = vmsnap("check", "pieces").json
    assert check["verdict"] == "blocked", check
    assert "Unfinished" in [each["reason"] for each in check["findings"]], check
    shot = vmsnap("snapshot", "create", "pieces", "next", check=0).json
    scene.check_home()
    assert [disk["by_overlay"] for disk in shot["disks"]] == [True, True], shot
    for name in ("earlier", "next"):
        vmsnap("snapshot", "delete", name, check=0)
    scene.check_whole()


@harness.test
def another_waits_until_the_overlays_are_gone():
    """The owner lives: who comes meanwhile is told so, or waits."""
    scene = pieces()
    names, _ = steps()
    driver = freeze_stage.Driver("pieces", "first", stop=names.index("cut-base-cloned") + 1)
    driver.wait("at")
    refused = vmsnap("snapshot", "create", "pieces", "second")
    assert (refused.code, refused.json["error"]["reason"]) == (4, "OverlaysActive"), refused
    second = harness.spawn("snapshot", "create", "pieces", "second", "--wait-ready", "60")
    time.sleep(0.5)
    driver.go_on()
    assert driver.end() is None
    assert second.wait(60) == 0, second.stderr.read()
    for name in ("first", "second"):
        check_shot(freeze_stage.find(name), 1)
        vmsnap("snapshot", "delete", name, check=0)
    scene.check_whole()


@harness.test
def who_waits_for_the_window_of_one_that_dies_is_not_deceived():
    """It has looked at the disks before the VM was on overlays, and is let in while it is."""
    scene = pieces()
    driver = freeze_stage.Driver("pieces", "first", stop=1)  # it has the window by then
    driver.wait("at")
    second = harness.spawn("snapshot", "create", "pieces", "second", "--wait-ready", "60")
    wait_until(lambda: len(overlays(scene)) == 4, 20, "the second to be prepared")
    driver.go_on()
    wait_until(lambda: scene.vm.disks()["vda"].endswith(".overlay"), 10, "overlays", 0.002)
    driver.kill()
    out, _ = second.communicate(timeout=90)
    assert second.returncode == 4, out
    assert json.loads(out)["error"]["reason"] in ("Unfinished", "StateChanged"), out
    freeze_stage.recover()
    scene.check_whole()


def fill(folder):
    """Takes all the space there is; returns the file that has it."""
    path = f"{folder}/fill"
    with open(path, "wb") as handle:
        size = 1 << 30
        while size >= 4096:
            try:
                os.posix_fallocate(handle.fileno(), handle.tell(), size)
                handle.seek(0, os.SEEK_END)
            except OSError:
                size //= 2
    return path


@harness.test
def a_full_disk_does_not_reach_the_guest():
    """The overlays have their space, and what one gives back serves the next one's base."""
    scene = pieces()
    names, _ = steps()
    clones = [n for n, name in enumerate(names) if name == "cut-base-cloned"]
    driver = freeze_stage.Driver("pieces", "full", stop=clones[-1] + 1)
    driver.wait("at")
    path = fill(scene.folder)
    assert os.statvfs(scene.folder).f_bavail < 64
    scene.vm.exec(["dd", "if=/dev/urandom", "of=/mnt/vdb/new", "bs=1M", "count=40", "conv=fsync"])
    go_on(scene)
    driver.go_on()
    error = driver.end()
    go_on(scene)
    assert scene.vm.state() == "running"
    os.unlink(path)
    freeze_stage.recover()
    assert overlays(scene) == [], overlays(scene)
    scene.check_home()
    harness.note(error["message"] if error else "Ready all the same")
    vmsnap("snapshot", "delete", "full")
    scene.vm.exec(["rm", "/mnt/vdb/new"])
    scene.check_whole()


@harness.test
def cancelled_on_the_way():
    """The VM is brought home all the same, and no snapshot is left."""
    scene = pieces()
    names, _ = steps()
    driver = freeze_stage.Driver("pieces", "stop", cancel=names.index("hypervisor-overlays-done") + 1)
    error = driver.end()
    assert error and error["code"] == "CANCELLED", error
    scenes.wait_hands_empty()
    scenes.check_at_rest(scene)
    scene.check_whole()


harness.main()
