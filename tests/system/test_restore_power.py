#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Power around a restore: as before afterwards, whoever starts, stops or ends what meanwhile."""

import functools
import os
import stat
import threading
import time

import harness
import scenes

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position
from bed_libvirt import wait_until  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
NAME = "power"
SERIAL = """<serial type='file'><source path='/nowhere/at/all'/><target port='3'/></serial>"""


@functools.lru_cache(maxsize=None)
def machine():
    """One VM with two disks for all tests; snapshots a and b of two times."""
    each = scenes.Scene(bed, NAME, "xfs", ("ext4", "ext4"), load=False, storage_mb=2048,
                        size_mb=96).start()
    for word in "ab":
        mark(each, word)
        vmsnap("snapshot", "create", NAME, word, check=0)
    return each


def mark(each, text):
    """Leaves a word on both disks of the running VM, synced."""
    words = " ".join(f"/mnt/{target}/mark" for target in each.vm.disks())
    each.vm.exec(["sh", "-c", f"for file in {words}; do echo {text} >$file; done; sync"])


def marks(each):
    """The words on the disks of the VM, which may be booting."""
    each.vm.wait_agent()
    return {each.vm.read_file(f"/mnt/{target}/mark").decode().strip()
            for target in each.vm.disks()}


def running(word=None):
    """The VM, running, with @word on its disks."""
    each = machine()
    if each.vm.state() == "paused":
        each.vm.resume()
    if each.vm.state() != "running":
        each.vm.start(wait=True)
    each.vm.wait_agent()
    if word:
        mark(each, word)
    return each


def restore(word, *options, mode="strict", code=0):
    """Restores one of the two snapshots."""
    return vmsnap("restore", NAME, word, "--mode", mode, *options, check=code).json


def check_open_files(each):
    """QEMU has the files open that stand at the disks' paths, and no other image."""
    wanted = {os.stat(path).st_ino for path in each.disks}
    folder = f"/proc/{each.vm.qemu_pid()}/fd"
    device = os.stat(each.disks[0]).st_dev
    stats = [os.stat(f"{folder}/{fd}") for fd in os.listdir(folder)
             if os.path.exists(f"{folder}/{fd}")]
    found = {info.st_ino for info in stats if info.st_dev == device}
    assert found == wanted, (found, wanted)


def conditions(uuid):
    """Conditions of an operation by type."""
    shown = vmsnap("operation", "show", uuid, check=0).json
    return {item["type"]: item for item in shown["conditions"]}


def last_restore():
    """The newest operation."""
    return vmsnap("operation", "list", check=0).json["items"][-1]


@harness.test
def power_before_is_power_after():
    """{running, off, paused} times autostart on and off."""
    each = running()
    for autostart in (True, False):
        each.vm.virsh("autostart", *([] if autostart else ["--disable"]))
        for state in ("running", "paused", "shut off"):
            running("new")
            if state == "paused":
                each.vm.suspend()
            elif state == "shut off":
                each.vm.shutdown()
            restore("a", *(["--force-stop"] if state == "paused" else []))
            assert each.vm.state() == state, (state, each.vm.state())
            kept = "enable" in each.vm.virsh("dominfo").split("Autostart:")[1].splitlines()[0]
            assert kept == autostart, (state, autostart)
            if state != "shut off":
                check_open_files(each)
            if state == "paused":
                each.vm.resume()
            if autostart:
                running()
                assert marks(each) == {"a"}, (state, marks(each))


@harness.test
def one_after_the_other_and_back():
    """Twice the same, then the other, then the first again: no restore sees what is left of one."""
    each = running("new")
    for word in ("a", "a", "b", "a"):
        done = restore(word)
        assert done["phase"] == "Completed", done
        assert marks(each) == {word}, (word, marks(each))
        check_open_files(each)
        mark(each, f"after-{word}")


@harness.test
def somebody_starts_it_all_the_time():
    """A supervisor that wants the VM on: it runs on disks of one time, and we say which."""
    each = running("new")
    over = threading.Event()

    def supervise():
        while not over.is_set():
            each.vm.virsh("start", check=False)
            time.sleep(harness.RNG.uniform(0, 0.03))

    for _ in range(3):
        over.clear()
        thread = threading.Thread(target=supervise)
        thread.start()
        try:
            reply = vmsnap("restore", NAME, "b", "--mode", "strict")
        finally:
            over.set()
            thread.join()
        wait_until(lambda: each.vm.state() == "running", 10, "it runs")
        check_open_files(each)
        expected = "b" if reply.code == 0 else "new"
        assert marks(each) == {expected}, (reply, marks(each))
        harness.note(f"exit {reply.code}: "
                     f"{'' if reply.code == 0 else reply.json['error']['reason']}")
        assert last_restore()["phase"] == ("Completed" if reply.code == 0 else "Failed")
        mark(each, "new")


