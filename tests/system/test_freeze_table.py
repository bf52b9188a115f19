#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of consistency on real parts, row for row: what a VM in this state comes to under
require, prefer and skip. A migration is played by the VM made of numbers of tests/unit/engine-test.c,
the limits of VSS by the scripted agent of test_freeze_evidence.py."""

import json
import os
import subprocess
import time

import harness

bed = harness.bed(install=True)

# pylint: disable=wrong-import-position
from bed_libvirt import wait_until  # noqa: E402
from cells import Cells, say  # noqa: E402

FOLDER = bed.storage("xfs", 2048)
OTHER = bed.storage("ext4", 512)  # before the VM: QEMU sees no mount that came later
DISK = bed.make_disk(f"{FOLDER}/a.qcow2", size_mb=128)
VM = bed.define_xml(bed.domain_xml("web", [DISK], command=True, append="vmsnap.hook=1", extra="",
                                   devices="<panic model='isa'/>")
                    .replace("<on_crash>destroy", "<on_crash>preserve")
                    .replace("<clock offset", "<pm><suspend-to-mem enabled='yes'/></pm><clock offset"),
                    "web")
GUEST = [None]  # the way in besides the agent
INCONSISTENT = "PotentiallyInconsistent"


def guest(line):
    """Runs a line in the guest."""
    return GUEST[0].run(line)


def writes():
    """The guest's file systems take a write at once: nothing is frozen."""
    guest("timeout 5 sh -c 'echo x >/mnt/vda/touched && sync'")


def start():
    """The VM runs, thawed and with a good agent."""
    if VM.state() != "running":
        VM.start(wait=True)
        GUEST[0] = VM.command()
    for shot in harness.vmsnap("snapshot", "list").json["items"]:
        harness.vmsnap("snapshot", "delete", shot["uuid"])  # of a cell that failed
    if not VM.guest.answers():
        agent()
    hook("exit 0")
    writes()
    return Cells(VM, FOLDER, writes)


def hook(script):
    """Puts a freeze hook into the guest that counts its calls."""
    VM.write_file("/run/fsfreeze-hook", f"echo $1 >>/run/hooked\n{script}\n")


def agent(options="", stop=True):
    """Starts the agent anew with these options."""
    if stop:
        end_agent()
    guest("qemu-ga -m virtio-serial -p /dev/virtio-ports/org.qemu.guest_agent.0 -t /run "
          f"-f /run/qemu-ga.pid -F/etc/fsfreeze-hook -d {options}")
    wait_until(VM.guest.answers, 30, "the agent answers")


def end_agent():
    """Ends the agent; libvirt sees the port closed."""
    guest("killall -CONT qemu-ga; killall qemu-ga; while pidof qemu-ga; do usleep 20000; done; rm -f /run/qemu-ga.pid")
    wait_until(lambda: VM.xml().find("devices/channel/target[@name='org.qemu.guest_agent.0']")
               .get("state") == "disconnected", 10, "libvirt sees that the agent is gone")


@harness.test
def vm_off():
    """Never started, and shut down by its guest."""
    Cells(VM, FOLDER).row("offline", "offline", "offline")
    start()
    VM.shutdown()
    Cells(VM, FOLDER).row("offline", "offline", "offline")


