#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots of disks that no VM has: each kind of storage, what is open elsewhere, every death."""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time

import harness
import scenes

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
run = bed_storage.run
POINTS = 6  # of each operation in CI


def kind_of(path):
    """The format that a name says."""
    return "qcow2" if path.endswith(".qcow2") else "raw"


def contents(path, kind=None):
    """sha256 of what a guest would read from an image."""
    raw = f"{bed.scratch}/contents"
    run(["qemu-img", "convert", "-U", "-f", kind or kind_of(path), "-O", "raw", path, raw])
    with open(raw, "rb") as handle:
        value = hashlib.sha256(handle.read()).hexdigest()
    os.unlink(raw)
    return value


def take(path, name, *words, check=0, none=True):
    """Takes a snapshot, without a hypervisor unless told."""
    connect = ["-c", "none"] if none else []
    return vmsnap(*connect, "disk-snapshot", "create", path, name, *words, check=check).json


def drop(name):
    """Deletes a disk snapshot."""
    vmsnap("-c", "none", "disk-snapshot", "delete", name, check=0)


def refused(path, name, exit_code, code, reason, *words, **more):
    """The creation fails so, and leaves nothing beside the disk."""
    error = take(path, name, *words, check=exit_code, **more)["error"]
    assert (error["code"], error["reason"]) == (code, reason), error
    left = scenes.left_beside(os.path.dirname(path))
    assert left == [], left
    return error


def round_trip(storage, kind):
    """Take, compare, damage the original, verify, delete; returns the method."""
    folder = bed.storage(storage, 1024)
    path = bed.make_disk(f"{folder}/d.{'qcow2' if kind == 'qcow2' else 'img'}", kind, size_mb=64)
    before = contents(path)
    shot = take(path, "round", "--label", "a=b")
    disk, = shot["disks"]
    assert (shot["kind"], shot["phase"], shot["consistency"], shot["vm"]) == \
        ("VirtualDiskSnapshot", "Ready", "offline", None), shot
    assert (disk["name"], disk["source"], disk["format"]) == (path, path, kind), disk
    assert disk["virtual_size"] == 64 << 20, disk
    assert [state["clean"] for state in shot["evidence"]["filesystem_state"]] == [True], shot
    run(["qemu-io", "-f", kind, "-c", "write -q -P 0x5a 1M 64k", path])
    assert contents(disk["path"]) == before != contents(path)
    assert os.stat(disk["path"]).st_mode & 0o777 == 0o400
    vmsnap("disk-snapshot", "verify", "round", check=0)
    vmsnap("disk-snapshot", "verify", "round", check=0)
    drop("round")
    assert scenes.left_beside(folder) == []
    return disk["method"]


@harness.test
def shared_blocks_are_cloned():
    """XFS and btrfs."""
    assert round_trip("xfs", "raw") == "reflink"
    assert round_trip("xfs", "qcow2") == "reflink"
    assert round_trip("btrfs", "qcow2") == "reflink"


@harness.test
def others_are_copied():
    """ext4: holes stay holes."""
    assert round_trip("ext4", "raw") == "copy"
    assert round_trip("ext4", "qcow2") == "copy"


@harness.test
def a_chain_becomes_one_file():
    """Three layers, of two formats, flattened; the layers below stay as they are."""
    folder = bed.storage("xfs", 512)
    base = bed.make_disk(f"{folder}/base.img", size_mb=64)
    middle, top = f"{folder}/middle.qcow2", f"{folder}/top.qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", "base.img", "-F", "raw", middle])
    run(["qemu-io", "-f", "qcow2", "-c", "write -q -P 1 32M 1M", middle])
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", middle, "-F", "qcow2", top])
    run(["qemu-io", "-f", "qcow2", "-c", "write -q -P 2 40M 1M", top])
    before = contents(top)
    disk, = take(top, "chain")["disks"]
    info = run(["qemu-img", "info", disk["path"]])
    assert "backing file" not in info, info
    assert contents(disk["path"]) == before
    drop("chain")
    with open(base, "r+b"):
        refused(top, "chain", 4, "BUSY", "OpenElsewhere")
    run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-b", middle, "-F", "qcow2", top])
    run(["python3", "-c", "import sys; f = open(sys.argv[1], 'r+b'); head = f.read(4096);"
         "at = head.index(bytes.fromhex('e2792aca')); f.seek(at); f.write(b'xxxx')", top])
    error = refused(top, "chain", 1, "UNSUPPORTED", "ImageUnsupported")
    assert "what format the layer below" in error["message"], error


