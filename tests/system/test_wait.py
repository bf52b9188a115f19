#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting until a VM is ready: nothing is frozen or made meanwhile."""

import fcntl
import json
import signal
import threading
import time

import harness

bed = harness.bed(install=True)
vmsnap = harness.vmsnap

# pylint: disable=wrong-import-position
from bed_libvirt import wait_until  # noqa: E402
from refusal import check_clean, left_beside  # noqa: E402


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


WAITING = {}  # the VM of the tests below
STARTED = []


def waiting_vm():
    """A VM with a way in besides its agent, and a hook that counts freezes."""
    if not WAITING:
        WAITING["folder"] = bed.storage("xfs", 512)
        disk = bed.make_disk(f"{WAITING['folder']}/d.qcow2", size_mb=128)
        WAITING["vm"] = bed.define_vm("pending", [disk], command=True,
                                      append="vmsnap.hook=1").start(wait=True)
        WAITING["guest"] = WAITING["vm"].command()
        WAITING["vm"].write_file("/run/fsfreeze-hook", "echo $1 >>/run/hooked\n")
    WAITING["guest"].run("rm -f /run/hooked; kill -STOP $(pidof qemu-ga)")
    return WAITING["vm"], WAITING["guest"]


def pending(name, reason, *options):
    """Starts a snapshot that has to wait; returns its process once others see that it does."""
    process = harness.spawn("snapshot", "create", "pending", name, "--wait-ready", "60", *options)
    STARTED.append(process)

    def seen():
        reply = vmsnap("snapshot", "show", name)
        return reply.json if reply.code == 0 else None
    shot = wait_until(seen, 20, f"{name} is on record", step=0.05)
    assert (shot["phase"], shot["consistent"]) == ("Pending", False), shot
    assert shot["vm"]["name"] == "pending", shot
    told = {each["type"]: each for each in shot["conditions"]}
    assert told["VirtualMachineReady"]["reason"] == reason, shot
    assert told["VirtualMachineReady"]["status"] == "False", shot
    assert told["VirtualMachineSnapshotReady"]["reason"] == "WaitingForTheVirtualMachine", shot
    operation = vmsnap("operation", "show", shot["operation"], check=0).json
    assert operation["phase"] == "Pending", operation
    assert not operation["finished"], operation
    return process, shot


def ended(process, code):
    """What a process said at its end."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, (process.returncode, out, err)
    return json.loads(out)


def ends_its_waiters(test):
    """A test that fails must not leave a snapshot that waits on."""
    def run():
        STARTED.clear()
        try:
            test()
        finally:
            for process in STARTED:
                process.kill()
            if "guest" in WAITING and WAITING["vm"].state() == "running":
                WAITING["guest"].run("kill -CONT $(pidof qemu-ga)")
    run.__name__ = test.__name__
    return run


@harness.test
@ends_its_waiters
def that_it_waits_is_on_record():
    """Others see it, its name is held, nobody's recover takes it, and nothing is frozen."""
    _, guest = waiting_vm()
    process, shot = pending("held", "AgentNotReady")
    assert [each["phase"] for each in vmsnap("snapshot", "list", "--vm", "pending").json["items"]] \
        == ["Pending"]
    again = vmsnap("snapshot", "create", "pending", "held")
    assert again.code == 3 and again.json["error"]["code"] == "EXISTS", again
    assert vmsnap("recover", check=0).json["acts"] == []
    used = vmsnap("snapshot", "delete", "held")
    assert used.code == 3 and used.json["error"]["code"] == "IN_USE", used
    others = vmsnap("snapshot", "create", "pending", "other", "--consistency", "skip", check=0)
    vmsnap("snapshot", "delete", others.json["uuid"], check=0)
    waiter = harness.spawn("snapshot", "wait", "held")
    assert guest.result("cat /run/hooked")[0] != 0, "nothing was frozen"
    guest.run("kill -CONT $(pidof qemu-ga)")
    taken = ended(process, 0)
    assert (taken["uuid"], taken["phase"], taken["consistency"]) == \
        (shot["uuid"], "Ready", "frozen"), taken
    assert ended(waiter, 0)["phase"] == "Ready"
    assert guest.run("cat /run/hooked").split() == ["freeze", "thaw"]
    vmsnap("snapshot", "delete", "held", check=0)


@harness.test
@ends_its_waiters
def when_the_limit_ends_the_record_says_why():
    """Failed, with the reason it waited for; the name is free."""
    _, guest = waiting_vm()
    reply = vmsnap("snapshot", "create", "pending", "late", "--wait-ready", "3")
    assert reply.code == 1 and reply.json["error"]["reason"] == "AgentNotReady", reply
    shot = vmsnap("snapshot", "show", "late", check=0).json
    assert shot["phase"] == "Failed", shot
    assert shot["conditions"][-1]["reason"] == "AgentNotReady", shot
    operation = vmsnap("operation", "show", shot["operation"], check=0).json
    assert (operation["phase"], operation["error"]["reason"]) == ("Failed", "AgentNotReady")
    assert guest.result("cat /run/hooked")[0] != 0, "nothing was frozen"
    assert left_beside(WAITING["folder"]) == []
    guest.run("kill -CONT $(pidof qemu-ga)")
    vmsnap("snapshot", "create", "pending", "late", check=0)
    vmsnap("snapshot", "delete", "late", check=0)


@harness.test
@ends_its_waiters
def a_killed_waiter_is_recovered():
    """Its record becomes Failed, nothing is left."""
    vm, guest = waiting_vm()
    process, shot = pending("killed", "AgentNotReady")
    process.kill()
    process.communicate()
    assert "open" in vmsnap("snapshot", "list").err
    acts = vmsnap("recover", check=0).json["acts"]
    assert [act["act"] for act in acts] == ["rolled-back"], acts
    dead = vmsnap("snapshot", "show", shot["uuid"], check=0).json
    assert (dead["phase"], dead["conditions"][-1]["reason"]) == ("Failed", "Interrupted"), dead
    assert guest.result("cat /run/hooked")[0] != 0, "nothing was frozen"
    guest.run("kill -CONT $(pidof qemu-ga)")
    vm.wait_agent()
    check_clean([WAITING["folder"]], vms=[vm])


@harness.test
@ends_its_waiters
def a_waiter_can_be_cancelled():
    """Ctrl-C ends it at once."""
    vm, guest = waiting_vm()
    process, shot = pending("cancelled", "AgentNotReady")
    process.send_signal(signal.SIGINT)
    assert ended(process, 1)["error"]["code"] == "CANCELLED"
    operation = vmsnap("operation", "show", shot["operation"], check=0).json
    assert operation["phase"] == "Cancelled", operation
    guest.run("kill -CONT $(pidof qemu-ga)")
    vm.wait_agent()
    check_clean([WAITING["folder"]], vms=[vm])


@harness.test
@ends_its_waiters
def a_lock_is_waited_for_in_sight():
    """The holder is named."""
    vm, guest = waiting_vm()
    guest.run("kill -CONT $(pidof qemu-ga)")
    vm.wait_agent()
    vmsnap("snapshot", "create", "pending", "first", check=0)
    with open(f"/run/vmsnap/locks/{vm.uuid()}.lock", "r+", encoding="utf-8") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        busy = vmsnap("snapshot", "create", "pending", "second")
        assert busy.code == 4 and "process" in busy.json["error"]["message"], busy
        process, shot = pending("second", "Locked")
        assert "process" in shot["conditions"][-1]["message"], shot
    assert ended(process, 0)["consistency"] == "frozen"
    for name in ("first", "second"):
        vmsnap("snapshot", "delete", name, check=0)
    vm.destroy()


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
