#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a VM has besides disks: NVRAM of real firmware, the state of an emulated TPM, Secrets."""

import hashlib
import os
import shutil
import subprocess
import time

import harness
import scenes

bed = harness.bed(install=True)
import bed_storage  # noqa: E402  pylint: disable=wrong-import-position
from bed_libvirt import wait_until  # noqa: E402  pylint: disable=wrong-import-position

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

    def undo_sets(self):
        """Its restores that can be taken back."""
        return [item for item in vmsnap("undo", "list", check=0).json["items"]
                if self.name in (item.get("vm") or item["target"])["name"]]

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
    assert [part["kind"] for part in shot["parts"]] == ["NVRAM", "TPM", "Secret"], shot
    for part in shot["parts"]:
        mode = os.stat(part["path"]).st_mode & 0o777
        assert mode == 0o600, (part, oct(mode))
        assert old[part["source"]] == part["sha256"] == content(part["path"]), part
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


# ---- which media are Secrets ----

def make_fat(path, label, name=None):
    """A FAT image, with one file where a name is given."""
    with open(path, "wb") as handle:
        handle.truncate(1 << 20)
    bed_storage.run(["mkfs.vfat", "-n", label, path])
    if name:
        bed_storage.run(["mcopy", "-i", path, "/etc/hostname", f"::{name}"])
    return path


@harness.test
def secrets_are_told_from_images():
    """By label or by a file in the root; what another VM uses as well is nobody's own."""
    folder = bed.storage("xfs", 1024)
    secrets = [make_seed(f"{folder}/a.iso", label="config-2"),
               make_fat(f"{folder}/b.img", "CIDATA"),
               make_seed(f"{folder}/c.iso", label="OEM", name="Autounattend.xml"),
               make_fat(f"{folder}/d.img", "OEM", "unattend.xml")]
    others = [make_seed(f"{folder}/e.iso", label="TOOLS"),
              make_seed(f"{folder}/f.iso", label="cidata")]
    disk = bed.make_disk(f"{folder}/d.qcow2", fs=None, size_mb=8)
    drives = [{"path": path, "device": "cdrom", "bus": "sata", "target": f"sd{target}",
               "readonly": True} for path, target in zip(secrets + others, "abcdef")]
    vm = bed.define_vm("media", [disk] + drives)
    twin = bed.define_vm("twin", [dict(drives[-1])])
    shot = vmsnap("snapshot", "create", "media", "media.old", check=0).json
    assert sorted(item["name"] for item in found(shot, "Secret")) == sorted(secrets), shot
    assert {item["path"] for item in shot["dependencies"] if item["role"] == "cdrom"} == \
        set(others), shot
    for path in secrets:
        with open(path, "r+b") as handle:
            handle.seek(-1, os.SEEK_END)
            handle.write(b"x")
        refused = vmsnap("restore", "media", "media.old", "--mode", "strict", check=3).json
        assert refused["error"]["reason"] == "SecretDiffers", refused
        dry = vmsnap("restore", "media", "media.old", "--mode", "dry-run", check=3).json
        differs = next(item for item in found(dry, "Secret") if item["name"] == path)
        assert (differs["strict"], differs["best_effort"]) == ("refuse", "keep"), differs
    mine = [content(path) for path in secrets]
    done = vmsnap("restore", "media", "media.old", "--mode", "best-effort", check=None).json
    assert done["phase"] == "Completed", done
    assert [content(path) for path in secrets] == mine, "they are kept as they are"
    assert {item["status"] for item in found(done, "Secret")} <= {"Kept", "Conflict"}, done
    vm.undefine()
    twin.undefine()


# ---- lost before anything is stopped ----

@harness.test
def a_lost_part_costs_no_power():
    """Of each kind in turn: gone, or changed; the VM is the same QEMU all the time."""
    each = Machine("lost")
    shot = each.snapshot()
    folder = os.path.dirname(shot["disks"][0]["path"])
    each.vm.start(paused=True)
    each.change()
    number = each.vm.virsh("domid")
    for name in sorted(name for name in os.listdir(folder) if name.endswith(".part")):
        os.rename(f"{folder}/{name}", f"{folder}/{name}.away")
        refused = each.restore("--force-stop", code=3)
        assert refused["error"]["reason"] == "Lost", refused
        shutil.copy(f"{folder}/{name}.away", f"{folder}/{name}")
        overwrite(f"{folder}/{name}", b"other", 100)
        refused = each.restore("--force-stop", code=3)
        assert refused["error"]["reason"] == "Lost", refused
        os.rename(f"{folder}/{name}.away", f"{folder}/{name}")
    assert (each.vm.state(), each.vm.virsh("domid")) == ("paused", number)
    overwrite(f"{folder}/{name}", b"other", 100)
    lost = vmsnap("snapshot", "verify", f"{each.name}.old")
    assert lost.code != 0 and lost.json["error"]["reason"] == "Lost", lost
    assert vmsnap("snapshot", "show", f"{each.name}.old").json["phase"] == "Failed"
    each.end()


# ---- firmware and TPM at work ----