@harness.test
def formats_are_not_guessed():
    """A guest may write a qcow2 header into its raw disk: that is data."""
    folder = bed.storage("xfs", 512)
    trap, secret = f"{folder}/trap.img", f"{folder}/secret.img"
    with open(secret, "wb") as file:
        file.write(b"secret" * 1000)
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", secret, "-F", "raw", trap])
    size = os.stat(trap).st_size
    shot = take(trap, "trap")
    disk, = shot["disks"]
    assert (disk["format"], disk["virtual_size"]) == ("raw", size), disk
    assert any("begins like a qcow2" in each for each in shot["evidence"]["warnings"]), shot
    assert contents(disk["path"], "raw") == contents(trap, "raw")
    drop("trap")
    named = f"{folder}/named.qcow2"
    os.rename(secret, named)
    refused(named, "named", 1, "UNSUPPORTED", "ImageUnsupported")
    assert take(named, "named", "--format", "raw")["disks"][0]["format"] == "raw"
    drop("named")


@harness.test
def space_is_asked_for_before():
    """A copy that would not fit is not begun; another folder may have the room."""
    folder, store = bed.storage("ext4", 96), bed.storage("ext4", 128)
    path = f"{folder}/d.img"
    with open(path, "wb") as file:
        file.write(os.urandom(60 << 20))
    error = refused(path, "full", 1, "NO_SPACE", "OutOfSpace")
    assert "bytes free" in error["message"], error
    disk, = take(path, "full", "--store", store)["disks"]
    assert disk["path"].startswith(f"{store}/.vmsnap/"), disk
    drop("full")


@contextlib.contextmanager
def served(path, *options):
    """The image in a qemu-nbd."""
    sock = f"{bed.scratch}/nbd.sock"
    with subprocess.Popen(["qemu-nbd", "-f", kind_of(path), "-k", sock, "-t", *options,
                           path]) as server:
        while not os.path.exists(sock):
            assert server.poll() is None
            time.sleep(0.02)
        try:
            yield
        finally:
            server.terminate()
    if os.path.exists(sock):
        os.unlink(sock)


@contextlib.contextmanager
def looped(path):
    """The image behind a loop device."""
    device = run(["losetup", "-f", "--show", path]).strip()
    try:
        yield
    finally:
        run(["losetup", "-d", device])


@contextlib.contextmanager
def written(path):
    """The image under a tool of QEMU that writes and takes its time."""
    before = os.stat(path).st_mtime_ns
    with subprocess.Popen(["qemu-io", "-f", kind_of(path), "-c", "write -q 0 64k", "-c", "flush",
                           "-c", "sleep 60000", path]) as writer:
        while os.stat(path).st_mtime_ns == before:
            assert writer.poll() is None
            time.sleep(0.02)
        yield
        writer.kill()


@harness.test
def what_somebody_writes_to_is_busy():
    """A server, a tool of QEMU, a loop device, a plain descriptor: each refuses, each is named."""
    for storage in ("xfs", "ext4"):
        folder = bed.storage(storage, 512)
        path = bed.make_disk(f"{folder}/d.qcow2", size_mb=64)
        for name, holder in (("nbd", served), ("tool", written), ("loop", looped),
                             ("plain", lambda path: open(path, "ab"))):
            with holder(path):
                error = refused(path, name, 4, "BUSY", "OpenElsewhere")
                harness.note(f"{storage}, {name}: {error['message']}")
                refused(path, name, 4, "BUSY", "OpenElsewhere", none=False)
        with open(path, "rb"), served(path, "-r"):
            assert take(path, "read")["consistency"] == "offline", "readers do no harm"
        drop("read")


