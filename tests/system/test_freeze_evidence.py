#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a freeze does not reach, on a real guest: bind mounts, an EFI system partition, swap, a vfat
data disk, a raw disk; and Windows' VSS, played by an agent of the test's own."""

import os

import harness

bed = harness.bed(install=True)

# pylint: disable=wrong-import-position
import bed_storage  # noqa: E402
from bed_hostile import HostileAgent, refusal, value  # noqa: E402
from bed_libvirt import wait_until  # noqa: E402
from cells import Cells  # noqa: E402

MIB = 1 << 20
FOLDER = bed.storage("xfs", 1024)
EFI = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
STARTED = {}


def partitioned(path):
    """A disk with ext4 on its first partition and an EFI system partition as its second."""
    with open(path, "wb") as disk:
        disk.truncate(160 * MIB)
    bed_storage.run(["sh", "-c", f"printf 'start=2048,size=196608,type={LINUX}\\n"
                     f"start=198656,size=65536,type={EFI}\\n' | sfdisk -q -X gpt {path}"])
    for kind, start, size in (("ext4", 1, 96), ("vfat", 97, 32)):
        part = f"{path}.part"
        with open(part, "wb") as handle:
            handle.truncate(size * MIB)
        bed_storage.run(["mkfs.vfat", part] if kind == "vfat" else [*bed_storage.MKFS[kind], part])
        bed_storage.run(["dd", f"if={part}", f"of={path}", "bs=1M", f"seek={start}",
                         "conv=notrunc,sparse", "status=none"])
        os.unlink(part)
    os.chmod(path, 0o600)
    return path


def started():
    """The VM, its way in, and its cells."""
    if not STARTED:
        disks = [partitioned(f"{FOLDER}/a.img"), bed.make_disk(f"{FOLDER}/b.img", fs=None, size_mb=64),
                 bed.make_disk(f"{FOLDER}/c.img", fs="vfat", size_mb=64),
                 bed.make_disk(f"{FOLDER}/d.img", fs=None, size_mb=64)]
        vm = bed.define_vm("kinds", disks, command=True).start(wait=True)
        guest = vm.command()
        guest.run("mount | grep -q ' /mnt/vdc type vfat' || "
                  "{ xargs guest-work insmod </lib/modules/list.vfat; mkdir -p /mnt/vdc; "
                  "mount -t vfat /dev/vdc /mnt/vdc; }")
        guest.run("mkdir -p /boot/efi /srv && mount -t vfat /dev/vda2 /boot/efi && "
                  "mount --bind /mnt/vda /srv")
        guest.run("mkswap /dev/vdb && swapon /dev/vdb")
        guest.run("echo x >/mnt/vda/x; echo x >/boot/efi/x; sync")
        STARTED.update(vm=vm, guest=guest, cells=Cells(vm, FOLDER, lambda: writes(guest)))
    return STARTED["vm"], STARTED["guest"], STARTED["cells"]


def writes(guest):
    """Nothing is frozen."""
    guest.run("timeout 5 sh -c 'echo y >/mnt/vda/y && sync'")


def only(target, *options):
    """Options of a snapshot of one disk."""
    return ("--disk", target, *options)


@harness.test
def bind_mounts_count_once_and_an_esp_does_not_count():
    _, _, cells = started()
    shot = cells.taken("require", "frozen", options=only("vda"))
    evidence = shot["evidence"]
    mounts = {fs["mountpoint"]: fs for fs in evidence["filesystems"]}
    assert {"/mnt/vda", "/srv", "/boot/efi"} <= set(mounts), mounts
    assert mounts["/mnt/vda"]["name"] == mounts["/srv"]["name"] == "vda1", mounts
    assert evidence["frozen_count"] == 1, evidence
    assert evidence["exceptions"] == ["/boot/efi: vfat is not frozen: EFI system partition"], evidence
    esp = next(state for state in evidence["filesystem_state"] if state["type"] == "vfat")
    assert esp["efi"] and esp["partition"] == 2, evidence


@harness.test
def swap_is_at_rest():
    _, _, cells = started()
    shot = cells.taken("require", "frozen", options=only("vdb"))
    assert shot["evidence"]["disks"][0]["written"] > 0, shot["evidence"]
    assert any("at rest" in text for text in shot["evidence"]["exceptions"]), shot["evidence"]


@harness.test
def a_raw_disk_counts_once_it_is_written_to():
    _, guest, cells = started()
    shot = cells.taken("require", "frozen", options=only("vdd"))
    assert any("not written to" in text for text in shot["evidence"]["exceptions"]), shot
    guest.run("dd if=/dev/urandom of=/dev/vdd bs=64k count=4 conv=fsync 2>/dev/null")
    text = "disk vdd holds no file system the agent knows and was written to"
    cells.row(("PotentiallyInconsistent", text), "crash", "crash", text=text, options=only("vdd"),
              check=False)
    shot = cells.taken("require", "frozen", options=only("vdd", "--accept-unfrozen", "vdd"))
    assert shot["evidence"]["exceptions"] == ["disk vdd: nothing mounted, accepted by the caller"]
    assert shot["evidence"]["accepted"] == ["vdd"], shot["evidence"]


@harness.test
def a_vfat_data_disk_is_refused_unless_accepted():
    _, guest, cells = started()
    guest.run("echo data >/mnt/vdc/data; sync")
    text = "vfat on vdc cannot be frozen and was written to: /mnt/vdc"
    cells.row(("PotentiallyInconsistent", text), "crash", "crash", text=text, options=only("vdc"),
              check=False)
    for name in ("/mnt/vdc", "vdc"):
        shot = cells.taken("require", "frozen", options=only("vdc", "--accept-unfrozen", name))
        assert shot["evidence"]["exceptions"] == \
            ["/mnt/vdc: vfat is not frozen: accepted by the caller"], shot["evidence"]
    cells.refused("require", "PotentiallyInconsistent", text,
                  only("vdc", "--accept-unfrozen", "/mnt/vd"))
    cells.taken("prefer", "crash", "AcceptUnused: there is no mount or disk /mnt/vd",
                only("vdc", "--accept-unfrozen", "/mnt/vd"), told_only=True)


@harness.test
def a_name_makes_no_efi_system_partition():
    """A vfat disk mounted where an ESP would be is a data disk all the same."""
    _, guest, cells = started()
    guest.run("umount /boot/efi /mnt/vdc && mount -t vfat /dev/vdc /boot/efi && "
              "echo data >/boot/efi/data && sync")
    text = "vfat on vdc cannot be frozen and was written to: /boot/efi"
    cells.refused("require", "PotentiallyInconsistent", text, only("vdc"))
    guest.run("umount /boot/efi && mount -t vfat /dev/vda2 /boot/efi && "
              "mount -t vfat /dev/vdc /mnt/vdc")


@harness.test
def each_disk_has_its_own_grade():
    """One snapshot of all: the worst decides, the others are what they are; the preflight knows."""
    vm, _, cells = started()
    shot = cells.taken("prefer", "crash", "cannot be frozen")
    grades = {disk["target"]: disk["consistency"] for disk in shot["disks"]}
    assert grades == {"vda": "frozen", "vdb": "frozen", "vdc": "crash", "vdd": "crash"}, grades
    shot = cells.taken("require", "frozen",
                       options=("--accept-unfrozen", "/mnt/vdc", "--accept-unfrozen", "vdd"))
    found = harness.vmsnap("check", vm.name, check=6).json
    mounts = {fs["mountpoint"]: fs for fs in found["filesystems"]}
    assert (mounts["/mnt/vda"]["freezes"], mounts["/mnt/vda"]["disks"]) == (True, ["vda"]), found
    assert (mounts["/mnt/vdc"]["freezes"], mounts["/mnt/vdc"]["disks"]) == (False, ["vdc"]), found
    assert mounts["/boot/efi"]["why"] == "EFI system partition", found
    assert "BindMount" in {each["reason"] for each in found["findings"]}, found
    assert found["agent"]["version"] and found["agent"]["connected"], found
    assert all(disk["method"] == "reflink" and disk["written"] >= 0 for disk in found["disks"])


@harness.test
def the_preflight_makes_no_file():
    """Nor does it touch one."""
    vm, _, _ = started()

    def tree():
        return {path: (status.st_size, status.st_mtime_ns, status.st_ino)
                for top in (FOLDER, "/var/lib/vmsnap", "/run/vmsnap")
                for path in bed_storage.run(["find", top]).split()
                if not path.endswith((".img", "-wal", "-shm"))  # QEMU's; a reader of the catalog makes them
                for status in [os.stat(path)]}
    before = tree()
    harness.vmsnap("check", vm.name, check=6)
    after = tree()
    assert after == before, set(after.items()) ^ set(before.items())
    vm.destroy()


@harness.test
def vss_thaws_by_itself():
    """Windows: an error from the thaw says that the freeze had ended before. The preflight asks
    nothing but questions."""
    agent = HostileAgent("/var/lib/libvirt/qemu/windows.sock")
    channel = (f"<channel type='unix'><source mode='connect' path='{agent.path}'/>"
               "<target type='virtio' name='org.qemu.guest_agent.0'/></channel>")
    vm = bed.define_vm("windows", [bed.make_disk(f"{FOLDER}/w.img", fs=None, size_mb=64)],
                       agent=False, devices=channel).start()
    at = vm.xml().find("devices/disk/address")
    pci = {part: int(at.get(part), 16) for part in ("domain", "bus", "slot", "function")}
    agent.filesystems = [{"name": "\\\\?\\Volume{1}\\", "mountpoint": "C:\\", "type": "NTFS",
                          "disk": [{"bus-type": "scsi", "bus": 0, "target": 0, "unit": 0,
                                    "dev": "\\\\.\\PhysicalDrive0", "pci-controller": pci}]}]
    wait_until(lambda: vm.guest.answers() and agent.called, 60, "the agent answers")
    cells = Cells(vm, FOLDER, lambda: None)
    agent.reset(get_osinfo=value({"id": "mswindows"}))
    harness.vmsnap("check", vm.name, check=0)
    assert set(agent.called) == {"guest-ping", "guest-fsfreeze-status", "guest-info",
                                 "guest-get-osinfo", "guest-get-fsinfo"}, agent.called
    shot = cells.taken("require", "frozen")
    assert shot["evidence"]["windows"], shot["evidence"]
    text = ("fsfreeze is limited up to 10 seconds: the operation took too long")
    agent.reset(get_osinfo=value({"id": "mswindows"}), fsfreeze_thaw=[refusal(text), None])
    cells.refused("require", "ThawedEarly", text)
    agent.reset(get_osinfo=value({"id": "mswindows"}), fsfreeze_thaw=[refusal(text), None])
    cells.taken("prefer", "crash", text)
    vm.destroy()
    vm.undefine()


harness.main()
