#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Restores of running VMs: old data comes back, undo takes it back, a conflict costs no power."""

import contextlib
import functools
import os
import signal
import subprocess
import sys
import time

import harness
import scenes

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position
from bed_libvirt import wait_until  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
LAB = bed.network("lab")
MAC = "52:54:00:12:34:56"


def scene(name, storage="xfs", disks=1, **options):
    """A VM without load, its disks in both formats by turns."""
    options.setdefault("storage_mb", 2048)
    options.setdefault("size_mb", 96)
    return scenes.Scene(bed, name, storage, ("ext4",) * disks, load=False, **options)


def mark(each, text):
    """Leaves a word on every disk of a running VM, synced."""
    words = " ".join(f"/mnt/{target}/mark" for target in each.vm.disks())
    each.vm.exec(["sh", "-c", f"for file in {words}; do echo {text} >$file; done; sync"])


def marks(each):
    """The words on its disks."""
    return {each.vm.read_file(f"/mnt/{target}/mark").decode().strip()
            for target in each.vm.disks()}


def restore(each, *options, mode="strict", code=0):
    """Restores the VM's snapshot `NAME.old`."""
    return vmsnap("restore", each.name, f"{each.name}.old", "--mode", mode, *options,
                  check=code).json


def title(each):
    """The title in the VM's stored configuration, None without one."""
    return each.vm.xml(inactive=True).findtext("title")


def round_trip(storage, disks, suffixes):
    """Marked old, snapshot, marked new; restored; taken back."""
    each = scene(f"{storage}{disks}{suffixes[0]}", storage, disks, suffixes=suffixes).start()
    mark(each, "old")
    shot = vmsnap("snapshot", "create", each.name, f"{each.name}.old", check=0).json
    scenes.check_frozen_evidence(shot, each)
    mark(each, "new")
    each.vm.virsh("desc", "--config", "--title", "changed since")
    boot, uuid, macs = each.vm.boot_id(), each.vm.uuid(), each.vm.macs()
    disks_before = each.vm.disks(inactive=True)

    done = restore(each)
    assert (done["phase"], done["type"]) == ("Completed", "restore"), done
    assert each.vm.state() == "running"
    each.vm.wait_agent()
    assert marks(each) == {"old"}, marks(each)
    assert each.vm.boot_id() != boot
    assert (each.vm.uuid(), each.vm.macs()) == (uuid, macs)
    assert each.vm.disks(inactive=True) == disks_before, "paths stay"
    assert title(each) is None, "the configuration is restored as well"
    assert done["downtime_ms"] < 3000, done
    scenes.check_at_rest(each, [shot, done])

    vmsnap("undo", done["uuid"], check=0)
    assert each.vm.state() == "running"
    each.vm.wait_agent()
    assert marks(each) == {"new"}, marks(each)
    assert title(each) == "changed since"
    scenes.check_at_rest(each, [shot])
    vmsnap("snapshot", "verify", f"{each.name}.old", check=0)
    vmsnap("snapshot", "delete", f"{each.name}.old", check=0)
    assert scenes.left_beside(each.folder) == []
    each.end()


@harness.test
def four_disks_on_shared_blocks():
    """qcow2 and raw by turns, cloned."""
    round_trip("xfs", 4, ("qcow2", "raw"))


@harness.test
def four_disks_made_anew():
    """qcow2 and raw by turns, from the raw images of a backup job."""
    round_trip("ext4", 4, ("qcow2", "raw"))


@harness.test
def one_raw_disk_on_shared_blocks():
    """The small case."""
    round_trip("xfs", 1, ("raw",))


@harness.test
def one_qcow2_disk_made_anew():
    """The other small case."""
    round_trip("ext4", 1, ("qcow2",))


# ---- one running VM, many reasons ----

@functools.lru_cache(maxsize=None)
def made_victim():
    """A VM with a snapshot, running at first."""
    each = scene("victim", networks=[("lab", MAC)]).start()
    mark(each, "old")
    each.shot = vmsnap("snapshot", "create", each.name, "victim.old", check=0).json
    mark(each, "new")
    return each


def victim(running=True):
    """The VM of many tests, brought to the power state wanted; its disk says new."""
    each = made_victim()
    if (each.vm.state() == "running") != running:
        if running:
            each.vm.start(wait=True)
            mark(each, "new")
        else:
            each.vm.shutdown()
    return each


def power(each):
    """State and QEMU of a VM."""
    state = each.vm.state()
    return state, each.vm.qemu_pid() if state != "shut off" else None


