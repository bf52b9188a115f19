#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting until a VM is ready: nothing is frozen or made meanwhile."""

import threading
import time

import harness

bed = harness.bed(install=True)
vmsnap = harness.vmsnap


def young_vm(name):
    """A VM whose guest has only begun to boot."""
    folder = bed.storage("xfs", 1024)
    return bed.define_vm(name, [bed.make_disk(f"{folder}/d.qcow2")]).start()


@harness.test
def without_patience_a_booting_guest_is_refused():
    """The agent's absence is told at once."""
    young_vm("young")
    reply = vmsnap("snapshot", "create", "young", "young.s")
    assert reply.code == 1 and reply.json["error"]["reason"] == "AgentNotReady", reply
    assert reply.seconds < 5, reply


@harness.test
def with_patience_it_is_waited_for():
    """Under require and under prefer alike."""
    for policy in ("require", "prefer"):
        vm = young_vm(f"patient-{policy}")
        shot = vmsnap("snapshot", "create", vm.name, f"{vm.name}.s", "--wait-ready", "120",
                      "--consistency", policy, check=0).json
        assert shot["consistency"] == "frozen", shot


@harness.test
def patience_ends_with_the_reason():
    """The limit is kept, and what was waited for is named."""
    vm = young_vm("silent")
    vm.wait_agent()
    vm.stop_agent()
    while vm.guest.answers():
        time.sleep(0.2)
    reply = vmsnap("snapshot", "create", vm.name, "silent.s", "--wait-ready", "4")
    assert reply.code in (1, 4), reply
    assert 3.5 < reply.seconds < 20, reply
    taken = vmsnap("snapshot", "create", vm.name, "silent.s", "--wait-ready", "2",
                   "--consistency", "prefer", check=6).json
    assert taken["consistency"] == "crash", taken


@harness.test
def a_foreign_block_job_is_waited_for():
    """BUSY at once without patience, done when the job ends."""
    copy = bed.make_disk(f"{bed.storage('ext4', 1024)}/copy.qcow2", fs=None)
    vm = young_vm("copied")  # after the storage: QEMU sees no mount that came later
    vm.wait_agent()
    vm.virsh("blockcopy", "vda", copy, "--format", "qcow2", "--reuse-external",
             "--transient-job", "--wait")
    busy = vmsnap("snapshot", "create", vm.name, "copied.s")
    assert busy.code == 4, busy
    assert busy.json["error"]["reason"] == "BlockDevicesNotReady", busy

    def end_later():
        time.sleep(3)
        vm.virsh("blockjob", "vda", "--abort")
    thread = threading.Thread(target=end_later)
    thread.start()
    vmsnap("snapshot", "create", vm.name, "copied.s", "--wait-ready", "60", check=0)
    thread.join()


harness.main()
