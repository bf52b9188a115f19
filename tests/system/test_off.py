#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A VM that is off: snapshot, verify, restore, undo, delete, on each kind of storage."""

import hashlib
import os

import harness

bed = harness.bed(install=True)
vmsnap = harness.vmsnap


def digest(path):
    """sha256 of what a guest would read from an image: formats and holes do not count."""
    import bed_storage  # pylint: disable=import-outside-toplevel
    raw = f"{path}.digest"
    kind = "qcow2" if path.endswith(".qcow2") else "raw"
    bed_storage.run(["qemu-img", "convert", "-U", "-f", kind, "-O", "raw", path, raw])
    with open(raw, "rb") as handle:
        value = hashlib.file_digest(handle, "sha256").hexdigest() \
            if hasattr(hashlib, "file_digest") else hashlib.sha256(handle.read()).hexdigest()
    os.unlink(raw)
    return value


def scribble(path):
    """Changes an image as a guest would that writes to it."""
    import bed_storage  # pylint: disable=import-outside-toplevel
    kind = "qcow2" if path.endswith(".qcow2") else "raw"
    bed_storage.run(["qemu-io", "-f", kind, "-c", "write -P 0x5a 100M 1M", path])


def left_over(folder):
    """What the tool left beside the disks."""
    return [os.path.join(parent, name) for parent, folders, files in os.walk(folder)
            for name in folders + files if "/.vmsnap" in os.path.join(parent, name)]


def round_trip(fs, kind, disks):
    """Take, damage, look, restore, undo, delete; returns the method that was used."""
    folder = bed.storage(fs, 2048)
    paths = [bed.make_disk(f"{folder}/d{n}.{'qcow2' if kind == 'qcow2' else 'img'}", kind)
             for n in range(disks)]
    name = f"{fs}-{kind}-{disks}"
    vm = bed.define_vm(name, [{"path": path, "format": kind} for path in paths])
    old = [digest(path) for path in paths]

    shot = vmsnap("snapshot", "create", name, f"{name}.s", check=0).json
    assert shot["phase"] == "Ready" and shot["consistency"] == "offline", shot
    assert shot["consistent"] is True
    vmsnap("snapshot", "verify", f"{name}.s", check=0)
    for path in paths:
        scribble(path)
    new = [digest(path) for path in paths]
    assert old != new

    dry = vmsnap("restore", name, f"{name}.s", "--mode", "dry-run", check=0).json
    assert dry["plan"]["hash"], dry
    assert [digest(path) for path in paths] == new, "a dry-run changes nothing"
    done = vmsnap("restore", name, f"{name}.s", "--mode", "strict", check=0).json
    assert done["phase"] == "Completed", done
    assert [digest(path) for path in paths] == old, "old data is back"
    vmsnap("undo", done["uuid"], check=0)
    assert [digest(path) for path in paths] == new, "undo brings the new data back"
    again = vmsnap("undo", done["uuid"])
    assert again.code == 5, again
    vmsnap("snapshot", "delete", f"{name}.s", check=0)
    assert left_over(folder) == [], left_over(folder)
    assert vm.state() == "shut off"
    vm.undefine()
    return {disk["method"] for disk in shot["disks"]}


@harness.test
def xfs_qcow2_by_reflink():
    """One file system that shares blocks."""
    assert round_trip("xfs", "qcow2", 2) == {"reflink"}


@harness.test
def xfs_raw_by_reflink():
    """Raw images are cloned as well."""
    assert round_trip("xfs", "raw", 1) == {"reflink"}


@harness.test
def btrfs_qcow2_by_reflink():
    """The other file system that shares blocks."""
    assert round_trip("btrfs", "qcow2", 1) == {"reflink"}


@harness.test
def ext4_by_copy():
    """No sharing: a sparse copy, in either format."""
    assert round_trip("ext4", "qcow2", 2) == {"copy"}
    assert round_trip("ext4", "raw", 1) == {"copy"}


