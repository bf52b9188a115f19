#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""New disks and images from snapshots: contents, partition tables, sizes, formats, what stands in
the way, linked disks and their snapshot, pools, a kill at any time, and a VM that runs on one."""

import hashlib
import os
import pwd
import re
import signal
import stat
import subprocess
import time

import harness

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
run = bed_storage.run
KILLS = 6
START = 2048 * 512  # of the first partition


def kind_of(path):
    """The format that a name says."""
    return "qcow2" if path.endswith(".qcow2") else "raw"


def as_raw(path, kind=None):
    """What a guest would read from an image, as a file."""
    raw = f"{bed.scratch}/contents"
    run(["qemu-img", "convert", "-U", "-f", kind or kind_of(path), "-O", "raw", path, raw])
    return raw


def contents(path, size=None):
    """sha256 of what a guest would read, of its first bytes if told how many."""
    raw = as_raw(path)
    with open(raw, "rb") as handle:
        value = hashlib.sha256(handle.read(size)).hexdigest()
    os.unlink(raw)
    return value


def virtual_size(path):
    """In bytes."""
    told = run(["qemu-img", "info", "-U", "-f", kind_of(path), path])
    return int(re.search(r"\((\d+) bytes\)", told)[1])


def take(path, name):
    """A snapshot of a disk that no VM has; its first disk."""
    return vmsnap("-c", "none", "disk-snapshot", "create", path, name, check=0).json["disks"][0]


def drop(name, check=0):
    """Deletes a disk snapshot."""
    return vmsnap("-c", "none", "disk-snapshot", "delete", name, check=check)


def restore(name, path, *words, check=0, noun=("disk", "restore"), none=True):
    """What the operation says of the new disk."""
    connect = ["-c", "none"] if none else []
    reply = vmsnap(*connect, *noun, name, "--to", path, *words, check=check)
    return reply.json["new_disk"] if check == 0 else reply.json["error"]


def image(name, path, *words, **more):
    """The same of an image."""
    return restore(name, path, *words, noun=("image", "create"), **more)


def others_in(folder, *known):
    """What is in a folder besides snapshots, lost+found and what is known."""
    return sorted(set(os.listdir(folder)) - {".vmsnap", "lost+found", *known})


def examine(path, fs):
    """The partition table with both its headers, and the file system, without a repair."""
    raw = as_raw(path)
    told = subprocess.run(["sfdisk", "--verify", raw], capture_output=True, text=True, check=True)
    assert "No errors" in told.stdout, told
    with open(raw, "rb") as disk, open(f"{raw}.part", "wb") as part:
        disk.seek(-512, os.SEEK_END)
        assert disk.read(8) == b"EFI PART", "no second header"
        disk.seek(START)
        part.write(disk.read(os.path.getsize(raw) - START - (1 << 20)))
    check = {"ext4": ["e2fsck", "-fn"], "xfs": ["xfs_repair", "-n"]}[fs]
    run([*check, f"{raw}.part"])
    os.unlink(f"{raw}.part")
    os.unlink(raw)


def round_trip(storage, kind, fs):
    """Every way from one disk, which is gone by then; returns how each was made."""
    size = 320 if fs == "xfs" else 64  # the least that there is
    folder = bed.storage(storage, 2048)
    path = bed.make_disk(f"{folder}/d.{'qcow2' if kind == 'qcow2' else 'img'}", kind, fs,
                         size_mb=size, partition=True)
    before = contents(path)
    take(path, "round")
    os.unlink(path)
    ways = {}
    for name, words in (("same.raw", ["--format", "raw"]), ("same.qcow2", ["--format", "qcow2"]),
                        ("full.raw", ["--format", "raw", "--full"]),
                        ("linked.qcow2", ["--linked"])):
        made = restore("round", f"{folder}/{name}", *words)
        ways[name] = made["method"]
        assert made["virtual_size"] == virtual_size(made["path"]) == size << 20, made
        assert stat.S_IMODE(os.stat(made["path"]).st_mode) == 0o600
        assert contents(made["path"]) == before, made
        examine(made["path"], fs)
        if made["format"] == "qcow2":
            run(["qemu-img", "check", "-q", "-f", "qcow2", made["path"]])
    assert others_in(folder, *ways) == []
    os.unlink(f"{folder}/linked.qcow2")
    drop("round")
    return ways


@harness.test
def shared_blocks_are_cloned():
    """XFS and btrfs; of another format they are converted."""
    assert round_trip("xfs", "raw", "ext4") == {
        "same.raw": "reflink", "same.qcow2": "convert", "full.raw": "copy", "linked.qcow2": "linked"}
    assert round_trip("btrfs", "qcow2", "xfs") == {
        "same.raw": "convert", "same.qcow2": "reflink", "full.raw": "convert",
        "linked.qcow2": "linked"}


@harness.test
def others_are_copied():
    """ext4."""
    assert round_trip("ext4", "raw", "xfs")["same.raw"] == "copy"
    assert round_trip("ext4", "qcow2", "ext4")["same.qcow2"] == "copy"


@harness.test
def sizes_are_kept_or_larger():
    """Odd sizes, grown ones, and smaller ones refused; a grown disk's table can be repaired."""
    folder = bed.storage("xfs", 2048)
    odd = f"{folder}/odd.img"
    with open(odd, "wb") as handle:
        handle.write(os.urandom(1_000_001))
    take(odd, "odd")
    assert restore("odd", f"{folder}/o.raw")["virtual_size"] == 1_000_001
    with open(odd, "rb") as ours, open(f"{folder}/o.raw", "rb") as theirs:
        assert ours.read() == theirs.read()
    assert restore("odd", f"{folder}/o.qcow2", "--format", "qcow2")["virtual_size"] >= 1_000_001
    error = restore("odd", f"{folder}/small.raw", "--size", "1000000", check=2)
    assert (error["code"], error["reason"]) == ("INVALID", "TooSmall"), error
    assert "1000000" in error["message"] and "1000001" in error["message"], error
    path = bed.make_disk(f"{folder}/d.img", "raw", "ext4", size_mb=64, partition=True)
    before = contents(path)
    take(path, "grow")
    for name in ("g.raw", "g.qcow2", "l.qcow2"):
        words = ["--linked"] if name == "l.qcow2" else ["--format", kind_of(name)]
        made = restore("grow", f"{folder}/{name}", "--size", "100M", *words)
        assert made["virtual_size"] == virtual_size(made["path"]) == 100 << 20, made
        assert contents(made["path"], 64 << 20) == before
    grown = f"{folder}/g.raw"
    told = subprocess.run(["sfdisk", "--verify", grown], capture_output=True, text=True,
                          check=False)
    assert "backup GPT table is not on the end" in told.stdout + told.stderr, told
    run(["sfdisk", "--relocate", "gpt-bak-std", grown])
    examine(grown, "ext4")
    os.unlink(f"{folder}/l.qcow2")
    drop("odd")
    drop("grow")