@harness.test
def prefer_clones_what_is_open_and_copies_nothing():
    """A clone shows one instant, as a power cut would; a copy shows none."""
    xfs, ext4 = (bed.make_disk(f"{bed.storage(fs, 512)}/d.img", size_mb=64)
                 for fs in ("xfs", "ext4"))
    for policy, code in (("prefer", 6), ("skip", 0)):
        with looped(xfs):
            shot = take(xfs, "open", "--consistency", policy, check=code)
        assert (shot["consistency"], shot["consistent"]) == ("crash", False), shot
        assert any("open" in each for each in shot["evidence"]["warnings"]), shot
        drop("open")
        with looped(ext4):
            refused(ext4, "open", 4, "BUSY", "OpenElsewhere", "--consistency", policy)


@harness.test
def a_busy_disk_can_be_waited_for():
    """Whoever writes gets done within the limit; our own lock is waited for as well."""
    path = bed.make_disk(f"{bed.storage('xfs', 512)}/d.img", size_mb=64)
    with open(path, "ab") as writer:
        timer = threading.Timer(1.5, writer.close)
        timer.start()
        reply = vmsnap("-c", "none", "disk-snapshot", "create", path, "late", "--wait-ready", "20",
                       check=0)
        timer.join()
    assert 1 < reply.seconds < 10, reply
    drop("late")
    lock = f"{scenes.RUNTIME}/locks/disk-{hashlib.sha256(path.encode()).hexdigest()}.lock"
    with open(lock, "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        refused(path, "late", 4, "BUSY", "Locked")


@harness.test
def who_waits_is_pending():
    """It holds its name and says for what; when it dies meanwhile nothing is left to repair but
    that."""
    path = bed.make_disk(f"{bed.storage('ext4', 256)}/d.img", size_mb=32)
    with open(path, "ab"), harness.spawn("-c", "none", "disk-snapshot", "create", path, "wait",
                                         "--wait-ready", "60") as process:
        deadline = time.monotonic() + 20
        while (reply := vmsnap("disk-snapshot", "show", "wait")).code == 5:
            assert time.monotonic() < deadline
        shot = reply.json
        assert (shot["phase"], shot["disk"], shot["disks"]) == ("Pending", path, []), shot
        told = {each["type"]: each["reason"] for each in shot["conditions"]}
        assert told == {"VirtualDiskReady": "OpenElsewhere",
                        "VirtualDiskSnapshotReady": "WaitingForTheVirtualDisk"}, told
        listed = vmsnap("disk-snapshot", "list", "--disk", path, check=0).json["items"]
        assert [each["name"] for each in listed] == ["wait"], listed
        assert take(path, "wait", check=3)["error"]["code"] == "EXISTS"
        error = vmsnap("disk-snapshot", "delete", "wait").json["error"]
        assert error["code"] in ("IN_USE", "BUSY"), error  # it has the disk's lock while it looks
        process.kill()
        process.wait()
    acts = vmsnap("-c", "none", "recover", check=0).json["acts"]
    assert [each["act"] for each in acts] == ["rolled-back"], acts
    take(path, "wait")
    drop("wait")


def has_begun(folder, ended=False):
    """Some of the image is there, or its end: the source is held, and read."""
    for base, _, names in os.walk(folder):
        if "disk.raw" not in names:
            continue
        with open(f"{base}/disk.raw", "rb") as image:
            image.seek(-4096 if ended and os.fstat(image.fileno()).st_size else 0,
                       os.SEEK_END if ended else os.SEEK_SET)
            if any(image.read(4096)):  # room may be reserved before
                return True
    return False


def stop_in_copy(path):
    """A creation stopped in the middle of its copy; on a crowded machine some run is too fast."""
    folder = f"{os.path.dirname(path)}/.vmsnap"
    for _ in range(20):
        process = harness.spawn("disk-snapshot", "create", path, "middle")
        while not has_begun(folder):
            assert process.poll() is None, process.communicate()
            time.sleep(0.002)
        process.send_signal(signal.SIGSTOP)
        if not has_begun(folder, ended=True):
            return process
        process.send_signal(signal.SIGCONT)
        process.communicate(timeout=60)
        drop("middle")
    raise AssertionError("it is always too fast")


def while_copied(path, meddle):
    """What comes of a creation in the middle of whose copy that happens."""
    folder = os.path.dirname(path)
    with stop_in_copy(path) as process:
        try:
            meddle()
        finally:
            process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=60)
    reply = json.loads(out)
    shots = [] if "error" in reply else [reply]
    left = scenes.left_beside(folder, shots)
    assert left == [], (left, err)
    return reply["error"] if "error" in reply else reply


