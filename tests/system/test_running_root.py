#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same with a QEMU that runs as root, as some hosts are set up: both methods, and a restore."""

import harness
import scenes

bed = harness.bed(install=True, qemu_user="root")
import oracle  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap


def round_trip(storage, method):
    """Frozen snapshot, restore while it runs, undo."""
    scene = scenes.Scene(bed, f"root-{storage}", storage, storage_mb=2048).start()
    shot = vmsnap("snapshot", "create", scene.name, f"{scene.name}.s", check=0).json
    assert {disk["method"] for disk in shot["disks"]} == {method}, shot
    scenes.check_frozen_evidence(shot, scene)
    verdict = oracle.judge(scenes.images(shot))
    assert verdict.good, verdict
    done = vmsnap("restore", scene.name, f"{scene.name}.s", "--mode", "strict", check=0).json
    scene.vm.wait_agent()
    scene.vm.wait_load(verdict.heads[1])
    vmsnap("undo", done["uuid"], check=0)
    scene.vm.wait_agent()
    vmsnap("snapshot", "delete", f"{scene.name}.s", check=0)
    scenes.wait_hands_empty()
    scenes.check_at_rest(scene)
    scene.end()


@harness.test
def reflink_on_xfs():
    """Clones."""
    round_trip("xfs", "reflink")


@harness.test
def backup_on_ext4():
    """A backup job, its scratch and socket made for root."""
    round_trip("ext4", "backup")


harness.main()
