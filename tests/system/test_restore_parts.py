#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a VM has besides disks: NVRAM of real firmware, the state of an emulated TPM, Secrets."""

import functools
import hashlib
import os
import shutil

import harness
import scenes

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position

vmsnap = harness.vmsnap
CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
TEMPLATE = "/usr/share/OVMF/OVMF_VARS_4M.fd"
TPM = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
SWTPM = "/var/lib/libvirt/swtpm"


def content(path):
    """sha256 of a file, None where there is none."""
    try:
        with open(path, "rb") as handle:
            return hashlib.sha256(handle.read()).hexdigest()
    except FileNotFoundError:
        return None


def overwrite(path, data, at=0):
    """Changes a file in place."""
    with open(path, "r+b") as handle:
        handle.seek(at)
        handle.write(data)


def make_seed(path, data=bytes(range(256)) * 64, label="cidata", name="user-data"):
    """An ISO with one file."""
    source = f"{path}.d"
    os.makedirs(source)
    with open(f"{source}/{name}", "wb") as handle:
        handle.write(data)
    bed_storage.run(["genisoimage", "-quiet", "-V", label, "-J", "-r", "-o", path, source])
    shutil.rmtree(source)
    return path


class Machine:
    """A VM with firmware, TPM and the media it is configured from, once powered on, so that it has
    all of its files."""

    def __init__(self, name, started=True, **options):
        self.name = name
        self.folder = bed.storage("xfs", 1024)
        self.disk = bed.make_disk(f"{self.folder}/d.qcow2", fs=None, size_mb=8)
        self.nvram = f"{self.folder}/{name}_VARS.fd"
        os_xml = (f"<loader readonly='yes' type='pflash'>{CODE}</loader>"
                  f"<nvram template='{TEMPLATE}'>{self.nvram}</nvram>")
        options.setdefault("devices", TPM)
        self.seed = make_seed(f"{self.folder}/{name}.iso")
        cdrom = {"path": self.seed, "device": "cdrom", "bus": "sata", "readonly": True}
        self.vm = bed.define_vm(name, [self.disk, cdrom], os_xml=os_xml, **options)
        self.tpm_folder = f"{SWTPM}/{self.vm.uuid()}"
        self.tpm = f"{self.tpm_folder}/tpm2/tpm2-00.permall"
        if started:
            self.vm.start(paused=True)
            self.vm.destroy()

    def parts(self):
        """What is in each of its files."""
        return {path: content(path) for path in (self.nvram, self.tpm, self.seed)}

    def change(self):
        """Firmware and TPM write, somebody removes the media."""
        os.unlink(self.seed)
        overwrite(self.nvram, os.urandom(64), 4096)
        with open(f"{self.tpm}.new", "wb") as handle:
            handle.write(os.urandom(5000))
        shutil.copystat(self.tpm, f"{self.tpm}.new")
        was = os.stat(self.tpm)
        os.chown(f"{self.tpm}.new", was.st_uid, was.st_gid)
        os.rename(f"{self.tpm}.new", self.tpm)

    def owners(self):
        """Owner, group and mode of each."""
        found = {}
        for path in filter(os.path.exists, (self.nvram, self.tpm, self.seed)):
            stat = os.stat(path)
            found[path] = (stat.st_uid, stat.st_gid, oct(stat.st_mode))
        return found

    def snapshot(self, *options):
        """Its snapshot NAME.old."""
        return vmsnap("snapshot", "create", self.name, f"{self.name}.old", *options, check=0).json

    def restore(self, *options, mode="strict", code=0):
        """From that."""
        return vmsnap("restore", self.name, f"{self.name}.old", "--mode", mode, *options,
                      check=code).json

    def left(self, *owners):
        """What lies beside the files and belongs to none of these."""
        return (scenes.left_beside(self.folder, owners) +
                scenes.left_beside(self.tpm_folder, owners))

    def end(self):
        """With all that is its."""
        self.vm.destroy()
        self.vm.undefine()


def found(document, kind):
    """Resources of a kind."""
    return [each for each in document["resources"] if each["kind"] == kind]


@harness.test
def every_part_goes_with_the_disks():
    """A VM that is off: byte for byte back, and taken back, with owner and mode."""
    each = Machine("parts")
    old, owners = each.parts(), each.owners()
    shot = each.snapshot()
    assert shot["partial"] is False, shot
    for kind in ("NVRAM", "TPM", "Secret"):
        assert [item["status"] for item in found(shot, kind)] == ["Ready"], shot["resources"]
    assert [item["reason"] for item in found(shot, "VirtualImage")].count("ImageNotSaved") == \
        len(shot["dependencies"]), shot["resources"]
    assert each.seed not in [item["path"] for item in shot["dependencies"]], shot
    stored = [name for name in os.listdir(os.path.dirname(shot["disks"][0]["path"]))
              if name.endswith(".part")]
    assert len(stored) == 3, stored
    for name in stored:
        mode = os.stat(f"{os.path.dirname(shot['disks'][0]['path'])}/{name}").st_mode & 0o777
        assert mode == 0o600, (name, oct(mode))
    vmsnap("snapshot", "verify", f"{each.name}.old", check=0)
    each.change()
    new = each.parts()
    assert all(old[path] != new[path] for path in old)

    dry = each.restore(mode="dry-run")
    assert each.parts() == new, "a dry-run changes nothing"
    assert [item["status"] for item in found(dry, "TPM")] == ["Replaced"], dry
    assert [item["status"] for item in found(dry, "Secret")] == ["New"], dry
    done = each.restore()
    assert each.parts() == old and each.owners() == owners, (each.owners(), owners)
    each.vm.start(paused=True)  # libvirt and swtpm take them as they are
    each.vm.destroy()
    started = each.parts()
    assert started[each.nvram] == old[each.nvram]
    vmsnap("undo", done["uuid"], check=0)
    assert each.parts() == new, "the media are away again"
    assert each.owners() == {path: owners[path] for path in (each.nvram, each.tpm)}
    vmsnap("snapshot", "delete", f"{each.name}.old", check=0)
    assert each.left() == [], each.left()
    each.end()


harness.main()