@harness.test
def nobody_takes_it_unseen_while_it_is_copied():
    """A writer that comes, a VM that is given it: seen after the cut. QEMU itself is kept out."""
    path = f"{bed.storage('ext4', 1024)}/d.img"
    with open(path, "wb") as file:
        file.write(os.urandom(1 << 20) * 300)

    def write():
        with open(path, "r+b") as disk:
            disk.write(b"x")

    def define():
        bed.define_vm("given", [{"path": path, "format": "raw"}])

    def start():
        refusal = bed.virsh("start", "given", check=False)
        assert refusal.returncode != 0 and "lock" in refusal.stderr, refusal

    def others():
        assert vmsnap("-c", "none", "recover", check=0).json["acts"] == [], "its owner lives"
        error = take(path, "second", check=4)["error"]
        assert error["reason"] == "Locked" and "process" in error["message"], error
        error = vmsnap("disk-snapshot", "delete", "middle", check=4).json["error"]
        assert error["reason"] == "Locked", error
        shot = vmsnap("disk-snapshot", "wait", "middle", "--timeout", "0.1", check=4).json["error"]
        assert shot["reason"] == "StillRunning", shot

    error = while_copied(path, write)
    assert (error["code"], error["reason"]) == ("BUSY", "StateChanged"), error
    error = while_copied(path, define)
    assert (error["code"], error["reason"]) == ("IN_USE", "AttachedElsewhere"), error
    vm = bed.vm("given")
    vm.undefine()
    error = while_copied(path, lambda: (define(), start()))
    assert (error["code"], error["reason"]) == ("IN_USE", "AttachedElsewhere"), error
    vm.undefine()
    made = while_copied(path, others)
    assert made["phase"] == "Ready", made
    bed.define_vm("given", [{"path": path, "format": "raw"}])
    shown = vmsnap("disk-snapshot", "show", "middle", check=0).json
    assert shown == made, "what becomes of the disk changes nothing in its snapshot"
    vm.undefine()
    drop("middle")


@harness.test
def what_needs_replay_is_not_consistent():
    """The image of a mounted file system, copied: offline, but as after a power cut."""
    folder = bed.storage("xfs", 512)
    live, path, mount = f"{folder}/live.img", f"{folder}/dirty.img", f"{bed.scratch}/mounted"
    bed.make_disk(live, size_mb=64)
    os.makedirs(mount)
    run(["mount", "-o", "loop", live, mount])
    with open(f"{mount}/file", "wb") as file:
        file.write(b"x" * 4096)
        os.fsync(file.fileno())
    run(["cp", live, path])
    run(["umount", mount])
    error = refused(path, "dirty", 1, "INCONSISTENT", "PotentiallyInconsistent")
    assert "journal" in error["message"], error
    shot = take(path, "dirty", "--consistency", "prefer", check=6)
    assert shot["consistency"] == "crash", shot
    assert shot["evidence"]["filesystem_state"][0]["clean"] is False, shot
    drop("dirty")


