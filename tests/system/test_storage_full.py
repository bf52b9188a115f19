#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A full host file system never pauses or damages a guest, and leaves nothing half made.

A backup job keeps what the guest overwrites in a scratch file. That file is reserved beforehand:
while the job copies, the host's file system is filled to the last byte and the guest rewrites its
disk. The guest must not see any of it.
"""

import os
import random
import time

import harness

bed = harness.bed(install=True)

# pylint: disable=wrong-import-position
from bed_libvirt import wait_until  # noqa: E402
from embedded import Host  # noqa: E402
from refusal import check_clean, expect, guards, leases  # noqa: E402

vmsnap = harness.vmsnap
SIZE_MB = 160  # of the guest's disk
# The image may grow to its whole size: its blocks are there before, in a raw file.
FOLDER = bed.storage("ext4", 1200)
STORE = bed.storage("ext4", 600)
STATE = bed.storage("ext4", 24)  # all before the VM starts: QEMU does not see later mounts here
VMS = []


def after_a_failure():
    """What a failed test may have left must not fail the next."""
    for folder in (FOLDER, STORE):
        if os.path.exists(f"{folder}/ballast"):
            os.unlink(f"{folder}/ballast")
    for shot in vmsnap("snapshot", "list", check=0).json["items"]:
        if shot["phase"] == "Ready":
            vmsnap("snapshot", "delete", shot["name"])


def web():
    """A running VM whose file system has data in it, all of its image allocated."""
    after_a_failure()
    if not VMS:
        path = bed.make_disk(f"{FOLDER}/web.img", size_mb=SIZE_MB)
        with open(path, "r+b") as handle:
            os.posix_fallocate(handle.fileno(), 0, SIZE_MB << 20)
        VMS.append(bed.define_vm("web", [path], append="vmsnap.hook=1").start(wait=True))
        VMS[0].exec(["sh", "-c", "for n in 1 2 3 4 5; do dd if=/dev/urandom of=/mnt/vda/f$n bs=64k "
                     "count=320 2>/dev/null; done; sync"], timeout=120)
    return VMS[0]


def fill(folder):
    """Leaves no free block, also none of those reserved for root; returns the ballast."""
    path = f"{folder}/ballast"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for step in (64 << 20, 1 << 20, 4096):
            data = bytes(step)
            try:
                while True:
                    os.write(handle, data)
            except OSError:
                continue
    finally:
        os.close(handle)
    assert os.statvfs(folder).f_bavail == 0
    return path


def rewrite(vm, seed):
    """The guest writes over most of what it has, in an order of its own."""
    order = [1, 2, 3, 4, 5]
    random.Random(seed).shuffle(order)
    vm.exec(["sh", "-c", f"for n in {' '.join(map(str, order))}; do dd if=/dev/urandom "
             "of=/mnt/vda/f$n bs=64k count=320 conv=notrunc 2>/dev/null; done; sync"], timeout=120)


def unharmed(vm):
    """The guest runs on, and its file system took no harm."""
    assert vm.state() == "running", vm.state()
    mounts = vm.exec(["cat", "/proc/mounts"])
    line, = [line for line in mounts.splitlines() if " /mnt/vda " in line]
    assert " rw," in line, line
    said = vm.exec(["dmesg"])
    assert "I/O error" not in said and "EXT4-fs error" not in said, said[-2000:]
    vm.exec(["sh", "-c", "echo fine >/mnt/vda/probe && sync"])


def under_pressure(seed, store):
    """Fill, rewrite, let the copy go on; returns how the host ended."""
    vm = web()
    options = {"store": store} if store else {}
    host = Host(vm, "full", method="backup", **options)
    host.stop_at("copying")
    ballast = fill(store or FOLDER)
    try:
        rewrite(vm, seed)
        unharmed(vm)
        host.go_on()
        host.line("done", "error", timeout=120)
        rewrite(vm, seed + 1)
        unharmed(vm)
    finally:
        os.unlink(ballast)
    last = host.seen[-1]
    harness.note(f"seed {seed}: {last[:250]}")
    wait_until(lambda: not guards() and not leases(), 30, "the guard goes")
    if last.startswith("done"):
        vmsnap("snapshot", "verify", "full", check=0)
        check_clean([FOLDER, STORE], ["full"], [vm])
        vmsnap("snapshot", "delete", "full", check=0)
    else:
        assert '"NO_SPACE"' in last and '"frozen":"no"' in last.replace(" ", ""), last
    check_clean([FOLDER, STORE], vms=[vm])
    return last.split()[0]


@harness.test
def a_full_host_does_not_reach_the_guest():
    """Scratch beside the guest's own disk."""
    ended = [under_pressure(harness.SEED + number, None) for number in range(3)]
    harness.note(f"ended: {ended}")


