#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a restore keeps: brought back, dropped, collected, lost; and what libvirt notes of disks."""

import os
import subprocess
import time

import harness

bed = harness.bed(install=True)
vmsnap = harness.vmsnap


def write(path, byte):
    """Marks an image as a guest would that writes to it."""
    import bed_storage  # pylint: disable=import-outside-toplevel
    kind = "qcow2" if path.endswith(".qcow2") else "raw"
    bed_storage.run(["qemu-io", "-f", kind, "-c", f"write -P {byte} 100M 64k", path])


def has(path, byte):
    """True if the image is marked with it."""
    kind = "qcow2" if path.endswith(".qcow2") else "raw"
    done = subprocess.run(["qemu-io", "-r", "-f", kind, "-c", f"read -P {byte} 100M 64k", path],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert b"read 65536/65536" in done.stdout, done
    return b"verification failed" not in done.stdout


def beside(folder):
    """Folders of ours beside the disks."""
    own = os.path.join(folder, ".vmsnap")
    return sorted(os.listdir(own)) if os.path.isdir(own) else []


def undo_sets():
    return vmsnap("undo", "list", check=0).json["items"]


def restore(name, *options, check=0):
    return vmsnap("restore", name, f"{name}.s", "--mode", "strict", *options, check=check).json


class Stage:
    """A VM that is off, with one disk marked 1 in its snapshot and 2 now."""

    def __init__(self, name, kind="qcow2", fs="xfs"):
        self.name = name
        self.folder = bed.storage(fs, 1024)
        self.path = bed.make_disk(f"{self.folder}/{name}.{'qcow2' if kind == 'qcow2' else 'img'}",
                                  kind)
        self.vm = bed.define_vm(name, [{"path": self.path, "format": kind}])
        write(self.path, 1)
        self.shot = vmsnap("snapshot", "create", name, f"{name}.s", check=0).json
        write(self.path, 2)

    def end(self):
        """Nothing is left."""
        for item in undo_sets():
            vmsnap("undo", "drop", item["uuid"], check=0)
        vmsnap("snapshot", "delete", f"{self.name}.s", check=0)
        assert beside(self.folder) == [], beside(self.folder)
        self.vm.undefine()


def names(vm, what):
    """What libvirt notes of the VM's disks."""
    return sorted(vm.virsh(f"{what}-list", "--name").split())


@harness.test
def old_data_comes_back_the_newest_goes_and_undo_brings_it_back():
    """On both kinds of image."""
    for kind in ("qcow2", "raw"):
        stage = Stage(f"marker-{kind}", kind)
        done = restore(stage.name)
        assert has(stage.path, 1) and not has(stage.path, 2)
        kept = undo_sets()[0]
        assert (kept["uuid"], kept["state"], kept["target"]["name"]) == \
            (done["uuid"], "kept", stage.name), kept
        stat = os.stat(kept["files"][0]["path"])
        assert kept["allocated"] == stat.st_blocks * 512 > 0, (kept, stat)
        vmsnap("undo", done["uuid"], check=0)
        assert has(stage.path, 2) and not has(stage.path, 1)
        assert undo_sets() == []
        stage.end()


@harness.test
def only_what_is_expired_is_collected_and_only_by_gc():
    """Its time ends; it can be brought back until it is collected."""
    stage = Stage("expiry")
    short = restore("expiry", "--undo-ttl", "1")
    write(stage.path, 3)
    long = restore("expiry")
    time.sleep(1.1)
    assert [item["state"] for item in undo_sets()] == ["expired", "kept"], undo_sets()
    vmsnap("recover", check=0)
    assert len(undo_sets()) == 2, "only gc collects"
    told = vmsnap("gc", "--dry-run", check=0).json["acts"]
    assert [act["act"] for act in told] == ["would-drop"] and len(undo_sets()) == 2, told
    acts = vmsnap("gc", check=0).json["acts"]
    assert [act["act"] for act in acts] == ["dropped"], acts
    assert [item["uuid"] for item in undo_sets()] == [long["uuid"]]
    assert short["uuid"] not in beside(stage.folder)
    assert vmsnap("undo", short["uuid"]).code == 5
    vmsnap("undo", long["uuid"], check=0)
    assert has(stage.path, 3)
    write(stage.path, 2)
    late = restore("expiry", "--undo-ttl", "1")
    time.sleep(1.1)
    vmsnap("undo", late["uuid"], check=0)
    assert has(stage.path, 2)
    stage.end()


@harness.test
def an_undo_set_dropped_is_gone():
    """Its file too; the VM is not touched."""
    stage = Stage("drop")
    done = restore("drop")
    gone = vmsnap("undo", "drop", done["uuid"], check=0).json
    assert (gone["type"], gone["phase"], gone["undo_of"]) == ("delete", "Completed", done["uuid"])
    assert has(stage.path, 1) and done["uuid"] not in beside(stage.folder)
    again = vmsnap("undo", done["uuid"])
    assert again.code == 5 and again.json["error"]["reason"] == "NothingToUndo", again
    assert vmsnap("undo", "drop", done["uuid"]).code == 5
    stage.end()


@harness.test
def a_disk_changed_by_others_meanwhile_is_not_undone():
    """Neither when another file stands there nor when another VM has it."""
    stage = Stage("changed")
    done = restore("changed")
    os.rename(stage.path, stage.path + ".aside")
    bed.make_disk(stage.path)
    refused = vmsnap("undo", done["uuid"])
    assert refused.code == 3 and refused.json["error"]["code"] == "PLAN_STALE", refused
    assert stage.path in refused.json["error"]["message"], refused
    os.rename(stage.path + ".aside", stage.path)
    other = bed.define_vm("thief", [undo_sets()[0]["files"][0]["path"]])
    refused = vmsnap("undo", done["uuid"])
    assert refused.code == 3 and "thief" in refused.json["error"]["message"], refused
    refused = vmsnap("undo", "drop", done["uuid"])
    assert refused.code == 3 and refused.json["error"]["code"] == "IN_USE", refused
    other.undefine()
    vmsnap("undo", done["uuid"], check=0)
    assert has(stage.path, 2)
    stage.end()


@harness.test
def an_old_disk_that_is_gone_is_lost_and_nothing_is_touched():
    """Told by the list as well; the set can be dropped."""
    stage = Stage("lost")
    done = restore("lost")
    os.unlink(undo_sets()[0]["files"][0]["path"])
    assert undo_sets()[0]["state"] == "lost"
    refused = vmsnap("undo", done["uuid"])
    assert refused.json["error"]["code"] == "LOST", refused
    assert has(stage.path, 1) and stage.vm.state() == "shut off"
    stage.end()


@harness.test
def snapshots_libvirt_knows_go_into_the_undo_set():
    """A VM that is off, with internal snapshots: their data is in the disk that is exchanged."""
    stage = Stage("internal")
    for name in ("s1", "s2"):
        stage.vm.virsh("snapshot-create-as", name)
    before = stage.vm.virsh("snapshot-list", "--tree")
    dry = vmsnap("restore", "internal", "internal.s", "--mode", "dry-run", check=0).json
    found = [item for item in dry["resources"] if item["reason"] == "MetadataDropped"]
    assert found and found[0]["severity"] == "warning", dry
    done = restore("internal")
    assert names(stage.vm, "snapshot") == [] and has(stage.path, 1)
    assert [item["name"] for item in undo_sets()[0]["metadata"]] == ["s1", "s2"]
    assert any(item["reason"] == "MetadataDropped" for item in done["resources"]), done
    vmsnap("undo", done["uuid"], check=0)
    assert stage.vm.virsh("snapshot-list", "--tree") == before
    assert stage.vm.virsh("snapshot-current", "--name").strip() == "s2"
    stage.vm.virsh("snapshot-revert", "s1")
    for name in ("s2", "s1"):
        stage.vm.virsh("snapshot-delete", name)
    stage.end()


@harness.test
def checkpoints_of_a_running_vm_go_into_the_undo_set():
    """They come back with the disk, in their order, and the VM runs all the time it did."""
    stage = Stage("points")
    stage.vm.start(wait=True)
    stage.vm.virsh("checkpoint-create-as", "c1")
    stage.vm.virsh("checkpoint-create-as", "c2")
    before = stage.vm.virsh("checkpoint-list", "--tree")
    done = restore("points", "--stop-timeout", "30", "--force-stop")
    assert stage.vm.state() == "running" and names(stage.vm, "checkpoint") == []
    vmsnap("undo", done["uuid"], "--stop-timeout", "30", "--force-stop", check=0)
    assert stage.vm.state() == "running"
    assert stage.vm.virsh("checkpoint-list", "--tree") == before
    for name in ("c2", "c1"):
        stage.vm.virsh("checkpoint-delete", name)
    stage.vm.destroy()
    stage.end()


harness.main()