@harness.test
def images_are_whole_and_read_only():
    """Of a chain, too; the digest is one that sha256sum checks."""
    folder = bed.storage("xfs", 1024)
    base = bed.make_disk(f"{folder}/base.img", size_mb=64)
    top = f"{folder}/top.qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", top])
    run(["qemu-io", "-f", "qcow2", "-c", "write -q -P 7 32M 1M", top])
    before = contents(top)
    take(top, "chain")
    os.unlink(top)
    os.unlink(base)
    for name in ("i.qcow2", "i.raw"):
        made = image("chain", f"{folder}/{name}", "--format", kind_of(name))
        assert contents(made["path"]) == before
        assert stat.S_IMODE(os.stat(made["path"]).st_mode) == 0o400
        assert made["backing"] is None and "backing" not in run(
            ["qemu-img", "info", "-f", kind_of(name), made["path"]])
        told = subprocess.run(["sha256sum", "-c", f"{name}.sha256"], cwd=folder, check=True,
                              capture_output=True, text=True)
        assert told.stdout == f"{name}: OK\n", told
        with open(made["path"], "rb") as handle:
            assert hashlib.sha256(handle.read()).hexdigest() == made["sha256"]
    assert others_in(folder, "i.qcow2", "i.qcow2.sha256", "i.raw", "i.raw.sha256") == []
    error = image("chain", f"{folder}/i.raw", check=3)
    assert error["code"] == "EXISTS", error
    drop("chain")


