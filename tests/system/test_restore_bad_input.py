#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A restore that is fed what somebody has tampered with: records, links, folders, huge and hostile
XML. Each time a clear error, the VM with its disks and configuration as before, nothing left."""

import contextlib
import ctypes
import json
import os
import sqlite3
import subprocess
import threading
import time

import harness

bed = harness.bed(install=True)

# pylint: disable=wrong-import-position
from refusal import STATE, check_clean, expect, left_beside  # noqa: E402

vmsnap = harness.vmsnap
FOLDER = bed.storage("xfs", 1024)
FOREIGN = f"{FOLDER}/foreign"
STORE = f"{FOLDER}/store"
DISKS = f"{FOLDER}/disks"
for each in (FOREIGN, STORE, DISKS):
    os.mkdir(each)
DISK = bed.make_disk(f"{DISKS}/web.qcow2", fs=None, size_mb=8)
VICTIM = f"{FOREIGN}/victim"
with open(VICTIM, "w", encoding="utf-8") as handle:
    handle.write("precious\n")
VM = bed.define_vm("web", [DISK])


def world():
    """All of what a refusal may not change."""
    with open(DISK, "rb") as handle:
        disk = handle.read()
    with open(VICTIM, encoding="utf-8") as handle:
        victim = handle.read()
    status = os.stat(DISK)
    return (disk, status.st_ino, status.st_mode, victim, sorted(os.listdir(FOREIGN)),
            bed.virsh("dumpxml", "--inactive", "web").stdout, VM.state())


@contextlib.contextmanager
def unchanged():
    """Whatever is done inside leaves the VM and the files of others alone."""
    before = world()
    yield
    for was, now in zip(before, world()):
        assert was == now, (was, now)


@contextlib.contextmanager
def snapshot(name, *words):
    """A snapshot of the VM, deleted in the end."""
    try:
        yield vmsnap("snapshot", "create", "web", name, *words, check=0).json
    except BaseException:
        vmsnap("snapshot", "delete", name)
        raise
    vmsnap("snapshot", "delete", name, check=0)
    check_clean([FOLDER])


def restore(name, mode="strict"):
    """Tries it."""
    return vmsnap("restore", "web", name, "--mode", mode)


@contextlib.contextmanager
def edited(kind, uuid, change):
    """One record of the catalog as somebody's editor left it."""
    with sqlite3.connect(f"{STATE}/catalog.db") as catalog:
        was, = catalog.execute("SELECT text FROM record WHERE kind=? AND id=?",
                               (kind, uuid)).fetchone()
        record = json.loads(was)
        change(record)
        catalog.execute("UPDATE record SET text=? WHERE kind=? AND id=?",
                        (json.dumps(record), kind, uuid))
    catalog.close()
    try:
        yield
    finally:
        with sqlite3.connect(f"{STATE}/catalog.db") as catalog:
            catalog.execute("UPDATE record SET text=? WHERE kind=? AND id=?", (was, kind, uuid))
        catalog.close()


def set_in(*keys, value):
    """Returns what sets one value in a record."""
    def change(record):
        place = record
        for key in keys[:-1]:
            place = place[key]
        assert keys[-1] in place, (keys, sorted(place) if isinstance(place, dict) else place)
        place[keys[-1]] = value
    return change


BOMB = ("<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>" +
        "".join(f"<!ENTITY {chr(98 + n)} '{('&' + chr(97 + n) + ';') * 10}'>" for n in range(9)) +
        "]><domain type='qemu'><name>&j;</name></domain>")
CONTROL = "we\nb\x1b[2J"


def hostile():
    """(what, change of the snapshot's record)."""
    return [
        ("an image that is a foreign file", set_in("disks", 0, "image", "path", value=VICTIM)),
        ("a disk that is a foreign file", set_in("disks", 0, "source", value=VICTIM)),
        ("a path that climbs", set_in("disks", 0, "image", "path",
                                      value=f"{DISKS}/../foreign/victim")),
        ("a relative path", set_in("disks", 0, "source", value="web.qcow2")),
        ("a target with a slash", set_in("disks", 0, "target", value="../vda")),
        ("a UUID that is none", set_in("vm_uuid", value="../../etc")),
        ("a VM name with control characters", set_in("vm_name", value=CONTROL)),
        ("a snapshot name with control characters", set_in("name", value=CONTROL)),
        ("a folder of somebody else", set_in("folders", value=["/etc/../" + FOREIGN])),
        ("XML of ten megabytes", set_in("inactive_xml", value="<domain>" + "x" * (10 << 20))),
        ("an entity bomb", set_in("inactive_xml", value=BOMB)),
        ("no XML at all", set_in("inactive_xml", value="")),
        ("XML of another VM", set_in("inactive_xml",
                                     value=bed.virsh("dumpxml", "web").stdout.replace(
                                         VM.uuid(), "99999999-0000-4000-8000-000000000009"))),
        ("a size of less than nothing", set_in("disks", 0, "origin", "virtual_size", value=-1)),
        ("a grade that is none", set_in("grade", value="perfect")),
        ("an image as a number", set_in("disks", 0, "image", value=7)),
    ]