@harness.test
def restored_disk_keeps_owner_and_mode():
    """What stands in place of another file looks like it."""
    folder = bed.storage("xfs", 1024)
    path = bed.make_disk(f"{folder}/d.qcow2")
    os.chown(path, 1234, 4321)
    os.chmod(path, 0o640)
    bed.define_vm("owner", [path])
    vmsnap("snapshot", "create", "owner", "owner.s", check=0)
    vmsnap("restore", "owner", "owner.s", "--mode", "strict", check=0)
    stat = os.stat(path)
    assert (stat.st_uid, stat.st_gid, stat.st_mode & 0o777) == (1234, 4321, 0o640), stat


@harness.test
def files_are_private():
    """Images and manifest 0600 or less, folders passable but not readable by others."""
    folder = bed.storage("xfs", 1024)
    path = bed.make_disk(f"{folder}/d.qcow2")
    bed.define_vm("private", [path])
    shot = vmsnap("snapshot", "create", "private", "private.s", check=0).json
    for name in left_over(folder):
        mode = os.stat(name).st_mode & 0o777
        assert mode == (0o711 if os.path.isdir(name) else mode & 0o600), (name, oct(mode))
    assert any(name.endswith("snapshot.json") for name in left_over(folder)), shot


@harness.test
def nvram_goes_with_the_disks():
    """Firmware variables are part of the snapshot, of the restore and of the undo."""
    folder = bed.storage("xfs", 1024)
    code, nvram = f"{folder}/code.fd", f"{folder}/web_VARS.fd"
    for path in (code, nvram):
        with open(path, "wb") as handle:
            handle.write(b"old" * 4096)
    os_xml = (f"<loader readonly='yes' type='pflash'>{code}</loader><nvram>{nvram}</nvram>")
    bed.define_vm("uefi", [bed.make_disk(f"{folder}/d.qcow2")], os_xml=os_xml)
    shot = vmsnap("snapshot", "create", "uefi", "uefi.s", check=0).json
    assert {"path": code, "role": "loader"}.items() <= next(
        item for item in shot["dependencies"] if item["role"] == "loader").items(), shot
    with open(nvram, "wb") as handle:
        handle.write(b"new" * 4096)

    def first():
        with open(nvram, "rb") as handle:
            return handle.read(3)
    done = vmsnap("restore", "uefi", "uefi.s", "--mode", "strict", check=0).json
    assert first() == b"old"
    vmsnap("undo", done["uuid"], check=0)
    assert first() == b"new"
    vmsnap("snapshot", "delete", "uefi.s", check=0)
    assert left_over(folder) == [], left_over(folder)


@harness.test
def dirty_file_system_is_not_consistent():
    """A VM whose plug was pulled: require names it, prefer calls it crash."""
    folder = bed.storage("xfs", 1024)
    path = bed.make_disk(f"{folder}/d.qcow2")
    vm = bed.define_vm("dirty", [path], load=True).start(wait=True)
    vm.wait_load(5)
    vm.destroy()
    refused = vmsnap("snapshot", "create", "dirty", "dirty.s")
    assert refused.code == 1, refused
    assert refused.json["error"]["code"] == "INCONSISTENT", refused
    assert refused.json["error"]["reason"] == "PotentiallyInconsistent", refused
    assert left_over(folder) == [], left_over(folder)
    taken = vmsnap("snapshot", "create", "dirty", "dirty.s", "--consistency", "prefer", check=6)
    assert taken.json["consistency"] == "crash", taken


@harness.test
def backing_chain_becomes_one_file():
    """A snapshot of an overlay stands alone."""
    import bed_storage  # pylint: disable=import-outside-toplevel
    folder = bed.storage("xfs", 1024)
    base = bed.make_disk(f"{folder}/base.qcow2")
    top = f"{folder}/top.qcow2"
    bed_storage.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", top])
    scribble(top)
    bed.define_vm("chain", [top])
    old = digest(top)
    shot = vmsnap("snapshot", "create", "chain", "chain.s", check=0).json
    assert digest(shot["disks"][0]["path"]) == old
    info = bed_storage.run(["qemu-img", "info", shot["disks"][0]["path"]])
    assert "backing" not in info, info


harness.main()