@harness.test
def a_full_store_does_not_reach_the_guest():
    ended = [under_pressure(harness.SEED + number, STORE) for number in range(2)]
    assert "error" in ended, "the store was not full enough to be met"


@harness.test
def a_reservation_that_does_not_fit_is_refused_before():
    """Both figures; no file, no freeze, no job."""
    vm = web()
    ballast = f"{FOLDER}/ballast"
    free = os.statvfs(FOLDER)
    with open(ballast, "wb") as handle:
        os.posix_fallocate(handle.fileno(), 0, free.f_bavail * free.f_frsize - (200 << 20))
    try:
        error = expect(vmsnap("snapshot", "create", "web", "s1", "--method", "backup"), 1,
                       "NO_SPACE", "OutOfSpace", about=FOLDER)
        figures = [int(word) for word in error["message"].replace(",", " ").split()
                   if word.isdigit()]
        assert len(figures) == 2 and figures[0] < figures[1], error
        check_clean([FOLDER], vms=[vm])
    finally:
        os.unlink(ballast)
    vmsnap("snapshot", "create", "web", "s1", "--method", "backup", check=0)
    vmsnap("snapshot", "delete", "s1", check=0)
    check_clean([FOLDER], vms=[vm])


@harness.test
def space_that_goes_while_an_image_is_copied():
    """A VM that is off: real ENOSPC in the middle of the copy, cleaned up."""
    path = bed.make_disk(f"{FOLDER}/cold.img", fs=None, size_mb=300)
    with open(path, "r+b") as handle:
        for _ in range(300):
            handle.write(os.urandom(1 << 20))
    vm = bed.define_vm("cold", [path])
    host = Host(vm, "full")
    host.stop_at("capturing")
    ballast = fill(FOLDER)
    host.go_on()
    try:
        error = host.error()
    finally:
        os.unlink(ballast)
    assert error["code"] == "NO_SPACE", error
    check_clean([FOLDER])
    vmsnap("snapshot", "create", "cold", "full", check=0)
    vmsnap("snapshot", "verify", "full", check=0)
    vmsnap("snapshot", "delete", "full", check=0)
    check_clean([FOLDER])
    vm.undefine()
    os.unlink(path)


@harness.test
def a_full_state_folder_is_told():
    """No room for the record: nothing begins, no guest is frozen."""
    vm = web()
    begun = vmsnap("--state-dir", STATE, "snapshot", "list", check=0)
    assert begun.json["items"] == [], begun
    ballast = fill(STATE)
    before = time.monotonic()
    reply = vmsnap("--state-dir", STATE, "snapshot", "create", "web", "s1", "--method", "backup")
    assert reply.code == 1 and reply.json["error"]["code"] in ("NO_SPACE", "IO"), reply
    harness.note(f"after {time.monotonic() - before:.1f} s: {reply.json['error']['message']}")
    assert reply.json["error"]["frozen"] == "no", reply
    unharmed(vm)
    check_clean([FOLDER], vms=[vm])
    os.unlink(ballast)
    vmsnap("--state-dir", STATE, "snapshot", "create", "web", "s1", "--method", "backup", check=0)
    vmsnap("--state-dir", STATE, "snapshot", "delete", "s1", check=0)
    check_clean([FOLDER], vms=[vm])


harness.main()