@harness.test
def nothing_is_overwritten_and_nothing_left():
    """Files, links and folders at the name, no folder, no room, a lost image: refused, told."""
    folder = bed.storage("ext4", 300)
    path = bed.make_disk(f"{folder}/d.img", size_mb=64)
    run(["qemu-io", "-f", "raw", "-c", "write -q -P 9 0 60M", path])
    take(path, "one")
    os.symlink("nowhere", f"{folder}/link")
    known = ("d.img", "full", "link")
    for to, code, reason, status in (
            (path, "EXISTS", "NameTaken", 3), (f"{folder}/link", "EXISTS", "NameTaken", 3),
            (folder, "EXISTS", "NameTaken", 3),
            (f"{folder}/no/x.raw", "NOT_FOUND", "FolderMissing", 5)):
        error = restore("one", to, check=status)
        assert (error["code"], error["reason"]) == (code, reason), error
    room = os.statvfs(folder)
    run(["fallocate", "-l", str(room.f_bavail * room.f_frsize - (30 << 20)), f"{folder}/full"])
    plan = vmsnap("-c", "none", "disk", "restore", "one", "--to", f"{folder}/x", "--dry-run",
                  check=3).json
    assert [item["reason"] for item in plan["resources"] if item["reason"]] == ["OutOfSpace"], plan
    error = restore("one", f"{folder}/x", check=1)
    assert error["code"] == "NO_SPACE", error
    os.unlink(f"{folder}/full")
    error = restore("one", f"{folder}/x", "--reflink", check=1)
    assert (error["code"], error["reason"]) == ("UNSUPPORTED", "ReflinkUnsupported"), error
    assert others_in(folder, *known) == []
    shot = vmsnap("-c", "none", "disk-snapshot", "show", "one", check=0).json
    os.chmod(shot["disks"][0]["path"], 0o600)
    os.truncate(shot["disks"][0]["path"], 1 << 20)
    assert restore("one", f"{folder}/x", check=1)["code"] == "LOST"
    drop("one")