def check_refused(each, reason, others=()):
    """dry-run shows the conflict, strict refuses for it; neither touches the VM or its disks."""
    before = power(each)
    boot = each.vm.boot_id() if before[0] == "running" else None
    listed = vmsnap("operation", "list", check=0).json["items"]
    seen = restore(each, mode="dry-run", code=3)
    found = {item["reason"]: item for item in seen["resources"] if item["severity"] == "conflict"}
    assert list(found) == [reason, *others], (reason, seen["resources"])
    assert (found[reason]["strict"], found[reason]["best_effort"]) == ("refuse", "refuse"), found
    error = restore(each, code=3)["error"]
    assert (error["code"], error["reason"]) == ("CONFLICT", reason), error
    assert power(each) == before, (before, power(each))
    if boot:
        assert each.vm.boot_id() == boot and marks(each) == {"new"}
    assert len(vmsnap("operation", "list", check=0).json["items"]) == len(listed)
    return found[reason]


@contextlib.contextmanager
def another_vm(name, disks, **options):
    """A second VM that is only defined."""
    vm = bed.define_vm(name, disks, **options)
    try:
        yield vm
    finally:
        vm.undefine()


@harness.test
def refused_mac_of_another_vm():
    """The other one need not run."""
    with another_vm("twin", [], networks=[("lab", MAC)]):
        found = check_refused(victim(), "MACInUse")
    assert found["name"] == MAC and "twin" in found["message"], found


@harness.test
def refused_disk_of_another_vm():
    """Attached twice, once by another name of the same file."""
    each = victim()
    with another_vm("thief", [each.disks[0]]):
        found = check_refused(each, "AttachedElsewhere")
    assert "thief" in found["message"], found
    alias = f"{bed.scratch}/alias.qcow2"
    os.symlink(each.disks[0], alias)
    with another_vm("liar", [alias]):
        check_refused(each, "AttachedElsewhere")
    os.unlink(alias)


@harness.test
def refused_disk_under_an_overlay():
    """Another VM's image is built on ours, or on one that is."""
    each = victim()
    below = each.disks[0]
    for name in ("child", "grandchild"):
        overlay = f"{each.folder}/{name}.qcow2"
        bed_storage.run(["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b", below, "-F",
                         "qcow2", overlay, "96M"])
        with another_vm(name, [overlay]):
            found = check_refused(each, "BackingOfOther")
        assert f"VM {name}" in found["message"], found
        below = overlay
    for name in ("child", "grandchild"):
        os.unlink(f"{each.folder}/{name}.qcow2")


@harness.test
def plan_file_grows_stale():
    """A plan that was looked at runs only while the world is the one it was made from."""
    each = victim()
    plan = f"{bed.scratch}/plan.json"
    restore(each, "--plan", plan, mode="dry-run")
    before = power(each)
    each.vm.virsh("desc", "--config", "--title", "meanwhile")
    error = restore(each, "--plan", plan, code=3)["error"]
    assert error["code"] == "PLAN_STALE", error
    assert power(each) == before


@harness.test
def plan_file_outlives_power():
    """Made while the VM runs, run when it is off, and the other way round; nothing else may differ."""
    each = victim()
    plan = f"{bed.scratch}/plan.json"
    restore(each, "--no-start", "--plan", plan, mode="dry-run")
    each = victim(running=False)
    code = restore(each, "--no-start", "--plan", plan, code=2)["error"]
    assert "--no-start" in code["message"], "the plan's own options hold"
    restore(each, "--plan", plan)
    assert each.vm.state() == "shut off"
    restore(each, "--plan", plan, mode="dry-run")
    each.vm.start(wait=True)
    assert marks(each) == {"old"}
    mark(each, "new")
    done = restore(each, "--plan", plan)
    assert each.vm.state() == "running" and done["mode"] == "strict", done
    each.vm.wait_agent()
    assert marks(each) == {"old"}
    mark(each, "new")
    error = restore(each, "--plan", plan, code=3)["error"]
    assert error["code"] == "PLAN_STALE", "the disks are others by now"


PYTHON = """
import subprocess, vmsnap
context = vmsnap.Context("qemu:///system")
plan = context.find_snapshot("victim.old").plan_restore()
subprocess.run(["virsh", "-q", "desc", "victim", "--config", "--title", "between"], check=True)
try:
    plan.start(vmsnap.Mode.STRICT).wait()
except vmsnap.Error as error:
    print(error.code.name)
"""


@harness.test
def plan_of_a_program_grows_stale():
    """The same between plan and run of one program."""
    each = victim()
    before = power(each)
    done = subprocess.run([sys.executable, "-c", PYTHON], text=True, capture_output=True,
                          check=False, stdin=subprocess.DEVNULL,
                          env={**os.environ, "PYTHONPATH": f"{harness.ROOT}/bindings/python",
                               "PYTHONDONTWRITEBYTECODE": "1"})
    assert done.stdout.strip() == "PLAN_STALE", done
    assert power(each) == before


