#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The catalog is lost, or a record in it cannot be read: snapshots are adopted by what lies beside
their images, and the records that block everything are dropped."""

import contextlib
import glob
import os
import shutil
import sqlite3

import harness

bed = harness.bed(install=True)
vmsnap = harness.vmsnap

# pylint: disable=wrong-import-position
import bed_storage  # noqa: E402
import scenes  # noqa: E402

CATALOG = f"{scenes.STATE}/catalog.db"
FOLDERS = [bed.storage("xfs", 512), bed.storage("ext4", 512)]
DISKS = [bed.make_disk(f"{FOLDERS[0]}/a.qcow2", size_mb=64),
         bed.make_disk(f"{FOLDERS[1]}/b.raw", size_mb=64)]
LOOSE = bed.make_disk(f"{FOLDERS[1]}/loose.qcow2", fs=None, size_mb=16)
VM = bed.define_vm("web", DISKS)


def lose_catalog():
    for path in glob.glob(f"{CATALOG}*"):
        os.unlink(path)


def scribble(value):
    """Changes both disks, as a guest would."""
    for path, kind in zip(DISKS, ("qcow2", "raw")):
        bed_storage.run(["qemu-io", "-f", kind, "-c", f"write -P {value} 60M 1M", path])


def holds(value):
    """Whether both disks still hold it."""
    for path, kind in zip(DISKS, ("qcow2", "raw")):
        said = bed_storage.run(["qemu-io", "-f", kind, "-c", f"read -P {value} 60M 1M", path])
        if "failed" in said:
            return False
    return True


def acts(reply):
    return sorted(act["act"] for act in reply.json["acts"])


def refused(reason, *argv):
    """It fails for this reason, and the catalog holds no more than before."""
    before = vmsnap("snapshot", "list", check=0).json
    reply = vmsnap("snapshot", "adopt", *argv)
    assert reply.code != 0 and vmsnap("snapshot", "list", check=0).json == before, reply
    told = reply.json["error"]["reason"] if "error" in reply.json else str(reply.json) + reply.err
    assert reason in told, reply
    return reply


@contextlib.contextmanager
def snapshots():
    """One of the VM, of time 1, and one of a disk; the disks are of time 2. All is gone after."""
    lose_catalog()
    scribble(1)
    shot = vmsnap("snapshot", "create", "web", "daily", check=0).json
    loose = vmsnap("disk-snapshot", "create", LOOSE, "loose", check=0).json
    scribble(2)
    yield shot, loose
    for folder in FOLDERS:
        shutil.rmtree(f"{folder}/.vmsnap", ignore_errors=True)


def use_and_delete():
    """What is adopted is a snapshot like any other."""
    vmsnap("snapshot", "verify", "daily", check=0)
    vmsnap("disk-snapshot", "verify", "loose", check=0)
    assert vmsnap("restore", "web", "daily", "--mode", "dry-run", check=0).json["plan"]["hash"]
    done = vmsnap("restore", "web", "daily", "--mode", "strict", check=0).json
    assert done["phase"] == "Completed" and holds(1)
    vmsnap("undo", done["uuid"], check=0)
    assert holds(2)
    new = f"{FOLDERS[1]}/new.qcow2"
    vmsnap("disk", "restore", "loose", "--to", new, check=0)
    os.unlink(new)
    vmsnap("snapshot", "delete", "daily", check=0)
    vmsnap("disk-snapshot", "delete", "loose", check=0)


def left():
    return [path for folder in FOLDERS for path in glob.glob(f"{folder}/.vmsnap/*")]


@harness.test
def a_lost_catalog_is_made_anew():
    with snapshots() as (shot, loose):
        lose_catalog()
        told = vmsnap("gc", check=0).json["acts"]
        assert any(shot["uuid"] in act["object"] and act["act"] == "kept" for act in told), told
        dry = vmsnap("snapshot", "adopt", *FOLDERS, "--dry-run", check=0)
        assert acts(dry) == ["would-adopt", "would-adopt"], dry
        assert vmsnap("snapshot", "list", check=0).json["items"] == []
        assert acts(vmsnap("snapshot", "adopt", *FOLDERS, check=0)) == ["adopted", "adopted"]
        again = vmsnap("snapshot", "adopt", f"{FOLDERS[0]}/.vmsnap", FOLDERS[1], check=0)
        assert acts(again) == ["known", "known"], again
        now = vmsnap("snapshot", "show", "daily", check=0).json
        assert (now["uuid"], now["created"], now["evidence"]) == \
            (shot["uuid"], shot["created"], shot["evidence"]), now
        by = [each["message"] for each in now["resources"] if each["reason"] == "Adopted"]
        assert len(by) == 2 and all("size, time and header" in each for each in by), by
        assert vmsnap("disk-snapshot", "show", loose["uuid"], check=0).json["name"] == "loose"
        use_and_delete()
        assert left() == [], left()


@harness.test
def it_takes_the_folder_of_the_manifest_alone():
    """Where nothing was moved the others are where the record says."""
    with snapshots() as (shot, _):
        lose_catalog()
        folder = f"{FOLDERS[0]}/.vmsnap/{shot['uuid']}"
        os.chdir(folder)
        assert acts(vmsnap("snapshot", "adopt", ".", check=0)) == ["adopted"]
        os.chdir("/")
        vmsnap("snapshot", "verify", "daily", check=0)


@harness.test
def a_store_that_moved_is_recorded_where_it_is():
    with snapshots() as (shot, _):
        moved = bed.storage("btrfs", 512)
        for number, folder in enumerate(FOLDERS):
            os.mkdir(f"{moved}/{number}")
            bed_storage.run(["cp", "-a", f"{folder}/.vmsnap", f"{moved}/{number}/"])
            shutil.rmtree(f"{folder}/.vmsnap")
        assert vmsnap("snapshot", "verify", "daily").json["error"]["code"] == "LOST"
        lose_catalog()
        refused("is missing", f"{moved}/0")
        found = vmsnap("snapshot", "adopt", f"{moved}/0", f"{moved}/1", check=0)
        assert acts(found) == ["adopted", "adopted"], found
        for disk in vmsnap("snapshot", "show", shot["uuid"], check=0).json["disks"]:
            assert disk["path"].startswith(moved), disk
        use_and_delete()
        assert glob.glob(f"{moved}/*/.vmsnap") == []


@harness.test
def a_copy_without_times_is_taken_when_told_to():
    with snapshots() as (shot, _):
        place = f"{FOLDERS[0]}/.vmsnap/{shot['uuid']}"
        image = f"{place}/vda.qcow2"
        os.utime(image, (1000, 1000))
        lose_catalog()
        refused("has another time than recorded", place)
        assert acts(vmsnap("snapshot", "adopt", place, "--accept-times", "--name", "again",
                           check=0)) == ["adopted"]
        now = vmsnap("snapshot", "show", "again", check=0).json
        assert any("alone" in (each["message"] or "") for each in now["resources"]), now
        vmsnap("snapshot", "verify", "again", check=0)


@harness.test
def a_digest_proves_a_copy_without_times():
    with snapshots():
        shot = vmsnap("snapshot", "create", "web", "sure", "--digest", check=0).json
        loose = vmsnap("disk-snapshot", "create", LOOSE, "sure", "--digest", check=0).json
        lose_catalog()
        places = [f"{FOLDERS[0]}/.vmsnap/{shot['uuid']}", f"{FOLDERS[1]}/.vmsnap/{loose['uuid']}"]
        for disk in shot["disks"] + loose["disks"]:
            os.utime(disk["path"], (1000, 1000))
        assert acts(vmsnap("snapshot", "adopt", *places, check=0)) == ["adopted", "adopted"]
        with open(shot["disks"][1]["path"], "r+b") as handle:
            handle.seek(1 << 20)
            handle.write(b"x")
        os.utime(shot["disks"][1]["path"], (1000, 1000))
        dry = vmsnap("restore", "web", "sure", "--mode", "dry-run", check=3).json
        assert any(each["reason"] == "Lost" for each in dry["resources"]), dry
        assert vmsnap("snapshot", "verify", "sure").json["error"]["code"] == "LOST"


@harness.test
def what_is_not_the_recorded_file_is_not_adopted():
    with snapshots() as (shot, _):
        place = f"{FOLDERS[0]}/.vmsnap/{shot['uuid']}"
        image, manifest = f"{place}/vda.qcow2", f"{place}/snapshot.json"
        stat = os.stat(image)
        lose_catalog()
        bed_storage.run(["qemu-img", "create", "-q", "-f", "qcow2", f"{place}/other", "32M"])
        os.truncate(f"{place}/other", stat.st_size)
        os.utime(f"{place}/other", ns=(stat.st_atime_ns, stat.st_mtime_ns))
        os.rename(image, f"{image}.aside")
        os.rename(f"{place}/other", image)
        refused("its header is another", place)
        os.unlink(image)
        os.symlink(f"{image}.aside", image)
        refused("symbolic link", place)
        os.unlink(image)
        os.rename(f"{image}.aside", image)
        os.chmod(manifest, 0o666)
        refused("could have been written by others", place)
        os.chmod(manifest, 0o600)
        with open(manifest, "r+", encoding="utf-8") as handle:
            whole = handle.read()
            for text in ("", "{", whole[:-2], whole.replace("/vda.qcow2", "/../../vda.qcow2"),
                         whole.replace(shot["uuid"], "11111111-2222-4333-8444-555555555555"),
                         "[" * 100000, whole + " " * (25 << 20)):
                handle.seek(0)
                handle.truncate()
                handle.write(text)
                handle.flush()
                assert vmsnap("snapshot", "adopt", place).code == 1, text[:100]
            handle.seek(0)
            handle.truncate()
            handle.write(whole)
        assert acts(vmsnap("snapshot", "adopt", place, check=0)) == ["adopted"]


@harness.test
def a_name_that_is_taken_is_told():
    with snapshots() as (shot, _):
        lose_catalog()
        vmsnap("snapshot", "create", "web", "daily", check=0)
        place = f"{FOLDERS[0]}/.vmsnap/{shot['uuid']}"
        assert refused("already", place).code == 3
        vmsnap("snapshot", "adopt", place, "--name", "Not A Name", check=2)
        assert acts(vmsnap("snapshot", "adopt", place, "--name", "older", check=0)) == ["adopted"]
        vmsnap("snapshot", "verify", "older", check=0)
    assert vmsnap("snapshot", "adopt").code == 2
    assert vmsnap("snapshot", "adopt", "/nowhere").code == 5
    assert vmsnap("snapshot", "adopt", "/etc").code == 5


def edit(uuid, change):
    """Changes the stored text of an operation by hand."""
    with contextlib.closing(sqlite3.connect(CATALOG)) as catalog, catalog:
        key = "kind = 'operation' AND id = ?"
        text = catalog.execute(f"SELECT text FROM record WHERE {key}", (uuid,)).fetchone()[0]
        catalog.execute(f"UPDATE record SET text = ? WHERE {key}", (change(text), uuid))


@harness.test
def a_record_that_cannot_be_read_is_dropped():
    with snapshots() as (shot, _):
        kept = []
        for number, change in enumerate((lambda text: text[:len(text) // 2], lambda text: "",
                                         lambda text: text.replace('"schema":1', '"schema":99'))):
            done = vmsnap("restore", "web", "daily", "--mode", "strict", check=0).json
            vmsnap("operation", "drop", done["uuid"], "--damaged", check=3)  # it can be read
            edit(done["uuid"], change)
            blocked = vmsnap("restore", "web", "daily", "--mode", "strict")
            assert blocked.code == 1 and blocked.json["error"]["object"] == done["uuid"], blocked
            vmsnap("operation", "drop", done["uuid"], check=2)
            if number == 2:
                vmsnap("operation", "drop", done["uuid"], "--damaged", check=1)
            said = vmsnap("operation", "drop", done["uuid"], "--damaged", "--newer", check=0)
            kept.append(acts(said).count("kept"))
            assert acts(said).count("dropped") == 1, said
            assert os.path.isdir(f"{FOLDERS[0]}/.vmsnap/{done['uuid']}"), "files stay"
            told = vmsnap("operation", "list", check=0).json["items"][-1]
            assert told["type"] == "drop" and told["phase"] == "Completed", told
            vmsnap("operation", "drop", done["uuid"], "--damaged", check=5)
        assert kept[0] and not kept[1] and kept[2], kept
        vmsnap("restore", "web", "daily", "--mode", "strict", check=0)
        vmsnap("snapshot", "verify", shot["uuid"], check=0)


harness.main()