@harness.test
def a_start_that_fails_gives_the_old_disks_back():
    """The stored configuration cannot be started: as before, and running."""
    each = running("new")
    good = each.vm.virsh("dumpxml", "--inactive", "--security-info")
    bad = good.replace("</devices>", SERIAL + "</devices>")
    define(bad)
    vmsnap("snapshot", "create", NAME, "dud", check=0)
    define(good)
    before = sorted(os.stat(path).st_ino for path in each.disks)
    error = restore("dud", code=1)["error"]
    assert error["code"] == "HYPERVISOR" and "/nowhere" in error["message"], error
    assert each.vm.state() == "running"
    assert marks(each) == {"new"}
    check_open_files(each)
    assert before == sorted(os.stat(path).st_ino for path in each.disks)
    assert last_restore()["phase"] == "Failed"
    assert "/nowhere" not in each.vm.virsh("dumpxml", "--inactive")
    vmsnap("snapshot", "delete", "dud", check=0)


def define(xml):
    """Gives the VM another configuration."""
    path = f"{bed.scratch}/power.xml"
    with open(path, "w", encoding="utf-8") as file:
        file.write(xml)
    machine().vm.libvirt.virsh("define", path)


def make_stubborn(each, seconds):
    """From now on the guest follows no wish to stop but after @seconds; 0: never."""
    late = f"(sleep {seconds}; sync; poweroff -f) &" if seconds else ":"
    each.vm.exec(["sh", "-c", "killall acpid; "
                  f"printf '#!/bin/sh\\n{late}\\n' >/sbin/shutdown; chmod +x /sbin/shutdown"])


def watchers():
    """Processes that watch for a late stop."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as handle:
                if handle.read().strip() == "vmsnap-late":
                    found.append(int(pid))
        except OSError:
            continue
    return found


@harness.test
def a_guest_that_stops_late_is_started_again():
    """The restore gave up and its process is gone: what goes down later runs again, told."""
    each = running("new")
    make_stubborn(each, 8)
    boot = each.vm.boot_id()
    start = time.monotonic()
    error = restore("a", "--stop-timeout", 2, code=4)["error"]
    assert (error["code"], error["reason"]) == ("TIMEOUT", "StopFailed"), error
    assert time.monotonic() - start < 7, "the caller is not kept waiting"
    uuid = last_restore()["uuid"]
    assert conditions(uuid)["VirtualMachineReady"]["reason"] == "WatchedForLateStop"
    assert each.vm.state() == "running" and len(watchers()) == 1
    wait_until(lambda: "VirtualMachineReady" in conditions(uuid) and
               conditions(uuid)["VirtualMachineReady"]["reason"] == "RestartedLate", 40,
               "it is told that the VM was started again")
    assert each.vm.state() == "running"
    assert marks(each) == {"new"} and each.vm.boot_id() != boot
    wait_until(lambda: not watchers(), 5, "the watcher goes")
    scenes.check_at_rest(each, [{"uuid": name} for name in kept(each)])


def kept(each):
    """Folders of snapshots and undo sets that may stay."""
    return os.listdir(os.path.join(each.folder, ".vmsnap"))


@harness.test
def a_watcher_that_is_killed_is_replaced_by_recover():
    """Off late, nobody there: recover starts it."""
    each = running("new")
    make_stubborn(each, 8)
    restore("a", "--stop-timeout", 2, code=4)
    for pid in watchers():
        os.kill(pid, 9)
    wait_until(lambda: each.vm.state() == "shut off", 30, "the guest stops late")
    done = vmsnap("recover", check=0).json
    assert [act["act"] for act in done["acts"]] == ["started"], done
    assert each.vm.state() == "running" and marks(each) == {"new"}
    assert vmsnap("recover", check=0).json["acts"] == []


@harness.test
def who_decides_otherwise_ends_the_watch():
    """A VM that is destroyed stays off; a later restore has its own will."""
    each = running("new")
    make_stubborn(each, 0)
    restore("a", "--stop-timeout", 1, code=4)
    assert len(watchers()) == 1
    each.vm.destroy()
    wait_until(lambda: not watchers(), 5, "the watcher goes")
    assert each.vm.state() == "shut off"
    running("new")
    make_stubborn(each, 0)
    restore("a", "--stop-timeout", 1, code=4)
    restore("a", "--stop-timeout", 1, "--force-stop", "--no-start")
    wait_until(lambda: not watchers(), 5, "the watcher goes")
    assert each.vm.state() == "shut off"


@harness.test
def a_block_device_is_no_file_to_exchange():
    """A file would take the place of its node: refused before anything is touched."""
    folder = bed.storage("ext4", 256)
    path = bed.make_disk(f"{folder}/disk.img", size_mb=48)
    vm = bed.define_vm("block", [path])
    vmsnap("snapshot", "create", "block", "block.old", check=0)
    os.rename(path, f"{path}.backing")
    device = bed_storage.run(["losetup", "-f", "--show", f"{path}.backing"]).strip()
    try:
        os.mknod(path, 0o600 | stat.S_IFBLK, os.stat(device).st_rdev)
        seen = vmsnap("restore", "block", "block.old", "--mode", "dry-run", check=3).json
        found = [item for item in seen["resources"] if item["severity"] == "conflict"]
        assert [item["reason"] for item in found] == ["TargetUnsupported"], found
        node = os.stat(path)
        error = vmsnap("restore", "block", "block.old", "--mode", "best-effort", check=3).json
        assert error["error"]["reason"] == "TargetUnsupported", error
        assert (os.stat(path).st_ino, os.stat(path).st_mode) == (node.st_ino, node.st_mode)
    finally:
        bed_storage.run(["losetup", "-d", device])
    vm.undefine()


harness.main()
