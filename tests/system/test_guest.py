#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The test guest does what other tests build on: network, agent, pauses, options, hot plug."""

import time

import harness

bed = harness.bed()
from bed_libvirt import VirshError  # noqa: E402  pylint: disable=wrong-import-position

FOLDER = bed.storage("xfs", 4096)


def disk(name, **options):
    """A new disk image on the scratch storage."""
    return bed.make_disk(f"{FOLDER}/{name}", **options)


@harness.test
def boots_every_file_system_and_gets_an_address():
    network = bed.network()
    vm = bed.define_vm("all", [disk("a.qcow2"), disk("b.raw", fs="xfs"), disk("c.qcow2", fs="btrfs"),
                               disk("d.raw", partition=True)], networks=["lab"])
    vm.start(wait=True)
    mounts = vm.read_file("/proc/mounts").decode()
    for name, kind in (("vda", "ext4"), ("vdb", "xfs"), ("vdc", "btrfs"), ("vdd", "ext4")):
        assert f" /mnt/{name} {kind} " in mounts, mounts
    address = network.wait_lease(vm.macs()[0])
    assert f"inet {address}/24" in vm.exec(["ip", "addr"])
    assert len(vm.agent("guest-get-fsinfo")) == 4
    vm.destroy()


@harness.test
def files_programs_and_reboots():
    vm = bed.define_vm("files", [disk("files.qcow2")]).start(wait=True)
    data = bytes(range(256)) * 700
    vm.write_file("/mnt/vda/data", data)
    vm.exec(["sync"])
    assert vm.exec(["sh", "-c", "cat; exit 0"], stdin=b"hello") == "hello"
    assert vm.guest.result(["sh", "-c", "exit 3"])[0] == 3
    first = vm.boot_id()
    vm.reboot()
    assert vm.boot_id() != first
    assert vm.read_file("/mnt/vda/data") == data
    bed.libvirt.restart()
    assert vm.read_file("/mnt/vda/data") == data
    vm.shutdown("acpi")


@harness.test
def pauses_are_measured_inside_and_outside():
    vm = bed.define_vm("pause", [disk("p.qcow2"), disk("q.raw")], load="gap", beat=True)
    vm.start(wait=True)
    beat = vm.beat()
    time.sleep(1)
    vm.gap_reset()
    beat.reset()
    time.sleep(1)
    calm = vm.gap_ms(), beat.longest_ms()
    vm.freeze()
    time.sleep(0.6)
    vm.thaw()
    frozen = vm.gap_ms(), beat.longest_ms()
    vm.gap_reset()
    beat.reset()
    vm.suspend()
    time.sleep(0.6)
    vm.resume()
    time.sleep(0.3)
    suspended = vm.gap_ms(), beat.longest_ms()
    harness.note(f"pauses in ms (guest, host): calm {calm}, frozen {frozen}, "
                 f"suspended {suspended}; {beat.beats} beats")
    assert min(frozen) >= 590 and suspended[1] >= 590 and suspended[0] < suspended[1]
    vm.destroy()


@harness.test
def agent_can_be_absent_or_without_freeze():
    silent = bed.define_vm("silent", [disk("s.raw")], agent="off").start()
    vm = bed.define_vm("nofreeze", [disk("n.raw")], agent="nofreeze").start(wait=True)
    try:
        vm.freeze()
        raise AssertionError("freeze worked")
    except VirshError as error:
        assert "disabled" in error.text, error
    assert not silent.guest.answers()
    silent.destroy()
    vm.destroy()


@harness.test
def hook_runs_around_a_freeze():
    vm = bed.define_vm("hook", [disk("h.raw")], append="vmsnap.hook=1").start(wait=True)
    vm.write_file("/run/fsfreeze-hook", "echo $1 >>/run/calls\n")
    vm.freeze()
    vm.thaw()
    assert vm.read_file("/run/calls") == b"freeze\nthaw\n"
    vm.destroy()


@harness.test
def a_disk_can_be_plugged_in():
    vm = bed.define_vm("plug", [disk("one.raw")]).start(wait=True)
    vm.virsh("attach-disk", disk("two.raw"), "vdb", "--driver", "qemu", "--subdriver", "raw")
    deadline = time.monotonic() + 10
    while "/mnt/vdb" not in vm.read_file("/proc/mounts").decode():
        assert time.monotonic() < deadline
        vm.exec(["mount-disks"])
    assert vm.disks()["vdb"].endswith("two.raw")
    vm.destroy()


@harness.test
def a_stopped_agent_is_waited_for_in_vain():
    vm = bed.define_vm("stuck", [disk("stuck.raw")]).start(wait=True)
    vm.stop_agent()
    time.sleep(0.5)
    assert not vm.guest.answers()
    vm.destroy()


harness.main()