def scribble(image):
    """Another header; neither size nor time tell of it."""
    was = os.stat(image)
    with open(image, "r+b") as handle:
        handle.write(b"nothing")
    os.utime(image, ns=(was.st_atime_ns, was.st_mtime_ns))


@harness.test
def a_lost_image_is_found_out():
    """Changed or gone: the snapshot is Failed, Lost, and can still be deleted."""
    folder = bed.storage("xfs", 512)
    path = bed.make_disk(f"{folder}/d.qcow2", size_mb=64)
    for damage in (lambda image: os.truncate(image, 1 << 18), os.unlink, scribble):
        image = take(path, "lost")["disks"][0]["path"]
        vmsnap("disk-snapshot", "verify", "lost", check=0)
        damage(image)
        error = vmsnap("disk-snapshot", "verify", "lost", check=1).json["error"]
        assert error["code"] == "LOST", error
        shot = vmsnap("disk-snapshot", "show", "lost", check=0).json
        assert shot["phase"] == "Failed" and shot["conditions"][0]["reason"] == "Lost", shot
        assert shot["conditions"][0]["type"] == "VirtualDiskSnapshotReady", shot
        drop("lost")
    assert scenes.left_beside(folder) == []


def edit_record(uuid, text):
    """As somebody with an editor would: the text of one record; returns what it was."""
    with contextlib.closing(sqlite3.connect(f"{scenes.STATE}/catalog.db")) as db, db:
        was, = db.execute("SELECT text FROM record WHERE id=?", (uuid,)).fetchone()
        db.execute("UPDATE record SET text=? WHERE id=?", (text, uuid))
    return was


@harness.test
def a_damaged_record_hides_no_other_and_can_be_dropped():
    """It is listed as Failed, Damaged; deleting it takes the record and leaves the files."""
    folder = bed.storage("xfs", 512)
    path = bed.make_disk(f"{folder}/d.img", size_mb=64)
    image = take(path, "bad")["disks"][0]["path"]
    uuid = os.path.basename(os.path.dirname(image))
    good = take(path, "good")["uuid"]
    edit_record(uuid, '{"schema":1,"uuid":7}')
    items = vmsnap("-c", "none", "disk-snapshot", "list", check=0).json["items"]
    assert [(item["uuid"], item["phase"]) for item in items[-2:]] == \
        [(uuid, "Failed"), (good, "Ready")], items[-2:]
    shot = vmsnap("-c", "none", "disk-snapshot", "show", uuid, check=0).json
    condition, = shot["conditions"]
    assert condition["reason"] == "Damaged" and "stored" in condition["message"], shot
    for words in (["show", "bad"], ["list"]):
        text = run([harness.built("src/cli/vmsnap"), "-c", "none", "disk-snapshot", *words])
        assert "Failed" in text and "(null)" not in text, text
    for words in (["show", "bad"], ["list"]):
        text = run([harness.built("src/cli/vmsnap"), "-c", "none", "disk-snapshot", *words])
        assert "Failed" in text and "(null)" not in text, text
    error = vmsnap("-c", "none", "disk-snapshot", "verify", "bad", check=1).json["error"]
    assert error["reason"] == "DamagedRecord" and error["object"] == uuid, error
    assert vmsnap("-c", "none", "gc", check=1).json["error"]["reason"] == "DamagedRecord"
    vmsnap("-c", "none", "disk-snapshot", "delete", uuid, check=0)
    assert os.path.exists(image)
    items = vmsnap("-c", "none", "disk-snapshot", "list", check=0).json["items"]
    assert items[-1]["uuid"] == good and uuid not in [item["uuid"] for item in items], items[-2:]
    vmsnap("-c", "none", "disk-snapshot", "verify", "good", check=0)
    drop("good")
    for name in (image, f"{os.path.dirname(image)}/snapshot.json"):
        os.unlink(name)
    os.rmdir(os.path.dirname(image))