@harness.test
def firmware_and_tpm_at_work():
    """What real firmware and a real emulator wrote while the VM ran is what comes back."""
    each = Machine("work", started=False)
    template = content(TEMPLATE)
    each.vm.start()
    wait_until(lambda: content(each.nvram) not in (None, template), 120, "variables are written")
    shot = vmsnap("snapshot", "create", each.name, f"{each.name}.old", "--consistency", "skip").json
    assert shot["phase"] == "Ready" and shot["partial"] is False, shot
    each.vm.suspend()
    each.vm.destroy()
    folder = os.path.dirname(shot["disks"][0]["path"])
    stored = {name: content(f"{folder}/{name}") for name in os.listdir(folder)
              if name.endswith(".part")}
    assert template not in stored.values(), "real variables"
    shutil.copy(TEMPLATE, each.nvram)
    each.vm.start(paused=True)
    each.vm.destroy()
    newer = each.parts()
    done = each.restore()
    assert {content(each.nvram), content(each.tpm)} <= set(stored.values())
    each.vm.start()
    time.sleep(3)
    assert each.vm.state() == "running", "the emulator takes its state"
    each.vm.destroy()
    vmsnap("undo", done["uuid"], check=0)
    assert each.parts() == newer
    each.end()


# ---- NVRAM that moved, came or went ----

@harness.test
def nvram_that_moved_or_went():
    """What the VM does not name any more is not touched; what is missing is made anew."""
    each = Machine("moved")
    old = each.parts()
    each.snapshot()
    plain = each.vm.virsh("dumpxml", "--inactive", "--security-info")
    moved = f"{each.folder}/elsewhere.fd"
    shutil.copy(each.nvram, moved)
    bed.define_xml(plain.replace(each.nvram, moved), each.name)
    refused = each.restore(code=3)
    assert refused["error"]["reason"] == "ForeignFile", refused
    os.unlink(each.nvram)
    done = each.restore()
    assert each.parts() == old
    assert each.vm.xml(True).findtext("os/nvram") == each.nvram
    vmsnap("undo", done["uuid"], check=0)
    assert not os.path.exists(each.nvram)
    assert each.vm.xml(True).findtext("os/nvram") == moved
    shutil.rmtree(each.tpm_folder)  # as undefining the VM does
    done = each.restore()
    assert each.parts() == old
    each.vm.start(paused=True)
    each.vm.destroy()
    vmsnap("undo", done["uuid"], check=0)
    assert not os.path.exists(each.tpm)
    each.end()


@harness.test
def a_tpm_of_the_host_makes_it_partial():
    """It cannot be copied; restoring without it takes a word of the caller."""
    folder = bed.storage("xfs", 1024)
    disk = bed.make_disk(f"{folder}/d.qcow2", fs=None, size_mb=8)
    tpm = "<tpm model='tpm-crb'><backend type='passthrough'><device path='/dev/null'/></backend></tpm>"
    vm = bed.define_vm("host-tpm", [disk], devices=tpm)
    shot = vmsnap("snapshot", "create", "host-tpm", "host-tpm.old", check=0).json
    assert shot["partial"] is True, shot
    assert [item["status"] for item in found(shot, "TPM")] == ["Missing"], shot
    refused = vmsnap("restore", "host-tpm", "host-tpm.old", "--mode", "strict", check=3).json
    assert refused["error"]["reason"] == "Partial", refused
    vmsnap("restore", "host-tpm", "host-tpm.old", "--mode", "strict", "--allow-partial", check=0)
    vm.undefine()


# ---- death at points of it ----

def drive(point, *words):
    """An operation that dies at the point, as in test_crash_points; (killed, points, UUID)."""
    driver = harness.built("tests/integration/crash-driver")
    done = subprocess.run([driver, str(point), *words], capture_output=True, text=True,
                          check=False, stdin=subprocess.DEVNULL, timeout=120)
    if done.returncode == -9:
        return True, point, None
    assert done.returncode == 0, done
    passed, uuid = done.stdout.split()
    return False, int(passed), uuid


@harness.test
def parts_are_of_one_time_wherever_it_dies():
    """Restore and undo killed at a choice of points, then recover: all old or all new."""
    each = Machine("dies")
    old = each.parts()
    shot = each.snapshot()
    each.change()
    new = each.parts()
    name = f"{each.name}.old"
    _, restoring, uuid = drive(0, "restore", name)
    assert each.parts() == old
    undoing = drive(0, "undo", uuid)[1]
    assert each.parts() == new
    outcomes = []
    for count, kind in ((restoring, "restore"), (undoing, "undo")):
        chosen = range(1, count + 1)
        for point in chosen if scenes.LONG else sorted(harness.RNG.sample(chosen, 6)):
            sets = each.undo_sets()
            if kind == "undo" and not sets:
                vmsnap("restore", each.name, name, "--mode", "strict", check=0)
                sets = each.undo_sets()
            elif kind == "restore" and sets:
                vmsnap("undo", sets[0]["uuid"], check=0)
            words = ["undo", sets[0]["uuid"]] if kind == "undo" else ["restore", name]
            assert drive(point, *words)[0], (kind, point)
            acts = vmsnap("recover", check=0).json["acts"]
            assert all(act["act"] not in ("failed", "skipped") for act in acts), acts
            sets = each.undo_sets()
            assert each.parts() == (old if sets else new), (kind, point, acts)
            assert each.left(shot, *sets) == [], (kind, point, each.left(shot, *sets))
            outcomes.append("old" if sets else "new")
    harness.note(f"parts: {len(outcomes)} points: {outcomes}")
    each.end()


harness.main()