@harness.test
def edited_records_of_snapshots_are_refused():
    """None of these ever becomes a path, a VM or a file."""
    with snapshot("s1") as shot:
        for what, change in hostile():
            with unchanged(), edited("snapshot", shot["uuid"], change):
                reply = restore(shot["uuid"])
                assert reply.code != 0 and reply.json["error"]["message"], (what, reply)
                assert reply.json["error"]["code"] != "INTERNAL", (what, reply)
                assert "\x1b" not in reply.out + reply.err, (what, reply)
                harness.note(f"{what}: {reply.json['error']['code']}: "
                             f"{reply.json['error']['message'][:110]}")
            left = [path for path in left_beside(FOLDER) if shot["uuid"] not in path
                    and not path.endswith("/.vmsnap")]
            assert left == [], (what, left)
        vmsnap("snapshot", "verify", "s1", check=0)


@harness.test
def edited_records_of_restores_are_not_undone():
    """The same for what an undo and a recovery believe."""
    with snapshot("s1"):
        done = vmsnap("restore", "web", "s1", "--mode", "strict", check=0).json
        for what, change in (
                ("an old disk that is a foreign file", set_in("exchanges", 0, "next", value=VICTIM)),
                ("a path that is a foreign file", set_in("exchanges", 0, "path", value=VICTIM)),
                ("an entity bomb", set_in("old_xml", value=BOMB))):
            with unchanged(), edited("operation", done["uuid"], change):
                reply = vmsnap("undo", done["uuid"])
                assert reply.code != 0 and reply.json["error"]["code"] != "INTERNAL", (what, reply)
                harness.note(f"{what}: {reply.json['error']['code']}: "
                             f"{reply.json['error']['message'][:110]}")
        vmsnap("undo", done["uuid"], check=0)


@harness.test
def a_link_in_place_of_our_folder_is_not_followed():
    """Who may write to a folder of disks could otherwise let root write anywhere."""
    link = f"{DISKS}/.vmsnap"
    os.symlink(FOREIGN, link)
    with unchanged():
        expect(vmsnap("snapshot", "create", "web", "s1"), 1, "PERMISSION", "UnsafeFolder")
    with snapshot("s2", "--store", STORE):
        with unchanged():
            expect(restore("s2"), 1, "PERMISSION", "UnsafeFolder")
        os.unlink(link)
        os.symlink(f"{FOLDER}/nowhere", link)
        with unchanged():
            expect(restore("s2"), 1, "PERMISSION", "UnsafeFolder")
        os.unlink(link)
    assert not os.path.exists(f"{FOLDER}/nowhere")


def swap(stop, ours, link):
    """Exchanges two names until told to stop; in the end each has its own again."""
    libc = ctypes.CDLL(None, use_errno=True)
    count = 0
    while not stop.is_set() or count % 2:
        assert libc.renameat2(-100, ours.encode(), -100, link.encode(), 2) == 0, ctypes.get_errno()
        count += 1
        time.sleep(harness.RNG.uniform(0, 0.004))
    harness.note(f"exchanged {count} times")


@harness.test
def a_link_that_comes_and_goes_is_not_followed():
    """A race for our folder: nothing of ours ever lands where the link leads."""
    ours, link = f"{DISKS}/.vmsnap", f"{DISKS}/link"
    stop = threading.Event()
    codes = []
    with snapshot("kept"):
        os.symlink(FOREIGN, link)
        thread = threading.Thread(target=swap, args=(stop, ours, link))
        thread.start()
        try:
            for number in range(12):
                reply = vmsnap("snapshot", "create", "web", f"s{number}")
                codes.append(reply.code)
                assert os.listdir(FOREIGN) == ["victim"], os.listdir(FOREIGN)
        finally:
            stop.set()
            thread.join()
        os.unlink(link)
        vmsnap("recover", check=0)
        for shot in vmsnap("snapshot", "list", check=0).json["items"]:
            if shot["phase"] == "Ready" and shot["name"] != "kept":
                vmsnap("snapshot", "delete", shot["name"], check=0)
    harness.note(f"{codes.count(0)} of {len(codes)} came through")


@contextlib.contextmanager
def read_only(folder):
    """A read-only bind mount over a folder."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@harness.test
def folders_made_read_only_are_told():
    """The store for a snapshot, the disks' folder for a restore, the store for a delete."""
    with snapshot("s1", "--store", STORE):
        with unchanged(), read_only(STORE):
            reply = vmsnap("snapshot", "create", "web", "s2", "--store", STORE)
            assert reply.code == 1 and reply.json["error"]["code"] in ("PERMISSION", "IO"), reply
            assert "ead-only" in reply.json["error"]["message"], reply
        with unchanged(), read_only(DISKS):
            reply = restore("s1")
            assert reply.code in (1, 3) and reply.json["error"]["message"], reply
            assert "ead-only" in reply.json["error"]["message"], reply
        vmsnap("recover", check=0)
        with unchanged(), read_only(STORE):
            reply = vmsnap("snapshot", "delete", "s1")
            assert reply.code != 0, reply
            harness.note(reply.json["error"]["message"])
        vmsnap("recover", check=0)
        vmsnap("snapshot", "create", "web", "s1", "--store", STORE)


harness.main()