@harness.test
def vm_off_opened_by_another():
    """Somebody else has the image open for writing: a copy would be torn."""
    with subprocess.Popen(["qemu-io", "-f", "qcow2", DISK], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as other:
        time.sleep(0.5)
        Cells(VM, FOLDER).row(("OpenElsewhere", "is open in"), "crash", "crash", text="open")
        other.stdin.close()


@harness.test
def freeze_proven():
    """A running VM with a good agent."""
    cells = start()
    guest("rm -f /run/hooked")
    cells.foreseen("frozen", "frozen")
    shots = [cells.taken(policy, "frozen") for policy in ("require", "prefer")]
    assert guest("cat /run/hooked").split() == ["freeze", "thaw"] * 2
    cells.taken("skip", "crash")
    assert guest("cat /run/hooked").split() == ["freeze", "thaw"] * 2, "skip asks nobody"
    for shot in shots:
        assert shot["evidence"]["frozen_count"] == shot["evidence"]["thawed_count"] == 1, shot
        assert shot["evidence"]["instance"] == shot["evidence"]["instance_after"], shot
        assert shot["evidence"]["disks"][0]["written"] > 0, shot


@harness.test
def freeze_fails():
    """A hook in the guest says no; what it said is told word for word."""
    cells = start()
    hook("[ $1 = thaw ] || { echo 'table is locked' >&2; exit 3; }")
    text = "fsfreeze hook has failed with status 3"
    cells.row(("FreezeFailed", text), "crash", None, text=text, check=False)
    hook("exit 0")
    cells.taken("require", "frozen")  # nothing is left of the failure


@harness.test
def freeze_times_out():
    """A hook takes longer than the caller waits."""
    cells = start()
    hook("[ $1 = thaw ] || sleep 3")
    cells.row(("FreezeFailed", "guest-fsfreeze-freeze"), "crash", None,
              text="guest-fsfreeze-freeze: ", options=("--freeze-call", "1"), check=False)
    hook("exit 0")
    cells.taken("require", "frozen")


@harness.test
def agent_not_connected():
    """Its process is gone."""
    cells = start()
    end_agent()
    text = "the guest agent is not connected"
    cells.row(("AgentNotReady", text), "crash", "crash", text=text)
    agent(stop=False)
    cells.taken("require", "frozen")


@harness.test
def agent_silent():
    """Its process stands still: connected is not ready."""
    cells = start()
    guest("kill -STOP $(pidof qemu-ga)")
    try:
        cells.row(("AgentNotReady", "not responding"), "crash", "crash", text="not responding")
    finally:
        guest("kill -CONT $(pidof qemu-ga)")
    start().taken("require", "frozen")


@harness.test
def freeze_disabled():
    """An agent whose owner does not allow it."""
    start()
    agent("-b guest-fsfreeze-freeze,guest-fsfreeze-freeze-list")
    cells = Cells(VM, FOLDER, writes)
    cells.row(("FreezeUnsupported", "guest-fsfreeze-freeze"), "crash", "crash",
              text="FreezeUnsupported")
    agent()


@harness.test
def frozen_by_the_agents_other_user():
    """Named, never counted as ours, never thawed by us."""
    cells = start()
    VM.freeze()
    cells.thawed = lambda: None
    try:
        cells.row(("FreezeFailed", "frozen already, not by us"), "crash", "crash",
                  text="frozen already, not by us")
        assert VM.frozen(), "it is theirs to thaw"
        assert guest("tail -n 1 /run/hooked") == "freeze"
    finally:
        VM.thaw()
    start().taken("require", "frozen")


@harness.test
def frozen_inside_the_guest():
    """The agent does not know of it: it freezes nothing, and its thaw would thaw theirs."""
    cells = start()
    guest("fsfreeze --freeze /mnt/vda")
    cells.thawed = lambda: None
    try:
        cells.row(("FreezeFailed", "froze no file system"), "crash", "crash",
                  text="froze no file system", check=False)
    finally:
        guest("fsfreeze --unfreeze /mnt/vda")  # fails if somebody thawed it before
    start().taken("require", "frozen")


@harness.test
def vm_paused():
    """Its agent is not asked."""
    cells = start()
    VM.suspend()
    cells.thawed = lambda: None
    cells.row((INCONSISTENT, "is paused"), "crash", "crash", text="is paused")
    assert VM.state() == "paused", "as it was"
    VM.resume()
    writes()


@harness.test
def vm_suspended_by_its_guest():
    """pmsuspended."""
    cells = start()
    GUEST[0].send("echo mem >/sys/power/state")
    VM.wait_state("pmsuspended", 20)
    cells.thawed = lambda: None
    cells.row((INCONSISTENT, "suspended by its guest"), "crash", "crash",
              text="suspended by its guest")
    VM.virsh("dompmwakeup")
    VM.wait_state("running", 20)
    VM.destroy()


@harness.test
def foreign_block_job():
    """A mirror that somebody else started."""
    cells = start()
    copy = bed.make_disk(f"{OTHER}/copy.qcow2", fs=None, size_mb=128)
    VM.virsh("blockcopy", "vda", copy, "--format", "qcow2", "--reuse-external", "--transient-job",
             "--wait")
    refusal = ("BlockDevicesNotReady", "vda")
    cells.row(refusal, refusal, refusal)
    VM.virsh("blockjob", "vda", "--abort")
    cells.taken("require", "frozen")


@harness.test
def foreign_backup_job():
    """A pull backup that somebody else began."""
    cells = start()
    path = f"{OTHER}/backup.xml"
    with open(path, "w", encoding="utf-8") as handle:
        handle.write("<domainbackup mode='pull'><server transport='unix' "
                     "socket='/var/lib/libvirt/qemu/foreign.sock'/><disks><disk name='vda' "
                     f"backup='yes' type='file'><scratch file='/var/lib/libvirt/qemu/scratch.qcow2'/>"
                     "</disk></disks></domainbackup>")
    VM.virsh("backup-begin", path)
    refusal = ("BlockDevicesNotReady", "backup")
    cells.row(refusal, refusal, refusal)
    assert VM.libvirt.virsh("backup-dumpxml", "web", check=False).returncode == 0, "theirs to end"
    VM.virsh("domjobabort")
    cells.taken("require", "frozen")


@harness.test
def thawed_by_another_before_the_cut_ended():
    """Somebody in the guest thaws as soon as it is frozen."""
    cells = start()
    hook("[ $1 = thaw ] || (while ! fsfreeze --unfreeze /mnt/vda; do usleep 1000; done) </dev/null "
         ">/dev/null 2>&1 &")
    text = "were frozen, but only 0 still at the thaw"
    cells.row(("ThawedEarly", text), "crash", None, text=text, check=False)
    hook("exit 0")
    cells.taken("require", "frozen")


@harness.test
def managed_save_present():
    """Memory that belongs to the disks."""
    start()
    VM.virsh("managedsave")
    Cells(VM, FOLDER).row((INCONSISTENT, "managed save"), "crash", "crash", text="managed save")
    VM.virsh("managedsave-remove")


@harness.test
def a_file_system_needs_replay():
    """Off, but not cleanly."""
    start()
    guest("echo y >/mnt/vda/dirty; sync")
    VM.destroy()
    text = "needs its journal replayed"
    Cells(VM, FOLDER).row((INCONSISTENT, text), "crash", "crash", text=text)


@harness.test
def hard_stopped_at_rest():
    """Cut off, but everything was unmounted: consistent, with a warning."""
    start()
    guest("umount /mnt/vda; sync")
    VM.destroy()
    Cells(VM, FOLDER).row("offline", "offline", "offline", text="HardStopped")


@harness.test
def vm_crashed():
    """QEMU was killed."""
    start()
    guest("umount /mnt/vda; sync")
    VM.kill_qemu()
    VM.wait_state("shut off", 20)
    Cells(VM, FOLDER).row((INCONSISTENT, "crashed"), "crash", "crash", text="crashed")
    bed.libvirt.restart()  # which forgets the reason: what is on the disks decides then
    Cells(VM, FOLDER).row("offline", "offline", "offline")


@harness.test
def vm_crashed_and_kept():
    """Its kernel panicked, QEMU stands there with the disks open."""
    cells = start()
    guest("xargs guest-work insmod </lib/modules/list.panic")
    cells.thawed = lambda: None
    GUEST[0].send("echo c >/proc/sysrq-trigger")
    VM.wait_state("crashed", 20)
    cells.row((INCONSISTENT, "crashed"), "crash", "crash", text="crashed")
    VM.destroy()


@harness.test
def agent_absent():
    """No channel at all. The VM need not come up for it."""
    vm = bed.define_vm("mute", [bed.make_disk(f"{OTHER}/mute.qcow2", size_mb=64)], agent=False)
    vm.start()
    text = "the VM has no guest agent channel"
    Cells(vm, OTHER).row(("AgentNotReady", text), "crash", "crash", text=text)
    vm.destroy()
    os.unlink(f"{OTHER}/mute.qcow2")
    vm.undefine()


@harness.test
def disk_resized_meanwhile():
    """Its size differs between the survey and the moment after the freeze."""
    cells = start()
    guest("rm -f /run/freezing")
    hook("[ $1 = thaw ] || { touch /run/freezing; sleep 2; }")
    process = harness.spawn("snapshot", "create", "web", "resized")
    wait_until(lambda: GUEST[0].result("test -e /run/freezing")[0] == 0, 30, "it freezes")
    VM.virsh("blockresize", "vda", f"{int(VM.virsh('domblkinfo', 'vda').split()[1]) + (8 << 20)}B")
    error = json.loads(process.communicate(timeout=60)[0])["error"]
    assert (process.returncode, error["code"], error["reason"]) == (4, "BUSY", "Resizing"), error
    writes()
    hook("exit 0")
    cells.taken("require", "frozen")


@harness.test
def disk_shared_by_several():
    """Both off: at rest. One on: its freeze proves it. Both on: one freeze proves nothing."""
    path = bed.make_disk(f"{FOLDER}/shared.img", size_mb=64)
    disk = {"path": path, "shareable": True, "cache": "none"}
    first = bed.define_vm("first", [disk])
    second = bed.define_vm("second", [disk], agent=False)
    Cells(first, FOLDER).row("offline", "offline", "offline")
    first.start(wait=True)
    cells = Cells(first, FOLDER, lambda: first.exec(["sh", "-c", "echo x >/mnt/vda/x; sync"]))
    cells.row("frozen", "frozen", "crash")
    refusal = (INCONSISTENT, "shared with VM first, which runs")
    Cells(second, FOLDER).row(refusal, "crash", "crash", text="somebody else has disk vda open")
    second.start()
    cells.row((INCONSISTENT, "shared with VM second, which runs"), "crash", "crash",
              text="somebody else has disk vda open")
    second.destroy()
    first.destroy()


@harness.test
def disk_that_comes_with_the_next_start():
    """It is part of what would be restored, but nothing a cut of the running VM has."""
    cells = start()
    path = bed.make_disk(f"{FOLDER}/next.img", size_mb=64)
    VM.virsh("attach-disk", path, "vdb", "--config", "--subdriver", "raw")
    try:
        for policy in ("require", "prefer", "skip"):
            reply = harness.vmsnap("snapshot", "create", "web", "next", "--consistency", policy)
            error = reply.json["error"]
            assert (reply.code, error["code"], error["reason"], error["object"]) == \
                (1, "UNSUPPORTED", "BlockDevicesNotReady", "web/vdb"), reply
        found = harness.vmsnap("check", "web", check=3).json
        assert found["findings"][0]["reason"] == "BlockDevicesNotReady", found
        shot = cells.taken("require", "frozen", options=("--disk", "vda"))
        assert shot["partial"] and [disk["target"] for disk in shot["disks"]] == ["vda"], shot
    finally:
        VM.virsh("detach-disk", "vdb", "--config")


@harness.test
def sum_up():
    """The figure."""
    VM.destroy()
    say()


harness.main()
