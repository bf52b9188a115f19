#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The second half of ./examples/quickstart: a real VM, a consistent snapshot, damage, the way back.

Everything happens in namespaces of its own, with a private libvirt; it ends with this script.
"""

import json
import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, f"{ROOT}/tests/support")

import bed as testbed  # noqa: E402  pylint: disable=wrong-import-position

BUILD = sys.argv[1]
COMMAND = "/usr/local/bin/vmsnap"  # installed in the bed alone
START = time.monotonic()
MARKER = "/mnt/vda/marker"


def say(text):
    """One line with the time since the start."""
    print(f"[{time.monotonic() - START:6.2f} s] {text}", flush=True)


def vmsnap(*words, allowed=(0,)):
    """Runs the command as a person would; returns its JSON."""
    print(f"           $ vmsnap {' '.join(words)}", flush=True)
    done = subprocess.run([COMMAND, "-o", "json", *words], check=False, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    if done.returncode not in allowed:
        sys.exit(f"vmsnap {' '.join(words)}: exit {done.returncode}\n{done.stdout}")
    return json.loads(done.stdout)


def boot(bed):
    """A network, and a VM with two disks on a file system that shares blocks."""
    folder = bed.storage("xfs", 2048)
    disks = [bed.make_disk(f"{folder}/{name}.qcow2") for name in ("system", "data")]
    lan = bed.network("lan")
    vm = bed.define_vm("web", disks, load=True, networks=["lan"])
    start = time.monotonic()
    vm.start(wait=True)
    say(f"VM web booted with a real guest agent in {time.monotonic() - start:.1f} s")
    vm.write_file(MARKER, b"before the snapshot")
    vm.exec(["sync"])
    return vm, folder, lan


def show_snapshot(shot):
    """What the evidence says."""
    evidence = shot["evidence"]
    say(f"snapshot {shot['name']}: {shot['phase']}, {shot['consistency']}; "
        f"{evidence['frozen_count']} file systems frozen, {evidence['thawed_count']} thawed, "
        f"window {evidence['freeze_window_ms']:.0f} ms, guard {evidence['guard']}")
    for state in evidence["filesystem_state"]:
        say(f"  {state['disk']}: {state['type']}, "
            f"{'clean' if state['clean'] else 'needs a journal replay'}")
    assert shot["consistency"] == "frozen", shot


def damage(vm):
    """What nobody wants to find in the morning."""
    vm.write_file(MARKER, b"after the damage")
    vm.exec(["rm", "-rf", "/mnt/vdb/records", "/mnt/vdb/log"])
    vm.exec(["sync"])
    say(f"damage done in the guest: its marker says '{marker(vm)}'")


def marker(vm):
    """What the guest reads, through its agent."""
    text = vm.read_file(MARKER)
    return text.decode() if isinstance(text, bytes) else text


def restore(vm):
    """Dry-run first, then the same plan for real; returns the operation."""
    plan = vmsnap("restore", "web", "nightly", "--mode", "dry-run")
    for finding in plan["resources"]:
        say(f"  finding: {finding['kind']} {finding['name']}: {finding['status']}"
            f"{' - ' + finding['message'] if finding['message'] else ''}")
    conflicts = sum(finding["severity"] == "conflict" for finding in plan["resources"])
    say(f"dry-run: {conflicts} conflicts, {len(plan['plan']['steps'])} steps, nothing touched")
    done = vmsnap("restore", "web", "nightly", "--mode", "strict")
    say(f"restored; the VM was down for {done['downtime_ms']:.0f} ms between stop and start")
    vm.wait_agent()
    assert marker(vm) == "before the snapshot", marker(vm)
    say(f"the guest is back and reads its marker: '{marker(vm)}'")
    return done


def undo(vm, operation):
    """The restore itself can be taken back."""
    vmsnap("undo", operation["uuid"])
    vm.wait_agent()
    assert marker(vm) == "after the damage", marker(vm)
    say(f"undone; the guest reads: '{marker(vm)}'")


def clone(bed, vm, folder, lan):
    """A second VM from the snapshot, beside the first."""
    vmsnap("clone", "--from-snapshot", "nightly", "--mode", "dry-run", "--name", "web2")
    vmsnap("clone", "--from-snapshot", "nightly", "--mode", "strict", "--name", "web2", "--start")
    twin = bed.vm("web2")
    twin.wait_agent()
    for each in (vm, twin):
        say(f"  {each.name}: {each.uuid()}, MAC {each.macs()[0]}, "
            f"address {lan.wait_lease(each.macs()[0])}")
    assert lan.leases()[vm.macs()[0]] != lan.leases()[twin.macs()[0]], lan.leases()
    assert marker(twin) == "before the snapshot", marker(twin)
    say(f"the clone runs beside its source and reads: '{marker(twin)}'")
    twin.destroy()
    twin.undefine()
    for name in ("web2-vda.qcow2", "web2-vdb.qcow2"):
        os.unlink(f"{folder}/{name}")


def new_disk(folder):
    """A disk of the snapshot by itself, beside the VM."""
    path = f"{folder}/salvage.raw"
    made = vmsnap("disk", "restore", "nightly/vdb", "--to", path, "--format", "raw")["new_disk"]
    say(f"a new disk from the snapshot: {made['format']}, {made['virtual_size'] >> 20} MiB")
    os.unlink(path)


def clean(folder):
    """Nothing of ours is left beside the disks or open in the catalog."""
    vmsnap("snapshot", "delete", "nightly")
    left = vmsnap("snapshot", "list")["items"]
    open_operations = [item for item in vmsnap("operation", "list")["items"]
                       if item["phase"] in ("Pending", "InProgress")]
    assert not left and not open_operations, (left, open_operations)
    assert sorted(os.listdir(folder)) == ["data.qcow2", "system.qcow2"], os.listdir(folder)
    say("catalog clean: no snapshot, no open operation, only the two disks in their folder")


def main():
    """The whole way once."""
    bed = testbed.enter()
    bed.install(BUILD)
    say("a private libvirt runs, with QEMU as libvirt-qemu")
    vm, folder, lan = boot(bed)
    check = vmsnap("check", "web")
    say(f"check: a snapshot now would be {check['verdict']}, disks by "
        f"{', '.join(disk['method'] for disk in check['disks'])}")
    show_snapshot(vmsnap("snapshot", "create", "web", "nightly"))
    damage(vm)
    operation = restore(vm)
    undo(vm, operation)
    clone(bed, vm, folder, lan)
    new_disk(folder)
    clean(folder)
    vm.destroy()
    say("done; the VM, its libvirt and its file systems end here")


main()