@harness.test
def guest_that_does_not_stop():
    """Without force the VM runs on as it was; an interrupt gives up as well."""
    each = victim()
    for kept in vmsnap("undo", "list").json["items"]:  # of the plans that were run
        vmsnap("undo", "drop", kept["uuid"], check=0)
    each.vm.exec(["sh", "-c", "killall acpid; printf '#!/bin/sh\\n' >/sbin/shutdown"])
    before, boot = power(each), each.vm.boot_id()
    error = restore(each, "--stop-timeout", 3, code=4)["error"]
    assert (error["code"], error["reason"]) == ("TIMEOUT", "StopFailed"), error
    assert power(each) == before and each.vm.boot_id() == boot and marks(each) == {"new"}
    scenes.check_at_rest(each, [each.shot])

    process = harness.spawn("restore", each.name, "victim.old", "--mode", "strict")
    wait_until(lambda: scenes.left_beside(each.folder, [each.shot]), 20, "the restore works")
    time.sleep(harness.RNG.uniform(0.2, 2))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and '"CANCELLED"' in out, (process.returncode, out, err)
    assert power(each) == before and each.vm.boot_id() == boot and marks(each) == {"new"}
    scenes.check_at_rest(each, [each.shot])


@harness.test
def paused_vm_needs_force():
    """It cannot stop by itself; forced, it is paused again afterwards."""
    each = victim()
    each.vm.suspend()
    before = power(each)
    error = restore(each, code=4)["error"]
    assert (error["code"], error["reason"]) == ("BUSY", "StopFailed"), error
    assert power(each) == before and before[0] == "paused"
    scenes.check_at_rest(each, [each.shot], state="paused")
    done = restore(each, "--force-stop")
    assert each.vm.state() == "paused"
    each.vm.resume()
    each.vm.wait_agent()
    assert marks(each) == {"old"}
    scenes.check_at_rest(each, [each.shot, done])


@harness.test
def no_start_leaves_it_off():
    """On request."""
    each = victim()
    mark(each, "new")
    restore(each, "--no-start")
    assert each.vm.state() == "shut off"
    each.vm.start(wait=True)
    assert marks(each) == {"old"}
    mark(each, "new")


@harness.test
def managed_save_is_in_the_way():
    """Old memory must not meet new disks; dropped on request."""
    each = victim()
    each.vm.virsh("managedsave")
    check_refused(each, "ManagedSave")
    assert "yes" in each.vm.virsh("dominfo").split("Managed save:")[1].splitlines()[0]
    restore(each, "--drop-managed-save")
    assert each.vm.state() == "shut off"
    each.vm.start(wait=True)
    assert marks(each) == {"old"}


# ---- the VM is off ----

@harness.test
def refused_disk_open_in_a_server():
    """Somebody serves the disk of a VM that is off."""
    each = victim(running=False)
    socket = f"{bed.scratch}/nbd.sock"
    with subprocess.Popen(["qemu-nbd", "-r", "-f", "qcow2", "-k", socket, "-t", each.disks[0]],
                          stdin=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: os.path.exists(socket), 10, "qemu-nbd serves")
            check_refused(each, "OpenElsewhere")
        finally:
            server.kill()


@harness.test
def refused_other_vm_of_the_same_name():
    """A name is no identity."""
    each = victim(running=False)
    xml = each.vm.virsh("dumpxml", "--inactive")
    uuid = each.vm.uuid()
    each.vm.undefine()
    other = bed.define_xml(xml.replace(uuid, "9d5b9fd2-40ac-4ad9-9af9-7c40eb5f8b1e"), each.name)
    check_refused(each, "IdentityMismatch", ("AttachedElsewhere", "MACInUse"))
    other.undefine()
    seen = restore(each, mode="dry-run", code=3)
    assert [item["reason"] for item in seen["resources"]
            if item["severity"] == "conflict"][:1] == ["NotFound"], seen
    bed.define_xml(xml, each.name)
    restore(each)
    assert each.vm.state() == "shut off"


@harness.test
def refused_when_an_image_is_gone():
    """A snapshot that lost an image is Lost."""
    each = victim(running=False)
    path = each.shot["disks"][0]["path"]
    os.rename(path, f"{path}.away")
    check_refused(each, "Lost")
    verified = vmsnap("snapshot", "verify", "victim.old")
    assert verified.code == 1 and verified.json["error"]["code"] == "LOST", verified
    os.rename(f"{path}.away", path)


@harness.test
def refused_without_space():
    """Old and new set must fit side by side; the snapshot itself is kept elsewhere."""
    each = scene("tight", "ext4", suffixes=("raw",), size_mb=64, storage_mb=112)
    bed_storage.run(["fallocate", "-l", "64M", each.disks[0]])
    with open(each.disks[0], "r+b") as disk:  # allocated, not only reserved, but for the fs
        disk.seek(40 << 20)
        disk.write(os.urandom(20 << 20))
    store = bed.storage("ext4", 512)
    vmsnap("snapshot", "create", "tight", "tight.old", "--store", store, check=0)
    with open(f"{each.folder}/filler", "wb") as filler:
        filler.write(os.urandom(20 << 20))
    os.sync()
    check_refused(each, "OutOfSpace")
    os.unlink(f"{each.folder}/filler")


harness.main()
