#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What goes wrong around a running VM: daemons, owners and workers die, others hold it, disks
that cannot be cut. Each time a clear error, a thawed guest, nothing left, and then it works."""

import os
import shutil
import signal
import subprocess
import time

import harness

bed = harness.bed(install=True)

# pylint: disable=wrong-import-position
import bed_libvirt  # noqa: E402
import bed_storage  # noqa: E402
from embedded import Host, alive, end  # noqa: E402
from refusal import STATE, check_clean, expect, guards, leases, sockets  # noqa: E402

vmsnap = harness.vmsnap
FOLDER = bed.storage("ext4", 2500)
WEB = []


def web():
    """A running VM with a file system, and beside it enough data for a long copy."""
    if not WEB:
        disk = bed.make_disk(f"{FOLDER}/web.qcow2", size_mb=64)
        data = f"{FOLDER}/data.img"
        with open(data, "wb") as handle:
            for _ in range(16):
                handle.write(os.urandom(16 << 20))
        WEB.append(bed.define_vm("web", [disk, data], append="vmsnap.hook=1"))
    vm = WEB[0]
    after_a_failure(vm)
    if vm.state() == "shut off":
        vm.start(wait=True)
    hook(vm)
    return vm


def after_a_failure(vm):
    """What a failed test may have left must not fail the next."""
    vmsnap("recover")
    for shot in vmsnap("snapshot", "list", check=0).json["items"]:
        if shot["phase"] == "Ready":
            vmsnap("snapshot", "delete", shot["name"])
    for name in ("odd", "one", "two"):
        bed.virsh("destroy", name, check=False)
        bed.virsh("undefine", name, check=False)
    if vm.state() != "shut off":
        bed.virsh("domjobabort", "web", check=False)
        bed.virsh("blockjob", "web", "vda", "--abort", check=False)
        bed.virsh("resume", "web", check=False)
        bed.virsh("domfsthaw", "web", check=False)


def hook(vm, freeze="", thaw=""):
    """What the guest does around a freeze."""
    vm.write_file("/run/fsfreeze-hook",
                  f"case $1 in freeze) {freeze or ':'};; thaw) {thaw or ':'};; esac\n")


def settled(timeout=30):
    """Waits until no guard and no lease is left, then recovers."""
    deadline = time.monotonic() + timeout
    while leases() or guards():
        assert time.monotonic() < deadline, (leases(), guards())
        time.sleep(0.05)
    return vmsnap("recover", check=0)


def works_again(vm, *kept):
    """Nothing is left, and the same snapshot can be taken now."""
    check_clean([FOLDER], kept, [vm])
    assert "backup" not in vm.virsh("domjobinfo").lower(), vm.virsh("domjobinfo")
    shot = vmsnap("snapshot", "create", vm.name, "s1", check=0).json
    assert shot["consistency"] == "frozen", shot
    check_clean([FOLDER], [*kept, "s1"], [vm])
    vmsnap("snapshot", "delete", "s1", check=0)


def daemon_dies(host, delay=0):
    """libvirtd is killed under a host, which lives, and comes back after a moment."""
    time.sleep(delay)
    bed.libvirt.kill()
    host.go_on()
    time.sleep(0.5)
    bed.libvirt.start()


@harness.test
def libvirtd_dies_while_data_is_copied():
    """Gone to the end, the snapshot fails; back in time, it succeeds."""
    vm = web()
    host = Host(vm, "s1")
    host.stop_at("copying")
    bed.libvirt.kill()
    host.go_on()
    try:
        error = host.error()
    finally:
        bed.libvirt.start()
    assert error["code"] == "UNCERTAIN" and error["cause"]["code"] == "HYPERVISOR", error
    assert error["frozen"] == "no", error
    harness.note(f"{error['code']}/{error['reason']}: {error['message']}")
    acts = settled().json["acts"]
    assert "rolled-back" in [act["act"] for act in acts], acts
    works_again(vm)
    host = Host(vm, "s2")
    host.stop_at("copying")
    bed.libvirt.kill()
    host.go_on()
    time.sleep(2)
    bed.libvirt.start()
    assert host.grade() == "frozen"
    vmsnap("snapshot", "verify", "s2", check=0)
    vmsnap("snapshot", "delete", "s2", check=0)
    works_again(vm)


@harness.test
def libvirtd_dies_while_the_guest_freezes():
    vm = web()
    hook(vm, freeze="sleep 2")
    host = Host(vm, "s1")
    host.at("freezing")
    daemon_dies(host, 1)
    error = host.error()
    assert error["code"] in ("AGENT", "HYPERVISOR"), error
    harness.note(f"{error['code']}/{error['reason']}: {error['message']}")
    settled()
    hook(vm)
    works_again(vm)


@harness.test
def libvirtd_dies_while_the_guest_thaws():
    vm = web()
    hook(vm, thaw="sleep 2")
    for delay in (0, 1):
        host = Host(vm, f"thaw.{delay}")
        host.at("thawing")
        daemon_dies(host, delay)
        host.line("done", "error")
        last = host.seen[-1]
        harness.note(f"killed {delay} s into the thaw: {last[:300]}")
        # A thaw that was not sent is sent again; the count of one whose answer was lost is not
        # known, and then nothing is proven.
        assert last == "done FROZEN" or '"ThawedEarly"' in last or '"FreezeFailed"' in last, last
        settled()
        assert not vm.frozen()
        if last.startswith("done"):
            vmsnap("snapshot", "delete", f"thaw.{delay}", check=0)
        check_clean([FOLDER], vms=[vm])
    hook(vm)
    works_again(vm)


@harness.test
def libvirtd_stays_dead_longer_than_we_wait():
    """The host gets its answer; the guard thaws as soon as the daemon is back."""
    vm = web()
    hook(vm, freeze="sleep 2")
    host = Host(vm, "s1")
    host.at("freezing")
    bed.libvirt.kill()
    try:
        error = host.error(timeout=60)
    finally:
        bed.libvirt.start()
    assert error["frozen"] != "no" and error["reason"] == "MaybeFrozen", error
    begun = time.monotonic()
    settled()
    assert not vm.frozen()
    harness.note(f"thawed within {time.monotonic() - begun:.1f} s of the daemon's return")
    hook(vm)
    works_again(vm)


@harness.test
def qemu_dies_while_data_is_copied():
    vm = web()
    host = Host(vm, "s1")
    host.stop_at("copying")
    vm.kill_qemu()
    vm.wait_state("shut off")
    host.go_on()
    error = host.error()
    assert error["code"] == "HYPERVISOR" and error["reason"] == "StateChanged", error
    assert error["frozen"] == "no" and "web" in error["message"], error
    harness.note(f"{error['code']}/{error['reason']}: {error['message']}")
    settled()
    check_clean([FOLDER])
    works_again(web())


@harness.test
def a_worker_outlives_its_killed_host():
    """A child of the host lives on: the guard sees the death all the same, and the child can do
    nothing with what its parent had."""
    vm = web()
    hook(vm, thaw="sleep 1")
    host = Host(vm, "s1", fork="thawing")
    child = int(host.line("child"))
    host.kill()
    assert alive(child)
    settled()
    assert not vm.frozen() and vm.state() == "running"
    host = Host(vm, "s1", fork="copying")
    other = int(host.line("child"))
    assert host.line("child-said") == "FORKED"
    host.process.send_signal(signal.SIGSTOP)
    time.sleep(1)  # QEMU has filled the connection: a copy of it in the child would block QEMU
    host.kill()
    settled(20)
    try:
        assert alive(child) and alive(other)
        hook(vm)
        works_again(vm)
    finally:
        end(child)
        end(other)


@harness.test
def two_catalogs_take_turns_at_one_vm():
    """The second is told who is at it, or waits."""
    vm = web()
    other = f"sqlite:{STATE}/second.db"
    host = Host(vm, "s1")
    host.stop_at("copying")
    for words in (["snapshot", "create", "web", "s2"],
                  ["--catalog", other, "snapshot", "create", "web", "s2"]):
        reply = vmsnap(*words)
        error = expect(reply, 4, "BUSY", "Locked", about=vm.uuid())
        assert f"process {host.process.pid} " in error["message"], error
        mine = vmsnap("operation", "list", check=0).json["items"][-1]["uuid"]
        assert mine in error["message"], (mine, error)
    reply = vmsnap("--catalog", other, "snapshot", "create", "web", "s2", "--wait-ready", "1")
    expect(reply, 4, "BUSY", "Locked")
    assert 1 <= reply.seconds < 5, reply
    waiting = harness.spawn("--catalog", other, "snapshot", "create", "web", "s2",
                            "--wait-ready", "60")
    time.sleep(0.5)
    host.go_on()
    assert host.grade() == "frozen"
    out, err = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, (out, err)
    listed = vmsnap("--catalog", other, "snapshot", "list", check=0).json["items"]
    phases = [(shot["name"], shot["phase"]) for shot in listed]
    assert phases == [("s2", "Failed"), ("s2", "Ready")], "the one that lost patience, and ours"
    vmsnap("--catalog", other, "snapshot", "delete", "s2", check=0)
    vmsnap("snapshot", "delete", "s1", check=0)
    works_again(vm)


BACKUP = """<domainbackup mode='pull'><server transport='unix' socket='{socket}'/>
<disks><disk name='vda' backup='yes' type='file'><scratch file='{scratch}'/></disk>
<disk name='vdb' backup='no'/></disks></domainbackup>"""


@harness.test
def somebody_elses_backup_is_left_alone():
    vm = web()
    path = "/run/libvirt/backup.xml"
    bed_libvirt.write(path, BACKUP.format(socket="/var/lib/libvirt/qemu/foreign.sock",
                                          scratch="/var/lib/libvirt/qemu/foreign.scratch"))
    vm.virsh("backup-begin", path)
    for policy in ("require", "prefer", "skip"):
        reply = vmsnap("snapshot", "create", "web", "s1", "--consistency", policy)
        expect(reply, 4, "BUSY", "BlockDevicesNotReady", about="web")
    found = vmsnap("check", "web", check=3).json
    assert found["verdict"] == "blocked" and "BlockDevicesNotReady" in str(found), found
    assert "Backup" in vm.virsh("domjobinfo"), vm.virsh("domjobinfo")
    check_clean([FOLDER], vms=[vm])
    vm.virsh("domjobabort")
    works_again(vm)


@harness.test
def a_backup_begun_in_place_of_ours_is_left_alone():
    """Somebody aborts our job while we stand still, and begins one: QEMU answers all the time, and
    going back ends only what is ours."""
    vm = web()
    host = Host(vm, "s1")
    host.stop_in_copy()
    time.sleep(1)
    path = "/run/libvirt/backup.xml"
    bed_libvirt.write(path, BACKUP.format(socket="/var/lib/libvirt/qemu/other.sock",
                                          scratch="/var/lib/libvirt/qemu/other.scratch"))
    try:
        vm.virsh("domjobabort")
        vm.virsh("backup-begin", path)
    except bed_libvirt.VirshError:
        host.kill()
        raise
    host.go_on()
    error = host.error()
    assert error["code"] == "IO" and error["frozen"] == "no", error
    assert "Backup" in vm.virsh("domjobinfo"), vm.virsh("domjobinfo")
    check_clean([FOLDER], vms=[vm])
    vm.virsh("domjobabort")
    works_again(vm)


@harness.test
def somebody_elses_block_job_is_left_alone():
    vm = web()
    copy = f"{FOLDER}/copy.qcow2"
    vm.virsh("blockcopy", "vda", "--dest", copy, "--format", "qcow2", "--transient-job")
    for policy in ("require", "skip"):
        reply = vmsnap("snapshot", "create", "web", "s1", "--consistency", policy)
        expect(reply, 4, "BUSY", "BlockDevicesNotReady", about="vda")
    assert vm.xml().find("devices/disk/mirror") is not None
    check_clean([FOLDER], vms=[vm])
    vm.virsh("blockjob", "vda", "--abort")
    os.unlink(copy)
    works_again(vm)


@harness.test
def a_paused_vm_is_not_consistent():
    vm = web()
    vm.suspend()
    error = expect(vmsnap("snapshot", "create", "web", "s1"), 1, "INCONSISTENT",
                   "PotentiallyInconsistent", about="paused")
    assert error["frozen"] == "no", error
    taken = vmsnap("snapshot", "create", "web", "s2", "--consistency", "prefer", check=6).json
    assert taken["consistency"] == "crash" and taken["consistent"] is False, taken
    assert vm.state() == "paused"
    vm.resume()
    vmsnap("snapshot", "delete", "s2", check=0)
    works_again(vm)


@harness.test
def an_image_that_is_not_the_one_in_use_is_refused():
    """Moved away, or another file put there, under a running VM: QEMU has another file open."""
    vm = web()
    path = vm.disks()["vda"]
    os.rename(path, f"{path}.away")
    try:
        expect(vmsnap("snapshot", "create", "web", "s1"), 5, "NOT_FOUND", "ImageMissing", "web/vda")
        shutil.copy(f"{path}.away", path)
        expect(vmsnap("snapshot", "create", "web", "s1"), 1, "UNSUPPORTED", "FilesNotVisible",
               "web/vda")
        os.unlink(path)
        os.symlink(f"{path}.away", path)
        expect(vmsnap("snapshot", "create", "web", "s1"), 1, "UNSUPPORTED", "ImageUnsupported",
               "web/vda")
        check_clean([FOLDER], vms=[vm])
    finally:
        os.rename(f"{path}.away", path)
    works_again(vm)


@harness.test
def nothing_of_the_host_process_changes():
    """Descriptors, threads, children, signals, output: tests/threads/hygiene.c with a real VM."""
    web()
    state = f"{FOLDER}/state"
    done = subprocess.run([harness.built("tests/threads/hygiene"), state, "qemu:///system", "web"],
                          capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(state)
    check_clean([FOLDER], vms=WEB)


def uncuttable(disk, named):
    """A VM with this disk beside a good one: the disk is named, under every policy."""
    good = bed.make_disk(f"{FOLDER}/good.qcow2", size_mb=16)
    vm = bed.define_vm("odd", [good], devices=disk)
    for policy in ("require", "prefer", "skip"):
        reply = vmsnap("snapshot", "create", "odd", "s1", "--consistency", policy)
        expect(reply, 1, "UNSUPPORTED", about=named)
    found = vmsnap("check", "odd", check=3).json
    assert found["verdict"] == "blocked", found
    partial = vmsnap("snapshot", "create", "odd", "s1", "--disk", "vda", check=0).json
    assert partial["partial"] is True, partial
    vmsnap("snapshot", "delete", "s1", check=0)
    check_clean([FOLDER])
    vm.undefine()
    os.unlink(good)


@harness.test
def a_network_disk_cannot_be_cut():
    uncuttable("<disk type='network' device='disk'><driver name='qemu' type='raw'/>"
               "<source protocol='nbd' name='x'><host name='127.0.0.1' port='10809'/></source>"
               "<target dev='vdn' bus='virtio'/></disk>", "odd/vdn")


@harness.test
def a_disk_of_another_format_cannot_be_cut():
    path = f"{FOLDER}/odd.vmdk"
    bed_storage.run(["qemu-img", "create", "-q", "-f", "vmdk", path, "16M"])
    uncuttable("<disk type='file' device='disk'><driver name='qemu' type='vmdk'/>"
               f"<source file='{path}'/><target dev='vdn' bus='virtio'/></disk>", "odd/vdn")
    os.unlink(path)


@harness.test
def a_shared_disk_is_consistent_only_if_nobody_else_runs():
    """Two VMs write to one disk; freezing one of them proves nothing."""
    vm = web()
    folder = bed.storage("xfs", 500)
    shared = f"{folder}/shared.img"
    bed_storage.run(["qemu-img", "create", "-q", "-f", "raw", shared, "16M"])
    disks = [{"path": shared, "format": "raw", "shareable": True, "cache": "none"}]
    one = bed.define_vm("one", [bed.make_disk(f"{folder}/one.qcow2", size_mb=32), *disks])
    two = bed.define_vm("two", [bed.make_disk(f"{folder}/two.qcow2", size_mb=16), *disks],
                        mem=128, agent=False)
    vm.destroy()
    one.start(wait=True)
    vmsnap("snapshot", "create", "one", "s0", check=0)
    two.start()
    error = expect(vmsnap("snapshot", "create", "one", "s1"), 1, "INCONSISTENT",
                   "PotentiallyInconsistent", about="two")
    assert "vdb" in str(error), error
    taken = vmsnap("snapshot", "create", "one", "s1", "--consistency", "prefer", check=6).json
    grades = {disk["target"]: disk["consistency"] for disk in taken["disks"]}
    assert taken["consistency"] == "crash" and grades["vdb"] == "crash", taken
    refused = vmsnap("snapshot", "create", "one", "s2", "--method", "backup")
    assert bed.libvirt.daemon.poll() is None, "libvirtd died of it"
    harness.note(refused.out)
    one.shutdown()
    expect(vmsnap("snapshot", "create", "one", "s2"), 1, "INCONSISTENT",
           "PotentiallyInconsistent", about="two")
    two.destroy()
    vmsnap("snapshot", "create", "one", "s2", check=0)
    for name in ("s0", "s1", "s2"):
        vmsnap("snapshot", "delete", name, check=0)
    check_clean([FOLDER, folder])


harness.main()