@harness.test
def a_snapshot_that_is_not_ready_is_told_at_once():
    """Pending: its disk is busy, and it waits."""
    folder = bed.storage("ext4", 256)
    path = bed.make_disk(f"{folder}/d.img", size_mb=64)
    with open(path, "r+b"):
        waiting = subprocess.Popen(["vmsnap", "-c", "none", "disk-snapshot", "create", path, "late",
                                    "--wait-ready", "20"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, env={**os.environ,
                                                                   "PATH": "/usr/local/bin:/usr/bin:/bin"})
        end = time.monotonic() + 10
        while vmsnap("-c", "none", "disk-snapshot", "show", "late").code != 0:
            assert time.monotonic() < end
            time.sleep(0.1)
        for make in (restore, image):
            began = time.monotonic()
            error = make("late", f"{folder}/x", check=3)
            assert (error["code"], error["reason"]) == ("CONFLICT", "NotReady"), error
            assert time.monotonic() - began < 5
        waiting.send_signal(signal.SIGINT)
        waiting.wait(30)
    assert others_in(folder, "d.img") == []


@harness.test
def a_linked_disk_keeps_its_snapshot():
    """Until it is gone, or needs it no more; an undo set that holds one does as well."""
    folder = bed.storage("xfs", 1024)
    path = bed.make_disk(f"{folder}/d.img", size_mb=64)
    take(path, "base")
    made = restore("base", f"{folder}/l.qcow2", "--linked")
    error = drop("base", 3).json["error"]
    assert (error["code"], made["path"] in error["message"]) == ("IN_USE", True), error
    run(["qemu-img", "rebase", "-f", "qcow2", "-b", "", made["path"]])
    drop("base")
    assert contents(made["path"]) == contents(path)


def killed(words, folder, after):
    """Runs the command, killed after so many seconds; what recover leaves is whole or nothing."""
    child = subprocess.Popen(["/usr/local/bin/vmsnap", "-c", "none", "-q", *words],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after)
    child.kill()
    child.wait()
    acts = vmsnap("-c", "none", "recover", check=0).json["acts"]
    assert all(act["act"] in ("rolled-back", "finished") for act in acts), acts
    return others_in(folder, "d.img")


@harness.test
def killed_at_any_time_it_is_there_or_not():
    """Of a real process in the middle of its copy, and of one that is cancelled."""
    folder = bed.storage("ext4", 1024)
    path = bed.make_disk(f"{folder}/d.img", size_mb=256)
    run(["qemu-io", "-f", "raw", "-c", "write -q -P 9 32M 200M", path])
    before = contents(path)
    take(path, "kill")
    words = ["image", "create", "kill", "--to", f"{folder}/i.qcow2", "--format", "qcow2"]
    began = time.monotonic()
    vmsnap("-c", "none", *words, check=0)
    whole = time.monotonic() - began
    seen = set()
    for number in range(KILLS):
        for name in ("i.qcow2", "i.qcow2.sha256"):
            if os.path.exists(f"{folder}/{name}"):
                os.unlink(f"{folder}/{name}")
        left = killed(words, folder, whole * (number + harness.RNG.random()) / KILLS)
        assert left in ([], ["i.qcow2", "i.qcow2.sha256"]), left
        seen.add(len(left))
        if left:
            assert contents(f"{folder}/i.qcow2") == before
    assert 0 in seen, "each kill came too late"
    drop("kill")


@harness.test
def a_vm_runs_on_a_disk_of_one_that_is_gone():
    """Restored into a pool, and linked: the old VM and its disks are gone. QEMU is another user."""
    folder = bed.storage("xfs", 2048)
    path = bed.make_disk(f"{folder}/old.qcow2", size_mb=128)
    old = bed.define_vm("old", [path])
    old.start(wait=True)
    old.write_file("/mnt/vda/marker", b"what it held")
    old.exec(["sync"])
    vmsnap("snapshot", "create", "old", "last", check=0)
    old.destroy()
    old.undefine()
    os.unlink(path)
    bed.virsh("pool-define-as", "pool", "dir", "--target", folder)
    bed.virsh("pool-start", "pool")
    made = restore("last/vda", "pool/new.qcow2", none=False)
    assert made["path"] == f"{folder}/new.qcow2", made
    assert "new.qcow2" in bed.virsh("vol-list", "pool").stdout
    linked = restore("last", f"{folder}/linked.qcow2", "--linked", none=False)
    new = bed.define_vm("new", [made["path"], linked["path"]])
    new.start(wait=True)
    for disk in ("vda", "vdb"):
        assert new.read_file(f"/mnt/{disk}/marker") == b"what it held"
    new.write_file("/mnt/vdb/marker", b"what it holds now")
    error = vmsnap("snapshot", "delete", "last", check=3).json["error"]
    assert error["code"] == "IN_USE", error
    new.destroy()
    error = vmsnap("snapshot", "delete", "last", check=3).json["error"]
    assert error["code"] == "IN_USE", error
    assert restore("last", "no-such-pool/x", check=5, none=False)["code"] == "NOT_FOUND"
    assert restore("last", "pool/new.qcow2", check=3, none=False)["code"] == "EXISTS"
    new.undefine()
    os.unlink(linked["path"])
    vmsnap("snapshot", "delete", "last", check=0)


@harness.test
def a_missing_disk_comes_back_as_its_owners():
    """In place: owner and mode of the disk when it was cut, though QEMU had it then."""
    folder = bed.storage("xfs", 1024)
    path = bed.make_disk(f"{folder}/d.raw", size_mb=64)
    user = pwd.getpwnam("nobody")
    os.chown(path, user.pw_uid, user.pw_gid)
    os.chmod(path, 0o640)
    vm = bed.define_vm("owned", [path])
    vm.start(wait=True)
    vmsnap("snapshot", "create", "owned", "s", check=0)
    vm.destroy()
    os.unlink(path)
    vmsnap("restore", "owned", "s", "--mode", "strict", check=0)
    now = os.stat(path)
    assert (now.st_uid, stat.S_IMODE(now.st_mode)) == (user.pw_uid, 0o640), now
    kept = restore("s", f"{folder}/kept.raw", "--keep-owner", none=False)
    now = os.stat(kept["path"])
    assert (now.st_uid, stat.S_IMODE(now.st_mode)) == (user.pw_uid, 0o640), now
    vm.undefine()


harness.main()
