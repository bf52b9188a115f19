#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images in many pieces: the guest goes on in overlays while they are cloned, and comes back.

What must hold whatever happens on the way: the VM ends on its own images, its configuration and
the files' owners are as before, and nothing that the guest wrote is missing.
"""

import os
import subprocess

import harness
import scenes

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position
import oracle  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
PIECES = 10000


class Pieces(scenes.Scene):
    """A loaded VM whose images, or the first of them, are in many pieces."""

    def __init__(self, name, worst=2, **options):
        super().__init__(bed, name, "xfs", preallocation="falloc", **options)
        for path in self.disks[:worst]:
            count = bed_storage.fragment(path, PIECES)
            harness.note(f"{path}: {count} pieces")
        self.before = None

    def start(self):
        super().start()
        self.before = self.look()
        return self

    def look(self):
        """Configuration and files, as they must be again."""
        return (self.vm.virsh("dumpxml"), self.configured(),
                [owner(path) for path in self.disks])

    def configured(self):
        """The inactive XML as text."""
        return self.vm.virsh("dumpxml", "--inactive")

    def check_home(self):
        """The VM runs on its own images, and all is as before."""
        live, inactive, owners = self.look()
        assert live == self.before[0], live
        assert inactive == self.before[1], inactive
        assert owners == self.before[2], (owners, self.before[2])


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


def check_shot(scene, shot, before):
    """A frozen snapshot of what the guest had written by then."""
    verdict = oracle.judge(scenes.images(shot))
    assert verdict.good, verdict
    assert verdict.heads[0] >= before, (before, verdict)
    for path, kind in scenes.images(shot):
        check_image(path, kind)


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
    check_shot(scene, shot, before)
    harness.note(f"{name}: window {shot['evidence']['freeze_window_ms']} ms")
    vmsnap("snapshot", "delete", name, check=0)
    return shot


@harness.test
def the_guest_goes_on_in_an_overlay():
    """All disks by overlay: nothing is suspended, and everything is as before in the end."""
    scene = Pieces("pieces").start()
    check = vmsnap("check", "pieces", check=0).json
    assert all("overlay" in disk["why"] for disk in check["disks"]), check
    for number in range(3):
        shot = take(scene, f"pieces.{number}", [True, True])
    assert "suspended" not in scenes.events(shot), shot
    scene.end()


harness.main()
