#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A disk that two VMs have: cut in one group it is consistent, because both are frozen until both
are cut. Then the two clones of the disk, made one after the other, are the same."""

import hashlib
import subprocess

import harness
import scenes

bed = harness.bed(install=True)
vmsnap = harness.vmsnap

FOLDER = bed.storage("xfs", 1024)
SHARED = f"{FOLDER}/shared.img"
ROUNDS = 5


def make():
    """`one` writes to the shared disk all along; `two` has it, and leaves it alone."""
    subprocess.run(["truncate", "-s", "64M", SHARED], check=True)
    disk = {"path": SHARED, "format": "raw", "shareable": True, "cache": "none"}
    first, second = (bed.define_vm(name, [bed.make_disk(f"{FOLDER}/{name}.img", size_mb=64), disk],
                                   mem=192, load="records" if name == "one" else None)
                     for name in ("one", "two"))
    second.start(wait=True)  # there is nothing yet to mount on the shared disk
    subprocess.run(["mkfs.ext4", "-q", "-F", SHARED], check=True)
    first.start(wait=True)
    return first, second


one, two = make()


def group(name, *options):
    """Both in one group."""
    return vmsnap("snapshot", "create", "--group", f"one={name}.one", "--group",
                  f"two={name}.two", *options)


def shared_of(shot):
    """What is told of the shared disk: the disk, and the facts of its cut."""
    disk = [disk for disk in shot["disks"] if disk["target"] == "vdb"][0]
    facts = [disk for disk in shot["evidence"]["disks"] if disk["target"] == "vdb"][0]
    return disk, facts


def digest(path):
    """Of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") \
            else hashlib.sha256(file.read()).hexdigest()


def check_thawed(*vms):
    """They run, write, and nothing is in anybody's hands."""
    for vm in vms:
        assert vm.state() == "running" and not vm.frozen(), vm.name
    scenes.wait_hands_empty(20)


def drop(shots):
    """Deletes them."""
    for shot in shots:
        vmsnap("snapshot", "delete", shot["name"], check=0)


@harness.test
def one_of_them_alone_is_refused():
    error = vmsnap("snapshot", "create", "one", "alone").json["error"]
    assert (error["code"], error["reason"]) == ("INCONSISTENT", "PotentiallyInconsistent"), error
    assert "VM two" in error["message"] and "group" in error["message"], error
    check_thawed(one, two)


@harness.test
def both_in_a_group_are_frozen_until_both_are_cut():
    for _ in range(ROUNDS):
        reply = group("both")
        assert reply.code == 0, reply
        shots = {shot["vm"]["name"]: shot for shot in reply.json["items"]}
        digests = set()
        for name, other in (("one", "two"), ("two", "one")):
            disk, facts = shared_of(shots[name])
            assert shots[name]["consistency"] == disk["consistency"] == "frozen", shots[name]
            assert facts["frozen_with"] == other and not facts["open_elsewhere"], facts
            digests.add(digest(disk["path"]))
        assert len(digests) == 1, "somebody wrote between the two clones"
        check_thawed(one, two)
        drop(shots.values())


@harness.test
def one_that_is_not_frozen_proves_nothing_for_the_other():
    two.virsh("domfsfreeze")
    reply = group("raw", "--consistency", "prefer")
    assert two.frozen(), "thawed by somebody else"
    two.virsh("domfsthaw")
    assert reply.code == 6, reply
    for shot in reply.json["items"]:
        disk, facts = shared_of(shot)
        assert disk["consistency"] == "crash", shot
        other_frozen = shot["vm"]["name"] == "two"  # whose own freeze is what fails
        assert facts["open_elsewhere"] != other_frozen, facts
        assert ("frozen_with" in facts) == other_frozen, facts
    check_thawed(one, two)
    drop(reply.json["items"])


@harness.test
def one_that_is_off_is_cut_while_the_other_is_frozen():
    two.shutdown()
    error = vmsnap("snapshot", "create", "two", "alone").json["error"]
    assert error["reason"] == "PotentiallyInconsistent", error
    reply = group("off")
    assert reply.code == 0, reply
    shots = {shot["vm"]["name"]: shot for shot in reply.json["items"]}
    disk, facts = shared_of(shots["two"])
    assert disk["consistency"] == "offline" and facts["frozen_with"] == "one", shots["two"]
    assert shots["one"]["consistency"] == "frozen", shots["one"]
    assert len({digest(shared_of(shot)[0]["path"]) for shot in shots.values()}) == 1
    check_thawed(one)
    drop(shots.values())


harness.main()