@harness.test
def what_is_used_is_not_deleted():
    """A server reads it, a VM has it, or a layer of its disk lies on it."""
    folder = bed.storage("xfs", 512)
    path = bed.make_disk(f"{folder}/d.qcow2", size_mb=64)
    image = take(path, "used")["disks"][0]["path"]
    delete = ["disk-snapshot", "delete", "used"]
    with served(image, "-r"):
        assert vmsnap(*delete, check=3).json["error"]["code"] == "IN_USE"
    over = f"{folder}/over.qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", image, "-F", "qcow2", over])
    vm = bed.define_vm("user", [over])
    error = vmsnap(*delete, check=3).json["error"]
    assert error["code"] == "IN_USE" and "user" in error["message"], error
    error = refused_below(image)
    assert "user" in error["message"], error
    vm.undefine()
    vmsnap(*delete, check=0)


def refused_below(image):
    """A layer below a VM's disk is no disk to be taken."""
    error = take(image, "below", check=3, none=False)["error"]
    assert (error["code"], error["reason"]) == ("IN_USE", "BackingOfOther"), error
    return error


# ---- deaths ----

def drive(point, *words):
    """Runs an operation that dies at the point; returns (killed, points passed)."""
    driver = harness.built("tests/integration/crash-driver")
    done = subprocess.run([driver, str(point), *words], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL, timeout=120)
    if done.returncode == -9:
        return True, point
    assert done.returncode == 0, done
    return False, int(done.stdout.split()[0])


def whole():
    """The snapshot that holds its name, if one does."""
    reply = vmsnap("-c", "none", "disk-snapshot", "show", "die")
    return reply.json if reply.code == 0 and reply.json["phase"] != "Failed" else None


def die_once(point, *words):
    """Dies there; what recover leaves, without a hypervisor, is whole or nothing."""
    assert drive(point, *words)[0], (point, words)
    acts = vmsnap("-c", "none", "recover", check=0).json["acts"]
    assert all(act["act"] not in ("failed", "skipped") for act in acts), acts
    shot = whole()
    if shot:
        vmsnap("-c", "none", "disk-snapshot", "verify", "die", check=0)
    return shot


def chosen(count):
    """Which points to die at: in CI some, among them the last, where the outcome turns."""
    if scenes.LONG:
        return range(1, count + 1)
    return sorted({*harness.RNG.sample(range(1, count + 1), POINTS), count})


def dies_everywhere(path):
    """Created and deleted, killed at each point."""
    folder = os.path.dirname(path)
    for _ in range(2):  # the first one makes folders that then stay
        creating = drive(0, "create-disk", path, "die")[1]
        deleting = drive(0, "delete-disk", "die")[1]
    ready = 0
    for point in chosen(creating):
        shot = die_once(point, "create-disk", path, "die")
        left = scenes.left_beside(folder, [shot] if shot else [])
        assert left == [], (point, left)
        ready += bool(shot)
        if shot:
            drop("die")
    for point in chosen(deleting):
        if not whole():
            drive(0, "create-disk", path, "die")
        shot = die_once(point, "delete-disk", "die")
        left = scenes.left_beside(folder, [shot] if shot else [])
        assert left == [], (point, left)
        ready += bool(shot)
    assert vmsnap("-c", "none", "recover", check=0).json["acts"] == []
    harness.note(f"{creating} points of a creation, {deleting} of a deletion; whole after {ready}")
    if whole():
        drop("die")


@harness.test
def create_and_delete_die_at_each_point():
    """By clone, by copy, by conversion."""
    dies_everywhere(bed.make_disk(f"{bed.storage('xfs', 512)}/d.qcow2", fs=None, size_mb=8))
    folder = bed.storage("ext4", 256)
    base = bed.make_disk(f"{folder}/d.qcow2", fs=None, size_mb=8)
    dies_everywhere(base)
    over = f"{folder}/over.qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", over])
    dies_everywhere(over)


harness.main()
